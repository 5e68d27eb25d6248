using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>Writes the values of responses (RFC 9051 9).</summary>
public static class ImapWriter
{
    /// <summary>Writes a string: quoted if it can be, else as a literal.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="text">The text.</param>
    /// <param name="mayQuoteUtf8">Whether the client has asked for UTF-8 in quoted strings (RFC 6855, RFC 9051).</param>
    public static void String(IBufferWriter<byte> output, string text, bool mayQuoteUtf8 = false)
    {
        var octets = Encoding.UTF8.GetBytes(text);
        var isPlain = octets.Length <= 1000;
        foreach (var c in octets)
            isPlain &= c is not ((byte)'\r' or (byte)'\n' or 0) && (mayQuoteUtf8 || c < 128);
        if (!isPlain)
        {
            output.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{{octets.Length}}}\r\n")));
            output.Write(octets);
            return;
        }
        output.Write("\""u8);
        var rest = octets.AsSpan();
        while (rest.IndexOfAny((byte)'"', (byte)'\\') is var at and >= 0)
        {
            output.Write(rest[..at]);
            output.Write("\\"u8);
            output.Write(rest.Slice(at, 1));
            rest = rest[(at + 1)..];
        }
        output.Write(rest);
        output.Write("\""u8);
    }

    /// <summary>Writes the name of a mailbox: in UTF-8 for who has asked for it, else in modified UTF-7 (RFC 3501 5.1.3); bare if it is an atom.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="name">The name.</param>
    /// <param name="isUtf8">Whether the client has asked for UTF-8.</param>
    public static void Mailbox(IBufferWriter<byte> output, string name, bool isUtf8)
    {
        if (!isUtf8)
            name = ModifiedUtf7.Encode(name);
        var octets = Encoding.UTF8.GetBytes(name);
        var reader = new ImapReader(octets);
        if (reader.Atom(out _) && reader.Rest.IsEmpty && !name.Equals("NIL", StringComparison.OrdinalIgnoreCase))
            output.Write(octets);
        else
            String(output, name, isUtf8);
    }

    /// <summary>Reads the name of a mailbox as a client gives it. UTF-8 is taken from all; modified UTF-7 from those who have not asked for UTF-8.</summary>
    /// <param name="octets">What came.</param>
    /// <param name="isUtf8">Whether the client has asked for UTF-8.</param>
    /// <param name="name">The name.</param>
    public static bool TryReadMailbox(ReadOnlySpan<byte> octets, bool isUtf8, out string name)
    {
        name = "";
        if (octets.Length > 4000 || !System.Text.Unicode.Utf8.IsValid(octets))
            return false;
        name = Encoding.UTF8.GetString(octets);
        if (isUtf8 || !Ascii.IsValid(octets))
            return true;
        // An ampersand that begins no encoded run is taken for itself, since clients forget to encode it.
        if (ModifiedUtf7.TryDecode(name, out var decoded))
            name = decoded;
        return true;
    }
}
