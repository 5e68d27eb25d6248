using System.Buffers.Binary;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;

namespace HomeMail.Server.Dns;

/// <summary>What one recursive resolver can do, as it was seen.</summary>
/// <param name="Server">The resolver.</param>
/// <param name="Fault">Why it is of no use: <c>time-out</c>, <c>ConnectionRefused</c>, <c>broken answer</c>; null if it answers over UDP.</param>
/// <param name="Code">What it answers to the question for the root of DNS.</param>
/// <param name="SpeaksEdns">Whether it knows EDNS (RFC 6891).</param>
/// <param name="SpeaksTcp">Whether it answers over TCP (RFC 7766).</param>
/// <param name="Validates">Whether it says that it has validated the answer (RFC 4035 3.2.3).</param>
public sealed record ProbedResolver(NameServer Server, string? Fault, DnsResponseCode Code, bool SpeaksEdns, bool SpeaksTcp, bool Validates)
{
    // The root: an empty name. Its start of authority is signed anew every day, for about two weeks.
    private static readonly byte[] Root = [0];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.3);
    private static readonly TimeSpan TcpPatience = TimeSpan.FromSeconds(3);

    /// <summary>When the signature of the answer begins and ends to hold, if one came along: the time now lies between.</summary>
    public (DateTimeOffset From, DateTimeOffset Until)? Signed { get; init; }

    /// <summary>Asks a resolver for the root, in all the ways that matter. It takes three seconds at most.</summary>
    /// <param name="server">The resolver.</param>
    /// <param name="clock">Time.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<ProbedResolver> AskAsync(NameServer server, TimeProvider clock, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(server);
        var tcp = TryAsync(c => DnsExchange.OverTcpAsync(server.EndPoint, Root, DnsType.Soa, true, c), TcpPatience, clock, cancel);
        var (response, fault) = await TryAsync(c => DnsExchange.OverUdpAsync(server.EndPoint, Root, DnsType.Soa, true, c, signatures: true), Patience, clock, cancel).ConfigureAwait(false);
        var knowsEdns = response is { HasOpt: true };
        // Without EDNS: an old one says that it does not understand, and some routers say nothing at all.
        if (response is null or { Code: DnsResponseCode.FormatError or DnsResponseCode.NotImplemented or DnsResponseCode.BadVersion })
            (response, fault) = await TryAsync(c => DnsExchange.OverUdpAsync(server.EndPoint, Root, DnsType.Soa, false, c), Patience, clock, cancel).ConfigureAwait(false);
        var overTcp = (await tcp.ConfigureAwait(false)).Response is not null;
        return new ProbedResolver(server, response is null ? fault : null, response?.Code ?? DnsResponseCode.ServerFailure, knowsEdns, overTcp, response is { AuthenticData: true })
        {
            Signed = response is null ? null : SignedTimes(response),
        };
    }

    // RFC 4034 3.1.5: seconds since 1970, modulo 2^32, which is enough until 2106.
    private static (DateTimeOffset From, DateTimeOffset Until)? SignedTimes(DnsResponse response)
    {
        foreach (var record in response.Answers)
            if (record.Type == DnsType.Rrsig && record.Data.Length == DnsQuery.SignatureFields)
                return (DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(record.Data.AsSpan(12))),
                    DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32BigEndian(record.Data.AsSpan(8))));
        return null;
    }

    private static async Task<(DnsResponse? Response, string Fault)> TryAsync(
        Func<CancellationToken, ValueTask<DnsResponse?>> ask, TimeSpan patience, TimeProvider clock, CancellationToken cancel)
    {
        using var timer = new CancellationTokenSource(patience, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            return (await ask(both.Token).ConfigureAwait(false), "broken answer");
        }
        catch (OperationCanceledException)
        {
            return (null, "time-out");
        }
        catch (SocketException error)
        {
            return (null, error.SocketErrorCode.ToString());
        }
        catch (IOException)
        {
            return (null, "the connection was closed");
        }
    }
}
