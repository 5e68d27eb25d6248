using System.Net;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Policy;

/// <summary>One thing that a sender is known by.</summary>
/// <param name="Kind">s: exact sender, d: domain, o: organisation, n: network.</param>
/// <param name="Name">The address, domain or network, in lower case.</param>
public readonly record struct SenderIdentity(char Kind, string Name)
{
    /// <summary>In words.</summary>
    public override string ToString() => (Kind switch { 's' => "sender ", 'd' => "domain ", 'o' => "organisation ", _ => "network " }) + Name;
}

/// <summary>
/// What the sender of a message is known by, the most particular first. Only what is verified is in here: nobody earns or loses a standing for mail that somebody
/// else has sent in his name.
/// </summary>
public static class SenderIdentities
{
    private const int Most = 12;

    /// <summary>The identities of mail from outside.</summary>
    /// <param name="sender">MAIL FROM as text, or null for the null reverse-path.</param>
    /// <param name="spfPassed">Whether SPF passed for its domain.</param>
    /// <param name="dkimDomains">d= of each signature that passed.</param>
    /// <param name="author">The address in From as text, if there is one; or null.</param>
    /// <param name="dmarcPassed">Whether DMARC passed for its domain.</param>
    /// <param name="organisation">The organisation's domain (RFC 9989 4.10), if it is known to differ from the author's.</param>
    /// <param name="client">The client's address, or null where it says nothing of who sent.</param>
    public static IReadOnlyList<SenderIdentity> Of(
        string? sender, bool spfPassed, IReadOnlyList<string> dkimDomains, string? author, bool dmarcPassed, string? organisation, IPAddress? client)
    {
        ArgumentNullException.ThrowIfNull(dkimDomains);
        var found = new List<SenderIdentity>(6);
        if (dmarcPassed && author is not null)
            Add('s', author);
        if (spfPassed && sender is not null)
            Add('s', sender);
        if (dmarcPassed && author is not null)
            Add('d', DomainOf(author));
        if (spfPassed && sender is not null)
            Add('d', DomainOf(sender));
        foreach (var domain in dkimDomains)
            Add('d', domain);
        if (dmarcPassed && organisation is not null)
            Add('o', organisation);
        if (client is not null)
        {
            Add('n', NetworkName.Near(client));
            if (NetworkName.Wide(client) is { } wide)
                Add('n', wide);
        }
        return found;

        void Add(char kind, string name)
        {
            var identity = new SenderIdentity(kind, name.ToLowerInvariant());
            if (found.Count < Most && name.Length > 0 && !found.Contains(identity))
                found.Add(identity);
        }
    }

    /// <summary>The identities of mail from a known principal: its own address, which it has proven, and nothing that others of the house share.</summary>
    /// <param name="author">Its address in From or MAIL FROM as text.</param>
    public static IReadOnlyList<SenderIdentity> OfKnown(string author)
    {
        ArgumentNullException.ThrowIfNull(author);
        return [new SenderIdentity('s', author.ToLowerInvariant())];
    }

    /// <summary>The domain above a host's name by which a pool of hosts is known: two labels, or three where the second is as short as those of a country's registry.</summary>
    /// <param name="host">The host's name.</param>
    public static string PoolOf(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        var labels = host.TrimEnd('.').ToLowerInvariant().Split('.');
        var keep = labels.Length >= 3 && labels[^1].Length == 2 && labels[^2].Length <= 3 ? 3 : 2;
        return labels.Length <= keep ? string.Join('.', labels) : string.Join('.', labels[^keep..]);
    }

    /// <summary>Whether a domain is one of some, or below one of them.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="above">The domains.</param>
    public static bool IsBelow(string domain, IReadOnlyList<string> above)
    {
        ArgumentNullException.ThrowIfNull(above);
        foreach (var one in above)
            if (DnsName.IsWithin(domain, one))
                return true;
        return false;
    }

    private static string DomainOf(string address) => address[(address.LastIndexOf('@') + 1)..];
}
