using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Smtp;

namespace HomeMail.Fuzz.Targets;

/// <summary>Whole sessions. The first octet of an input chooses the listener and how the rest is cut.</summary>
public static class SessionTargets
{
    private const string Opening = "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n";

    private static readonly SmtpLimits Limits = new()
    {
        GreetingDelay = TimeSpan.Zero,
        MessageSize = 2000,
        CommandLine = 512,
        Recipients = 20,
        Transactions = 20,
        Commands = 200,
        Errors = 20,
    };

    private static readonly string[] Tokens =
    [
        "\r\n", "\r", "\n", ".", "\r\n.\r\n", "\n.\n", "\r.\r\n", "\0", "EHLO c\r\n", "MAIL FROM:<a@b.example>\r\n", "RCPT TO:<c@d.example>\r\n", "RCPT TO:<c@no.example>\r\n", "DATA\r\n", "BDAT 10\r\n",
        "BDAT 5 LAST\r\n", "BDAT 0 LAST\r\n", "BDAT 99999999999\r\n", "RSET\r\n", "NOOP\r\n", "QUIT\r\n", "STARTTLS\r\n", "AUTH PLAIN AAAA\r\n", "Subject: s\r\n\r\n", "VRFY x\r\n", "HELP\r\n", "GET / HTTP/1.1\r\n",
        "From: a@b.example\r\n", "Received: x\r\n", "\xff", "0123456789",
    ];

    /// <summary>A session that gets any octets.</summary>
    public static FuzzTarget Session { get; } = new(
        "session", RunSession,
        ["a" + Opening + "DATA\r\nSubject: s\r\n\r\n..a\r\n.\r\nQUIT\r\n", "b" + Opening + "BDAT 14\r\nSubject: s\r\n\r\nBDAT 3 LAST\r\nabcQUIT\r\n", "c" + Opening, "d" + Opening + "DATA\r\na\nb\n.\r\n.\r\n", "NOOP\r\n"], Tokens);

    /// <summary>A message in chunks, and what comes between them.</summary>
    public static FuzzTarget Bdat { get; } = new(
        "bdat", RunBdat, ["\x05Subje\x0a" + "ct: s\r\n\r\nx\x00", "\x02\r\n\x01\r\x01\n\x80\x03...", "\xff", "\x0aSubject: s\x81\x04\r\n\r\n"], ["\r", "\n", "\r\n", "\x80", "\x81", "\x82", "\x00", "\x01", "\x10", "."]);

    private static void RunSession(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return;
        var service = (input[0] & 3) switch { 0 => SmtpRole.Mta, 1 => SmtpRole.Mta, 2 => SmtpRole.Lan, _ => SmtpRole.Submission };
        var octets = input[1..].ToArray();
        var messages = 0;
        var whole = Talk(service, octets, octets.Length + 1, ref messages);
        var cut = 0;
        FuzzException.Check(whole == Talk(service, octets, 1 + (input[0] >> 2), ref cut) && messages == cut, "cut it is answered differently");
        // A message needs an end of its own.
        var text = Encoding.Latin1.GetString(octets);
        var ends = Count(text, "\r\n.\r\n") + Count(text.ToUpperInvariant(), "LAST");
        FuzzException.Check(messages <= ends, $"{messages} messages out of {ends} ends");
    }

    private static int Count(string text, string piece)
    {
        var count = 0;
        // The end of one may be the beginning of another.
        for (var at = text.IndexOf(piece, StringComparison.Ordinal); at >= 0; at = text.IndexOf(piece, at + 1, StringComparison.Ordinal))
            count++;
        return count;
    }

    private static string Talk(SmtpRole service, byte[] octets, int block, ref int messages)
    {
        var taken = 0;
        string output;
        using (var session = new InlineSession(service, Limits, _ => taken++))
        {
            session.Stream.ClearOutput();
            for (var at = 0; at < octets.Length && !session.Stream.IsClosed; at += block)
                session.Stream.Feed(octets.AsMemory(at, Math.Min(block, octets.Length - at)));
            if (!session.Stream.IsClosed)
                session.Stream.End();
            output = Encoding.Latin1.GetString(session.Stream.Output);
        }
        messages = taken;
        CheckReplies(output);
        return output;
    }

    private static void CheckReplies(string output)
    {
        foreach (var line in output.Split("\r\n").AsSpan()[..^1])
        {
            FuzzException.Check(line.Length is >= 4 and <= SmtpReply.MaxLine - 2 && char.IsAsciiDigit(line[0]) && char.IsAsciiDigit(line[1]) && char.IsAsciiDigit(line[2]) && line[3] is ' ' or '-', "a line that is no reply: " + line);
            foreach (var c in line)
                FuzzException.Check(c is >= ' ' and <= '~', "an octet that must not be in a reply");
        }
        FuzzException.Check(output.Length == 0 || output.EndsWith("\r\n", StringComparison.Ordinal), "a reply without an end");
    }

    // An octet below 128 begins a chunk of so many octets; 128 and above stand for what may come in between.
    private static void RunBdat(ReadOnlySpan<byte> input)
    {
        var wire = new StringBuilder(Opening);
        var content = new StringBuilder();
        var dropped = false;
        var replies = 3;
        for (var at = 0; at < input.Length && !dropped;)
        {
            var octet = input[at++];
            if (octet >= 128)
            {
                var between = (octet & 3) switch { 0 => "NOOP\r\n", 1 => "MAIL FROM:<>\r\n", 2 => "RCPT TO:<e@f.example>\r\n", _ => "RSET\r\n" };
                dropped = between == "RSET\r\n";
                wire.Append(between);
            }
            else
            {
                var chunk = Encoding.Latin1.GetString(input.Slice(at, Math.Min(octet, input.Length - at)));
                at += chunk.Length;
                wire.Append("BDAT ").Append(chunk.Length).Append("\r\n").Append(chunk);
                content.Append(chunk);
            }
            replies++;
        }
        wire.Append("BDAT 0 LAST\r\nQUIT\r\n");
        byte[]? header = null;
        string? body = null;
        string output;
        var limits = Limits with { MessageSize = 100_000, Commands = 10_000, Errors = 10_000, Recipients = 10_000, Transactions = 10_000 };
        using (var session = new InlineSession(SmtpRole.Mta, limits, message =>
        {
            header = message.OriginalHeader.ToArray();
            using var reader = new StreamReader(message.Body.OpenBody(), Encoding.Latin1, detectEncodingFromByteOrderMarks: false);
            body = reader.ReadToEnd();
        }))
        {
            session.Stream.ClearOutput();
            session.Stream.Feed(Encoding.Latin1.GetBytes(wire.ToString()));
            output = Encoding.Latin1.GetString(session.Stream.Output);
        }
        CheckReplies(output);
        FuzzException.Check(output.EndsWith("221 2.0.0 Bye\r\n", StringComparison.Ordinal), "the commands after the chunks were not seen");
        if (body is null)
            return;
        FuzzException.Check(!dropped, "a message that was dropped");
        var text = content.ToString();
        FuzzException.Check((Encoding.Latin1.GetString(header!) + body).Replace("\r\n", "", StringComparison.Ordinal).AsSpan().IndexOfAny('\r', '\n') < 0, "a bare line ending got in");
        // The body is the end of what was sent (a refused chunk ends a message, and MAIL may begin another), but for the line ending that may have been added.
        FuzzException.Check(text.EndsWith(body, StringComparison.Ordinal) || (text + "\r\n").EndsWith(body, StringComparison.Ordinal), "not what was sent");
        FuzzException.Check(header is not null && header.AsSpan().EndsWith("\r\n"u8), "no header");
    }
}
