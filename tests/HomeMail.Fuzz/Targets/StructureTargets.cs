using System.Buffers;
using System.Text;
using HomeMail.Server.Imap.Structure;

namespace HomeMail.Fuzz.Targets;

/// <summary>What IMAP tells of a message: whatever its octets are, the answer is valid and its sections lie in the file.</summary>
public static class StructureTargets
{
    /// <summary>Structure, sections, search and preview of a message.</summary>
    public static FuzzTarget Structure { get; } = new(
        "structure", Run,
        [
            "From: A <a@b.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E1\r\n--b\r\n\r\nx\r\n--b--\r\n",
            "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?B?w7w=?=\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+\r\n",
            "Content-Type: multipart/digest; boundary=\"c\"\r\n\r\n--c\r\n\r\nSubject: s\r\n\r\nbody\r\n--c--",
        ],
        [
            "\r\n", "\n", "\r", "--b", "--b--", "--c", "--", "Content-Type: ", "multipart/mixed; boundary=b", "multipart/digest; boundary=c", "message/rfc822", "text/html", "boundary=", "\"", "\\", "(", ")", ";",
            "Content-Transfer-Encoding: base64\r\n", "To: ", "<", ">", "@", ":", ",", "Subject: ", "=?", "?=", "?Q?", "?B?", "[fwd:", "]", "Re: ", "(fwd)", "\0", "\xff", "name*0*=", "name*1=", "charset=gbk", "charset=iso-2022-jp",
            "<!--", "<style", "&amp;", "=", "Content-Disposition: ", "Content-Language: ",
        ]);

    private static void Run(ReadOnlySpan<byte> input)
    {
        var message = new MemoryStream(input.ToArray());
        var structure = MessageStructureReader.Read(message, new(MaxParts: 30, MaxDepth: 10, MaxFieldOctets: 4096));
        CheckPart(structure.Root, structure.Size);
        foreach (var isUtf8 in (ReadOnlySpan<bool>)[false, true])
        {
            CheckAnswer(o => StructureWriter.WriteBody(o, structure, isUtf8));
            CheckAnswer(o => StructureWriter.WriteBodyStructure(o, structure, isUtf8));
            CheckAnswer(o => StructureWriter.WriteEnvelope(o, structure.Root, isUtf8));
        }
        FuzzException.Check(MessagePreview.Of(message, structure).Length <= MessagePreview.MaxLength, "a preview that is too long");
        TextSearch.IsInMessage(message, structure, "needle");
        message.Position = 0;
        HeaderSummary.Read(message);
    }

    private static void CheckPart(MessagePart part, long size)
    {
        FuzzException.Check(part.HeaderOffset >= 0 && part.HeaderLength >= 0 && part.HeaderOffset + part.HeaderLength <= size, "a header outside");
        FuzzException.Check(part.BodyOffset >= part.HeaderOffset && part.BodyLength >= 0 && part.BodyOffset + part.BodyLength <= size && part.BodyLines >= 0, "a body outside");
        foreach (var child in part.Children)
        {
            FuzzException.Check(child.HeaderOffset >= part.BodyOffset, "a part before its multipart");
            CheckPart(child, size);
        }
    }

    // Parentheses, quoted strings, literals, atoms: all closed.
    private static void CheckAnswer(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        var text = Encoding.Latin1.GetString(output.WrittenSpan);
        var depth = 0;
        for (var at = 0; at < text.Length; at++)
        {
            var c = text[at];
            if (c == '(')
                depth++;
            else if (c == ')')
                FuzzException.Check(--depth >= 0 && text[at - 1] != '(', "an empty list, or one closed twice");
            else if (c == '"')
            {
                for (at++; text[at] != '"'; at++)
                {
                    FuzzException.Check(text[at] is not ('\r' or '\n' or '\0'), "a line end in a quoted string");
                    if (text[at] == '\\')
                        at++;
                }
            }
            else if (c == '{')
            {
                var end = text.IndexOf('}', at);
                at = end + 2 + int.Parse(text.AsSpan(at + 1, end - at - 1), System.Globalization.CultureInfo.InvariantCulture);
            }
            else
                FuzzException.Check(char.IsAsciiLetterOrDigit(c) || c == ' ', "octets outside of strings");
        }
        FuzzException.Check(depth == 0, "a list that is not closed");
    }
}
