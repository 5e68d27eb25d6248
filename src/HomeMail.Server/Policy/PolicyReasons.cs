using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Policy;

/// <summary>Every ground there is. The README of this folder has the same table; a test holds the two together.</summary>
public static class PolicyReasons
{
    /// <summary>A daily limit.</summary>
    public static readonly PolicyReason Limit = new(
        "limit", VerdictKind.Defer, MailWay.Any, "counters of the address and its network, or of the principal",
        "A limit was reached; the sender was told which one and until when.", SmtpReplies.LimitReached);

    /// <summary>DMARC fails, and the domain's owner asks for refusal.</summary>
    public static readonly PolicyReason DmarcReject = new(
        "dmarc-reject", VerdictKind.Keep, MailWay.Outside, "DMARC, `dmarc-reject = refuse`, trusted ARC sealers",
        "The domain in From asks everybody to refuse mail that does not prove to come from it, and this message did not.", SmtpReplies.DmarcRefused);

    /// <summary>The same, where the house wants such mail in Junk.</summary>
    public static readonly PolicyReason DmarcRejectJunk = new(
        "dmarc-reject-junk", VerdictKind.Junk, MailWay.Outside, "DMARC, `dmarc-reject = junk`, trusted ARC sealers",
        "The domain in From asks everybody to refuse mail that does not prove to come from it; this house puts it in Junk.");

    /// <summary>DMARC fails, and the domain's owner asks for suspicion.</summary>
    public static readonly PolicyReason DmarcQuarantine = new(
        "dmarc-quarantine", VerdictKind.Junk, MailWay.Outside, "DMARC, trusted ARC sealers",
        "The domain in From asks everybody to distrust mail that does not prove to come from it, and this message did not.");

    /// <summary>A block list has the client's address.</summary>
    public static readonly PolicyReason BlockListed = new(
        "dnsbl", VerdictKind.Keep, MailWay.Stranger, "`dnsbl` zones that are healthy, `allow`, reputation",
        "A block list that this house uses has the address that the message came from.", SmtpReplies.BlockListed);

    /// <summary>Nothing but junk ever came from there.</summary>
    public static readonly PolicyReason ReputationRefused = new(
        "reputation-refused", VerdictKind.Keep, MailWay.Outside, "the account's marks on the sender, its domain, organisation or network",
        "You have marked everything that came from there as junk, and it was much.", SmtpReplies.ReputationRefused);

    /// <summary>The greylist asks to come again.</summary>
    public static readonly PolicyReason Greylist = new(
        "greylist", VerdictKind.Defer, MailWay.Stranger, "the network or the proven host name, and the sender's domain; SPF, DKIM, `allow`, reputation",
        "The sender was not known and was asked to come again after a few minutes, which mail servers do and most senders of junk do not.", SmtpReplies.Greylisted);

    /// <summary>DNS does not say what is needed to decide.</summary>
    public static readonly PolicyReason DnsTrouble = new(
        "dns-trouble", VerdictKind.Defer, MailWay.Outside, "temporary errors of DMARC, where nothing else has decided",
        "The DNS records that prove the sender could not be read, so the sender was asked to come again.", SmtpReplies.DnsTrouble);

    /// <summary>The same, for hours.</summary>
    public static readonly PolicyReason DnsTroubleLong = new(
        "dns-trouble-long", VerdictKind.Junk, MailWay.Outside, "as dns-trouble, for four hours",
        "The DNS records that prove the sender could not be read for hours; rather than to lose the message it was put in Junk.");

    /// <summary>From bears an address of the house, and nothing proves it.</summary>
    public static readonly PolicyReason HouseAuthor = new(
        "house-from", VerdictKind.Junk, MailWay.Outside, "the domains in From, DMARC, trusted ARC sealers, reputation",
        "The message claims to be from an address of this house, but came from outside and does not prove it.");

    /// <summary>From has several domains or cannot be read.</summary>
    public static readonly PolicyReason AuthorUnclear = new(
        "from-unclear", VerdictKind.Junk, MailWay.Outside, "the From fields",
        "Different mail programs would show different senders for this message, which is a trick of forgers.");

