using System.Globalization;
using System.Text;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Simulation;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

public class MboxSourceTests
{
    private const string From = "From alice@example.org Tue Nov 25 10:20:30 2025\n";

    private static List<(string Text, MessageMarks Marks)> Read(string mbox, int room = 4096)
    {
        var files = new SimulatedFileSystem();
        using (var file = files.Create("/mbox"))
        {
            file.Write(Encoding.UTF8.GetBytes(mbox), 0);
            file.SetModified(DateTimeOffset.UnixEpoch.AddDays(1));
        }
        using var source = MboxSource.Open("/mbox", "Old", files);
        Assert.NotNull(source);
        var messages = new List<(string, MessageMarks)>();
        var buffer = new byte[room];
        foreach (var message in source.Read())
        {
            var text = new StringBuilder();
            while (message.Read(buffer) is var read and > 0)
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            messages.Add((text.ToString(), message.Marks));
        }
        Assert.Equal(source.Total, source.Done);
        return messages;
    }

    [Theory]
    // The empty line before the next From_ line is not the message's.
    [InlineData(From + "Subject: a\n\nbody\n\n" + From + "Subject: b\n\nbody\n\n", "Subject: a\r\n\r\nbody\r\n|Subject: b\r\n\r\nbody\r\n")]
    [InlineData(From + "Subject: a\n\nbody\n\n\n" + From + "Subject: b\n\nbody", "Subject: a\r\n\r\nbody\r\n\r\n|Subject: b\r\n\r\nbody")]
    // mboxrd: one bracket goes.
    [InlineData(From + "S: a\n\n>From me\n>>From you\n> From\n", "S: a\r\n\r\nFrom me\r\n>From you\r\n> From\r\n")]
    // A sentence is no separator, with or without an empty line before it.
    [InlineData(From + "S: a\n\nFrom now on\n\nFrom here it went on.\n", "S: a\r\n\r\nFrom now on\r\n\r\nFrom here it went on.\r\n")]
    [InlineData(From + "S: a\n\nx\n" + From, "S: a\r\n\r\nx\r\nFrom alice@example.org Tue Nov 25 10:20:30 2025\r\n")]
    // No body, no header.
    [InlineData(From + "S: a\n\n" + From + "S: b\n\n", "S: a\r\n\r\n|S: b\r\n\r\n")]
    [InlineData(From + "S: a\n" + From + "\nb\n", "S: a\r\n|\r\nb\r\n")]
    // Thunderbird.
    [InlineData("From - Tue Nov 25 10:20:30 2025\r\nS: a\r\n\r\nx\r\n\r\nFrom \r\nS: b\r\n\r\ny\r\n\r\nFrom \r\n\r\n", "S: a\r\n\r\nx\r\n|S: b\r\n\r\ny\r\n\r\nFrom \r\n")]
    // Notes of programs stay behind, also folded ones.
    [InlineData(From + "Status: RO\nA: b\nX-Keywords: one\n two\nX-UID: 7\nC: d\n\nx\n", "A: b\r\nC: d\r\n\r\nx\r\n")]
    [InlineData(From + "X-IMAP: 1 2\nSubject: DON'T DELETE\n\nx\n\n" + From + "S: b\n\ny\n", "S: b\r\n\r\ny\r\n")]
    [InlineData(From + "X-Mozilla-Status: 0009\nS: a\n\nx\n\n" + From + "S: b\n\ny\n", "S: b\r\n\r\ny\r\n")]
    [InlineData("", "")]
    public void Messages(string mbox, string expected)
    {
        foreach (var room in (int[])[4, 5, 7, 64, 4096])
            Assert.Equal(expected, string.Join('|', Read(mbox, room).Select(message => message.Text)));
    }

    [Theory]
    [InlineData("Status: O\n", MessageFlags.None, "")]
    [InlineData("Status: RO\nX-Status: AF\n", MessageFlags.Seen | MessageFlags.Answered | MessageFlags.Flagged, "")]
    [InlineData("X-Status: DT\nX-Keywords: a  b a\n", MessageFlags.Deleted | MessageFlags.Draft, "a b")]
    [InlineData("X-Mozilla-Status: 1007\nX-Mozilla-Keys: $label1 work\n", MessageFlags.Seen | MessageFlags.Answered | MessageFlags.Flagged, "$Forwarded $label1 work")]
    public void Flags(string header, MessageFlags flags, string keywords)
    {
        var marks = Assert.Single(Read(From + header + "\nx\n")).Marks;
        Assert.Equal(flags, marks.Flags);
        Assert.Equal(keywords, string.Join(' ', marks.Keywords));
        Assert.Equal("Old", marks.Mailbox);
    }

    [Theory]
    [InlineData("From a@b Tue Nov 25 10:20:30 2025 +0100\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n", "2025-11-25T09:20:30")]
    [InlineData("From 25 Tue Nov 24 10:20:30 2025\n", "2025-11-24T10:20:30")]
    [InlineData("From \nDate: Mon, 1 Jan 2024 00:00:00 -0100\n", "2024-01-01T01:00:00")]
    [InlineData("From \nS: a\n", "1970-01-02T00:00:00")]
    public void Dates(string start, string utc) =>
        Assert.Equal(DateTime.Parse(utc, CultureInfo.InvariantCulture), Assert.Single(Read(start + "\nx\n")).Marks.InternalDate.UtcDateTime);

    [Fact]
    public void Long_lines_and_long_messages_are_whole()
    {
        // Longer than any buffer, in header and body, with what looks like a separator in the middle of a line.
        var line = string.Concat(Enumerable.Repeat("0123456789 From a@b Tue Nov 25 10:20:30 2025 ", 9000));
        var text = $"X: {line[..60000]}\nS: a\n\n{line}\n{line}\n";
        var messages = Read($"{From}{text}\n{From}S: b\n\nend\n", 1000);
        Assert.Equal(2, messages.Count);
        Assert.Equal(text.Replace("\n", "\r\n", StringComparison.Ordinal), messages[0].Text);
    }

    [Fact]
    public void A_file_that_is_no_mbox_is_none()
    {
        var files = new SimulatedFileSystem();
        using (var file = files.Create("/letter"))
            file.Write("Dear all,\n"u8, 0);
        Assert.Null(MboxSource.Open("/letter", "Old", files));
    }
}
