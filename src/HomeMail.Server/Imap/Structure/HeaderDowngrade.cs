using System.Text;
using HomeMail.Protocol.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>
/// Writes a header that is in UTF-8 anew in ASCII, for old clients (RFC 6858 2): people's names and the subject as encoded words, an address that can't be
/// written as one that leads nowhere, under a name that tells it; parameters and fields that can't be written are left out.
/// </summary>
internal static class HeaderDowngrade
{
    // An encoded word has 75 characters at most (RFC 2047 2); so many octets make 60 of Base64.
    private const int WordOctets = 45;

    private const string Nowhere = "invalid@internationalized-address.invalid";

    private static readonly string[] AddressFields =
        ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc", "Resent-Bcc"];

    private static readonly string[] TextFields = ["Subject", "Comments", "Content-Description"];
    private static readonly string[] ParameterFields = ["Content-Type", "Content-Disposition"];

    /// <summary>The header in ASCII.</summary>
    /// <param name="header">The header with its empty line, in UTF-8.</param>
    public static byte[] Of(ReadOnlySpan<byte> header)
    {
        using var output = new PooledWriter(header.Length + 256);
        while (!header.IsEmpty)
        {
            var length = FieldLength(header);
            Write(output, header[..length]);
            header = header[length..];
        }
        return output.WrittenSpan.ToArray();
    }

    // A field with the lines that continue it.
    private static int FieldLength(ReadOnlySpan<byte> header)
    {
        for (var at = 0; ;)
        {
            var end = header[at..].IndexOf((byte)'\n');
            if (end < 0)
                return header.Length;
            at += end + 1;
            if (at == header.Length || header[at] is not ((byte)' ' or (byte)'\t'))
                return at;
        }
    }

    private static void Write(PooledWriter output, ReadOnlySpan<byte> field)
    {
        if (Ascii.IsValid(field))
        {
            output.Write(field);
            return;
        }
        var colon = field.IndexOf((byte)':');
        if (colon <= 0 || !Ascii.IsValid(field[..colon]))
            return;
        var name = Encoding.ASCII.GetString(field[..colon]).Trim();
        // An octet a character, as the readers of fields have it.
        var value = Encoding.Latin1.GetString(field[(colon + 1)..]).Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Trim();
        var text = Is(AddressFields, name) ? Addresses(value) : Is(TextFields, name) ? Words(value) : Is(ParameterFields, name) ? Parameters(value) : null;
        if (text is not null)
            output.Write($"{name}: {text}\r\n");
    }

    private static bool Is(string[] names, string name) => Array.Exists(names, one => one.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static string Addresses(string value)
    {
        var text = new StringBuilder();
        var isFirst = true;
        foreach (var address in EnvelopeAddressReader.Read(value))
        {
            if (!address.IsMailbox && address.Mailbox is null)
            {
                text.Append(';');
                isFirst = false;
                continue;
            }
            text.Append(isFirst ? "" : ",\r\n ");
            isFirst = !address.IsMailbox;
            text.Append(address.IsMailbox ? One(address) : Phrase(address.Mailbox!) + ": ");
        }
        return text.ToString();
    }

    private static string One(EnvelopeAddress address)
    {
        var plain = $"{address.Mailbox}@{address.Host}";
        if (Ascii.IsValid(plain))
            return address.Name is null ? Plain(address) : $"{Phrase(address.Name)} <{Plain(address)}>";
        // Who it was can be read, though not written to (RFC 6858 2.1).
        return $"{Words(address.Name is null ? plain : $"{address.Name} <{plain}>")}\r\n <{Nowhere}>";
    }

    private static string Plain(EnvelopeAddress address) =>
        (address.Mailbox!.AsSpan().ContainsAny(" \t\"(),:;<>@[\\]") ? Quoted(address.Mailbox!) : address.Mailbox) + "@" + address.Host;

    private static string Phrase(string name) =>
        !Ascii.IsValid(name) ? Words(name) : name.AsSpan().ContainsAny("\"(),:;<>@[\\].") ? Quoted(name) : name;

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    /// <summary>Encoded words of text in UTF-8; what is encoded in it already is decoded first, since words do not nest.</summary>
    private static string Words(string value)
    {
        var octets = Encoding.UTF8.GetBytes(HeaderText.Decode(value)).AsSpan();
        var words = new StringBuilder();
        while (!octets.IsEmpty)
        {
            var length = Math.Min(WordOctets, octets.Length);
            // A word ends with a whole character (RFC 2047 5).
            while (length < octets.Length && (octets[length] & 0xc0) == 0x80)
                length--;
            words.Append(words.Length > 0 ? "\r\n " : "").Append("=?utf-8?B?").Append(Convert.ToBase64String(octets[..length])).Append("?=");
            octets = octets[length..];
        }
        return words.ToString();
    }

    private static string? Parameters(string value)
    {
        var reader = new ParameterReader(value);
        var token = reader.Token();
        if (reader.Take('/'))
            token += "/" + reader.Token();
        if (token.Length == 0 || !Ascii.IsValid(token))
            return null;
        var text = new StringBuilder(token);
        foreach (var (name, one) in reader.Parameters())
            if (Ascii.IsValid(name) && Ascii.IsValid(one))
                text.Append(";\r\n ").Append(name).Append('=').Append(name.EndsWith('*') ? one : Quoted(one));
        return text.ToString();
    }
}
