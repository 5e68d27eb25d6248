using System.Text;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

public class SigningTests
{
    private static async Task SubmitAsync(TestHouse house, string message)
    {
        await using var tls = await TestHouse.SecureAsync(house.Connect(SmtpRole.Submissions));
        var token = Convert.ToBase64String("\0alice\0secret"u8);
        await tls.WriteAsync(Encoding.UTF8.GetBytes(
            $"EHLO c\r\nAUTH PLAIN {token}\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n{message}\r\n.\r\nQUIT\r\n"));
        using var reader = new StreamReader(tls, Encoding.Latin1);
        await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task What_an_account_sends_from_its_own_address_verifies_with_both_keys()
    {
        await using var house = new TestHouse();
        var keys = house.DkimKeys.Use("example.org", "hm1");
        var zone = new ZoneResolver();
        foreach (var key in keys)
            zone.Txt(key.RecordName, key.RecordText);

        await SubmitAsync(house, "From: Alice <alice@example.org>\r\nBcc: c@d.example\r\nSubject: hi\r\n\r\nbody\nbare\r\n\r\n");

        var stored = Assert.Single(house.Mailbox("bob"));
        var start = stored.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        var verdicts = await new DkimVerifier(zone, TimeProvider.System).VerifyAsync(
            Encoding.Latin1.GetBytes(stored[..start]), () => new MemoryStream(Encoding.Latin1.GetBytes(stored[start..])), null, default);
        Assert.Equal(["example.org", "example.org"], verdicts.Select(v => v.PassedDomain));
    }

    [Fact]
    public async Task What_a_stranger_sends_in_the_name_of_the_house_is_not_signed()
    {
        await using var house = new TestHouse();
        house.DkimKeys.Use("example.org", "hm1");
        await using var client = house.Connect();
        await client.WriteAsync("EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<family@example.org>\r\nDATA\r\nFrom: alice@example.org\r\n\r\nbuy\r\n.\r\nQUIT\r\n"u8.ToArray());
        using var reader = new StreamReader(client, Encoding.Latin1);
        await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.DoesNotContain("DKIM-Signature", Assert.Single(house.Mailbox("bob")), StringComparison.OrdinalIgnoreCase);
        // Nor is it sent on to the alias's member outside, where our reverse-path would prove what nobody has proven.
        Assert.Empty(house.Queued);
    }

    [Fact]
    public async Task Mail_of_the_server_itself_is_signed()
    {
        await using var house = new TestHouse();
        house.DkimKeys.Use("example.org", "hm1");
        Assert.True(await house.Intake.AcceptAsync(
            null, TestHouse.A("alice@example.org"), "From: MAILER-DAEMON@example.org\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nsorry\r\n"u8.ToArray(), false, default));
        var stored = Assert.Single(house.Mailbox("alice"));
        Assert.StartsWith("Return-Path: <>\r\n", stored, StringComparison.Ordinal);
        Assert.Contains("DKIM-Signature: ", stored, StringComparison.Ordinal);
    }
}
