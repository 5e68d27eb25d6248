using HomeMail.Protocol.Message;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public sealed class AuthenticationResultsTests
{
    [Fact]
    public void TheFieldIsTheStandardsOwn()
    {
        Assert.Equal("Authentication-Results: mx.home.example; none\r\n", new AuthenticationResults("mx.home.example").ToString());
        var field = new AuthenticationResults("mx.home.example")
            .Add("spf", "pass", null, null, ("smtp.mailfrom", "alice@example.org"), ("smtp.helo", null))
            .Add("dkim", "fail", "body has changed", null, ("header.d", "example.org"), ("header.b", "abc/+1=="))
            .Add("iprev", "pass", null, "mail.example.org", ("policy.iprev", "2001:db8::1"));
        Assert.Equal(
            """
            Authentication-Results: mx.home.example;
             spf=pass
              smtp.mailfrom=alice@example.org;
             dkim=fail reason="body has changed"
              header.d=example.org
              header.b="abc/+1==";
             iprev=pass (mail.example.org)
              policy.iprev="2001:db8::1"

            """.ReplaceLineEndings("\r\n"), field.ToString());
    }

    [Fact]
    public void NothingThatAStrangerChoseCanAddAResult()
    {
        string[] nasty =
        [
            "a@b;dmarc=pass", "a@b\r\nAuthentication-Results: mx.home.example; dmarc=pass", "a@b (", "a@b)", "\"", "\\", "x\";dmarc=pass", "a b", "",
            "@", "a@", "a@@b", "\u00fc@\u00fc", "a@b\0", new string('x', 9000), "a@[192.0.2.1]", "\"a b\"@c", "=?utf-8?q?x?=", ";", "a=b@c",
        ];
        foreach (var text in nasty)
        {
            var field = new AuthenticationResults("mx.home.example").Add("spf", "fail", text, text, ("smtp.mailfrom", text)).ToString();
            Assert.EndsWith("\r\n", field, StringComparison.Ordinal);
            var lines = field[..^2].Split("\r\n");
            Assert.Equal(4, lines.Length);
            Assert.All(lines.Skip(1), l => Assert.StartsWith(" ", l, StringComparison.Ordinal));
            Assert.All(lines, l => Assert.True(l.All(c => c is >= ' ' and < '\x7f') && l.Length < 998));
            Assert.Equal(2, Outside(field).Split(';').Length); // the service id, and one result
        }
    }

    // What is outside of quoted strings and comments, read by hand.
    private static string Outside(string field)
    {
        var outside = new System.Text.StringBuilder();
        var depth = 0;
        var quoted = false;
        for (var i = 0; i < field.Length; i++)
        {
            var c = field[i];
            if ((quoted || depth > 0) && c == '\\')
                i++;
            else if (quoted)
                quoted = c != '"';
            else if (depth > 0)
                depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            else if (c == '"')
                quoted = true;
            else if (c == '(')
                depth++;
            else
                outside.Append(c);
        }
        Assert.False(quoted);
        Assert.Equal(0, depth);
        return outside.ToString();
    }
}
