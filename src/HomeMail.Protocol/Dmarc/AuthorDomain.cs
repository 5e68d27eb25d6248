using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;

namespace HomeMail.Protocol.Dmarc;

/// <summary>What a message's From says about its author's domain.</summary>
public enum AuthorDomainKind
{
    /// <summary>There is exactly one domain.</summary>
    One,

    /// <summary>There is no From field.</summary>
    Missing,

    /// <summary>There is more than one From field.</summary>
    SeveralFields,

    /// <summary>The addresses in it are of more than one domain.</summary>
    SeveralDomains,

    /// <summary>It cannot be read as addresses, holds none, or a domain that has no form in DNS.</summary>
    Malformed,
}

/// <summary>
/// The Author Domain of a message (RFC 9989 5.3.1). Only a header that every reader must understand alike has one: readers of mail disagree
/// about what is shown of two From fields, of broken quotes and the like, and a forger needs only one that shows the wrong name.
/// </summary>
/// <remarks>
/// RFC 9989 5.3.1 counts domains and not addresses: validation is impossible where "zero or more than one domain" is in From. Several addresses of
/// one domain in one field leave one author domain, and are evaluated; the result says that the domain's owner has authorised the message, of
/// whichever of the addresses a reader shows. Of several domains the section leaves going forward to the receiver, and 11.5 warns of it: here that
/// is never done, and neither is it for several From fields, whatever domains are in them.
/// </remarks>
/// <param name="Kind">What there is.</param>
/// <param name="Domain">The domain in A-labels and lower case; empty unless there is exactly one.</param>
/// <param name="Claimed">Every domain that a reader could see in the From fields, for policy to recognise its own; in A-labels where they have them.</param>
public sealed record AuthorDomain(AuthorDomainKind Kind, string Domain, IReadOnlyList<string> Claimed)
{
    // More From fields or addresses than this are not looked at one by one.
    private const int MostClaimed = 20;

    /// <summary>Reads the header.</summary>
    /// <param name="header">The header block.</param>
    public static AuthorDomain Of(ReadOnlySpan<byte> header)
    {
        var fields = 0;
        var isWellFormed = true;
        var claimed = new List<string>();
        foreach (var field in new HeaderFields(header))
        {
            if (!field.Is("From"u8))
                continue;
            fields++;
            if (claimed.Count >= MostClaimed)
                continue;
            var addresses = new List<Address>();
            isWellFormed &= AddressList.TryParse(field.Value, addresses) && addresses.Count > 0;
            foreach (var address in addresses)
                isWellFormed &= Claim(address.Domain, claimed);
        }
        var kind = fields switch
        {
            0 => AuthorDomainKind.Missing,
            > 1 => AuthorDomainKind.SeveralFields,
            _ when !isWellFormed => AuthorDomainKind.Malformed,
            _ when claimed.Count > 1 => AuthorDomainKind.SeveralDomains,
            _ => AuthorDomainKind.One,
        };
        return new AuthorDomain(kind, kind == AuthorDomainKind.One ? claimed[0] : "", claimed);
    }

    private static bool Claim(string domain, List<string> claimed)
    {
        var good = InternationalName.TryToAscii(domain, out var ascii);
        ascii = ascii.ToLowerInvariant();
        if (claimed.Count < MostClaimed && !claimed.Contains(ascii))
            claimed.Add(ascii);
        return good && ascii[0] != '[' && ascii.Contains('.', StringComparison.Ordinal) && !ascii.EndsWith('.') && DnsName.IsValid(ascii);
    }
}
