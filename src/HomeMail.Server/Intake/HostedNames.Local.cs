using HomeMail.Protocol.Message;

namespace HomeMail.Server.Intake;

/// <summary>Users of this machine: what they may send as, and where mail for them goes.</summary>
public sealed partial class HostedNames
{
    /// <summary>The account of a user of this machine, by the user's name: <c>[account:NAME] local-users</c>.</summary>
    public IReadOnlyDictionary<string, string> LocalUsers { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether this machine has a user of this name.</summary>
    public Func<string, bool> IsLocalUser { get; init; } = static _ => false;

    /// <summary>Whether a principal may send as an address.</summary>
    /// <param name="principal">The principal.</param>
    /// <param name="address">The address.</param>
    public bool Owns(Principal principal, Address address)
    {
        ArgumentNullException.ThrowIfNull(principal);
        ArgumentNullException.ThrowIfNull(address);
        return principal.Kind switch
        {
            PrincipalKind.Account => Owns(principal.Name, address),
            PrincipalKind.Device => Device(principal.Name)?.From.Key == address.Key,
            PrincipalKind.Local => OwnsLocally(principal.Name, address),
            _ => false,
        };
    }

    // user@hostname, unless that is an address of somebody else; and what the account has that the configuration gives to the user.
    private bool OwnsLocally(string user, Address address)
    {
        if (LocalUsers.TryGetValue(user, out var account) && Owns(account, address))
            return true;
        return IsHost(address.Domain) && WithoutTag(address.LocalPart).Equals(user, StringComparison.Ordinal) && Find(address) is { Account: null, Alias: null };
    }

    /// <summary>
    /// Where mail of this house for a user of this machine goes: to the user's account, or one of that name; where there is neither, to postmaster, who keeps the
    /// machine. Null if there is no such user.
    /// </summary>
    /// <param name="address">The address, at this host.</param>
    public Destinations? ResolveLocal(Address address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!IsHost(address.Domain))
            return null;
        var user = WithoutTag(address.LocalPart);
        var name = LocalUsers.GetValueOrDefault(user) ?? Account(user)?.Name ?? (user == "root" || IsLocalUser(user) ? Postmaster : null);
        return name is null ? null : new Destinations([name], []);
    }
}
