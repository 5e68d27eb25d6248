using System.Buffers;
using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>HEADER.FIELDS and HEADER.FIELDS.NOT of a message's header (RFC 9051 6.4.5.1).</summary>
public static class HeaderFieldFilter
{
    /// <summary>The most octets of a header that are looked at.</summary>
    public const int MaxHeaderOctets = 4 * 1024 * 1024;

    /// <summary>Writes the fields that are named, or those that are not, as they stand, and the empty line.</summary>
    /// <param name="message">The message file, able to seek.</param>
    /// <param name="header">Where the header lies: <see cref="SectionText.Header"/> of <see cref="MessageStructure.TryLocate"/>.</param>
    /// <param name="names">Field names, in any case.</param>
    /// <param name="isNot">Whether it is HEADER.FIELDS.NOT.</param>
    /// <param name="output">Where to; its length is then the literal's.</param>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static void Write(Stream message, SectionRange header, IReadOnlyList<string> names, bool isNot, IBufferWriter<byte> output)
    {
        var length = (int)Math.Min(header.Length, MaxHeaderOctets);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
        try
        {
            message.Position = header.Offset;
            length = message.ReadAtLeast(buffer.AsSpan(0, length), length, false);
            Write(buffer.AsSpan(0, length), names, isNot, output);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Write(ReadOnlySpan<byte> header, IReadOnlyList<string> names, bool isNot, IBufferWriter<byte> output)
    {
        var isWanted = false;
        while (!header.IsEmpty)
        {
            var end = header.IndexOf((byte)'\n');
            var line = end < 0 ? header : header[..(end + 1)];
            header = header[line.Length..];
            var text = line.TrimEnd("\r\n"u8);
            if (text.IsEmpty)
                break;
            if (text[0] is not ((byte)' ' or (byte)'\t'))
            {
                var colon = text.IndexOf((byte)':');
                // A line that is no field belongs to none, so no list of names leaves it out or takes it in.
                isWanted = colon > 0 && IsNamed(text[..colon].TrimEnd(" \t"u8), names) != isNot;
            }
            if (!isWanted)
                continue;
            output.Write(text);
            output.Write("\r\n"u8);
        }
        output.Write("\r\n"u8);
    }

    private static bool IsNamed(ReadOnlySpan<byte> name, IReadOnlyList<string> names)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i].Length == name.Length && Ascii.EqualsIgnoreCase(name, names[i]))
                return true;
        }
        return false;
    }
}
