using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Config;

/// <summary>How mail between hosted domains of one tenant goes (design section 5).</summary>
public enum LocalDelivery
{
    /// <summary>Without leaving the process.</summary>
    Shortcut,

    /// <summary>Out over SMTP and in again.</summary>
    Smtp,
}

/// <summary>[domain:NAME]: a domain hosted here.</summary>
/// <param name="Name">The domain in lower case.</param>
/// <param name="Tenant">Whose it is; domains of different tenants are strangers.</param>
/// <param name="LocalDelivery">How mail to it from here goes.</param>
/// <param name="CatchAll">The account that gets what no other address takes, or null.</param>
/// <param name="DkimSelector">The selector of its DKIM keys (RFC 6376 3.1).</param>
/// <param name="Route">The route for mail from this domain, or null.</param>
public sealed record DomainSettings(string Name, string Tenant, LocalDelivery LocalDelivery, string? CatchAll, string DkimSelector, string? Route);

/// <summary>[account:NAME].</summary>
/// <param name="Name">Its name, and its folder's.</param>
/// <param name="Tenant">The tenant that all of its domains belong to.</param>
/// <param name="Addresses">Its addresses, the first being the one it is known by.</param>
/// <param name="Password">Its password's keys; null if nobody can log in.</param>
/// <param name="Quota">Octets its mailboxes may hold; null for no limit.</param>
/// <param name="SendsPerDay">Messages it may send a day; null for no limit.</param>
/// <param name="NewRecipientsPerDay">Recipients it has never written to, a day; null for no limit.</param>
public sealed record AccountSettings(
    string Name, string Tenant, IReadOnlyList<Address> Addresses, ScramCredential? Password, long? Quota, int? SendsPerDay, int? NewRecipientsPerDay)
{
    /// <summary>What it answers while it is away, or null.</summary>
    public VacationSettings? Vacation { get; init; }

    /// <summary>The users of this machine that it is: they may send as it, and mail for them at the hostname is its.</summary>
    public IReadOnlyList<string> LocalUsers { get; init; } = [];
}

/// <summary>The keys <c>vacation-...</c> of an account.</summary>
/// <param name="Text">The text; lines end in LF.</param>
/// <param name="Subject">The subject, or null for that of the message.</param>
/// <param name="From">The first day, or null.</param>
/// <param name="Until">The last day, or null.</param>
/// <param name="Days">After how many days the same sender is answered again.</param>
public sealed record VacationSettings(string Text, string? Subject, DateOnly? From, DateOnly? Until, int Days);

/// <summary>[alias:ADDRESS].</summary>
/// <param name="Address">The address.</param>
/// <param name="Tenant">Its domain's tenant.</param>
/// <param name="Members">Who gets the mail: accounts and aliases of this house, free of loops, and outsiders.</param>
public sealed record AliasSettings(Address Address, string Tenant, IReadOnlyList<Address> Members);

/// <summary>Whom a device may write to.</summary>
public enum DeviceScope
{
    /// <summary>The listed addresses.</summary>
    Listed,

    /// <summary>Whoever is hosted here, of its tenant.</summary>
    Local,

    /// <summary>Anybody.</summary>
    Any,
}

/// <summary>[device:NAME]: a host that can do neither TLS nor AUTH.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tenant">The tenant of <paramref name="From"/>.</param>
/// <param name="Addresses">Its addresses; empty if it is known by its hardware address alone.</param>
/// <param name="Mac">Its hardware address, or null.</param>
/// <param name="Password">A password it logs in with, or null.</param>
/// <param name="From">What it sends as.</param>
/// <param name="Scope">Whom it may write to.</param>
/// <param name="Recipients">The list for <see cref="DeviceScope.Listed"/>.</param>
/// <param name="PerDay">Messages a day; null for no limit.</param>
public sealed record DeviceSettings(
    string Name, string Tenant, IReadOnlyList<IPAddress> Addresses, PhysicalAddress? Mac, ScramCredential? Password, Address From,
    DeviceScope Scope, IReadOnlyList<Address> Recipients, int? PerDay);

/// <summary>[rule:NAME]: what happens to an account's mail. All conditions that are set have to hold; exactly one action is set.</summary>
/// <param name="Name">Its name, by which rules are sorted.</param>
/// <param name="Account">Whose mail.</param>
/// <param name="From">A pattern for From, or null. In patterns, <c>*</c> stands for anything.</param>
/// <param name="To">A pattern for To and Cc, or null.</param>
/// <param name="Subject">A pattern for Subject, or null.</param>
/// <param name="HeaderName">A field's name, or null.</param>
/// <param name="HeaderPattern">A pattern for that field, or null.</param>
/// <param name="ListId">A pattern for List-Id, or null.</param>
/// <param name="LargerThan">A size in octets, or null.</param>
/// <param name="VerifiedDomain">A domain that DMARC or DKIM has verified, or null.</param>
/// <param name="Mailbox">Action: the mailbox to deliver to, or null.</param>
/// <param name="Forward">Action: whom to forward to; empty if that is not the action.</param>
/// <param name="Discard">Action: drop the message.</param>
public sealed record RuleSettings(
    string Name, string Account, string? From, string? To, string? Subject, string? HeaderName, string? HeaderPattern, string? ListId,
    long? LargerThan, string? VerifiedDomain, string? Mailbox, IReadOnlyList<Address> Forward, bool Discard);
