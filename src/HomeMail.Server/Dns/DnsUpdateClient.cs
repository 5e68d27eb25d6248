using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>Where updates go and who signs them: <c>[dns-update]</c>.</summary>
/// <param name="Host">The name server's name or address.</param>
/// <param name="Port">Its port.</param>
/// <param name="KeyName">The key's name.</param>
/// <param name="Secret">The key.</param>
public sealed record DnsUpdateTarget(string Host, int Port, string KeyName, byte[] Secret)
{
    /// <summary>The target in text, without the key.</summary>
    public override string ToString() => $"{Host}:{Port} {KeyName}";
}

/// <summary>How an update ended.</summary>
/// <param name="IsDone">The server has taken it, and its signature says that it was the server.</param>
/// <param name="Text">What happened, in a few words.</param>
/// <param name="Zone">The zone that the name is in, if it was found.</param>
public sealed record DnsUpdateResult(bool IsDone, string Text, string? Zone = null);

/// <summary>
/// Sets the addresses of a host in its zone: UPDATE (RFC 2136), signed (TSIG, RFC 8945), over TCP, since an answer that got lost would leave us in the dark.
/// The zone is found by asking the server itself for the SOA above the name.
/// </summary>
/// <param name="resolver">Finds the server's addresses.</param>
/// <param name="clock">Time, which signatures hold.</param>
public sealed class DnsUpdateClient(IMailResolver resolver, TimeProvider clock)
{
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(15);

    /// <summary>Seconds that others may keep the addresses: an address that changes must not be believed for hours.</summary>
    public const int TimeToLive = 300;

    /// <summary>Replaces a host's A and AAAA records in one step.</summary>
    /// <param name="target">The server and the key.</param>
    /// <param name="hostname">The host.</param>
    /// <param name="addresses">Its addresses. A family without any keeps what it has.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<DnsUpdateResult> SetAddressesAsync(DnsUpdateTarget target, string hostname, IReadOnlyList<IPAddress> addresses, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(addresses);
        var servers = await ServersAsync(target, cancel).ConfigureAwait(false);
        if (servers.Count == 0)
            return new DnsUpdateResult(false, $"the name server {target.Host} has no address");
        var last = new DnsUpdateResult(false, "");
        foreach (var server in servers)
        {
            using var timer = new CancellationTokenSource(MostTime, clock);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
            try
            {
                return await UpdateAsync(server, target, hostname, addresses, both.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                last = new DnsUpdateResult(false, $"no answer from {server}");
            }
            catch (SocketException e)
            {
                last = new DnsUpdateResult(false, $"{server} cannot be reached ({e.SocketErrorCode})");
            }
            catch (IOException)
            {
                last = new DnsUpdateResult(false, $"{server} has closed the connection");
            }
        }
        return last;
    }

    /// <summary>The addresses of the name server, each with its port.</summary>
    /// <param name="target">The target.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<IReadOnlyList<IPEndPoint>> ServersAsync(DnsUpdateTarget target, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (IPAddress.TryParse(target.Host, out var address))
            return [new IPEndPoint(address, target.Port)];
        var four = resolver.AddressesAsync(target.Host, AddressFamily.InterNetwork, cancel).AsTask();
        var six = resolver.AddressesAsync(target.Host, AddressFamily.InterNetworkV6, cancel).AsTask();
        return [.. (await six.ConfigureAwait(false)).Records.Concat((await four.ConfigureAwait(false)).Records).Select(a => new IPEndPoint(a, target.Port))];
    }

    private async ValueTask<DnsUpdateResult> UpdateAsync(
        IPEndPoint server, DnsUpdateTarget target, string hostname, IReadOnlyList<IPAddress> addresses, CancellationToken cancel)
    {
        var wire = new byte[DnsName.MaxWireLength];
        if (!DnsName.TryEncode(hostname, wire, out var length))
            return new DnsUpdateResult(false, $"'{hostname}' is no domain name");
        var zone = await DnsExchange.QueryAsync(server, wire.AsMemory(0, length), DnsType.Soa, edns: false, cancel).ConfigureAwait(false);
        // A server that does recursion would name any zone; the one that keeps this one says so.
        if (zone?.SoaOwner is not { Length: > 0 } name || !DnsName.IsWithin(hostname, name))
            return new DnsUpdateResult(false, $"{server} does not keep the zone of {hostname}");

        var update = new DnsUpdate(name);
        foreach (var family in addresses.GroupBy(a => a.AddressFamily))
        {
            update.Remove(hostname, family.Key == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa);
            foreach (var address in family)
                update.Add(hostname, TimeToLive, address);
        }
        if (update.Count == 0)
            return new DnsUpdateResult(false, "there is no address to publish", name);
        var key = new TsigKey(target.KeyName, target.Secret);
        var id = DnsExchange.NewId();
        var message = key.Sign(update.ToMessage(id), clock.GetUtcNow().ToUnixTimeSeconds(), out var mac);
        var answer = await DnsExchange.OverTcpAsync(server, message, cancel).ConfigureAwait(false);
        if (!DnsUpdate.TryReadResponse(answer, id, out var code))
            return new DnsUpdateResult(false, $"{server} gave an answer that is none", name);
        var signature = key.Verify(answer, mac, clock.GetUtcNow().ToUnixTimeSeconds());
        return (code, signature) switch
        {
            (_, TsigResult.BadKey) => new DnsUpdateResult(false, $"{server} does not know the key {target.KeyName}", name),
            (_, TsigResult.BadSignature) => new DnsUpdateResult(false, $"the secret of {target.KeyName} is not the one that {server} has", name),
            (_, TsigResult.BadTime) => new DnsUpdateResult(false, $"the clocks of this machine and of {server} are more than five minutes apart", name),
            (DnsResponseCode.NoError, TsigResult.Good) => new DnsUpdateResult(true, $"{server} has taken it", name),
            (DnsResponseCode.NoError, _) => new DnsUpdateResult(false, $"{server} gave an answer that nobody stands for", name),
            (DnsResponseCode.Refused, _) => new DnsUpdateResult(false, $"{server} does not let {target.KeyName} change {hostname}", name),
            (DnsResponseCode.NotAuthorized, _) => new DnsUpdateResult(false, $"{server} does not take updates of {name}", name),
            (DnsResponseCode.NotImplemented, _) => new DnsUpdateResult(false, $"{server} takes no updates", name),
            _ => new DnsUpdateResult(false, $"{server} answers with code {(int)code}", name),
        };
    }
}
