using System.Text;

namespace HomeMail.Protocol.Smtp;

public sealed partial class SmtpReplyParser
{
    /// <summary>
    /// Makes a text of what came: UTF-8 where it is that (RFC 6531 3.7.4.1 allows it in replies), a question mark for an octet that is not,
    /// a space for a control character. The text goes into logs, envelopes and DSNs, so nothing in it may end a line.
    /// </summary>
    private static string Printable(ReadOnlySpan<byte> octets)
    {
        var text = new StringBuilder(octets.Length);
        while (!octets.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(octets, out var rune, out var length);
            if (status != System.Buffers.OperationStatus.Done)
                text.Append('?', length);
            else if (rune.Value == '\n')
                text.Append('\n');
            else if (Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.LineSeparator
                     or System.Globalization.UnicodeCategory.ParagraphSeparator or System.Globalization.UnicodeCategory.Format)
                text.Append(' ');
            else
                text.Append(rune.ToString());
            octets = octets[length..];
        }
        return text.ToString();
    }
}
