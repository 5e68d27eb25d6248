using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;

namespace HomeMail.Server.House;

/// <summary>The A and AAAA records of our name.</summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="hostname">Our name.</param>
public sealed class HostnameAddresses(IMailResolver resolver, Func<string> hostname) : IPublicAddressSource
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel)
    {
        var four = resolver.AddressesAsync(hostname(), AddressFamily.InterNetwork, cancel).AsTask();
        var six = resolver.AddressesAsync(hostname(), AddressFamily.InterNetworkV6, cancel).AsTask();
        return [.. (await four.ConfigureAwait(false)).Records.Concat((await six.ConfigureAwait(false)).Records).Select(a => new AddressReport(a, AddressSource.Hostname))];
    }
}

/// <summary>
/// The global addresses that this machine itself sends from. Of IPv6 it is the stable one: a temporary address (RFC 8981) is another one tomorrow, and a
/// deprecated one is on its way out.
/// </summary>
/// <param name="readLines">Reads a file of the kernel's; null is the machine's own, in <c>/proc/net</c>.</param>
public sealed class SendingAddresses(Func<string, IEnumerable<string>>? readLines = null) : IPublicAddressSource
{
    // IFA_F_TEMPORARY, IFA_F_OPTIMISTIC, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE (linux/if_addr.h)
    private const int NotToUse = 0x01 | 0x04 | 0x08 | 0x20 | 0x40;

    // Root servers of DNS: names of the far side of the internet. Nothing is sent there; the system only says which way it would go.
    private static readonly IPEndPoint[] FarAway = [new(IPAddress.Parse("193.0.14.129"), 53), new(IPAddress.Parse("2001:7fd::1"), 53)];

    private readonly Func<string, IEnumerable<string>> _readLines = readLines ?? (static name => File.ReadLines("/proc/net/" + name));

    /// <inheritdoc/>
    public Task<IReadOnlyList<AddressReport>> AskAsync(CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<AddressReport>>([.. FarAway.Select(From).OfType<IPAddress>().Select(a => new AddressReport(a, AddressSource.Interface))]);

    /// <summary>The address that this machine would send from, of IPv6 the stable one; null if there is no way to the other side.</summary>
    /// <param name="remote">The other side. Nothing is sent there.</param>
    internal IPAddress? From(IPEndPoint remote)
    {
        try
        {
            using var socket = new Socket(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(remote);
            var local = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return local.AddressFamily == AddressFamily.InterNetworkV6 ? Stable(local) : local;
        }
        catch (SocketException)
        {
            return null; // no way out over this family
        }
    }

    /// <summary>The stable address in the place of one that the system would send from: itself, or another of its prefix.</summary>
    /// <param name="address">The address.</param>
    internal IPAddress Stable(IPAddress address)
    {
        var stable = new List<IPAddress>();
        try
        {
            // address, interface index, prefix length, scope, flags, interface: numbers in hexadecimal, scope 0 is global
            foreach (var line in _readLines("if_inet6"))
                if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [{ Length: 32 } digits, _, _, "00", var flags, ..]
                    && int.TryParse(flags, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits) && (bits & NotToUse) == 0)
                    stable.Add(new IPAddress(Convert.FromHexString(digits)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            return address;
        }
        if (stable.Contains(address))
            return address;
        var prefix = new IPNetwork(Masked(address), 64);
        return stable.FirstOrDefault(prefix.Contains) ?? address;
    }

    private static IPAddress Masked(IPAddress address)
    {
        var octets = address.GetAddressBytes();
        Array.Clear(octets, 8, 8);
        return new IPAddress(octets);
    }
}

/// <summary>Asks all sources at once, and puts what they say together. Of a family whose address is written down nobody else is heard.</summary>
/// <param name="configured">What <c>[server] public-ip</c> says; asked for each time, since a reload changes it.</param>
/// <param name="sources">The sources.</param>
/// <param name="clock">Time.</param>
public sealed class PublicAddresses(Func<IReadOnlyList<IPAddress>> configured, IReadOnlyList<IPublicAddressSource> sources, TimeProvider clock)
{
    // A gateway that hangs must not hold up what the others say.
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(8);

    /// <summary>Asks.</summary>
    /// <param name="cancel">Gives up.</param>
    public async Task<PublicPicture> AskAsync(CancellationToken cancel)
    {
        var fixedOnes = configured();
        var reports = fixedOnes.Select(a => new AddressReport(a, AddressSource.Configuration));
        if (fixedOnes.Count == 2)
            return new PublicPicture(reports);
        using var timer = new CancellationTokenSource(MostTime, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        var answers = await Task.WhenAll(sources.Select(async source =>
        {
            try
            {
                return await source.AskAsync(both.Token).ConfigureAwait(false);
            }
            catch (Exception error) when ((error is OperationCanceledException && !cancel.IsCancellationRequested) || error is IOException or SocketException)
            {
                return [];
            }
        })).ConfigureAwait(false);
        return new PublicPicture(reports.Concat(answers.SelectMany(static answer => answer)
            .Where(report => report.Source == AddressSource.Hostname || fixedOnes.All(a => a.AddressFamily != report.Address.AddressFamily))));
    }

    /// <summary>
    /// Tries which of this machine's own addresses reach a server on the internet: a connection comes about only if what is sent to the address arrives here.
    /// That is a word of its own, besides the interface's.
    /// </summary>
    /// <param name="picture">What is known.</param>
    /// <param name="servers">Servers on the internet.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The picture with what was found.</returns>
    public async Task<PublicPicture> TryOutAsync(PublicPicture picture, IReadOnlyList<IPEndPoint> servers, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(servers);
        var reports = picture.Reports.ToList();
        foreach (var address in picture.Reports.Where(r => r.Source == AddressSource.Interface).Select(r => r.Address).ToList())
            foreach (var server in servers.Where(s => s.AddressFamily == address.AddressFamily && PublicPicture.IsPublic(s.Address)))
                if (await ReachesAsync(address, server, cancel).ConfigureAwait(false))
                {
                    reports.Add(new AddressReport(address, AddressSource.Reached));
                    break;
                }
        return new PublicPicture(reports);
    }

    private async Task<bool> ReachesAsync(IPAddress from, IPEndPoint to, CancellationToken cancel)
    {
        using var timer = new CancellationTokenSource(MostTime, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            using var socket = new Socket(from.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(from, 0));
            await socket.ConnectAsync(to, both.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is SocketException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }
}
