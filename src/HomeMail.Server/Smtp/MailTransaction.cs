using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

/// <summary>What is known about a client from its connection and greeting.</summary>
public sealed class ClientFacts
{
    /// <summary>The client's address and port as the socket has them; IPv4-mapped IPv6 is given as IPv4.</summary>
    public required IPEndPoint Peer { get; init; }

    /// <summary>The way it came in.</summary>
    public required SmtpRole Service { get; init; }

    /// <summary>The session's identifier.</summary>
    public required string SessionId { get; init; }

    /// <summary>What the client called itself in HELO or EHLO; empty before.</summary>
    public string HelloName { get; set; } = "";

    /// <summary>Whether it said EHLO.</summary>
    public bool IsExtended { get; set; }

    /// <summary>TLS version, such as <c>TLSv1.3</c>, or null.</summary>
    public string? TlsVersion { get; set; }

    /// <summary>The server's name as the client gave it in the handshake (SNI), or null.</summary>
    public string? TlsServerName { get; set; }

    /// <summary>TLS cipher suite by its IANA name, or null.</summary>
    public string? TlsCipher { get; set; }

    /// <summary>
    /// Transactions for which look-ups were begun early and of which no message has come. Beyond a few they wait for the message: a storm of MAIL, RCPT
    /// and RSET is not to become a storm of queries.
    /// </summary>
    public int EarlyLookUps { get; set; }

    /// <summary>Who it is.</summary>
    public Principal Principal { get; set; } = Principal.Internet;
}

/// <summary>A recipient that was accepted.</summary>
public sealed class TransactionRecipient
{
    /// <summary>The forward-path.</summary>
    public required Address Address { get; init; }

    /// <summary>NOTIFY (RFC 3461 4.1).</summary>
    public DsnNotify Notify { get; init; }

    /// <summary>ORCPT (RFC 3461 4.2), decoded, or null.</summary>
    public string? OriginalRecipient { get; init; }

    /// <summary>Where the intake resolved it to; of no concern to the session.</summary>
    public required object Resolution { get; init; }
}

/// <summary>A mail transaction (RFC 5321 3.3): what MAIL and RCPT have said. RSET drops it whole.</summary>
public sealed class MailTransaction : IDisposable
{
    private HashSet<string>? _fresh;

    /// <summary>The client.</summary>
    public required ClientFacts Client { get; init; }

    /// <summary>The arguments of MAIL.</summary>
    public required MailArguments Mail { get; init; }

    /// <summary>The recipients that were accepted, in order.</summary>
    public List<TransactionRecipient> Recipients { get; } = [];

    /// <summary>The keys of those to whom the account has never written; of no concern to the session.</summary>
    public HashSet<string> FreshRecipients => _fresh ??= [];

    /// <summary>Facts that are being gathered while the content comes in; of no concern to the session, which ends it with the transaction.</summary>
    public IDisposable? Gathering { get; set; }

    /// <summary>The transaction is over.</summary>
    public void Dispose()
    {
        Gathering?.Dispose();
        Gathering = null;
    }
}
