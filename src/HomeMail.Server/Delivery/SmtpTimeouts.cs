namespace HomeMail.Server.Delivery;

/// <summary>How long a client waits for a server; the defaults are the least that RFC 5321 4.5.3.2 asks for.</summary>
public sealed record SmtpTimeouts
{
    /// <summary>For a TCP connection to one address. Not in the standard; a host that answers at all does so in less.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For the greeting (4.5.3.2.1).</summary>
    public TimeSpan Greeting { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For EHLO, HELO, STARTTLS and each step of AUTH; the standard names none.</summary>
    public TimeSpan Hello { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For the TLS handshake.</summary>
    public TimeSpan Handshake { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>For the reply to MAIL (4.5.3.2.2).</summary>
    public TimeSpan Mail { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For the reply to RCPT (4.5.3.2.3).</summary>
    public TimeSpan Recipient { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For the 354 (4.5.3.2.4).</summary>
    public TimeSpan DataInitiation { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>For one block to be taken (4.5.3.2.5).</summary>
    public TimeSpan DataBlock { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>For the reply to the end of the message (4.5.3.2.6).</summary>
    public TimeSpan DataTermination { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>For a reply that may be waiting when the connection breaks.</summary>
    public TimeSpan PendingReply { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For RSET, and for 221 after QUIT; nothing depends on it any more.</summary>
    public TimeSpan Quit { get; init; } = TimeSpan.FromSeconds(5);
}
