using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace HomeMail.Protocol.Dkim;

/// <summary>
/// A tag=value list (RFC 6376 3.2), as signatures, key records, DMARC records and ARC fields have it. It knows nothing of what tags mean, but
/// refuses what two readers could take differently: a tag that comes twice, an element without <c>=</c>, octets outside the grammar.
/// </summary>
public sealed class TagList
{
    // No list in use has more than a dozen; a stranger's may not cost more than this.
    private const int MaxTags = 64;

    private readonly List<Tag> _tags = [];
    private readonly string _text;

    private TagList(string text) => _text = text;

    /// <summary>Reads a list.</summary>
    /// <param name="octets">The text: a field value with its folding, or a TXT record.</param>
    /// <param name="list">The list; null if it is not one.</param>
    public static bool TryParse(ReadOnlySpan<byte> octets, [NotNullWhen(true)] out TagList? list) => TryParse(Encoding.Latin1.GetString(octets), out list);

    /// <summary>Reads a list.</summary>
    /// <param name="text">The text, one octet a character.</param>
    /// <param name="list">The list; null if it is not one.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out TagList? list)
    {
        ArgumentNullException.ThrowIfNull(text);
        list = null;
        var result = new TagList(text);
        for (var at = 0; at <= text.Length;)
        {
            var semicolon = text.IndexOf(';', at);
            var end = semicolon < 0 ? text.Length : semicolon;
            if (!result.ReadTag(at, end, semicolon < 0))
                return false;
            at = end + 1;
        }
        list = result;
        return result._tags.Count > 0;
    }

    /// <summary>The number of tags.</summary>
    public int Count => _tags.Count;

    /// <summary>The name of the first tag: versions have to come first in some lists.</summary>
    public string First => _tags[0].Name;

    /// <summary>A tag's value, without white space around it. Folding inside is kept.</summary>
    /// <param name="name">The name; its case counts (RFC 6376 3.2).</param>
    /// <returns>Null if the tag is not there.</returns>
    public string? this[string name]
    {
        get
        {
            foreach (var tag in _tags)
                if (tag.Name == name)
                    return _text.Substring(tag.Start, tag.Length);
            return null;
        }
    }

    /// <summary>A tag's value without any white space, as base64 and lists are read.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Null if the tag is not there.</returns>
    public string? Compact(string name)
    {
        var value = this[name];
        return value is null || value.AsSpan().IndexOfAny(" \t\r\n") < 0
            ? value : string.Concat(value.Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>A tag's value as base64.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Null if the tag is not there, or is not base64, or longer than any key or signature.</returns>
    public byte[]? Base64(string name)
    {
        const int MaxLength = 4096;
        if (Compact(name) is not { Length: <= MaxLength } value)
            return null;
        var octets = new byte[value.Length];
        return Convert.TryFromBase64String(value, octets, out var length) ? octets[..length] : null;
    }

    /// <summary>The offset and length of what is between a tag's <c>=</c> and the next <c>;</c>, white space included: what is cut out of a field to hash it.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Nothing, at the end of the text, if the tag is not there.</returns>
    public (int Start, int Length) RawRange(string name)
    {
        foreach (var tag in _tags)
            if (tag.Name == name)
                return (tag.RawStart, tag.RawEnd - tag.RawStart);
        return (_text.Length, 0);
    }

    private bool ReadTag(int start, int end, bool last)
    {
        var raw = _text.AsSpan(start, end - start);
        if (last && IsBlank(raw))
            return true; // the list may end in a semicolon
        var equals = raw.IndexOf('=');
        if (equals < 0 || _tags.Count == MaxTags)
            return false;
        var name = raw[..equals].Trim(" \t\r\n").ToString();
        if (name.Length == 0 || !char.IsAsciiLetter(name[0]) || this[name] is not null)
            return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        foreach (var c in raw[(equals + 1)..])
            if (c is (< ' ' and not ('\t' or '\r' or '\n')) or '\x7f')
                return false;
        var rawStart = start + equals + 1;
        var value = raw[(equals + 1)..];
        var trimmed = value.TrimStart(" \t\r\n");
        var valueStart = rawStart + value.Length - trimmed.Length;
        _tags.Add(new Tag(name, valueStart, trimmed.TrimEnd(" \t\r\n").Length, rawStart, end));
        return true;
    }

    private static bool IsBlank(ReadOnlySpan<char> text) => text.Trim(" \t\r\n").IsEmpty;

    private readonly record struct Tag(string Name, int Start, int Length, int RawStart, int RawEnd);
}
