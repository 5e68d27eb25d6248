namespace HomeMail.Fuzz.Targets;

/// <summary>Every target there is.</summary>
public static class AllTargets
{
    /// <summary>The targets, small ones first.</summary>
    public static IReadOnlyList<FuzzTarget> List { get; } =
    [
        CommandTargets.Command, CommandTargets.Mail, CommandTargets.Rcpt, AddressTargets.Address, AddressTargets.List,
        ContentTargets.Decoder, ContentTargets.Encoder, ContentTargets.Header, ContentTargets.ResultsName,
        RecordTargets.Reply, RecordTargets.Dns, RecordTargets.Spf, RecordTargets.Dmarc, RecordTargets.DkimSignature, RecordTargets.DkimKey, RecordTargets.Arc, RecordTargets.Author,
        TlsTargets.Record, TlsTargets.Policy, TlsTargets.Http, TlsTargets.Certificate,
        ReportTargets.Results, ReportTargets.Xml, ReportTargets.Packed, ReportTargets.Mail,
        GatewayTargets.Datagrams, GatewayTargets.Upnp, GatewayTargets.Signed, GatewayTargets.Proxy,
        StructureTargets.Structure, ImapTargets.Fetch, ImapTargets.Search, ImapTargets.Words,
        SaslTargets.Scram, SaslTargets.Passwords, SessionTargets.Bdat, SessionTargets.Session,
    ];
}
