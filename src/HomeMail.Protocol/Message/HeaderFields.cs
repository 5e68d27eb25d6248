using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>One field of a message header (RFC 5322 2.2), as slices of the header block.</summary>
public readonly ref struct HeaderField
{
    /// <summary>Makes a field.</summary>
    /// <param name="name">The name without colon.</param>
    /// <param name="value">What follows the colon, folding kept, last CRLF not.</param>
    /// <param name="whole">All octets of the field, last CRLF included.</param>
    public HeaderField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ReadOnlySpan<byte> whole)
    {
        Name = name;
        Value = value;
        Whole = whole;
    }

    /// <summary>The name as written, without white space before the colon.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>What follows the colon, folding kept, last CRLF not.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>All octets of the field, last CRLF included.</summary>
    public ReadOnlySpan<byte> Whole { get; }

    /// <summary>Whether the name is this one; names have no case (RFC 5322 1.2.2).</summary>
    /// <param name="name">The name in ASCII.</param>
    public bool Is(ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(Name, name);
}

/// <summary>
/// Walks the fields of a header block in CRLF form: <c>foreach (var field in new HeaderFields(header))</c>. It ends at the empty line, at the end
/// of the block, or before a line that is neither a field nor a continuation.
/// </summary>
/// <param name="header">The header block.</param>
public ref struct HeaderFields(ReadOnlySpan<byte> header)
{
    private ReadOnlySpan<byte> _rest = header;

    /// <summary>The field that was read last.</summary>
    public HeaderField Current { get; private set; }

    /// <summary>This walk itself.</summary>
    public readonly HeaderFields GetEnumerator() => this;

    /// <summary>Reads on.</summary>
    public bool MoveNext()
    {
        if (!IsFieldStart(_rest, out var nameLength, out var colon))
            return false;
        var end = 0;
        do
        {
            var line = _rest[end..].IndexOf((byte)'\n');
            end = line < 0 ? _rest.Length : end + line + 1;
        }
        while (end < _rest.Length && _rest[end] is (byte)' ' or (byte)'\t');
        var whole = _rest[..end];
        Current = new HeaderField(whole[..nameLength], whole[(colon + 1)..].TrimEnd("\r\n"u8), whole);
        _rest = _rest[end..];
        return true;
    }

    /// <summary>Whether a line begins a field: a name of printable ASCII, perhaps white space (obsolete, RFC 5322 4.5), and a colon.</summary>
    /// <param name="line">The line.</param>
    /// <param name="nameLength">Octets of the name.</param>
    /// <param name="colon">Where the colon is.</param>
    public static bool IsFieldStart(ReadOnlySpan<byte> line, out int nameLength, out int colon)
    {
        nameLength = 0;
        while (nameLength < line.Length && line[nameLength] is > 32 and < 127 and not (byte)':')
            nameLength++;
        colon = nameLength;
        while (colon < line.Length && line[colon] is (byte)' ' or (byte)'\t')
            colon++;
        return nameLength > 0 && colon < line.Length && line[colon] == (byte)':';
    }
}
