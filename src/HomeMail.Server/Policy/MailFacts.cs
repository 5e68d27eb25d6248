using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;

namespace HomeMail.Server.Policy;

/// <summary>The ways by which a message comes in. Which policies apply is a matter of the way.</summary>
[Flags]
public enum MailWay
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Port 25, from somebody on the internet under an address of its own.</summary>
    Stranger = 1,

    /// <summary>Port 25, through a declared relay.</summary>
    Relay = 2,

    /// <summary>Port 25, through a router that stands for anybody, or from an inner address: what the address says is unknown.</summary>
    Masked = 4,

    /// <summary>Submission by an account.</summary>
    Account = 8,

    /// <summary>A device of the house.</summary>
    Device = 16,

    /// <summary>A user of this machine, through <c>sendmail</c>.</summary>
    LocalUser = 32,

    /// <summary>From one mailbox of the house to another, without leaving the process.</summary>
    Shortcut = 64,

    /// <summary>All ways of strangers.</summary>
    Outside = Stranger | Relay | Masked,

    /// <summary>All ways of known principals.</summary>
    Known = Account | Device | LocalUser | Shortcut,

    /// <summary>All ways.</summary>
    Any = Outside | Known,
}

/// <summary>What comes of a DMARC policy of reject.</summary>
public enum DmarcRejectAction
{
    /// <summary>The message is refused, and kept in Rejects.</summary>
    Refuse,

    /// <summary>It goes to Junk.</summary>
    Junk,

    /// <summary>Nothing.</summary>
    Off,
}

/// <summary>Whether the house has declared that no list or greylist concerns somebody.</summary>
public enum Allowance
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>It has, for the client's network: lists, greylist and delay do not concern it.</summary>
    Network,

    /// <summary>It has, for the sender, who is verified: junk does not concern it either.</summary>
    Sender,
}

/// <summary>A limit that a message would go over.</summary>
/// <param name="Name">Which, in words for a reply.</param>
/// <param name="Until">When it will be possible again.</param>
public sealed record LimitReached(string Name, DateTimeOffset Until);

/// <summary>What the house has chosen.</summary>
public sealed record PolicyRules
{
    /// <summary>What comes of a DMARC policy of reject.</summary>
    public DmarcRejectAction DmarcReject { get; init; } = DmarcRejectAction.Refuse;

    /// <summary>How long the first message of somebody unknown has to wait for its reply.</summary>
    public TimeSpan FirstTimeDelay { get; init; } = TimeSpan.Zero;
}

/// <summary>
/// What is known of a message when it is decided upon; the same for each recipient. Facts only, and none that costs a look-up now: whoever fills it in has
/// waited for them. Where a way has no such fact, the default says so.
/// </summary>
public sealed record MailFacts
{
    /// <summary>The way it came in; exactly one.</summary>
    public required MailWay Way { get; init; }

    /// <summary>What the house has chosen.</summary>
    public PolicyRules Rules { get; init; } = new();

    /// <summary>The message is one that this server is sending, come back through the house's router.</summary>
    public bool IsOurs { get; init; }

    /// <summary>The client's address as text, for replies.</summary>
    public string Client { get; init; } = "";

    /// <summary>Whether what is said about the client's address is worth nothing.</summary>
    public bool IsAddressUnknown { get; init; }

    /// <summary>The client is a program of this machine, on loopback.</summary>
    public bool IsThisMachine { get; init; }

    /// <summary>The result of SPF for MAIL FROM, or for HELO with a null reverse-path.</summary>
    public SpfResult Spf { get; init; }

    /// <summary>The domain that SPF was asked about.</summary>
    public string SpfDomain { get; init; } = "";

    /// <summary>d= of each signature that passed.</summary>
    public IReadOnlyList<string> DkimDomains { get; init; } = [];

    /// <summary>What From says of its author's domain.</summary>
    public AuthorDomainKind AuthorKind { get; init; } = AuthorDomainKind.One;

    /// <summary>The author's domain; empty unless there is exactly one.</summary>
    public string Author { get; init; } = "";

    /// <summary>A reader could see an address of this house in From.</summary>
    public bool IsHouseAuthor { get; init; }

    /// <summary>The result of DMARC.</summary>
    public DmarcResult Dmarc { get; init; }

    /// <summary>What the owner of the author's domain wants done if it failed.</summary>
    public DmarcPolicy DmarcPolicy { get; init; }

    /// <summary>A trusted forwarder saw DMARC pass for the author's domain, and its ARC chain is whole.</summary>
    public string? TrustedSealer { get; init; }

    /// <summary>Reverse DNS of the client: <c>pass</c>, <c>fail</c>, <c>permerror</c>, <c>temperror</c> or <c>none</c>.</summary>
    public string Reverse { get; init; } = "none";

    /// <summary>Whether HELO gave a full host name or an address literal. By itself it decides nothing.</summary>
    public bool IsHelloName { get; init; } = true;

    /// <summary>Whether the connection is encrypted.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>The block lists that have the client's address.</summary>
    public IReadOnlyList<string> BlockLists { get; init; } = [];

    /// <summary>Whether the house has declared that no list or greylist concerns it.</summary>
    public Allowance Allowed { get; init; }

    /// <summary>If the greylist asks it to come again: when at the earliest.</summary>
    public DateTimeOffset? ComeAgainAt { get; init; }

    /// <summary>A limit that this message would go over.</summary>
    public LimitReached? Limit { get; init; }

    /// <summary>This sender has been deferred for DNS trouble so long that waiting more mends nothing.</summary>
    public bool IsTroubleLong { get; init; }

    /// <summary>False where the message is taken for another recipient: a deferral is not possible any more.</summary>
    public bool MayDefer { get; init; } = true;
}

/// <summary>What an account's memory says of a sender.</summary>
public enum Standing
{
    /// <summary>Nothing.</summary>
    Unknown,

    /// <summary>Wanted mail came from there.</summary>
    Good,

    /// <summary>Both kinds came from there.</summary>
    Mixed,

    /// <summary>Junk came from there.</summary>
    Bad,

    /// <summary>Nothing but junk came from there, and much of it.</summary>
    Hopeless,
}

/// <summary>What is known of a message for one recipient.</summary>
public sealed record RecipientFacts
{
    /// <summary>The account, or null for an address elsewhere.</summary>
    public string? Account { get; init; }

    /// <summary>The user has written to this sender, who is verified.</summary>
    public bool IsCorrespondent { get; init; }

    /// <summary>What the account's memory says of the sender.</summary>
    public Standing Standing { get; init; }

    /// <summary>What that memory is of, such as <c>domain example.net</c>.</summary>
    public string StandingOf { get; init; } = "";

    /// <summary>The probability that the content is junk, from 0 to 1; null where the classifier does not know enough to speak.</summary>
    public double? Junk { get; init; }
}
