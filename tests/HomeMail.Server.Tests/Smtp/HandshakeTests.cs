using System.Net.Security;
using System.Security.Authentication;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>Handshakes that come to nothing.</summary>
public class HandshakeTests
{
    [Fact]
    public async Task Without_a_shared_cipher_the_log_tells_why_and_the_sender_may_come_again_in_plain_text()
    {
        await using var house = new TestHouse();
        var stream = house.Connect();
        var client = new Client(stream);
        Assert.StartsWith("220 ", await client.ReplyAsync());
        Assert.StartsWith("250 ", await client.AskAsync("EHLO old.example"));
        Assert.StartsWith("220 ", await client.AskAsync("STARTTLS"));
        await using (var tls = new SslStream(stream))
        {
            await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "mail.example.org",
                EnabledSslProtocols = SslProtocols.Tls12,
                // The server's key is no RSA key.
                CipherSuitesPolicy = new CipherSuitesPolicy([TlsCipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256]),
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
            }).WaitAsync(TimeSpan.FromSeconds(20)));
        }
        await using var again = new Client(house.Connect());
        Assert.StartsWith("220 ", await again.ReplyAsync());
        Assert.StartsWith("250 2.6.0", await again.DeliverAsync());
        Assert.Matches("session id=.* end=\"TLS: .*", house.LogText);
    }

    [Fact]
    public async Task Plain_text_on_the_TLS_port_is_no_session()
    {
        await using var house = new TestHouse();
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SayAsync("EHLO client.example\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
        Assert.Null(await client.ReplyAsync());
        Assert.DoesNotContain("AGFsaWNl", house.LogText);
    }
}
