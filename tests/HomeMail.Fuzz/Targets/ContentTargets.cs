using System.Buffers;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Fuzz.Targets;

/// <summary>Message content: transparency, line endings, header.</summary>
public static class ContentTargets
{
    private static readonly string[] Lines = ["\r\n", "\r", "\n", ".", "..", "\r\n.\r\n", "\n.\n", "\r.\r", "\r\n.\r", "\n.\r\n", "\r\r\n", "\0", "text", "\r\n\0.\r\n"];

    private static readonly string[] Fields =
    [
        "Received: from a by b;\r\n\tSat, 14 Mar 2026 09:26:53 +0000\r\n", "Subject: x\r\n", "From: a@b.example\r\n", "From : a@b.example\r\n", "From a@b.example Sat\r\n", "Bcc: x@y.example\r\n",
        "Authentication-Results: mail.example.org; spf=pass\r\n", "authentication-results : (c) \"mail.example.org\" 1;\r\n", "Return-Path: <>\r\n", "X-HomeMail-A: b\r\n", "DKIM-Signature: v=1\r\n",
        "\r\n", " folded\r\n", "\t\r\n", ":", "\xc3\xbc", "\0", "(", ")", "\"", "\\", "Date: x\r\n", "Message-ID: <a@b>\r\n", "Sender: c@d.example\r\n",
    ];

    /// <summary>What follows DATA or BDAT.</summary>
    public static FuzzTarget Decoder { get; } = new("dot-decoder", RunDecoder, ["Subject: s\r\n\r\n..a\r\n.\r\nQUIT\r\n", ".\r\n", "a\nb\r.\r\n.\r\n", "a\r"], Lines);

    /// <summary>What is sent after DATA or BDAT: read back it is the same, and nothing in it can be misread.</summary>
    public static FuzzTarget Encoder { get; } = new("dot-encoder", RunEncoder, ["Subject: s\r\n\r\n.a\r\n", ".", "a\nb\r.\r\n", "a\r"], Lines);

    /// <summary>The header: where it ends, what is in it, what is taken out.</summary>
    public static FuzzTarget Header { get; } = new("header", RunHeader, ["From: a@b.example\r\nSubject: s\r\n\r\nbody\r\n", "\r\n", "no field\r\n", "A: b\r\n c\r\n", "From x\r\nA: b\r\n\r\n"], Fields);

    /// <summary>In whose name an Authentication-Results field speaks.</summary>
    public static FuzzTarget ResultsName { get; } = new(
        "results-name", RunResultsName, [" mail.example.org; spf=pass", " (a) mail.example.org (b) 1; none", " \"mail.\\example.org\"; none", " other.example; spf=fail"],
        ["(", ")", "\"", "\\", ";", "mail.example.org", "MAIL.", ".", " ", "\r\n ", "1", "\0", "\xff"]);

    private static void RunDecoder(ReadOnlySpan<byte> input)
    {
        for (var mode = 0; mode < 4; mode++)
        {
            var whole = Decode(input, input.Length + 1, mode, out var used, out var ended, out var bare);
            foreach (var block in (ReadOnlySpan<int>)[1, 2, 3, 7])
            {
                var cut = Decode(input, block, mode, out var cutUsed, out var cutEnded, out var cutBare);
                FuzzException.Check(whole.AsSpan().SequenceEqual(cut) && used == cutUsed && ended == cutEnded && bare == cutBare, "cut it is something else");
            }
            if (ended)
                FuzzException.Check(mode < 2 && input[..used].EndsWith(".\r\n"u8) && (used == 3 || input[..used].EndsWith("\r\n.\r\n"u8)), "an end that is not CRLF.CRLF");
            // Normalised content has no bare CR or LF; one CR may still wait for its LF.
            if (mode % 2 == 1)
                CheckLineEndings(ended ? whole : whole.AsSpan().TrimEnd((byte)'\r'));
        }
    }

    private static byte[] Decode(ReadOnlySpan<byte> input, int block, int mode, out int used, out bool ended, out bool bare)
    {
        var output = new ArrayBufferWriter<byte>(input.Length + 16);
        var decoder = new ContentDecoder(transparent: mode < 2, normalise: mode % 2 == 1);
        used = 0;
        ended = false;
        while (used < input.Length && !ended)
        {
            var rest = input.Slice(used, Math.Min(block, input.Length - used));
            while (true)
            {
                var step = decoder.Read(rest, out var taken, out var content);
                FuzzException.Check(taken >= 0 && taken <= rest.Length, "used more than there is");
                used += taken;
                rest = rest[taken..];
                output.Write(content);
                ended = step == ContentStep.End;
                if (step != ContentStep.Content)
                    break;
            }
            FuzzException.Check(ended || rest.IsEmpty, "input is left");
        }
        if (!ended)
        {
            decoder.Finish(out var last);
            output.Write(last);
        }
        bare = decoder.HasBareLineEnding;
        return output.WrittenSpan.ToArray();
    }

