using HomeMail.Protocol.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the hosted domains say what is to become of mail that pretends to be theirs (DMARC, RFC 9989).</summary>
internal static class DmarcPart
{
    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var records = scene.Settings.Domains.Keys.Select(static domain => new PublishedRecord(
            domain, $"_dmarc.{domain}", DnsType.Txt, $"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}", RecordUse.Dmarc, RecordNeed.Recommended)).ToList();
        var compared = await new RecordComparison(await scene.ResolverAsync(), scene.Clock).CompareAsync(records, cancel);
        return [.. compared.Select(Judge)];
    }

    public static DoctorFinding Judge(ComparedRecord compared)
    {
        var record = compared.Record;
        var subject = $"dmarc:{record.Domain}";
        var mend = $"publish {record.Name} TXT \"{record.Data}\"";
        return compared.State switch
        {
            RecordState.Ok => DoctorFinding.Ok(subject, compared.Found),
            RecordState.Missing => DoctorFinding.Attention(subject, "missing", $"{record.Domain} has no DMARC record: large receivers trust its mail less, and a forger has it easier", mend),
            RecordState.Different => DoctorFinding.Trouble(subject, "error", $"the DMARC record of {record.Domain} cannot be read, or there are several: {compared.Found}", mend),
            _ => DoctorFinding.Unknown(subject, $"{record.Name} cannot be looked up: {compared.Found}", "see 'resolver'"),
        };
    }
}
