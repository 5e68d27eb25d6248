using System.Net;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>What reverse DNS says of a client (RFC 8601 2.7.3, <c>iprev</c>).</summary>
/// <param name="Result"><c>pass</c>: a name of the address leads back to it; <c>fail</c>; <c>temperror</c>; <c>permerror</c>: it has no name; <c>none</c>: not looked up.</param>
/// <param name="Name">The name that leads back, or null.</param>
public sealed record ReverseName(string Result, string? Name)
{
    // Some addresses have hundreds of names; the first few are as good as all.
    private const int MostNames = 3;

    /// <summary>The address says nothing of who sent, so it was not looked up.</summary>
    public static ReverseName Unknown { get; } = new("none", null);

    /// <summary>Looks up the names of an address, and whether one of them leads back.</summary>
    /// <param name="resolver">Where look-ups go.</param>
    /// <param name="address">The address.</param>
    /// <param name="cancel">Gives up.</param>
    public static async ValueTask<ReverseName> CheckAsync(IMailResolver resolver, IPAddress address, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(resolver);
        ArgumentNullException.ThrowIfNull(address);
        var names = await resolver.PtrAsync(address, cancel).ConfigureAwait(false);
        if (names.Status != DnsStatus.Found)
            return new ReverseName(names.Status == DnsStatus.TemporaryFailure ? "temperror" : "permerror", null);
        var result = "fail";
        foreach (var name in names.Records.Take(MostNames))
        {
            var back = await resolver.AddressesAsync(name, address.AddressFamily, cancel).ConfigureAwait(false);
            if (back.Records.Contains(address))
                return new ReverseName("pass", name);
            if (back.Status == DnsStatus.TemporaryFailure)
                result = "temperror";
        }
        return new ReverseName(result, null);
    }
}
