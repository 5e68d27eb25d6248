using System.Collections.Frozen;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Server.Intake;

/// <summary>A domain whose mail is received here.</summary>
/// <param name="Name">The name in lower case.</param>
/// <param name="Tenant">Whose it is; domains of different tenants are strangers.</param>
/// <param name="CatchAll">The account that gets what no address fits, or null.</param>
/// <param name="Shortcut">Whether mail of the house is delivered without leaving the process.</param>
public sealed record HostedDomain(string Name, string Tenant, string? CatchAll = null, bool Shortcut = true);

/// <summary>Somebody who has a mailbox here.</summary>
/// <param name="Name">The account's name.</param>
/// <param name="Addresses">Its addresses; the first is the main one.</param>
/// <param name="Credential">The password's keys, or null if nobody can log in.</param>
/// <param name="Quota">Octets its mailboxes may have, or null for no limit.</param>
public sealed record HostedAccount(string Name, IReadOnlyList<Address> Addresses, ScramCredential? Credential, long? Quota = null)
{
    /// <summary>Messages it may send a day, or null for no limit.</summary>
    public int? SendsPerDay { get; init; }

    /// <summary>Recipients it has never written to, a day, or null for no limit.</summary>
    public int? NewRecipientsPerDay { get; init; }

    /// <summary>What happens to its mail, in order; the first that fits counts.</summary>
    public IReadOnlyList<MailRule> Rules { get; init; } = [];

    /// <summary>What it answers while it is away, or null.</summary>
    public VacationText? Vacation { get; init; }
}

/// <summary>An address that stands for others.</summary>
/// <param name="Address">The address.</param>
/// <param name="Members">What it stands for; aliases too.</param>
public sealed record HostedAlias(Address Address, IReadOnlyList<Address> Members);

/// <summary>Where a recipient leads to.</summary>
/// <param name="Accounts">Accounts of this server.</param>
/// <param name="Outside">Addresses elsewhere; and those hosted here to which mail goes out over SMTP and in again.</param>
public sealed record Destinations(IReadOnlyList<string> Accounts, IReadOnlyList<Address> Outside)
{
    /// <summary>If an alias leads to <see cref="Outside"/>: that alias. Mail of strangers goes on in its domain's name; else null.</summary>
    public Address? ForwardedBy { get; init; }
}

/// <summary>
/// The domains, accounts and aliases of this server, and the answer to who an address is. It never changes; a reload makes a new one.
/// </summary>
public sealed partial class HostedNames : ICredentialSource
{
    // Members of members of members: deeper is an error of somebody, or a loop.
    private const int MaxAliasDepth = 10;

    // What a mail domain must always answer (RFC 5321 4.5.1, RFC 2142).
    private static readonly FrozenSet<string> Reserved = FrozenSet.ToFrozenSet(["postmaster", "abuse", "mailer-daemon", "hostmaster"], StringComparer.OrdinalIgnoreCase);

    private readonly FrozenDictionary<string, HostedDomain> _domains;
    private readonly FrozenDictionary<string, HostedAccount> _accounts;
    private readonly FrozenDictionary<string, HostedAccount> _byAddress;
    private readonly FrozenDictionary<string, HostedAlias> _aliases;

    // The first account with an address in a domain, and the first whose main address is of a tenant.
    private readonly Dictionary<string, HostedAccount> _firstOfDomain = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, HostedAccount> _firstOfTenant = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, HostedDevice> _devices = new(StringComparer.OrdinalIgnoreCase);
    private readonly HostedAccount? _first;
    private readonly string _hostname;
    private readonly byte[] _secret;
    private readonly int _iterations;

    /// <summary>Makes the directory.</summary>
    /// <param name="hostname">This server's name, at which postmaster is reached too.</param>
    /// <param name="domains">The domains.</param>
    /// <param name="accounts">The accounts; the first one gets postmaster's mail where nobody else does.</param>
    /// <param name="aliases">The aliases.</param>
    /// <param name="secret">A secret of this server, from which the keys of unknown names are made.</param>
    public HostedNames(
        string hostname, IEnumerable<HostedDomain> domains, IReadOnlyList<HostedAccount> accounts, IEnumerable<HostedAlias> aliases, ReadOnlySpan<byte> secret)
    {
        ArgumentNullException.ThrowIfNull(accounts);
        _hostname = hostname;
        _secret = secret.ToArray();
        _domains = domains.ToFrozenDictionary(d => d.Name, StringComparer.OrdinalIgnoreCase);
        _accounts = accounts.ToFrozenDictionary(a => a.Name, StringComparer.OrdinalIgnoreCase);
        _byAddress = accounts.SelectMany(a => a.Addresses, (account, address) => (address.Key, account)).ToFrozenDictionary(p => p.Key, p => p.account);
        _aliases = aliases.ToFrozenDictionary(a => a.Address.Key);
        // A name that does not exist must look like those that do.
        _iterations = accounts.FirstOrDefault(a => a.Credential is not null)?.Credential!.Iterations ?? ScramCredential.DefaultIterations;
        _first = accounts.Count > 0 ? accounts[0] : null;
        Domains = [.. _domains.Values];
        Accounts = [.. accounts];
        foreach (var account in accounts)
        {
            foreach (var address in account.Addresses)
                _firstOfDomain.TryAdd(address.Domain, account);
            if (account.Addresses is [var main, ..] && Domain(main.Domain) is { } own)
                _firstOfTenant.TryAdd(own.Tenant, account);
        }
    }

