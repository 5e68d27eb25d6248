using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HomeMail.Protocol.MtaSts;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery.Trust;

/// <summary>What a fetch has brought.</summary>
/// <param name="Policy">The policy, or null.</param>
/// <param name="Result">What kind of failure it was.</param>
/// <param name="Problem">What happened, in a few words; empty if nothing.</param>
public sealed record FetchedPolicy(StsPolicy? Policy, TlsResult Result, string Problem);

/// <summary>
/// Fetches the MTA-STS policy of a domain (RFC 8461 3.3): one GET over HTTPS to <c>mta-sts.DOMAIN</c>, which has to prove its name. No redirect is followed,
/// nothing but text/plain is taken, and a stranger's DNS cannot lead it into the house.
/// </summary>
/// <param name="dns">Look-ups.</param>
/// <param name="dialer">Opens connections.</param>
/// <param name="options">Whom to trust, and whether the clock can be believed.</param>
/// <param name="clock">Measures the time limit.</param>
public sealed class PolicyFetch(IMailResolver dns, IDialer dialer, DeliveryOptions options, TimeProvider clock)
{
    private const int HttpsPort = 443;
    private const int MaxAddresses = 4;
    private const int MaxAnswer = StsPolicy.MaxLength + HttpAnswer.MaxHeader + 4096;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(10);

    /// <summary>Fetches a policy.</summary>
    /// <param name="domain">The domain, in ASCII.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<FetchedPolicy> FetchAsync(string domain, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var host = "mta-sts." + domain;
        try
        {
            var problem = "its host has no address";
            foreach (var address in await AddressesAsync(host, both.Token).ConfigureAwait(false))
            {
                try
                {
                    var stream = await DialAsync(address, both.Token).ConfigureAwait(false);
                    await using (stream.ConfigureAwait(false))
                        return await AskAsync(stream, host, both.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (e is DialException or IOException or SocketException)
                {
                    problem = e is DialException ? e.Message : "the connection was closed";
                }
            }
            return Failed(problem);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return Failed("no answer in time");
        }
    }

    private static FetchedPolicy Failed(string problem, TlsResult result = TlsResult.StsPolicyFetchError) => new(null, result, problem);

    private async Task<List<IPAddress>> AddressesAsync(string host, CancellationToken cancel)
    {
        var addresses = new List<IPAddress>();
        foreach (var family in (AddressFamily[])[AddressFamily.InterNetworkV6, AddressFamily.InterNetwork])
            foreach (var address in (await dns.AddressesAsync(host, family, cancel).ConfigureAwait(false)).Records)
                if (!SpecialPurpose.Is(address))
                    addresses.Add(address);
        // One of each family is among those that are tried.
        return [.. addresses.Select((a, i) => (a, i)).OrderBy(p => addresses.Take(p.i).Count(b => b.AddressFamily == p.a.AddressFamily)).Select(p => p.a).Take(MaxAddresses)];
    }

    private async Task<Stream> DialAsync(IPAddress address, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ConnectLimit, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await dialer.DialAsync(new IPEndPoint(address, HttpsPort), both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new DialException("connection timed out");
        }
    }

    private async Task<FetchedPolicy> AskAsync(Stream connection, string host, CancellationToken cancel)
    {
        CertificateRefusal? refusal = null;
        var chain = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (options.TrustAnchors is { } anchors)
        {
            chain.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.CustomTrustStore.AddRange(anchors);
        }
        using var tls = new SslStream(connection, leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = host,
                    ApplicationProtocols = [SslApplicationProtocol.Http11],
                    CertificateChainPolicy = chain,
                    RemoteCertificateValidationCallback = (_, certificate, built, errors) =>
                        (refusal = VerifiedName.Instance.Refuse(certificate as X509Certificate2, built, errors, options.ClockIsSane())) is null,
                }, cancel).ConfigureAwait(false);
        }
        catch (AuthenticationException)
        {
            return refusal is null ? Failed("the TLS handshake failed") : Failed(refusal.Words, TlsResult.StsWebPkiInvalid);
        }
        await tls.WriteAsync(
            Encoding.ASCII.GetBytes($"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nUser-Agent: HomeMail\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"), cancel)
            .ConfigureAwait(false);
        var buffer = ArrayPool<byte>.Shared.Rent(MaxAnswer);
        try
        {
            for (var length = 0; ;)
            {
                var read = length == MaxAnswer ? 0 : await tls.ReadAsync(buffer.AsMemory(length, MaxAnswer - length), cancel).ConfigureAwait(false);
                length += read;
                switch (HttpAnswer.Read(buffer.AsSpan(0, length), read == 0, StsPolicy.MaxLength, out var answer))
                {
                    case HttpProgress.Complete:
                        return Judge(answer!);
                    case HttpProgress.Malformed:
                        return Failed(length > StsPolicy.MaxLength ? "the answer is too long" : "the answer is not HTTP");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // RFC 8461 3.3: whoever could redirect us could take the policy's place.
    private static FetchedPolicy Judge(HttpAnswer answer)
    {
        if (answer.Status != 200)
            return Failed($"its host answers {answer.Status}");
        if (answer.MediaType != "text/plain" || answer.IsEncoded)
            return Failed("the answer is not text/plain");
        var policy = StsPolicy.Parse(answer.Content, out var problem);
        return policy is null ? Failed(problem, TlsResult.StsPolicyInvalid) : new FetchedPolicy(policy, TlsResult.Success, "");
    }
}
