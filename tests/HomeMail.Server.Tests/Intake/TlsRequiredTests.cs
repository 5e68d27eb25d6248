using HomeMail.Protocol.Smtp;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>The field by which a sender says that a message is to go even without encryption (RFC 8689 3, 4.1).</summary>
public class TlsRequiredTests
{
    [Theory]
    [InlineData("TLS-Required: No\r\n", true)]
    [InlineData("tls-required:no\r\n", true)]
    [InlineData("TLS-Required:\r\n No\r\n", true)]
    [InlineData("TLS-Required: Yes\r\n", false)]
    [InlineData("TLS-Required:\r\n", false)]
    [InlineData("TLS-Required: No, really\r\n", false)]
    [InlineData("TLS-Required: No\r\nTLS-Required: No\r\n", false)]
    [InlineData("X-TLS-Required: No\r\n", false)]
    [InlineData("", false)]
    public async Task IsReadIntoTheEnvelope(string field, bool optional)
    {
        await using var house = new TestHouse(clock: new FakeTimeProvider(new DateTimeOffset(2026, 3, 14, 9, 26, 53, TimeSpan.Zero)));
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SecureAsync();
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        Assert.StartsWith("235 ", await client.AskAsync("AUTH PLAIN AGFsaWNlAHNlY3JldA=="));
        Assert.StartsWith("250 ", await client.AskAsync("MAIL FROM:<alice@example.org>"));
        Assert.StartsWith("250 ", await client.AskAsync("RCPT TO:<x@remote.example>"));
        Assert.StartsWith("354 ", await client.AskAsync("DATA"));
        Assert.StartsWith("250 ", await client.AskAsync($"From: alice@example.org\r\n{field}Subject: your certificate\r\n\r\nTLS-Required: No\r\n."));
        var envelope = Assert.Single(house.Queued);
        Assert.Equal(optional, envelope.TlsOptional);
        Assert.False(envelope.RequireTls);
    }
}
