using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Dns;

public sealed class DnsMailResolverTests
{
    private static readonly CancellationToken Never = CancellationToken.None;

    [Fact]
    public async Task ReadsEveryTypeThatMailAsksFor()
    {
        await using var server = new LoopbackDnsServer(q => q.Type switch
        {
            DnsType.A => q.Respond().Address(q.Name, "192.0.2.1").Address(q.Name, "192.0.2.2").Build(),
            DnsType.Aaaa => q.Respond().Address(q.Name, "2001:db8::1").Build(),
            DnsType.Mx => q.Respond().Mx(q.Name, 10, "mx.example.org").Mx(q.Name, 0, "").Build(),
            DnsType.Txt => q.Respond().Txt(q.Name, "v=spf1 ", "-all", "\u00e9").Build(),
            DnsType.Ptr => q.Respond().Answer(q.Name, DnsType.Ptr, ResponseBuilder.Wire("host.example.org")).Build(),
            DnsType.Tlsa => q.Respond().Answer(q.Name, DnsType.Tlsa, [3, 1, 1, 0xab, 0xcd]).Build(),
            _ => null,
        });
        var resolver = server.Resolver();

        var a = await resolver.AddressesAsync("example.org", AddressFamily.InterNetwork, Never);
        Assert.Equal((DnsStatus.Found, TimeSpan.FromSeconds(300)), (a.Status, a.TimeToLive));
        Assert.Equal([IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")], a.Records);
        var aaaa = await resolver.AddressesAsync("example.org.", AddressFamily.InterNetworkV6, Never);
        Assert.Equal([IPAddress.Parse("2001:db8::1")], aaaa.Records);
        Assert.Equal("example.org", aaaa.CanonicalName);
        var mx = await resolver.MxAsync("example.org", Never);
        Assert.Equal([new MxRecord(10, "mx.example.org"), new MxRecord(0, "")], mx.Records);
        var txt = await resolver.TxtAsync("example.org", Never);
        Assert.Equal(["v=spf1 -all\u00e9"], txt.Records);
        var ptr = await resolver.PtrAsync(IPAddress.Parse("::ffff:192.0.2.7"), Never);
        Assert.Equal(["host.example.org"], ptr.Records);
        Assert.Equal("7.2.0.192.in-addr.arpa", server.Seen[^1].Name);
        await resolver.PtrAsync(IPAddress.Parse("2001:db8::25"), Never);
        Assert.Equal("5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", server.Seen[^1].Name);
        var tlsa = (await resolver.TlsaAsync("_25._tcp.mx.example.org", Never)).Records.Single();
        Assert.Equal((3, 1, 1, "ABCD"), (tlsa.Usage, tlsa.Selector, tlsa.MatchingType, Convert.ToHexString(tlsa.Data.Span)));
        Assert.All(server.Seen, q => Assert.True(q.Edns));
    }

    [Fact]
    public async Task TellsNoDataNoSuchDomainAndFailureApart()
    {
        await using var server = new LoopbackDnsServer(q => q.Name switch
        {
            "nodata.example" => q.Respond().Soa(minimum: 42).Build(),
            "bare-nodata.example" => q.Respond().Build(),
            "nxdomain.example" => q.Respond(DnsResponseCode.NameError).Soa(ttl: 30, minimum: 99).Build(),
            "bare-nxdomain.example" => q.Respond(DnsResponseCode.NameError).Build(),
            "servfail.example" => q.Respond(DnsResponseCode.ServerFailure).Build(),
            "refused.example" => q.Respond(DnsResponseCode.Refused).Build(),
            "referral.example" => q.Respond().NoRecursion().Build(),
            _ => null,
        });
        var resolver = server.Resolver(attempts: 1);

        var noData = await resolver.TxtAsync("nodata.example", Never);
        Assert.Equal((DnsStatus.NoData, TimeSpan.FromSeconds(42)), (noData.Status, noData.TimeToLive));
        Assert.Equal(DnsStatus.NoData, (await resolver.TxtAsync("bare-nodata.example", Never)).Status);
        var noName = await resolver.TxtAsync("nxdomain.example", Never);
        Assert.Equal((DnsStatus.NoSuchDomain, TimeSpan.FromSeconds(30)), (noName.Status, noName.TimeToLive));
        foreach (var (name, detail) in new[]
        {
            ("bare-nxdomain.example", "NXDOMAIN without SOA"), ("servfail.example", "SERVFAIL"), ("refused.example", "REFUSED"),
            ("referral.example", "referral"),
        })
        {
            var answer = await resolver.MxAsync(name, Never);
            Assert.Equal(DnsStatus.TemporaryFailure, answer.Status);
            Assert.StartsWith(detail, answer.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SilenceAndADeadPortAreTemporaryFailures()
    {
        await using var silent = new LoopbackDnsServer(_ => (byte[]?)null);
        var answer = await silent.Resolver(timeout: 0.05).TxtAsync("example.org", Never);
        Assert.Equal(DnsStatus.TemporaryFailure, answer.Status);
        Assert.StartsWith("time-out", answer.Detail, StringComparison.Ordinal);
        Assert.Equal([true, false], silent.Seen.Select(q => q.Edns)); // the last round goes without EDNS

        var port = silent.EndPoint;
        await silent.DisposeAsync();
        var started = Stopwatch.StartNew();
        var dead = new DnsMailResolver(new NameServerSettings([new NameServer(port, true)], TimeSpan.FromMinutes(5), 1), TimeProvider.System);
        answer = await dead.TxtAsync("example.org", Never);
        Assert.Equal(DnsStatus.TemporaryFailure, answer.Status);
        Assert.True(started.Elapsed < TimeSpan.FromMinutes(1)); // the port's refusal is heard, not waited for
    }

    [Fact]
    public async Task TheCallersCancellationIsTheOnlyException()
    {
        await using var silent = new LoopbackDnsServer(_ => (byte[]?)null);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await silent.Resolver(timeout: 300).TxtAsync("example.org", cancel.Token));
    }

    [Fact]
    public async Task TheNextServerIsAskedAndKept()
    {
        await using var broken = new LoopbackDnsServer(q => q.Respond(DnsResponseCode.ServerFailure).Build());
        await using var good = new LoopbackDnsServer(q => q.Respond().Txt(q.Name, "yes").Build());
        var resolver = new DnsMailResolver(
            new NameServerSettings([broken.Server, good.Server], TimeSpan.FromSeconds(5), 2), TimeProvider.System);
        for (var i = 0; i < 3; i++)
            Assert.Equal(["yes"], (await resolver.TxtAsync($"n{i}.example", Never)).Records);
        Assert.Single(broken.Seen);
        Assert.Equal(3, good.Seen.Count);
    }

    [Fact]
    public async Task ACutAnswerIsAskedForOverTcp()
    {
        var strings = Enumerable.Range(0, 40).Select(i => new string((char)('a' + (i % 26)), 255)).ToArray();
        await using var server = new LoopbackDnsServer(q =>
            q.Tcp ? q.Respond().Txt(q.Name, strings).Build() : q.Respond().Truncated().Txt(q.Name, "part").Build());
        var answer = await server.Resolver().TxtAsync("big.example", Never);
        Assert.Equal(string.Concat(strings), Assert.Single(answer.Records));
        Assert.Equal([false, true], server.Seen.Select(q => q.Tcp));
    }

    [Fact]
    public async Task ACutAnswerWithoutTcpIsATemporaryFailure()
    {
        await using var server = new LoopbackDnsServer(q => q.Respond().Truncated().Txt(q.Name, "v=spf1 -all").Build(), tcp: false);
        Assert.Equal(DnsStatus.TemporaryFailure, (await server.Resolver(attempts: 1).TxtAsync("big.example", Never)).Status);
    }

    [Fact]
    public async Task AnOldResolverIsAskedWithoutEdnsFromThenOn()
    {
        await using var server = new LoopbackDnsServer(q =>
            q.Edns ? q.Respond(DnsResponseCode.FormatError).Build() : q.Respond().Txt(q.Name, "yes").Build());
        var resolver = server.Resolver();
        Assert.Equal(["yes"], (await resolver.TxtAsync("a.example", Never)).Records);
        Assert.Equal(["yes"], (await resolver.TxtAsync("b.example", Never)).Records);
        Assert.Equal([true, false, false], server.Seen.Select(q => q.Edns));
    }

    [Fact]
    public async Task FormatErrorWithABareHeaderIsUnderstood()
    {
        await using var server = new LoopbackDnsServer(q =>
            q.Edns ? [.. q.Message[..2], 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0] : q.Respond().Txt(q.Name, "yes").Build());
        Assert.Equal(["yes"], (await server.Resolver().TxtAsync("a.example", Never)).Records);
    }

    [Fact]
    public async Task AliasesAreFollowedWithinAndBeyondOneAnswer()
    {
        await using var server = new LoopbackDnsServer(q => q.Name switch
        {
            "www.example" => q.Respond().Cname("www.example", "mid.example", 20).Cname("MID.example", "end.example").Address("end.example", "192.0.2.9").Build(),
            "cut.example" => q.Respond().Cname("cut.example", "further.example").Build(),
            "further.example" => q.Respond().Address("further.example", "192.0.2.10").Build(),
            "loop.example" => q.Respond().Cname("loop.example", "loop2.example").Cname("loop2.example", "loop.example").Build(),
            "gone.example" => q.Respond(DnsResponseCode.NameError).Cname("gone.example", "nowhere.example").Soa().Build(),
            _ when q.Name.EndsWith(".endless.example", StringComparison.Ordinal) => q.Respond().Cname(q.Name, "x" + q.Name).Build(),
            _ => null,
        });
        var resolver = server.Resolver(timeout: 2, attempts: 1);
        var answer = await resolver.AddressesAsync("www.example", AddressFamily.InterNetwork, Never);
        Assert.Equal([IPAddress.Parse("192.0.2.9")], answer.Records);
        Assert.Equal(("end.example", TimeSpan.FromSeconds(20)), (answer.CanonicalName, answer.TimeToLive));
        answer = await resolver.AddressesAsync("cut.example", AddressFamily.InterNetwork, Never);
        Assert.Equal([IPAddress.Parse("192.0.2.10")], answer.Records);
        Assert.Equal("further.example", answer.CanonicalName);
        Assert.Equal("CNAME loop", (await resolver.AddressesAsync("loop.example", AddressFamily.InterNetwork, Never)).Detail);
        Assert.Equal("CNAME chain too long", (await resolver.AddressesAsync("a.endless.example", AddressFamily.InterNetwork, Never)).Detail);
        answer = await resolver.AddressesAsync("gone.example", AddressFamily.InterNetwork, Never);
        Assert.Equal((DnsStatus.NoSuchDomain, "nowhere.example"), (answer.Status, answer.CanonicalName));
    }

    [Fact]
    public async Task RecordsOfOtherNamesAreNotTakenForAnswers()
    {
        await using var server = new LoopbackDnsServer(q => q.Respond().Address("evil.example", "192.0.2.66").Build());
        Assert.Equal(DnsStatus.NoData, (await server.Resolver().AddressesAsync("good.example", AddressFamily.InterNetwork, Never)).Status);
    }

    [Fact]
    public async Task TheAdBitCountsOnlyFromATrustedResolver()
    {
        await using var server = new LoopbackDnsServer(q => q.Name == "plain.example"
            ? q.Respond().Txt(q.Name, "x").Build() : q.Respond().AuthenticData().Txt(q.Name, "x").Build());
        Assert.True((await server.Resolver().TxtAsync("signed.example", Never)).Authenticated);
        Assert.False((await server.Resolver().TxtAsync("plain.example", Never)).Authenticated);
        var distrusting = new DnsMailResolver(
            new NameServerSettings([server.Server with { Trusted = false }], TimeSpan.FromSeconds(5), 2), TimeProvider.System);
        Assert.False((await distrusting.TxtAsync("signed.example", Never)).Authenticated);
    }

    [Fact]
    public async Task ForgedDatagramsAreIgnoredAndDoNotEndTheWait()
    {
        await using var server = new LoopbackDnsServer(q =>
        {
            var wrongId = q.Respond().Txt(q.Name, "forged").Build();
            wrongId[0] ^= 0x55;
            var otherQuestion = (q with { Message = [.. q.Message[..12], .. ResponseBuilder.Wire("other.example"), 0, 16, 0, 1], Edns = false })
                .Respond().Txt(q.Name, "forged").Build();
            var otherType = q.Respond().Txt(q.Name, "forged").Build();
            otherType[12 + ResponseBuilder.Wire(q.Name).Length + 1] = 1;
            var notAnAnswer = q.Respond().Txt(q.Name, "forged").Build();
            notAnAnswer[2] &= 0x7f;
            return (IEnumerable<byte[]>)[[], [1], wrongId, otherQuestion, otherType, notAnAnswer, q.Respond().Txt(q.Name, "true").Build()];
        });
        Assert.Equal(["true"], (await server.Resolver(timeout: 30).TxtAsync("a.example", Never)).Records);
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("counts")]
    [InlineData("pointer-loop")]
    [InlineData("txt-overrun")]
    [InlineData("short-address")]
    public async Task ABrokenAnswerIsATemporaryFailure(string kind)
    {
        await using var server = new LoopbackDnsServer(q =>
        {
            var whole = q.Respond().Txt(q.Name, "v=spf1 -all").Build();
            var start = 12 + q.Question.Length;
            switch (kind)
            {
                case "cut":
                    return whole[..^3];
                case "counts":
                    whole[7] = 200;
                    return whole;
                case "pointer-loop":
                    whole[start] = 0xc0;
                    whole[start + 1] = (byte)start;
                    return whole;
                case "txt-overrun":
                    whole[^12] = 200;
                    return whole;
                default:
                    return q.Respond().Answer(q.Name, DnsType.A, [192, 0, 2]).Build();
            }
        });
        var answer = await server.Resolver(attempts: 1).TxtAsync("a.example", Never);
        Assert.Equal(DnsStatus.TemporaryFailure, answer.Status);
        Assert.StartsWith("broken answer", answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NamesThatCannotBeAreAnsweredWithoutAQuery()
    {
        await using var server = new LoopbackDnsServer(q => q.Respond().Txt(q.Name, "x").Build());
        var resolver = server.Resolver();
        string[] names =
        [
            "", ".", "a..example", ".example", new string('a', 64) + ".example", "tab\t.example", "nul\0.example",
            "b\u00fccher.example", "back\\slash.example", string.Join('.', Enumerable.Repeat("abcdefg", 32)),
        ];
        foreach (var name in names)
            Assert.Equal(DnsStatus.NoSuchDomain, (await resolver.TxtAsync(name, Never)).Status);
        Assert.Empty(server.Seen);
        Assert.Equal(DnsStatus.Found, (await resolver.TxtAsync(new string('a', 63) + "._x-!.example", Never)).Status);
        Assert.Equal(DnsStatus.Found, (await resolver.TxtAsync(string.Join('.', Enumerable.Repeat("abcdefg", 31)) + ".abcde.", Never)).Status);
    }

    [Fact]
    public async Task ASpaceInALabelCanBeAskedFor()
    {
        await using var server = new LoopbackDnsServer(q => q.Respond().Txt(q.Name, "x").Build());
        Assert.Equal(DnsStatus.Found, (await server.Resolver().TxtAsync("sp ace.example", Never)).Status);
        Assert.Equal("sp ace.example", server.Seen[0].Name);
    }

    [Fact]
    public async Task OddOctetsInNamesComeEscapedAndCannotBeAskedFor()
    {
        await using var server = new LoopbackDnsServer(q => q.Respond().Mx(q.Name, 1, "a\u00ff b").Build());
        var answer = await server.Resolver().MxAsync("a.example", Never);
        var exchange = Assert.Single(answer.Records).Exchange;
        Assert.Equal(@"a\255\032b", exchange);
        Assert.False(DnsName.IsValid(exchange));
    }

    [Fact]
    public void NoMessageBreaksTheParser()
    {
        var random = new Random(20261125);
        var name = ResponseBuilder.Wire("a.example");
        var query = new byte[DnsQuery.MaxLength];
        var length = DnsQuery.Write(query, 7, name, DnsType.Txt, true);
        var seen = new SeenQuery("a.example", DnsType.Txt, true, false, query[..length]);
        var whole = seen.Respond().Txt("a.example", "v=spf1 -all", "more").Cname("a.example", "b.example").Mx("a.example", 1, "mx.example").Soa().Build();
        for (var round = 0; round < 50_000; round++)
        {
            var message = whole[..random.Next(whole.Length + 1)];
            for (var flips = random.Next(6); flips > 0 && message.Length > 0; flips--)
                message[random.Next(message.Length)] = (byte)random.Next(256);
            var match = DnsResponse.Read(message, 7, name, DnsType.Txt, out var response);
            Assert.Equal(match == DnsMatch.Answer, response is not null);
        }
    }
}
