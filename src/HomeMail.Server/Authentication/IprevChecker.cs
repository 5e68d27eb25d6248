using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>The results of iprev (RFC 8601 2.7.3).</summary>
public enum IprevResult
{
    /// <summary>A name of the address has the address.</summary>
    Pass,

    /// <summary>None has.</summary>
    Fail,

    /// <summary>DNS did not answer.</summary>
    TempError,

    /// <summary>The address has no name.</summary>
    PermError,
}

/// <summary>What became of an iprev check.</summary>
/// <param name="Result">The result.</param>
/// <param name="Name">For a pass: the name that has the address.</param>
public sealed record IprevOutcome(IprevResult Result, string? Name);

/// <summary>Checks that an address has a name which has the address (RFC 8601 3).</summary>
/// <param name="resolver">Where look-ups go.</param>
public sealed class IprevChecker(IMailResolver resolver)
{
    // RFC 8601 3 asks for a limit.
    private const int MostNames = 5;

    /// <summary>Checks an address.</summary>
    /// <param name="client">The address; IPv4-mapped IPv6 is IPv4.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<IprevOutcome> CheckAsync(IPAddress client, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (client.IsIPv4MappedToIPv6)
            client = client.MapToIPv4();
        var names = await resolver.PtrAsync(client, cancel).ConfigureAwait(false);
        if (names.Status != DnsStatus.Found)
            return new IprevOutcome(names.Status == DnsStatus.TemporaryFailure ? IprevResult.TempError : IprevResult.PermError, null);
        var undecided = false;
        foreach (var name in names.Records.Take(MostNames))
        {
            if (!DnsName.IsHostLike(name))
                continue; // a name that is no host's, and that would have to be quoted wherever it is told
            var family = client.AddressFamily == AddressFamily.InterNetwork ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
            var addresses = await resolver.AddressesAsync(name, family, cancel).ConfigureAwait(false);
            if (addresses.Records.Contains(client))
                return new IprevOutcome(IprevResult.Pass, name);
            undecided |= addresses.Status == DnsStatus.TemporaryFailure;
        }
        return new IprevOutcome(undecided ? IprevResult.TempError : IprevResult.Fail, null);
    }
}
