using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Imap.Structure;

namespace HomeMail.Server.Intake;

/// <summary>A message as rules see it: decoded fields, its size, and what is proven of its author.</summary>
/// <param name="header">The header; must stay as it is while this is in use.</param>
/// <param name="size">Octets of the whole message.</param>
/// <param name="facts">What was found out about a message from outside; null for one of the house, whose author is known.</param>
public sealed class RuleSubject(ReadOnlyMemory<byte> header, long size, OriginFacts? facts)
{
    // Octets of a field that are decoded.
    private const int MaxField = 16 * 1024;

    // Fields of one name that are looked at.
    private const int MaxFields = 50;

    private readonly Dictionary<string, List<string>> _decoded = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, List<Address>> _addresses = new(StringComparer.OrdinalIgnoreCase);
    private AuthorDomain? _author;

    /// <summary>Octets of the whole message.</summary>
    public long Size { get; } = size;

    /// <summary>
    /// Whether the author is in a domain, or below it, as is proven: DMARC passed, or a signature or SPF of that domain did. Of a message of the house the
    /// author is known by the account's own.
    /// </summary>
    /// <param name="domain">The domain in A-labels.</param>
    public bool IsVerified(string domain)
    {
        var author = facts?.Author ?? (_author ??= AuthorDomain.Of(header.Span));
        if (author.Kind != AuthorDomainKind.One || !DnsName.IsWithin(author.Domain, domain))
            return false;
        return facts is null || facts.Dmarc.Result == DmarcResult.Pass
            || facts.Dkim.Any(verdict => verdict.PassedDomain is { } signer && DnsName.IsWithin(signer, domain))
            || (facts.Spf.Result == SpfResult.Pass && facts.SpfRequest.Identity == SpfIdentity.MailFrom
                && facts.Sender is not null && AddressSyntax.TryToAscii(facts.Sender.Domain, out var sender) && DnsName.IsWithin(sender!, domain));
    }

    /// <summary>Whether a field with this name is of a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="name">The name.</param>
    public bool Any(string pattern, string name) => Values(name).Exists(value => Glob.Matches(pattern, value));

    /// <summary>Whether an address in fields of these names, or one of the fields as a whole, is of a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="names">The names.</param>
    public bool AnyAddress(string pattern, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Any(pattern, name))
                return true;
            foreach (var address in Addresses(name))
                if (Glob.Matches(pattern, address.ToString()))
                    return true;
        }
        return false;
    }

    /// <summary>Whether the identifier of the list is of a pattern: what stands between the angle brackets (RFC 2919 2), or all there is.</summary>
    /// <param name="pattern">The pattern.</param>
    public bool AnyListId(string pattern)
    {
        foreach (var value in Values("List-Id"))
        {
            var open = value.LastIndexOf('<');
            var close = open < 0 ? -1 : value.IndexOf('>', open);
            if (Glob.Matches(pattern, close < 0 ? value : value.AsSpan(open + 1, close - open - 1).Trim()))
                return true;
        }
        return false;
    }

    /// <summary>The addresses in the fields of a name, as far as these can be read.</summary>
    /// <param name="name">The name.</param>
    public IReadOnlyList<Address> Addresses(string name)
    {
        if (_addresses.TryGetValue(name, out var addresses))
            return addresses;
        addresses = [];
        var key = Encoding.ASCII.GetBytes(name);
        foreach (var field in new HeaderFields(header.Span))
        {
            var before = addresses.Count;
            if (field.Is(key) && field.Value.Length <= MaxField && !AddressList.TryParse(field.Value, addresses))
                addresses.RemoveRange(before, addresses.Count - before);
        }
        _addresses.Add(name, addresses);
        return addresses;
    }

    /// <summary>The fields of a name, unfolded, with spaces for tabs and with encoded words decoded (RFC 2047).</summary>
    /// <param name="name">The name.</param>
    public List<string> Values(string name)
    {
        if (_decoded.TryGetValue(name, out var values))
            return values;
        values = [];
        var key = Encoding.ASCII.GetBytes(name);
        foreach (var field in new HeaderFields(header.Span))
            if (field.Is(key) && values.Count < MaxFields)
                values.Add(Decode(field.Value));
        _decoded.Add(name, values);
        return values;
    }

    private static string Decode(ReadOnlySpan<byte> value)
    {
        var unfolded = new byte[Math.Min(value.Length, MaxField)];
        var length = 0;
        foreach (var octet in value[..unfolded.Length])
            if (octet is not ((byte)'\r' or (byte)'\n'))
                unfolded[length++] = octet == (byte)'\t' ? (byte)' ' : octet;
        return EncodedWords.Decode(unfolded, 0, length).Trim();
    }
}
