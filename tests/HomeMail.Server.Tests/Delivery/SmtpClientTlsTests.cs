using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class SmtpClientTlsTests
{
    private const string Offer = """
        S: 220 mx
        C: EHLO home.example
        S: 250-mx
        S: 250-SIZE 1
        S: 250 STARTTLS
        C: STARTTLS

        """;

    private const string Encrypted = """
        S: 220 go
        tls
        C: EHLO home.example
        S: 250 mx

        """;

    private const string Deliver = """
        C: MAIL FROM:<alice@home.example>
        S: 250 ok
        C: RCPT TO:<bob@example.net>
        S: 250 ok
        C: DATA
        S: 354 go
        data
        S: 250 ok
        """;

    private const string Delivered = "Delivered mx.example.net: 250 2.0.0 ok";

    public static TheoryData<string, string, string, string, string, bool> Cases { get; } = new()
    {
        // what, demand, certificate, dialogue, outcome, verified
        { "offered and good", "opportunistic", "good", Offer + Encrypted + Deliver, Delivered, true },
        { "offered, certificate for another name", "opportunistic", "other", Offer + Encrypted + Deliver, Delivered, false },
        { "offered, certificate out of date", "opportunistic", "old", Offer + Encrypted + Deliver, Delivered, false },
        { "required and good", "required", "good", Offer + Encrypted + Deliver, Delivered, true },
        { "keyword in lower case", "required", "good", Offer.Replace("250 STARTTLS", "250 starttls", StringComparison.Ordinal) + Encrypted + Deliver, Delivered, true },
        { "octets before TLS are forgotten", "required", "good", Offer + "raw 220 go\\r\\n250 injected\\r\\n\n" + Encrypted.Replace("S: 220 go\n", "", StringComparison.Ordinal) + Deliver, Delivered, true },
        { "off", "off", "", Offer.Replace("C: STARTTLS\n", "", StringComparison.Ordinal).Replace("S: 250-SIZE 1\n", "", StringComparison.Ordinal) + Deliver, Delivered, false },
        { "refused, so in clear over the same connection", "opportunistic", "", Offer.Replace("S: 250-SIZE 1\n", "", StringComparison.Ordinal) + "S: 454 4.7.0 not now\n" + Deliver, Delivered, false },
        { "unknown, so in clear over the same connection", "opportunistic", "", Offer.Replace("S: 250-SIZE 1\n", "", StringComparison.Ordinal) + "S: 502 5.5.1 what?\n" + Deliver, Delivered, false },
        { "handshake broken: in clear over another", "opportunistic", "", Offer + "S: 220 go\nclose", "open\nfault~ mx.example.net: 4.7.5 *", false },
        { "no TLS after 220", "opportunistic", "", Offer + "S: 220 go\nraw 500 what?\\r\\n\nclose", "open\nfault~ mx.example.net: 4.7.5 *", false },
        { "closed in the place of 220", "opportunistic", "", Offer + "close", "open\nfault~ mx.example.net: 4.4.2 *", false },
        { "required, not offered", "required", "", "S: 220 mx\nC: EHLO home.example\nS: 250 mx", "open\nfault mx.example.net: 4.7.10 *", false },
        { "required, refused", "required", "", Offer + "S: 454 4.7.0 not now", "open\nfault mx.example.net: 454 4.7.5 not now", false },
        { "required, refused for good is still no bounce", "required", "", Offer + "S: 502 what?", "open\nfault mx.example.net: 502 4.7.5 what?", false },
        { "required, handshake broken", "required", "", Offer + "S: 220 go\nclose", "open\nfault mx.example.net: 4.7.5 *", false },
        { "required, another name", "required", "other", Offer + "S: 220 go\ntls!", "open\nfault mx.example.net: 4.7.5 the certificate is for another name", false },
        { "required, out of date", "required", "old", Offer + "S: 220 go\ntls!", "open\nfault mx.example.net: 4.7.5 the certificate is out of date", false },
        { "required, out of date, but who knows the date", "required insane", "old", Offer + Encrypted + Deliver, Delivered, false },
        { "required, another name, whatever the date", "required insane", "other", Offer + "S: 220 go\ntls!", "open\nfault mx.example.net: 4.7.5 the certificate is for another name", false },
        { "from the start", "implicit", "good", "tls\nS: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 STARTTLS\n" + Deliver, Delivered, true },
        { "from the start, another name", "implicit", "other", "tls!", "open\nfault mx.example.net: 4.7.5 the certificate is for another name", false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Plays(string what, string demand, string certificate, string script, string expected, bool verified)
    {
        Assert.NotEmpty(what);
        using var shown = certificate switch
        {
            "good" => TestCertificates.For("mx.example.net"),
            "other" => TestCertificates.For("mx.example.org"),
            "old" => TestCertificates.For("mx.example.net", -30, -2),
            _ => null,
        };
        var setting = new Setting
        {
            Certificate = shown,
            ClockIsSane = !demand.Contains("insane", StringComparison.Ordinal),
            Tls = demand.Split(' ')[0] switch
            {
                "off" => TlsDemand.Never,
                "required" => TlsDemand.Verified,
                "implicit" => TlsDemand.Verified with { FromStart = true },
                _ => TlsDemand.Opportunistic,
            },
        };
        var session = await Session.PlayAsync(script, setting, Letters.Mail(Letters.Envelope("bob@example.net")));
        if (expected.EndsWith('*'))
            Assert.StartsWith(expected[..^1], session.Outcome, StringComparison.Ordinal);
        else
            Assert.Equal(expected, session.Outcome);
        Assert.Equal(verified, session.Client.IsVerified);
        if (what.StartsWith("octets", StringComparison.Ordinal))
            Assert.Contains("injected-reply host=mx.example.net octets=14", session.LogText.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, Delivered)]
    [InlineData(false, "open\nfault! mx.example.net: 5.7.30 the sender asked for an encrypted way (REQUIRETLS), and the host does not support that")]
    public async Task RequireTlsGoesOnlyToAHostThatDoesIt(bool offered, string expected)
    {
        using var certificate = TestCertificates.For("mx.example.net");
        var envelope = new HomeMail.Storage.Envelope
        {
            Id = HomeMail.Storage.MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = Letters.Parse("alice@home.example"),
            Principal = "account:alice",
            RequireTls = true,
            Recipients = [new HomeMail.Storage.EnvelopeRecipient { Address = Letters.Parse("bob@example.net") }],
        };
        var script = Offer + (offered
            ? Encrypted.Replace("S: 250 mx", "S: 250-mx\nS: 250 REQUIRETLS", StringComparison.Ordinal) + Deliver.Replace(".example>\n", ".example> REQUIRETLS\n", StringComparison.Ordinal)
            : Encrypted);
        var session = await Session.PlayAsync(script, new Setting { Certificate = certificate }, Letters.Mail(envelope));
        Assert.Equal(expected, session.Outcome);
    }
}
