using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public class AddressSyntaxTests
{
    [Fact]
    public void Isemail_suite_in_an_SMTP_path()
    {
        using var suite = JsonDocument.Parse(File.ReadAllText(SharedData.Path("address/isemail-tests.json")));
        var wrong = new List<string>();
        var count = 0;
        foreach (var test in suite.RootElement.EnumerateArray())
        {
            var text = test.GetProperty("address").GetString()!;
            var category = test.GetProperty("category").GetString()!;
            var expected = category is "ISEMAIL_VALID_CATEGORY" or "ISEMAIL_DNSWARN" or "ISEMAIL_RFC5321";
            count++;
            if (AddressSyntax.TryParseMailbox(text, false, out _) != expected)
                wrong.Add($"{text} should be {(expected ? "taken" : "refused")}: {test.GetProperty("diagnosis").GetString()}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        Assert.Equal(164, count);
    }

    [Theory]
    [InlineData("\" \"@d.example", " ", "d.example", "\" \"@d.example")]
    [InlineData("\"a\\\"b\"@d.example", "a\"b", "d.example", "\"a\\\"b\"@d.example")]
    [InlineData("\"plain\"@d.example", "plain", "d.example", "plain@d.example")]
    [InlineData("boun+ces@test.example", "boun+ces", "test.example", "boun+ces@test.example")]
    [InlineData("a@[IPV6:2001:db8::1]", "a", "[IPV6:2001:db8::1]", "a@[IPV6:2001:db8::1]")]
    public void Unquotes_and_quotes(string text, string localPart, string domain, string wire)
    {
        Assert.True(AddressSyntax.TryParseMailbox(text, false, out var address));
        Assert.Equal(localPart, address!.LocalPart);
        Assert.Equal(domain, address.Domain);
        Assert.Equal(wire, address.ToString());
    }

    [Theory]
    [InlineData("just\"not\"right@d.example")]
    [InlineData("asd@asd..cz")]
    [InlineData("a\0b@x.example")]
    [InlineData("a@[127.0.0.1%eth0]")]
    [InlineData("a@[IPv6:fe80::1%1]")]
    [InlineData("a@[010.0.0.1]")]
    [InlineData("a@b.example.")]
    [InlineData("\u200Ba@b.example")]
    [InlineData("a\u00A0b@b.example")]
    public void Refuses(string text) => Assert.False(AddressSyntax.TryParseMailbox(text, true, out _));

    [Fact]
    public void Utf8_only_where_allowed()
    {
        Assert.False(AddressSyntax.TryParseMailbox("грета@пример.example", false, out _));
        Assert.True(AddressSyntax.TryParseMailbox("грета@пример.example", true, out var address));
        Assert.True(address!.NeedsSmtpUtf8);
        Assert.True(AddressSyntax.TryToAscii(address.Domain, out var ascii));
        Assert.Equal("xn--e1afmkfd.example", ascii);
        Assert.False(AddressSyntax.TryParseMailbox([(byte)'a', 0xff, (byte)'@', (byte)'b'], true, out _));
    }

    [Fact]
    public void Limits_of_length()
    {
        Assert.True(AddressSyntax.TryParseMailbox(new string('a', 64) + "@b.example", false, out _));
        Assert.False(AddressSyntax.TryParseMailbox(new string('a', 65) + "@b.example", false, out _));
        Assert.False(AddressSyntax.TryParseMailbox("a@" + new string('b', 64) + ".example", false, out _));
        Assert.False(AddressSyntax.TryParseMailbox(new string('x', 100_000), false, out _));
    }

    [Fact]
    public void A_mailbox_is_read_from_the_front_and_the_rest_is_left()
    {
        ReadOnlySpan<byte> text = "\"a>b\"@c.example> SIZE=3"u8;
        Assert.True(AddressSyntax.TryReadMailbox(ref text, false, out var address));
        Assert.Equal("a>b", address!.LocalPart);
        Assert.Equal("> SIZE=3", Encoding.ASCII.GetString(text));
    }
}
