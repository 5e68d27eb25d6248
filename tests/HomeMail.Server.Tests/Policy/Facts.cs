using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Policy;

namespace HomeMail.Server.Tests.Policy;

/// <summary>Facts to begin with.</summary>
internal static class Facts
{
    public static readonly DateTimeOffset Noon = new(2026, 3, 14, 12, 0, 0, TimeSpan.Zero);

    public static readonly RecipientFacts Alice = new() { Account = "alice" };

    /// <summary>A recipient elsewhere: a member of an alias.</summary>
    public static readonly RecipientFacts Elsewhere = new();

    /// <summary>An honest mail server: all is in order.</summary>
    public static readonly MailFacts Honest = new()
    {
        Way = MailWay.Stranger,
        Client = "192.0.2.10",
        Spf = SpfResult.Pass,
        SpfDomain = "shop.example",
        DkimDomains = ["shop.example"],
        Author = "shop.example",
        Dmarc = DmarcResult.Pass,
        DmarcPolicy = DmarcPolicy.Reject,
        Reverse = "pass",
        IsEncrypted = true,
    };

    /// <summary>Somebody of whom nothing is proven, and nothing is wrong.</summary>
    public static readonly MailFacts Unproven = Honest with { Spf = SpfResult.None, DkimDomains = [], Dmarc = DmarcResult.None, DmarcPolicy = DmarcPolicy.None };

    /// <summary>An inner address, or a router that stands for anybody.</summary>
    public static readonly MailFacts Masked = Unproven with { Way = MailWay.Masked, IsAddressUnknown = true, Client = "192.168.1.254", Reverse = "none" };
}