    private static void RunEncoder(ReadOnlySpan<byte> input)
    {
        foreach (var room in (ReadOnlySpan<int>)[4, 5, 100_000])
        {
            var wire = new ArrayBufferWriter<byte>(input.Length + 64);
            var encoder = new DotEncoder(isChunk: false);
            var rest = input;
            while (true)
            {
                var done = encoder.Encode(rest, wire.GetSpan(room)[..room], out var consumed, out var written);
                wire.Advance(written);
                rest = rest[consumed..];
                if (done)
                    break;
                FuzzException.Check(consumed > 0 || written > 0, "no progress");
            }
            wire.Advance(encoder.Finish(wire.GetSpan(DotEncoder.MaxFinish)));
            CheckLineEndings(wire.WrittenSpan);
            var decoder = new ContentDecoder(transparent: true, normalise: false);
            var sent = wire.WrittenSpan;
            var content = new ArrayBufferWriter<byte>(input.Length + 16);
            ContentStep step;
            while ((step = decoder.Read(sent, out var used, out var slice)) == ContentStep.Content)
            {
                sent = sent[used..];
                content.Write(slice);
            }
            FuzzException.Check(step == ContentStep.End, "what was sent has no end");
            decoder.Read(sent, out var end, out _);
            FuzzException.Check(sent[end..].IsEmpty || sent.SequenceEqual(".\r\n"u8), "the end comes before all was sent");
            FuzzException.Check(!content.WrittenSpan.Contains((byte)0), "a NUL was sent");
        }
    }

    private static void RunHeader(ReadOnlySpan<byte> input)
    {
        using var header = new HeaderBuffer();
        var body = new ArrayBufferWriter<byte>(input.Length + 16);
        var decoder = new ContentDecoder(transparent: false, normalise: true);
        var rest = input;
        while (decoder.Read(rest, out var used, out var content) == ContentStep.Content)
        {
            rest = rest[used..];
            Keep(header, content, body);
        }
        decoder.Finish(out var last);
        Keep(header, last, body);
        header.Finish(out var late);
        body.Write(late);
        FuzzException.Check(header.State == HeaderState.Complete, "a header without an end");
        var block = header.Block;
        FuzzException.Check(block.EndsWith("\r\n"u8) && (block.Length == 2 || block.EndsWith("\r\n\r\n"u8)), "no empty line");
        CheckLineEndings(block);

        // The fields are the block, and nothing is lost between them.
        var length = 0;
        foreach (var field in new HeaderFields(block))
        {
            FuzzException.Check(field.Name.Length > 0 && !field.Name.ContainsAny(" \t\r\n:\0"u8), "a name that is none");
            length += field.Whole.Length;
        }
        FuzzException.Check(length == block.Length - 2, "fields do not make up the header");

        var edited = new ArrayBufferWriter<byte>(block.Length + 16);
        new HeaderEditor(["mail.example.org"], isSubmission: true).Edit(block, edited, out var summary);
        foreach (var field in new HeaderFields(edited.WrittenSpan))
        {
            FuzzException.Check(!field.Is("Bcc"u8) && !field.Is("Return-Path"u8) && !field.Is("Received-SPF"u8), "a field that should be gone");
            FuzzException.Check(!field.Is("Authentication-Results"u8) || !AuthenticationServiceId.Bears(field.Value, "mail.example.org"), "results in our name");
            summary.FromCount -= field.Is("From"u8) ? 1 : 0;
        }
        FuzzException.Check(summary.FromCount == 0, "miscounted");
    }

    private static void Keep(HeaderBuffer header, ReadOnlySpan<byte> content, ArrayBufferWriter<byte> body)
    {
        if (content.IsEmpty)
            return;
        if (header.State != HeaderState.Open)
        {
            body.Write(content);
            return;
        }
        header.Append(content, out var early);
        body.Write(early);
    }

    private static void RunResultsName(ReadOnlySpan<byte> input)
    {
        var bears = AuthenticationServiceId.Bears(input, "mail.example.org");
        // Whatever stands where the name would: a name that is not in the field at all is not borne, unless it is too broken to tell.
        if (bears && !Encoding.Latin1.GetString(input).Replace("\\", "", StringComparison.Ordinal).Contains("mail.example.org", StringComparison.OrdinalIgnoreCase))
            FuzzException.Check(AuthenticationServiceId.Bears(input, "no.such.name.example"), "a name that is not there");
    }

    private static void CheckLineEndings(ReadOnlySpan<byte> octets)
    {
        for (var i = 0; i < octets.Length; i++)
        {
            if (octets[i] == (byte)'\r')
                FuzzException.Check(i + 1 < octets.Length && octets[i + 1] == (byte)'\n', "a bare CR");
            else if (octets[i] == (byte)'\n')
                FuzzException.Check(i > 0 && octets[i - 1] == (byte)'\r', "a bare LF");
        }
    }
}
