using System.Text;
using HomeMail.Server.Delivery;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

public class SmtpClientLogInTests
{
    private const string Password = "pass w\u00f6rd";

    private static readonly string Plain = Convert.ToBase64String(Encoding.UTF8.GetBytes("\0me\0" + Password));

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

    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "AUTH PLAIN LOGIN", $"C: AUTH PLAIN {Plain}\nS: 235 2.7.0 ok" + Deliver, "Delivered mx.example.net: 250 2.0.0 ok" },
        { "auth plain", $"C: AUTH PLAIN {Plain}\nS: 235 2.7.0 ok" + Deliver, "Delivered mx.example.net: 250 2.0.0 ok" },
        {
            "AUTH LOGIN",
            $"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {B64("me")}\nS: 334 UGFzc3dvcmQ6\nC: {B64(Password)}\nS: 235 ok" + Deliver,
            "Delivered mx.example.net: 250 2.0.0 ok"
        },
        { "AUTH PLAIN", $"C: AUTH PLAIN {Plain}\nS: 535 5.7.8 no", "open\nfault mx.example.net: 535 4.7.8 no" },
        { "AUTH PLAIN", $"C: AUTH PLAIN {Plain}\nS: 454 4.7.0 busy", "open\nfault mx.example.net: 454 4.7.8 busy" },
        { "AUTH PLAIN", $"C: AUTH PLAIN {Plain}\nS: 421 4.7.0 bye\nclose", "open\nfault mx.example.net: 421 4.7.0 bye" },
        { "AUTH GSSAPI", "wait", "open\nfault mx.example.net: 4.7.8 the host offers no way to log in that this server knows" },
        { "SIZE", "wait", "open\nfault mx.example.net: 4.7.8 the host offers no way to log in that this server knows" },
        { "AUTH LOGIN", "C: AUTH LOGIN\nS: 334 !!\nC: *\nS: 501 cancelled\nwait", "open\nfault mx.example.net: 4.7.8 the host's challenge makes no sense" },
        { "AUTH SCRAM-SHA-256", "C: AUTH SCRAM-SHA-256 *\nS: 235 surely\nwait", "open\nfault mx.example.net: 4.7.8 the host accepted the log-in without proving itself" },
        { "AUTH SCRAM-SHA-256", "C: AUTH SCRAM-SHA-256 *\nS: 334 " + B64("r=other,s=AAAA,i=4096") + "\nC: *\nS: 501 ok\nwait", "open\nfault mx.example.net: 4.7.8 *" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task LogsInOverVerifiedTls(string offer, string script, string expected)
    {
        using var certificate = TestCertificates.For("mx.example.net");
        var setting = new Setting { Certificate = certificate, Tls = TlsDemand.Verified with { FromStart = true }, LogIn = new LogIn("me", Password) };
        var session = await Session.PlayAsync($"tls\nS: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 {offer}\n" + script, setting, Letters.Mail(Letters.Envelope("bob@example.net")));
        if (expected.EndsWith('*'))
            Assert.StartsWith(expected[..^1], session.Outcome, StringComparison.Ordinal);
        else
            Assert.Equal(expected, session.Outcome);
        Assert.DoesNotContain(Plain, session.LogText.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(B64(Password), session.LogText.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Password, session.LogText.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("opportunistic", "")]
    [InlineData("opportunistic", "mx.example.org")]
    public async Task ShowsThePasswordToNobodyWhoHasNotProvedItsName(string demand, string name)
    {
        Assert.NotEmpty(demand);
        using var certificate = name.Length == 0 ? null : TestCertificates.For(name);
        var script = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\n" + (certificate is null
            ? "S: 250 AUTH PLAIN\nwait"
            : "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\ntls\nC: EHLO home.example\nS: 250-mx\nS: 250 AUTH PLAIN\nwait");
        var session = await Session.PlayAsync(
            script, new Setting { Certificate = certificate, LogIn = new LogIn("me", Password) }, Letters.Mail(Letters.Envelope("bob@example.net")));
        Assert.Equal("open\nfault mx.example.net: 4.7.8 the password is not shown to a host that has not proved its name over TLS", session.Outcome);
    }

    [Fact]
    public async Task ALongInitialResponseWaitsForTheFirstChallenge()
    {
        var user = new string('u', 600);
        using var certificate = TestCertificates.For("mx.example.net");
        var setting = new Setting { Certificate = certificate, Tls = TlsDemand.Verified with { FromStart = true }, LogIn = new LogIn(user, "x") };
        var session = await Session.PlayAsync(
            $"tls\nS: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN\nraw 334 \\r\\n\nC: {B64($"\0{user}\0x")}\nS: 235 ok" + Deliver,
            setting, Letters.Mail(Letters.Envelope("bob@example.net")));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 ok", session.Outcome);
    }

    private static string B64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