    /// <summary>All domains.</summary>
    public IReadOnlyList<HostedDomain> Domains { get; }

    /// <summary>All accounts.</summary>
    public IReadOnlyList<HostedAccount> Accounts { get; }

    /// <summary>All devices.</summary>
    public IReadOnlyList<HostedDevice> Devices
    {
        get;
        init
        {
            field = value;
            foreach (var device in value)
                _devices.TryAdd(device.Name, device);
        }
    } = [];

    /// <summary>A device, or null.</summary>
    /// <param name="name">Its name, any case.</param>
    public HostedDevice? Device(string name) => _devices.GetValueOrDefault(name);

    /// <summary>A hosted domain, or null.</summary>
    /// <param name="domain">The name, any case, as A-label or U-label.</param>
    public HostedDomain? Domain(string domain) =>
        _domains.TryGetValue(domain, out var found) ? found
        : AddressSyntax.TryToAscii(domain, out var ascii) && _domains.TryGetValue(ascii!, out found) ? found : null;

    /// <summary>The hosted domain that a host is in, or if it is in none, the first one there is; null if none is hosted.</summary>
    /// <param name="host">The host's name.</param>
    public HostedDomain? DomainOf(string host) => DomainAbove(host) ?? (Domains.Count > 0 ? Domains[0] : null);

