using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Fuzz;
using HomeMail.Server.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>Whatever a client says, and however the network cuts it: the answers and the messages are those of the uncut dialogue.</summary>
public class CutAnywhereTests
{
    private static readonly string[] Pieces =
    [
        "EHLO client.example\r\n", "HELO x\r\n", "MAIL FROM:<a@b.example>\r\n", "MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\n", "RCPT TO:<c@d.example>\r\n",
        "RCPT TO:<c@no.example>\r\n", "DATA\r\n", "Subject: s\r\n", "\r\n", "body\r\n", ".\r\n", "..\r\n", ".", "\r", "\n", "\r\n.\r\n", "\n.\n", "\r.\r", "\0",
        "BDAT 10\r\n", "BDAT 3 LAST\r\n", "BDAT 0 LAST\r\n", "BDAT x\r\n", "0123456789", "abc", "RSET\r\n", "NOOP\r\n", "QUIT\r\n", "FOO\r\n", "GET / HTTP/1.1\r\n",
        "STARTTLS\r\n", "AUTH PLAIN AGEAYg==\r\n", "AUTH LOGIN\r\n", "VRFY x\r\n", "From x\r\n", "From : y\r\n", " folded\r\n", "\xff\xfe", "x",
    ];

    internal static string Talk(SmtpRole service, byte[] octets, Func<int, int> cutAfter)
    {
        var seen = new StringBuilder();
        var limits = new SmtpLimits { GreetingDelay = TimeSpan.Zero, CommandLine = 64, MessageSize = 200, Errors = 12, Commands = 60, Recipients = 4, Transactions = 6 };
        using (var session = new InlineSession(service, limits, message => Note(message, seen)))
        {
            // The greeting has a random name in it.
            session.Stream.ClearOutput();
            for (var at = 0; at < octets.Length && !session.Stream.IsClosed;)
            {
                var next = Math.Min(octets.Length, at + Math.Max(1, cutAfter(at)));
                session.Stream.Feed(octets.AsMemory(at, next - at));
                at = next;
            }
            if (!session.Stream.IsClosed)
                session.Stream.End();
            seen.Append(Encoding.Latin1.GetString(session.Stream.Output));
        }
        return seen.ToString();
    }

    private static void Note(ReceivedMessage message, StringBuilder seen)
    {
        seen.Append("<<").Append(Encoding.Latin1.GetString(message.Header.Span));
        using var body = message.Body.OpenBody();
        using var reader = new StreamReader(body, Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
        seen.Append(reader.ReadToEnd()).Append(message.EightBit ? ">>8bit\n" : ">>\n");
    }

    [Property(MaxTest = 3000)]
    public Property Any_dialogue_cut_anywhere_is_answered_alike()
    {
        var dialogue = from opening in Gen.Elements("", "EHLO c\r\n", "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n", "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
                       from n in Gen.Choose(0, 40)
                       from pieces in Gen.ArrayOf(Gen.Elements(Pieces), n)
                       select opening + string.Concat(pieces);
        return Prop.ForAll(
            Arb.From(from text in dialogue
                     from service in Gen.Elements(SmtpRole.Mta, SmtpRole.Lan, SmtpRole.Submission)
                     from cuts in Gen.ArrayOf(Gen.Choose(1, 30), 16)
                     select (text, service, cuts)),
            test =>
            {
                var octets = Encoding.Latin1.GetBytes(test.text);
                var whole = Talk(test.service, octets, _ => octets.Length);
                Assert.Equal(whole, Talk(test.service, octets, at => test.cuts[at % test.cuts.Length]));
                Assert.Equal(whole, Talk(test.service, octets, _ => 1));
            });
    }

    [Fact]
    public void A_dialogue_is_answered_alike_with_a_cut_at_each_of_its_octets()
    {
        var octets = Encoding.Latin1.GetBytes("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: s\r\n\r\n..a\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nBDAT 10\r\nSubject: t\r\nBDAT 5 LAST\r\n\r\n\r\nxNOOP\r\nQUIT\r\n");
        var whole = Talk(SmtpRole.Mta, octets, _ => octets.Length);
        Assert.Contains("<<Subject: s\r\n\r\n.a\r\n>>", whole, StringComparison.Ordinal);
        for (var cut = 1; cut < octets.Length; cut++)
            Assert.Equal(whole, Talk(SmtpRole.Mta, octets, at => at < cut ? cut - at : octets.Length));
    }
}