    /// <summary>SPF denies the client, and nothing else proves the sender.</summary>
    public static readonly PolicyReason SpfFail = new(
        "spf-fail", VerdictKind.Junk, MailWay.Stranger, "SPF, DKIM, DMARC",
        "The domain of the sender says that this host may not send its mail, and nothing else proves the sender.");

    /// <summary>Junk came from there.</summary>
    public static readonly PolicyReason ReputationBad = new(
        "reputation-bad", VerdictKind.Junk, MailWay.Any, "the account's marks on the sender, its domain, organisation or network",
        "You have marked mail from there as junk.");

    /// <summary>The content looks like junk.</summary>
    public static readonly PolicyReason Content = new(
        "content", VerdictKind.Junk, MailWay.Any, "the account's classifier, whether the sender is proven",
        "The words of the message are like those of mail that you have marked as junk.");

    /// <summary>Several signs of a careless sender together.</summary>
    public static readonly PolicyReason Suspicious = new(
        "suspicious", VerdictKind.Junk, MailWay.Stranger, "reverse DNS, HELO, TLS, SPF, From: four of these, never HELO alone",
        "Several things about the sending host are wrong at once, as they are with hosts that are not mail servers.");

    /// <summary>A message that would be junk is for people elsewhere only.</summary>
    public static readonly PolicyReason NotForwarded = new(
        "not-forwarded", VerdictKind.Reject, MailWay.Any, "any verdict but accept, for a recipient elsewhere",
        "Junk is not sent on to other servers.", SmtpReplies.NotForwarded);

    /// <summary>It came from somebody whom the house allows.</summary>
    public static readonly PolicyReason Allowed = new(
        "allowed", VerdictKind.Accept, MailWay.Outside, "`allow`, the verified sender",
        "The configuration of this house allows this sender.");

    /// <summary>The user writes to this sender.</summary>
    public static readonly PolicyReason Correspondent = new(
        "correspondent", VerdictKind.Accept, MailWay.Any, "whom the account has written to, the verified sender",
        "You have written to this sender before, and the message proves to come from there.");

    /// <summary>Wanted mail came from there.</summary>
    public static readonly PolicyReason ReputationGood = new(
        "reputation-good", VerdictKind.Accept, MailWay.Any, "the account's marks on the verified sender, domain, organisation, or network",
        "You have wanted mail from there before.");

    /// <summary>Nothing is against it, and nobody knows the sender.</summary>
    public static readonly PolicyReason FirstTime = new(
        "first-time", VerdictKind.Accept, MailWay.Stranger, "`first-time-delay`, reputation",
        "Nothing was found against the message. Its sender was not known, so the reply was held back for a little.");

    /// <summary>Nothing is against it.</summary>
    public static readonly PolicyReason Accepted = new(
        "accepted", VerdictKind.Accept, MailWay.Any, "all of the above", "Nothing was found against the message.");

    /// <summary>The message is this server's own.</summary>
    public static readonly PolicyReason Returned = new(
        "returned", VerdictKind.Accept, MailWay.Outside, "recognition of what this server is sending",
        "This server sent the message itself, and it came back through the router.");

    /// <summary>All, in the order of the README.</summary>
    public static IReadOnlyList<PolicyReason> All { get; } =
    [
        Limit, DmarcReject, DmarcRejectJunk, DmarcQuarantine, BlockListed, ReputationRefused, Greylist, DnsTrouble, DnsTroubleLong, HouseAuthor, AuthorUnclear,
        SpfFail, ReputationBad, Content, Suspicious, NotForwarded, Allowed, Correspondent, ReputationGood, FirstTime, Accepted, Returned,
    ];

    /// <summary>The ground that a line of a mailbox's metadata or of the history names; null if it names none.</summary>
    /// <param name="text">The form that <see cref="Verdict.ToString"/> gives.</param>
    /// <param name="detail">What stands behind the name.</param>
    public static PolicyReason? Find(string text, out string detail)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        detail = colon < 0 ? "" : text[(colon + 1)..].Trim();
        foreach (var reason in All)
            if (reason.Name == name)
                return reason;
        return null;
    }
}
