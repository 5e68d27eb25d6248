using System.Globalization;

namespace HomeMail.Protocol.Smtp;

/// <summary>
/// An enhanced status code (RFC 3463 2), such as <c>5.1.1</c>. The default value is no code.
/// </summary>
/// <param name="Class">2 success, 4 persistent transient failure, 5 permanent failure (RFC 3463 3.1).</param>
/// <param name="Subject">What it is about, 0 to 999 (RFC 3463 3.2).</param>
/// <param name="Detail">The precise condition, 0 to 999 (RFC 3463 3.3 to 3.8 and the registry of RFC 5248).</param>
public readonly record struct EnhancedStatusCode(byte Class, ushort Subject, ushort Detail)
{
    private const int MaxDigits = 3;

    /// <summary>Whether there is a code at all.</summary>
    public bool IsNone => Class == 0;

    /// <summary>Whether it tells of a permanent failure.</summary>
    public bool IsPermanent => Class == 5;

    /// <summary>Whether it tells of a failure that may pass.</summary>
    public bool IsTransient => Class == 4;

    /// <summary>The same condition in another class: <c>5.4.1</c> as <c>4.4.1</c>.</summary>
    /// <param name="statusClass">2, 4 or 5.</param>
    public EnhancedStatusCode InClass(byte statusClass) => this with { Class = statusClass };

    /// <summary>Reads a code at the start of a text, as it stands in replies (RFC 2034 4).</summary>
    /// <param name="text">ASCII text, the code first.</param>
    /// <param name="code">The code, or none.</param>
    /// <param name="length">How many octets the code takes, without what separates it from the text.</param>
    /// <returns>False if the text does not begin with a code that is followed by white space or the end.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out EnhancedStatusCode code, out int length)
    {
        code = default;
        length = 0;
        if (text.Length < 5 || text[0] is not ((byte)'2' or (byte)'4' or (byte)'5') || text[1] != (byte)'.')
            return false;
        var at = 2;
        if (!TryNumber(text, ref at, out var subject) || at >= text.Length || text[at++] != (byte)'.' || !TryNumber(text, ref at, out var detail))
            return false;
        if (at < text.Length && text[at] is not ((byte)' ' or (byte)'\t'))
            return false;
        code = new EnhancedStatusCode((byte)(text[0] - '0'), subject, detail);
        length = at;
        return true;
    }

    /// <summary>Reads a text that is a code and nothing else.</summary>
    /// <param name="text">The candidate.</param>
    /// <param name="code">The code, or none.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out EnhancedStatusCode code)
    {
        code = default;
        Span<byte> octets = stackalloc byte[9];
        if (text.Length > octets.Length || !System.Text.Ascii.IsValid(text))
            return false;
        for (var i = 0; i < text.Length; i++)
            octets[i] = (byte)text[i];
        if (TryParse(octets[..text.Length], out var parsed, out var length) && length == text.Length)
            code = parsed;
        return !code.IsNone;
    }

    /// <summary>The code as it is written, such as <c>5.1.1</c>; empty for no code.</summary>
    public override string ToString() =>
        IsNone ? "" : string.Create(CultureInfo.InvariantCulture, $"{Class}.{Subject}.{Detail}");

    private static bool TryNumber(ReadOnlySpan<byte> text, ref int at, out ushort number)
    {
        number = 0;
        var start = at;
        for (; at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9'; at++)
        {
            if (at - start == MaxDigits)
                return false;
            number = (ushort)((number * 10) + (text[at] - '0'));
        }
        return at > start;
    }
}
