using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary>Stands for resolvers none of which answers, so that not every question waits for them.</summary>
internal sealed class SilentResolver : IMailResolver
{
    public ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string name, AddressFamily family, CancellationToken cancel) => Nothing<IPAddress>(name);

    public ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken cancel) => Nothing<MxRecord>(name);

    public ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken cancel) => Nothing<string>(name);

    public ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken cancel) => Nothing<string>(address.ToString());

    public ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken cancel) => Nothing<TlsaRecord>(name);

    public ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken cancel) => Nothing<SrvRecord>(name);

    private static ValueTask<DnsAnswer<T>> Nothing<T>(string name) =>
        ValueTask.FromResult(new DnsAnswer<T>(DnsStatus.TemporaryFailure, [], name, Detail: "no resolver answers"));
}
