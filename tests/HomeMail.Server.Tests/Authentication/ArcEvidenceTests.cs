using System.Text;
using HomeMail.Protocol.Arc;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Authentication;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>Whose word about a message counts, and how far down a chain.</summary>
public sealed class ArcEvidenceTests
{
    private static async Task<ArcVerdict> ChainAsync(params (string Domain, string Results)[] sets)
    {
        var zone = new Server.Dns.ZoneResolver();
        var message = DkimMessages.Header;
        foreach (var (domain, results) in sets)
        {
            using var key = DkimKey.Load(domain, "a", DkimMessages.Ed25519.ToPem());
            zone.Remove(key.RecordName);
            zone.Txt(key.RecordName, key.RecordText);
            using var verification = new ArcVerification(DkimMessages.Octets(message), zone);
            verification.Body("x\r\n"u8);
            using var body = DkimSigner.BeginBody();
            body.Append("x\r\n"u8);
            message = Encoding.Latin1.GetString(ArcSealer.Seal(
                DkimMessages.Octets(message), body.Finish(), await verification.FinishAsync(default), results, key, null)) + message;
        }
        using var last = new ArcVerification(DkimMessages.Octets(message), zone);
        last.Body("x\r\n"u8);
        var verdict = await last.FinishAsync(default);
        Assert.Equal(sets.Length == 0 ? ArcStatus.None : ArcStatus.Pass, verdict.Status);
        return verdict;
    }

    private static string Results(string host, string dmarc) => $"{host}; dmarc={dmarc} header.from=example.org;\r\n spf=fail (no) smtp.mailfrom=\"x;dmarc=pass\"@b.example";

    [Fact]
    public async Task The_word_of_the_lowest_sealer_in_an_unbroken_run_of_trusted_ones_counts()
    {
        var chain = await ChainAsync(
            ("stranger.example", Results("s.example", "pass")), ("list.example", Results("l.example", "fail")), ("mx.forwarder.example", Results("f.example", "pass")));
        Assert.Null(ArcEvidence.Of(chain, []));
        Assert.Null(ArcEvidence.Of(chain, ["stranger.example", "list.example"])); // the newest is whom we would have to believe first
        Assert.Equal((3, "mx.forwarder.example", true), Of(chain, "forwarder.example"));
        Assert.Equal((2, "list.example", false), Of(chain, "forwarder.example", "list.example"));
        Assert.Equal((1, "stranger.example", true), Of(chain, "forwarder.example", "list.example", "STRANGER.example"));
        Assert.Equal((3, "mx.forwarder.example", true), Of(chain, "forwarder.example", "stranger.example")); // a gap ends it
        Assert.Null(ArcEvidence.Of(chain, ["warder.example"]));
    }

    [Fact]
    public async Task Nothing_counts_that_is_not_said_of_this_author()
    {
        Assert.Null(ArcEvidence.Of(await ChainAsync(), ["a.example"]));
        var chain = await ChainAsync(("a.example", Results("a.example", "pass")));
        Assert.False(ArcEvidence.Of(chain, ["a.example"])!.PassedDmarc("example.net"));
        Assert.False(await PassesAsync("a.example; dmarc=pass"));
        Assert.False(await PassesAsync("a.example; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org"));
        Assert.False(await PassesAsync("a.example; spf=pass reason=\"x; dmarc=pass header.from=example.org\""));
        Assert.False(await PassesAsync("a.example; spf=pass (; dmarc=pass header.from=example.org)"));
        Assert.Null(ArcEvidence.Of(await ChainAsync(("a.example", "a.example; dmarc=pass (")), ["a.example"]));
        Assert.True(await PassesAsync("a.example 1; dmarc=Pass (p=none)\r\n header.from=EXAMPLE.org;"));
    }

    [Fact]
    public async Task A_broken_chain_has_no_evidence()
    {
        var chain = await ChainAsync(("a.example", Results("a.example", "pass")));
        Assert.Null(ArcEvidence.Of(chain with { Status = ArcStatus.Fail }, ["a.example"]));
    }

    private static (int, string, bool)? Of(ArcVerdict chain, params string[] trusted) =>
        ArcEvidence.Of(chain, trusted) is { } evidence ? (evidence.Instance, evidence.Sealer, evidence.PassedDmarc("example.org")) : null;

    private static async Task<bool> PassesAsync(string results) =>
        ArcEvidence.Of(await ChainAsync(("a.example", results)), ["a.example"])?.PassedDmarc("example.org") ?? false;
}
