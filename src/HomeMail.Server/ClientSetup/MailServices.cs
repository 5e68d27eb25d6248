namespace HomeMail.Server.ClientSetup;

/// <summary>A service as a mail program is told of it.</summary>
/// <param name="Port">The port.</param>
/// <param name="IsImplicitTls">TLS from the first octet (RFC 8314 3); otherwise STARTTLS, without which nobody can log in.</param>
public sealed record MailPort(int Port, bool IsImplicitTls);

/// <summary>What a mail program must know of this house.</summary>
/// <param name="Host">The name of the server, for all services.</param>
/// <param name="Reading">The ways to read mail over IMAP, the better one first.</param>
/// <param name="Sending">The ways to send mail by submission, the better one first.</param>
public sealed record MailServices(string Host, IReadOnlyList<MailPort> Reading, IReadOnlyList<MailPort> Sending)
{
    /// <summary>Makes them from ports; 0 is a service that is not there. TLS from the start comes first (RFC 8314 5.1).</summary>
    /// <param name="host">The name of the server.</param>
    /// <param name="imaps">Port of IMAP over TLS.</param>
    /// <param name="imap">Port of IMAP with STARTTLS.</param>
    /// <param name="submissions">Port of submission over TLS.</param>
    /// <param name="submission">Port of submission with STARTTLS.</param>
    public static MailServices At(string host, int imaps, int imap, int submissions, int submission) => new(host, Of(imaps, imap), Of(submissions, submission));

    private static MailPort[] Of(int overTls, int withStartTls) =>
        [.. new MailPort[] { new(overTls, true), new(withStartTls, false) }.Where(static service => service.Port != 0)];
}
