namespace HomeMail.Protocol.Smtp;

/// <summary>The replies of policy to a message that has come whole. Each says what the sender can do about it.</summary>
public static partial class SmtpReplies
{
    /// <summary>A limit on what comes in is reached (RFC 3463 4.7.1).</summary>
    /// <param name="detail">Which, and until when.</param>
    public static SmtpReply LimitReached(string detail) => new(450, "4.7.1", $"Limit reached: {detail}");

    /// <summary>The greylist asks to come again (RFC 6647 3).</summary>
    /// <param name="detail">When.</param>
    public static SmtpReply Greylisted(string detail) => new(451, "4.7.1", $"Not known here yet, please try again {detail}");

    /// <summary>What would prove the sender cannot be looked up now (RFC 7372 3.3).</summary>
    /// <param name="detail">The author's domain.</param>
    public static SmtpReply DnsTrouble(string detail) => new(451, "4.4.3", $"DNS of {detail} does not answer, please try again later");

    /// <summary>The author's domain wants it refused (RFC 7372 3, RFC 9989 5.4).</summary>
    /// <param name="detail">The domain.</param>
    public static SmtpReply DmarcRefused(string detail) => new(550, "5.7.1", $"Refused by the DMARC policy of {detail}");

    /// <summary>A block list has the client's address.</summary>
    /// <param name="detail">The address and the list.</param>
    public static SmtpReply BlockListed(string detail) => new(550, "5.7.1", $"Refused, listed: {detail}");

    /// <summary>Nothing but junk came from there.</summary>
    /// <param name="detail">From where.</param>
    public static SmtpReply ReputationRefused(string detail) => new(550, "5.7.1", $"Refused, only junk came so far from {detail}");

    /// <summary>It would have to be sent on, and looks like junk.</summary>
    /// <param name="detail">Why.</param>
    public static SmtpReply NotForwarded(string detail) => new(550, "5.7.1", $"Refused, this address leads elsewhere and junk is not sent on ({detail})");
}