    /// <summary>The hosted domain that a name is, or is below of; or null. Of several the nearest.</summary>
    /// <param name="name">The name, in A-labels.</param>
    public HostedDomain? DomainAbove(string name)
    {
        var domains = _domains.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var rest = name.AsSpan().TrimEnd('.'); !rest.IsEmpty; rest = rest.IndexOf('.') is >= 0 and var dot ? rest[(dot + 1)..] : [])
            if (domains.TryGetValue(rest, out var found))
                return found;
        return null;
    }

    /// <summary>Whether a domain is the name of this very host.</summary>
    /// <param name="domain">The domain.</param>
    public bool IsHost(string domain) => _hostname.Equals(domain, StringComparison.OrdinalIgnoreCase);

    /// <summary>An account, or null.</summary>
    /// <param name="name">The account's name, any case.</param>
    public HostedAccount? Account(string name) => _accounts.GetValueOrDefault(name);

    /// <summary>
    /// Whether an account may send as an address: one of its own, also with a tag. An alias is nobody's own, whoever is behind it: its mail may go to others
    /// tomorrow.
    /// </summary>
    /// <param name="account">The account's name.</param>
    /// <param name="address">The address.</param>
    public bool Owns(string account, Address address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Find(address).Account is { } owner && owner.Name.Equals(account, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The tenant of whoever stands behind a message; null for this server itself and for strangers.</summary>
    /// <param name="principal">Who it is.</param>
    public string? TenantOf(Principal principal)
    {
        ArgumentNullException.ThrowIfNull(principal);
        return principal.Kind switch
        {
            PrincipalKind.Account when Account(principal.Name) is { Addresses: [var first, ..] } => Domain(first.Domain)?.Tenant,
            PrincipalKind.Device when Device(principal.Name) is { } device => Domain(device.From.Domain)?.Tenant,
            PrincipalKind.Account or PrincipalKind.Device or PrincipalKind.Local => DomainOf(_hostname)?.Tenant,
            _ => null,
        };
    }

    /// <summary>Where postmaster's mail goes, or null where there is no account at all.</summary>
    public string? Postmaster
    {
        get
        {
            foreach (var domain in Domains)
                if (Resolve(new Address("postmaster", domain.Name)) is { Accounts: [var name, ..] })
                    return name;
            return _first?.Name;
        }
    }

    /// <summary>
    /// Finds out where a recipient leads to. Aliases are followed, each at most once, so that a circle ends; a tag (<c>user+tag</c>) is taken off where the
    /// whole local part is nobody; then the catch-all; postmaster, abuse and their like always reach somebody.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <param name="tenant">
    /// The tenant of who sends, if that is somebody of the house: another tenant's domains, and those with <c>local-delivery = smtp</c>, are then outside. Null
    /// where the message has come in: by SMTP, or from this server itself.
    /// </param>
    /// <returns>Null if its domain is hosted here and nobody has this address. Of another tenant's domain it is never said who is there.</returns>
    public Destinations? Resolve(Address address, string? tenant = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (tenant is not null && Domain(address.Domain) is { } domain && !IsNear(domain, tenant, null))
            return SameTenant(domain.Tenant, tenant) && Resolve(address) is null ? null : new Destinations([], [Canonical(address)]);
        var walk = new Walk();
        if (!Follow(address, walk, null, 0) && walk.IsEmpty)
            return null;
        if (walk.IsEmpty && Domain(address.Domain) is { } own && Reserved.Contains(WithoutTag(address.LocalPart)))
            AddAccount(OfDomain(own), walk);
        return walk.IsEmpty ? null : new Destinations(walk.Accounts, walk.Outside) { ForwardedBy = walk.ForwardedBy };
    }

    /// <inheritdoc/>
    public ScramCredential Find(string logInName, out string? account)
    {
        var found = _accounts.GetValueOrDefault(logInName)
            ?? (AddressSyntax.TryParseMailbox(logInName, true, out var address) ? _byAddress.GetValueOrDefault(address!.Key) : null);
        account = found?.Credential is null ? null : found.Name;
        return found?.Credential ?? ScramCredential.Decoy(_secret, found?.Name ?? logInName, _iterations);
    }

    private bool Follow(Address address, Walk walk, HostedAlias? by, int depth)
    {
        if (Domain(address.Domain) is not { } domain)
        {
            if (address.Domain.Equals(_hostname, StringComparison.OrdinalIgnoreCase))
                return LocalUsers.TryGetValue(WithoutTag(address.LocalPart), out var user) ? AddAccount(Account(user), walk)
                    : Reserved.Contains(WithoutTag(address.LocalPart)) && AddAccount(_first, walk);
            walk.AddOutside(address, by);
            return true;
        }
        // A member of an alias that is a stranger to it, or that is to be reached over SMTP.
        if (by is not null && Domain(by.Address.Domain) is { } from && !IsNear(domain, from.Tenant, from))
        {
            walk.AddOutside(Canonical(address), by);
            return true;
        }
        var (alias, account) = Find(address);
        if (alias is not null)
        {
            if (!walk.Seen.Add(alias.Address.Key) || depth == MaxAliasDepth)
                return true;
            foreach (var member in alias.Members)
                Follow(member, walk, alias, depth + 1);
            return true;
        }
        if (account is not null)
            return AddAccount(account, walk);
        if (Reserved.Contains(WithoutTag(address.LocalPart)))
            return AddAccount(OfDomain(domain), walk);
        return domain.CatchAll is not null && AddAccount(Account(domain.CatchAll), walk);
    }

    /// <summary>Whether mail of a tenant for a domain stays in the process; an alias's own domain is always near to it.</summary>
    private static bool IsNear(HostedDomain domain, string tenant, HostedDomain? from) =>
        SameTenant(domain.Tenant, tenant) && (domain.Shortcut || domain.Name.Equals(from?.Name, StringComparison.OrdinalIgnoreCase));

    private static bool SameTenant(string a, string b) => a.Equals(b, StringComparison.OrdinalIgnoreCase);

    private static bool AddAccount(HostedAccount? account, Walk walk)
    {
        if (account is null)
            return false;
        if (!walk.Accounts.Contains(account.Name))
            walk.Accounts.Add(account.Name);
        return true;
    }

    // Who gets postmaster's mail of a domain: RFC 5321 4.5.1 leaves no room for nobody.
    private HostedAccount? OfDomain(HostedDomain domain) => (domain.CatchAll is null ? null : Account(domain.CatchAll))
        ?? _firstOfDomain.GetValueOrDefault(domain.Name)
        ?? _firstOfTenant.GetValueOrDefault(domain.Tenant)
        ?? _first;

    // What is there as it stands goes before what is there without its tag.
    private (HostedAlias? Alias, HostedAccount? Account) Find(Address address)
    {
        var key = Canonical(address).Key;
        if (_aliases.TryGetValue(key, out var alias))
            return (alias, null);
        if (_byAddress.TryGetValue(key, out var account))
            return (null, account);
        if (address.LocalPart.IndexOf('+', StringComparison.Ordinal) <= 0)
            return default;
        key = Canonical(new Address(WithoutTag(address.LocalPart), address.Domain)).Key;
        return _aliases.TryGetValue(key, out alias) ? (alias, null) : (null, _byAddress.GetValueOrDefault(key));
    }

    private Address Canonical(Address address) =>
        Domain(address.Domain) is { } domain && !domain.Name.Equals(address.Domain, StringComparison.OrdinalIgnoreCase)
            ? new Address(address.LocalPart, domain.Name) : address;

    private static string WithoutTag(string localPart) => localPart.IndexOf('+') is > 0 and var plus ? localPart[..plus] : localPart;

    /// <summary>What was found on the way through aliases.</summary>
    private sealed class Walk
    {
        public List<string> Accounts { get; } = new(1);

        public List<Address> Outside { get; } = new(0);

        public HashSet<string> Seen { get; } = [];

        public Address? ForwardedBy { get; private set; }

        public bool IsEmpty => Accounts.Count + Outside.Count == 0;

        public void AddOutside(Address address, HostedAlias? by)
        {
            ForwardedBy ??= by?.Address;
            if (!Outside.Contains(address))
                Outside.Add(address);
        }
    }
}
