using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Protocol.Dkim;

/// <summary>
/// A header block as signatures see it (RFC 6376 3.7, 5.4.2): its fields by name, each octet as it came. Built once for a message; hashing does
/// not copy it, and a message without signatures costs no index. Used by one thread at a time.
/// </summary>
public sealed class SignedHeader
{
    private readonly ReadOnlyMemory<byte> _block;
    private readonly List<Slice> _fields = [];
    private Dictionary<string, List<int>>? _byName;

    /// <summary>Takes a block.</summary>
    /// <param name="block">The header in CRLF form, with or without its empty line. It must stay as it is while this is in use.</param>
    public SignedHeader(ReadOnlyMemory<byte> block) => _block = block;

    private Dictionary<string, List<int>> ByName => _byName ??= Index();

    /// <summary>How many fields of a name there are.</summary>
    /// <param name="name">The name in lower case.</param>
    public int Count(string name) =>
        _byName is null && !Occurs(name) ? 0 : ByName.TryGetValue(name, out var indexes) ? indexes.Count : 0;

    /// <summary>One of the fields of a name: all of it but the CRLF at its end.</summary>
    /// <param name="name">The name in lower case.</param>
    /// <param name="index">Which, from the top, beginning with 0.</param>
    /// <param name="valueStart">Where in it the value begins.</param>
    public ReadOnlyMemory<byte> Field(string name, int index, out int valueStart)
    {
        var slice = _fields[ByName[name][index]];
        valueStart = slice.ValueStart;
        return _block.Slice(slice.Start, slice.ValueStart + slice.ValueLength);
    }

    /// <summary>Computes the hash that a signature signs.</summary>
    /// <param name="names">h=, in lower case.</param>
    /// <param name="canonicalization">How fields are hashed.</param>
    /// <param name="own">The field that holds the signature, without the CRLF at its end.</param>
    /// <param name="cut">What of it is left out: the value of b=, with white space around it.</param>
    /// <returns>32 octets.</returns>
    public byte[] Hash(IReadOnlyList<string> names, Canonicalization canonicalization, ReadOnlySpan<byte> own, Range cut)
    {
        ArgumentNullException.ThrowIfNull(names);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, names, canonicalization);
        AppendOwn(hash, canonicalization, own, cut);
        return hash.GetHashAndReset();
    }

    /// <summary>Appends the field that holds the signature, without its value and without CRLF (RFC 6376 3.7).</summary>
    /// <param name="hash">Where to.</param>
    /// <param name="canonicalization">How.</param>
    /// <param name="own">The field, without the CRLF at its end.</param>
    /// <param name="cut">What of it is left out.</param>
    internal static void AppendOwn(IncrementalHash hash, Canonicalization canonicalization, ReadOnlySpan<byte> own, Range cut)
    {
        var (start, length) = cut.GetOffsetAndLength(own.Length);
        if (canonicalization == Canonicalization.Simple)
        {
            hash.AppendData(own[..start]);
            hash.AppendData(own[(start + length)..]);
            return;
        }
        // The cut joins two pieces of one value, so they go through one pass.
        var joined = new byte[own.Length - length];
        own[..start].CopyTo(joined);
        own[(start + length)..].CopyTo(joined.AsSpan(start));
        var colon = joined.AsSpan().IndexOf((byte)':');
        AppendRelaxed(hash, joined.AsSpan(0, colon).TrimEnd(" \t"u8), joined.AsSpan(colon + 1));
    }

    /// <summary>Appends the named fields, each with its CRLF, from the bottom up (RFC 6376 5.4.2); names without a field left add nothing.</summary>
    /// <param name="hash">Where to.</param>
    /// <param name="names">The names in lower case.</param>
    /// <param name="canonicalization">How.</param>
    internal void Append(IncrementalHash hash, IReadOnlyList<string> names, Canonicalization canonicalization)
    {
        var used = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            used[name] = used.GetValueOrDefault(name) + 1;
            if (!ByName.TryGetValue(name, out var indexes) || used[name] > indexes.Count)
                continue;
            AppendField(hash, _fields[indexes[^used[name]]], canonicalization);
            hash.AppendData("\r\n"u8);
        }
    }

    private bool Occurs(string name)
    {
        foreach (var field in new HeaderFields(_block.Span))
            if (Ascii.EqualsIgnoreCase(field.Name, name))
                return true;
        return false;
    }

    private Dictionary<string, List<int>> Index()
    {
        var byName = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        var span = _block.Span;
        foreach (var field in new HeaderFields(span))
        {
            span.Overlaps(field.Whole, out var start);
            var name = Encoding.ASCII.GetString(field.Name).ToLowerInvariant();
            if (!byName.TryGetValue(name, out var indexes))
                byName[name] = indexes = [];
            indexes.Add(_fields.Count);
            _fields.Add(new Slice(start, field.Whole.Length, field.Name.Length, field.Whole.IndexOf((byte)':') + 1, field.Value.Length));
        }
        return byName;
    }

    private void AppendField(IncrementalHash hash, Slice field, Canonicalization canonicalization)
    {
        var whole = _block.Span.Slice(field.Start, field.Length);
        if (canonicalization == Canonicalization.Simple)
            hash.AppendData(whole[..(field.ValueStart + field.ValueLength)]);
        else
            AppendRelaxed(hash, whole[..field.NameLength], whole.Slice(field.ValueStart, field.ValueLength));
    }

    // RFC 6376 3.4.2: name in lower case, folding undone, white space runs to one space, none at the ends of the value.
    internal static void AppendRelaxed(IncrementalHash hash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Span<byte> buffer = stackalloc byte[512];
        var length = 0;
        foreach (var b in name)
        {
            if (length == buffer.Length)
                Flush(hash, buffer, ref length);
            buffer[length++] = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
        }
        if (length == buffer.Length)
            Flush(hash, buffer, ref length);
        buffer[length++] = (byte)':';
        var space = false;
        var begun = false;
        for (var i = 0; i < value.Length; i++)
        {
            var b = value[i];
            if (b == '\r' && i + 1 < value.Length && value[i + 1] == '\n')
            {
                i++;
                continue;
            }
            if (b is (byte)' ' or (byte)'\t')
            {
                space = begun;
                continue;
            }
            if (length + 2 > buffer.Length)
                Flush(hash, buffer, ref length);
            if (space)
                buffer[length++] = (byte)' ';
            buffer[length++] = b;
            space = false;
            begun = true;
        }
        Flush(hash, buffer, ref length);
    }

    private static void Flush(IncrementalHash hash, ReadOnlySpan<byte> buffer, ref int length)
    {
        hash.AppendData(buffer[..length]);
        length = 0;
    }

    private readonly record struct Slice(int Start, int Length, int NameLength, int ValueStart, int ValueLength);
}
