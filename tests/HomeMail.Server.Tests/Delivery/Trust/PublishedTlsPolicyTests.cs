using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.Delivery;
using HomeMail.Server.Delivery.Trust;
using HomeMail.Server.Dns;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Delivery.Trust;

/// <summary>What a destination publishes, and what then goes over the wire: two MX with one address each, real handshakes.</summary>
public class PublishedTlsPolicyTests
{
    private const string Hello = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 STARTTLS\n";
    private const string Shake = "C: STARTTLS\nS: 220 go\ntls\nC: EHLO home.example\nS: 250 mx\n";
    private const string Fail = Hello + "C: STARTTLS\nS: 220 go\ntls!";
    private const string Plain = "S: 220 mx\nC: EHLO home.example\nS: 250 mx\n";
    private const string Broken = Hello + "C: STARTTLS\nS: 220 go\nclose";

    private static readonly string Take = RemoteBench.Accept[RemoteBench.Accept.IndexOf("C: MAIL", StringComparison.Ordinal)..];
    private static readonly X509Certificate2 Cert1 = TestCertificates.For("mx1.example.net");
    private static readonly X509Certificate2 Cert2 = TestCertificates.For("mx2.example.net");
    private static readonly X509Certificate2 Alien = TestCertificates.For("mail.alien.example");
    private static readonly X509Certificate2 Stale = TestCertificates.For("mx1.example.net", -30, -2);

    private const string Because = ", as the domain's MTA-STS policy asks";
    private const string DaneBecause = ", as the host's DANE records ask";
    private const string Unnamed = "Deferred mx1.example.net: 4.7.5 the host is not used: the domain's MTA-STS policy does not name it";

