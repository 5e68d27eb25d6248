using System.Net;
using HomeMail.Protocol.Spf;
using Xunit;

namespace HomeMail.Protocol.Tests.Spf;

public sealed class ReceivedSpfTests
{
    [Fact]
    public void TheFieldIsTheStandardsOwn()
    {
        var request = SpfRequest.ForMailFrom(IPAddress.Parse("2001:db8::1"), "alice", "example.org", "mail.example.org");
        var field = ReceivedSpf.Compose(request, new SpfOutcome(SpfResult.Pass, "ip6:2001:db8::/32", null, null, 0, []), "mx.home.example");
        Assert.Equal(
            """
            Received-SPF: pass (mx.home.example: domain of example.org designates 2001:db8::1 as permitted sender)
             receiver=mx.home.example;
             client-ip="2001:db8::1";
             envelope-from="alice@example.org";
             helo=mail.example.org;
             identity=mailfrom;
             mechanism="ip6:2001:db8::/32"

            """.ReplaceLineEndings("\r\n"), field);
        field = ReceivedSpf.Compose(
            SpfRequest.ForHelo(IPAddress.Parse("192.0.2.1"), "h.example"), new SpfOutcome(SpfResult.None, null, null, null, 0, []), "mx.home.example",
            ("x-connected-ip", "192.168.1.254"));
        Assert.EndsWith(" identity=helo;\r\n x-connected-ip=192.168.1.254\r\n", field, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingThatAStrangerChoseCanEndAValueACommentOrTheField()
    {
        string[] nasty = ["a\r\nX-Injected: yes", "a\"; receiver=evil", "a\\", "a) (b", "a\0b", "\u00fc\u2028", new string('x', 5000), "a;b=c", "", ".", "a..b"];
        foreach (var text in nasty)
        {
            var request = SpfRequest.ForMailFrom(IPAddress.Parse("192.0.2.1"), text, text, text);
            var field = ReceivedSpf.Compose(request, new SpfOutcome(SpfResult.PermError, text, text, null, 0, []), "mx.home.example", ("x-note", text));
            Assert.EndsWith("\r\n", field, StringComparison.Ordinal);
            var lines = field[..^2].Split("\r\n");
            Assert.Equal(9, lines.Length);
            Assert.All(lines.Skip(1), l => Assert.StartsWith(" ", l, StringComparison.Ordinal));
            Assert.All(lines, l => Assert.True(l.Length < 998 && l.All(c => c is >= ' ' and < '\x7f')));
            Assert.All(lines.Skip(1), l => Assert.True(IsPair(l.TrimEnd(';')[1..]), l));
        }
    }

    // key "=" ( dot-atom / quoted-string ), read by hand.
    private static bool IsPair(string text)
    {
        var value = text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..];
        if (value.Length == 0 || value[0] != '"')
            return value.Length > 0 && value.All(c => c > ' ' && !"()<>[]:;@\\,\"".Contains(c, StringComparison.Ordinal)) && !value.Contains("..", StringComparison.Ordinal);
        for (var i = 1; i < value.Length; i++)
        {
            if (value[i] == '"')
                return i == value.Length - 1;
            if (value[i] == '\\')
                i++;
        }
        return false;
    }
}
