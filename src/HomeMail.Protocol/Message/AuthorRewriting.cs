using System.Buffers;
using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>
/// Gives a header one From with a given address, and no Sender: for senders that say what they like there (a scanner's <c>noreply@localhost</c>). A name
/// beside the address stays, for it tells people which machine it was; a From that is right already stays octet for octet.
/// </summary>
public static class AuthorRewriting
{
    // A name longer than this says nothing more.
    private const int LongestName = 64;

    // An encoded-word has 75 characters at most (RFC 2047 2): so many octets fit into one.
    private const int OctetsOfWord = 45;

    /// <summary>Copies a header block with the one From.</summary>
    /// <param name="header">The block, with its empty line.</param>
    /// <param name="author">The address.</param>
    /// <param name="output">Receives the block, with its empty line.</param>
    public static void Rewrite(ReadOnlySpan<byte> header, Address author, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(author);
        ArgumentNullException.ThrowIfNull(output);
        var hasFrom = false;
        var rest = header;
        foreach (var field in new HeaderFields(header))
        {
            rest = rest[field.Whole.Length..];
            if (field.Is("Sender"u8))
                continue;
            if (!field.Is("From"u8))
            {
                output.Write(field.Whole);
                continue;
            }
            if (hasFrom)
                continue;
            hasFrom = true;
            if (IsAuthor(field.Value, author))
                output.Write(field.Whole);
            else
                output.Write(Encoding.UTF8.GetBytes(From(Name(field.Value), author)));
        }
        if (!hasFrom)
            output.Write(Encoding.UTF8.GetBytes(From("", author)));
        output.Write(rest);
    }

    private static string From(string name, Address author) => name.Length == 0 ? $"From: <{author}>\r\n" : $"From: {name} <{author}>\r\n";

    private static bool IsAuthor(ReadOnlySpan<byte> value, Address author)
    {
        var addresses = new List<Address>(1);
        return Ascii.IsValid(value) && AddressList.TryParse(value, addresses) && addresses is [var only] && only.Equals(author);
    }

    /// <summary>The display name of the first address, ready to be written; empty if there is none, or if it looks like an address itself.</summary>
    private static string Name(ReadOnlySpan<byte> value)
    {
        var text = System.Text.Unicode.Utf8.IsValid(value) ? Encoding.UTF8.GetString(value) : Encoding.Latin1.GetString(value);
        var name = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\\' && quoted && i + 1 < text.Length)
                name.Append(text[++i]);
            else if (c == '"')
                quoted = !quoted;
            else if (c == '<' && !quoted)
                return Written(name.ToString());
            else
                AppendCharacter(name, c is '\r' or '\n' or '\t' ? ' ' : c);
        }
        return "";
    }

    // Folding is one space, however it was written.
    private static void AppendCharacter(StringBuilder name, char c)
    {
        if (c != ' ' || name.Length == 0 || name[^1] != ' ')
            name.Append(c);
    }

    private static string Written(string name)
    {
        name = name.Trim();
        if (name.Length == 0 || name.Contains('@', StringComparison.Ordinal) || name.AsSpan().ContainsAnyInRange('\0', '\x1f') || name.Contains('\x7f', StringComparison.Ordinal))
            return "";
        // One that is encoded is left as it is, if it is nothing else.
        if (name.StartsWith("=?", StringComparison.Ordinal))
            return IsEncodedWords(name) ? name : "";
        if (name.Length > LongestName)
            name = name[..(char.IsHighSurrogate(name[LongestName - 1]) ? LongestName - 1 : LongestName)].TrimEnd();
        if (Ascii.IsValid(name))
            return "\"" + name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
        return EncodedWords(name);
    }

    private static bool IsEncodedWords(string name)
    {
        if (name.Length > 4 * LongestName)
            return false;
        foreach (var word in name.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (!(word.StartsWith("=?", StringComparison.Ordinal) && word.EndsWith("?=", StringComparison.Ordinal) && word.AsSpan().Count('?') == 4
                && !word.AsSpan().ContainsAny("\"(),:;<>@[]\\") && Ascii.IsValid(word)))
                return false;
        return true;
    }

    /// <summary>A text as encoded-words in UTF-8 and Base64 (RFC 2047 2, 4.1), each with whole characters.</summary>
    /// <param name="text">The text.</param>
    public static string EncodedWords(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = new StringBuilder();
        var octets = new byte[OctetsOfWord];
        var length = 0;
        Span<byte> one = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            var count = rune.EncodeToUtf8(one);
            if (length + count > OctetsOfWord)
                End();
            one[..count].CopyTo(octets.AsSpan(length));
            length += count;
        }
        End();
        return words.ToString();

        void End()
        {
            if (length == 0)
                return;
            words.Append(words.Length > 0 ? " " : "").Append("=?utf-8?B?").Append(Convert.ToBase64String(octets, 0, length)).Append("?=");
            length = 0;
        }
    }
}