    public static TheoryData<string, string, string, string, string, string, string> Situations { get; } = new()
    {
        // what, published, host 1, host 2, outcome, security of the delivery, counted
        { "nothing published", "", "good:tls", "", "Delivered mx1", "TLS 1.3, verified", "no-policy-found ok 1" },
        { "nothing published, another certificate", "", "alien:tls", "", "Delivered mx1", "TLS 1.3, not verified", "no-policy-found ok 1" },
        { "nothing published, no TLS", "", "good:plain", "", "Delivered mx1", "in clear", "no-policy-found ok 0, starttls-not-supported mx1.example.net 1" },
        { "nothing published, TLS broken", "", "good:broken|good:clear", "", "Delivered mx1", "in clear", "no-policy-found ok 0, validation-failure mx1.example.net 1" },
        { "enforce, right certificate", "enforce", "good:tls", "", "Delivered mx1", "TLS 1.3, MTA-STS", "sts ok 1" },
        { "enforce, wrong certificate, next host", "enforce both", "alien:fail", "good:tls", "Delivered mx2", "TLS 1.3, MTA-STS", "sts ok 1, certificate-host-mismatch mx1.example.net 1" },
        { "enforce, wrong certificate everywhere", "enforce both", "alien:fail", "alien:fail", "Deferred mx1.example.net: 4.7.5 the certificate is for another name" + Because, "",
            "sts ok 0, certificate-host-mismatch mx1.example.net 1, certificate-host-mismatch mx2.example.net 1" },
        { "enforce, out of date", "enforce", "old:fail", "", "Deferred mx1.example.net: 4.7.5 the certificate is out of date" + Because, "",
            "sts ok 0, certificate-expired mx1.example.net 1, validation-failure mx2.example.net 1" },
        { "enforce, out of date, but who knows the date", "enforce insane", "old:tls", "", "Delivered mx1", "TLS 1.3, MTA-STS", "sts ok 1" },
        { "enforce, STARTTLS not offered", "enforce", "good:only", "", "Deferred mx1.example.net: 4.7.10 the host does not offer encryption, and it is asked for" + Because, "",
            "sts ok 0, starttls-not-supported mx1.example.net 1, validation-failure mx2.example.net 1" },
        { "enforce, handshake broken", "enforce", "good:broken", "", "Deferred mx1.example.net: 4.7.5 the connection was closed" + Because, "",
            "sts ok 0, validation-failure mx1.example.net 1, validation-failure mx2.example.net 1" },
        { "enforce, MX not named, next host", "enforce second", "", "good:tls", "Delivered mx2", "TLS 1.3, MTA-STS", "sts ok 1, validation-failure mx1.example.net 1" },
        { "enforce, no MX named", "enforce none-of-them", "", "", Unnamed, "", "sts ok 0, validation-failure mx1.example.net 1, validation-failure mx2.example.net 1" },
        { "testing, wrong certificate", "testing", "alien:tls", "", "Delivered mx1", "TLS 1.3, not verified, MTA-STS in testing", "sts ok 0, certificate-host-mismatch mx1.example.net 1" },
        { "testing, right certificate", "testing", "good:tls", "", "Delivered mx1", "TLS 1.3, verified, MTA-STS in testing", "sts ok 1" },
        { "testing, MX not named", "testing second", "good:tls", "", "Delivered mx1", "TLS 1.3, verified, MTA-STS in testing", "sts ok 0, validation-failure mx1.example.net 1" },
        { "testing, no TLS", "testing", "good:plain", "", "Delivered mx1", "in clear", "sts ok 0, starttls-not-supported mx1.example.net 1" },
        { "mode none", "mode-none", "alien:tls", "", "Delivered mx1", "TLS 1.3, not verified", "no-policy-found ok 1" },
        { "the sender says TLS-Required: No", "enforce waived", "alien:tls", "", "Delivered mx1", "TLS 1.3, not verified", "" },
        { "the sender says so, and there is no TLS", "enforce waived", "good:plain", "", "Delivered mx1", "in clear", "" },
        { "DANE-EE", "dane=1:311", "good:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "DANE-EE, out of date and of another name", "dane=1:311alien", "alien:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "DANE rollover", "dane=1:311alien dane=1:311", "good:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "DANE mismatch, next host", "dane=1:311alien", "good:fail", "good:tls", "Delivered mx2", "TLS 1.3, verified", "no-policy-found ok 1\ntlsa ok 0, validation-failure mx1.example.net 1" },
        { "DANE mismatch everywhere", "dane=1:311alien dane=2:311alien", "good:fail", "good2:fail", "Deferred mx1.example.net: 4.7.5 no DANE record of the host fits the certificate" + DaneBecause, "",
            "tlsa ok 0, validation-failure mx1.example.net 1, validation-failure mx2.example.net 1" },
        { "DANE, no TLS offered", "dane=1:311 dane=2:311", "good:only", "good:only", "Deferred mx1.example.net: 4.7.10 the host does not offer encryption, and it is asked for" + DaneBecause, "",
            "tlsa ok 0, starttls-not-supported mx1.example.net 1, starttls-not-supported mx2.example.net 1" },
        { "DANE without DNSSEC is none", "unsigned dane=1:311alien", "good:tls", "", "Delivered mx1", "TLS 1.3, verified", "no-policy-found ok 1" },
        { "DANE look-up fails, next host", "dane-fails=1", "", "good:tls", "Delivered mx2", "TLS 1.3, verified", "no-policy-found ok 1\ntlsa ok 0, dnssec-invalid mx1.example.net 1" },
        { "DANE look-up fails everywhere", "dane-fails=1 dane-fails=2", "", "", "Deferred mx1.example.net: 4.7.5 the host is not used: whether it has DANE records could not be found out (SERVFAIL)", "",
            "tlsa ok 0, dnssec-invalid mx1.example.net 1, dnssec-invalid mx2.example.net 1" },
        { "DANE, nothing usable: encrypted to whomever", "dane=1:pkix", "alien:tls", "", "Delivered mx1", "TLS 1.3, DANE without a usable record", "tlsa ok 0, tlsa-invalid mx1.example.net 1" },
        { "DANE, nothing usable, no TLS", "dane=1:pkix dane=2:pkix", "good:only", "good:only", "Deferred mx1.example.net: 4.7.10 the host does not offer encryption, and it is asked for" + DaneBecause, "",
            "tlsa ok 0, starttls-not-supported mx1.example.net 1, starttls-not-supported mx2.example.net 1" },
        { "DANE beats MTA-STS that agrees less", "enforce none-of-them dane=1:311alien", "alien:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "MTA-STS does not save what DANE refuses", "enforce dane=1:311alien", "good:fail", "", "Deferred mx1.example.net: 4.7.5 no DANE record of the host fits the certificate" + DaneBecause, "",
            "sts ok 0, validation-failure mx2.example.net 1\ntlsa ok 0, validation-failure mx1.example.net 1" },
        { "DANE at the end of an alias", "alias dane=alias:311alien", "alien:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "DANE at its beginning, none at its end", "alias dane=1:311alien", "alien:tls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "route off: the owner's word", "enforce route-off", "good:clear", "", "Delivered mx1", "in clear", "" },
        { "route required, nothing usable", "route-required dane=1:pkix", "good:tls", "", "Delivered mx1", "TLS 1.3, DANE without a usable record", "tlsa ok 0, tlsa-invalid mx1.example.net 1" },
        { "route required, TLS-Required: No is about the destination's policies only", "enforce waived route-required", "alien:fail", "alien:fail", "Deferred mx1.example.net: 4.7.5 the certificate is for another name", "", "" },
        { "REQUIRETLS over MTA-STS", "enforce requiretls", "good:requiretls", "", "Delivered mx1", "TLS 1.3, MTA-STS", "sts ok 1" },
        { "REQUIRETLS over DANE, certificate of nobody's", "dane=1:311alien requiretls", "alien:requiretls", "", "Delivered mx1", "TLS 1.3, DANE", "tlsa ok 1" },
        { "REQUIRETLS while nobody knows what is published", "sts-fails requiretls", "", "", "Deferred mx1.example.net: 4.7.10 the sender asked for a verified host (REQUIRETLS), and nothing proves now that this is one", "", "" },
        { "route required, not offered, next host", "route-required", "good:only", "good:tls", "Delivered mx2", "TLS 1.3, verified", "no-policy-found ok 1, starttls-not-supported mx1.example.net 1" },
        { "MTA-STS look-up fails, nothing is known: as if there were none", "sts-fails", "alien:tls", "", "Delivered mx1", "TLS 1.3, not verified", "no-policy-found ok 1" },
        { "REQUIRETLS where nothing proves the host", "requiretls", "", "", "Failed mx1.example.net: 5.7.10 the sender asked for a verified host (REQUIRETLS), and nothing proves that this is one", "", "" },
    };

    [Theory]
    [MemberData(nameof(Situations))]
    public async Task Delivers(string what, string published, string first, string second, string expected, string security, string counted)
    {
        Assert.NotEmpty(what);
        var words = published.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        StsBench? sts = null;
        await using var bench = new RemoteBench(
            change: o => o with { ClockIsSane = () => !words.Contains("insane") },
            tls: b =>
            {
                sts = new StsBench(b.Clock, b.Zone);
                return new PublishedTlsPolicy(new DaneLookup(b.Zone), sts.Policies);
            },
            results: () => sts!.Results);
        await using var closing = sts!;
        bench.Zone.Mx("example.net", 10, "mx1.example.net").Mx("example.net", 20, "mx2.example.net").Addresses("mx2.example.net", "192.0.2.2");
        if (words.Contains("alias"))
            bench.Zone.Cname("mx1.example.net", "host.alien.example").Addresses("host.alien.example", "192.0.2.1");
        else
            bench.Zone.Addresses("mx1.example.net", "192.0.2.1");
        bench.Zone.Authenticated = published.Contains("dane", StringComparison.Ordinal) && !words.Contains("unsigned");
        foreach (var word in words)
        {
            if (word.StartsWith("dane=", StringComparison.Ordinal))
                bench.Zone.Tlsa("_25._tcp." + Name(word[5..].Split(':')[0]), Record(word.Split(':')[1]));
            else if (word.StartsWith("dane-fails=", StringComparison.Ordinal))
                bench.Zone.Fail("_25._tcp." + Name(word[11..]), "SERVFAIL");
        }
        if (words.Contains("enforce") || words.Contains("testing") || words.Contains("mode-none"))
        {
            closing.Announce("1");
            var mx = words.Contains("both") ? "mx: mx1.example.net\nmx: mx2.example.net" : words.Contains("second") ? "mx: mx2.example.net"
                : words.Contains("none-of-them") ? "mx: *.example.org" : "mx: mx1.example.net";
            closing.Host.Publish($"version: STSv1\nmode: {(words.Contains("enforce") ? "enforce" : words.Contains("testing") ? "testing" : "none")}\n{mx}\nmax_age: 86400\n");
        }
        if (words.Contains("sts-fails"))
            bench.Zone.Fail("_mta-sts.example.net", "SERVFAIL");
        Play(bench, "192.0.2.1", first);
        Play(bench, "192.0.2.2", second);

        var plain = Letters.Envelope("bob@example.net");
        var envelope = new Envelope
        {
            Id = plain.Id,
            Arrived = plain.Arrived,
            Sender = plain.Sender,
            Principal = plain.Principal,
            TravelOffset = plain.TravelOffset,
            Size = plain.Size,
            TlsOptional = words.Contains("waived"),
            RequireTls = words.Contains("requiretls"),
            Recipients = plain.Recipients,
        };
        var route = words.Contains("route-off") ? RouteTls.Off : words.Contains("route-required") ? RouteTls.Required : RouteTls.Opportunistic;
        var (outcome, _) = await bench.SendAsync(envelope, new Route("*", [null], Tls: route));
        if (expected.StartsWith("Delivered", StringComparison.Ordinal))
        {
            Assert.Equal(expected + ".example.net: 250 2.0.0 ok", outcome);
            Assert.Equal(security, bench.LastMail!.Results[0]!.Security);
        }
        else
            Assert.Equal(expected, outcome);
        Assert.Equal(counted.Length == 0 ? "" : string.Join('\n', counted.Split('\n').Select(l => "example.net " + l)), closing.Counted);
        await bench.Delivery.DisposeAsync();
        await bench.ServersEnd();
    }

    [Fact]
    public async Task ASessionWithoutRegardToThePolicyIsNotKeptForOthers()
    {
        StsBench? sts = null;
        await using var bench = new RemoteBench(
            tls: b =>
            {
                sts = new StsBench(b.Clock, b.Zone);
                return new PublishedTlsPolicy(new DaneLookup(b.Zone), sts.Policies);
            });
        await using var closing = sts!;
        bench.Zone.Mx("example.net", 10, "mx1.example.net").Addresses("mx1.example.net", "192.0.2.1");
        closing.Announce("1");
        closing.Host.Publish(StsBench.Enforce);
        Play(bench, "192.0.2.1", "good:plain");
        var plain = Letters.Envelope("bob@example.net");
        var waived = new Envelope { Id = plain.Id, Arrived = plain.Arrived, Sender = plain.Sender, Principal = plain.Principal, TlsOptional = true, Recipients = plain.Recipients };
        Assert.StartsWith("Delivered", (await bench.SendAsync(waived)).Outcome, StringComparison.Ordinal);
        Assert.Equal(0, bench.Delivery.IdleCount);
        bench.Host("192.0.2.1", Plain);
        Assert.StartsWith("Deferred mx1.example.net: 4.7.10", (await bench.SendAsync(Letters.Envelope("bob@example.net"))).Outcome, StringComparison.Ordinal);
    }

    private static void Play(RemoteBench bench, string address, string behaviours)
    {
        if (behaviours.Length == 0)
            return;
        bench.Certificates[address] = behaviours.Split(':')[0] switch { "alien" => Alien, "old" => Stale, _ => address.EndsWith('2') ? Cert2 : Cert1 };
        bench.Host(address, [.. behaviours.Split('|').Select(b => b.Split(':')[1] switch
        {
            "tls" => Hello + Shake + Take,
            "fail" => Fail,
            "plain" => Plain + Take,
            "only" => Plain,
            "clear" => Hello + Take,
            "broken" => Broken,
            "requiretls" => Hello + Shake.Replace("S: 250 mx", "S: 250-mx\nS: 250 REQUIRETLS", StringComparison.Ordinal) + Take.Replace(".example>\n", ".example> REQUIRETLS\n", StringComparison.Ordinal),
            _ => throw new InvalidOperationException(b),
        })]);
    }

    private static string Name(string host) => host == "alias" ? "host.alien.example" : $"mx{host}.example.net";

    private static TlsaRecord Record(string kind) => kind switch
    {
        "311" => new TlsaRecord(3, 1, 1, SHA256.HashData(Cert1.PublicKey.ExportSubjectPublicKeyInfo())),
        "311alien" => new TlsaRecord(3, 1, 1, SHA256.HashData(Alien.PublicKey.ExportSubjectPublicKeyInfo())),
        _ => new TlsaRecord(1, 1, 1, SHA256.HashData(Cert1.PublicKey.ExportSubjectPublicKeyInfo())),
    };
}
