using System.Text;
using System.Text.Json;
using HomeMail.Fuzz;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>The sequences that look like an end of data to somebody: none makes two messages out of one, whole or cut at any octet.</summary>
public class SmugglingTests
{
    private static IEnumerable<string> Sequences()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(SharedData.Path("smtp/smtp-smuggling-sequences.json")));
        return [.. file.RootElement.GetProperty("inbound_eod_sequences").EnumerateArray()
            .Concat(file.RootElement.GetProperty("outbound_eod_sequences").EnumerateArray()).Select(s => s.GetString()!).Distinct()];
    }

    [Theory]
    [InlineData(SmtpRole.Mta)]
    [InlineData(SmtpRole.Lan)]
    public void One_message_at_most_comes_of_each(SmtpRole service)
    {
        var sequences = Sequences().ToList();
        Assert.InRange(sequences.Count, 7, 100);
        foreach (var sequence in sequences)
        {
            var octets = Encoding.Latin1.GetBytes(
                "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: one\r\n\r\ntext" + sequence
                + "MAIL FROM:<x@y.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: two\r\n\r\nmore\r\n.\r\nQUIT\r\n");
            var whole = Talk(service, octets, octets.Length, out var messages);
            var isPassed = service == SmtpRole.Lan || !sequence.Replace("\r\n", "", StringComparison.Ordinal).AsSpan().ContainsAny('\r', '\n');
            Assert.Equal(isPassed ? 1 : 0, messages.Count);
            Assert.EndsWith((isPassed ? "250 2.6.0 Accepted as 00000000000000" : "550 5.6.0 Message has a bare CR or LF; lines must end in CRLF") + "\r\n221 2.0.0 Bye\r\n", whole);
            foreach (var message in messages)
                Assert.DoesNotMatch("(?<!\r)\n|\r(?!\n)", message);
            for (var cut = 1; cut < octets.Length; cut++)
                Assert.Equal(whole, Talk(service, octets, cut, out _));
        }
    }

    private static string Talk(SmtpRole service, byte[] octets, int cut, out List<string> messages)
    {
        var found = messages = [];
        using var session = new InlineSession(service, onMessage: message =>
        {
            using var reader = new StreamReader(message.Body.OpenBody(), Encoding.Latin1);
            found.Add(Encoding.Latin1.GetString(message.Header.Span) + reader.ReadToEnd());
        });
        session.Stream.ClearOutput();
        session.Stream.Feed(octets.AsMemory(0, cut));
        if (!session.Stream.IsClosed)
            session.Stream.Feed(octets.AsMemory(cut));
        return Encoding.Latin1.GetString(session.Stream.Output);
    }
}
