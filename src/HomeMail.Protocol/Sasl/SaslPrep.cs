using System.Buffers;
using System.Text;

namespace HomeMail.Protocol.Sasl;

/// <summary>
/// SASLprep (RFC 4013) as far as it can be done without Unicode tables: names and passwords that people type in two ways compare equal.
/// Mapping (2.1) and prohibited output (2.3) are complete. Normalisation (2.2, NFKC) is not made, nor the check of writing direction (2.4):
/// this program carries no Unicode data. A password with composed letters therefore has to be typed on devices that compose them alike,
/// which all usual keyboards do. Unassigned code points are let through, as 2.5 has it for queries.
/// </summary>
public static class SaslPrep
{
    /// <summary>Prepares a name or password.</summary>
    /// <param name="utf8">The octets as they came.</param>
    /// <param name="prepared">The prepared octets in UTF-8; empty if the result is false.</param>
    /// <returns>False if the octets are not UTF-8 or hold a character that is prohibited, a control character for one.</returns>
    public static bool TryPrepare(ReadOnlySpan<byte> utf8, out byte[] prepared)
    {
        prepared = [];
        if (Ascii.IsValid(utf8))
        {
            // RFC 3454 C.2.1
            if (utf8.IndexOfAnyInRange((byte)0, (byte)0x1f) >= 0 || utf8.Contains((byte)0x7f))
                return false;
            prepared = utf8.ToArray();
            return true;
        }

        // No mapping makes a character longer.
        var result = new byte[utf8.Length];
        var length = 0;
        while (!utf8.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(utf8, out var rune, out var consumed) != OperationStatus.Done)
                return false;
            utf8 = utf8[consumed..];
            if (IsNonAsciiSpace(rune.Value))
                rune = new Rune(' ');
            else if (IsMappedToNothing(rune.Value))
                continue;
            if (IsProhibited(rune.Value))
                return false;
            length += rune.EncodeToUtf8(result.AsSpan(length));
        }
        prepared = result[..length];
        return true;
    }

    // RFC 3454 C.1.2
    private static bool IsNonAsciiSpace(int c) =>
        c is 0xa0 or 0x1680 or (>= 0x2000 and <= 0x200b) or 0x202f or 0x205f or 0x3000;

    // RFC 3454 B.1
    private static bool IsMappedToNothing(int c) =>
        c is 0xad or 0x34f or 0x1806 or (>= 0x180b and <= 0x180d) or 0x200c or 0x200d or 0x2060 or (>= 0xfe00 and <= 0xfe0f) or 0xfeff;

    private static bool IsProhibited(int c) =>
        c < 0x80
            ? c is < 0x20 or 0x7f // RFC 3454 C.2.1
            : c is <= 0x9f or 0x6dd or 0x70f or 0x180e or 0x2028 or 0x2029 or (>= 0x2061 and <= 0x2063) or (>= 0x1d173 and <= 0x1d17a) // C.2.2
                or (>= 0xe000 and <= 0xf8ff) or >= 0xf0000 // C.3; what is left of planes 15 and 16 is C.4
                or (>= 0xfdd0 and <= 0xfdef) // C.4
                or (>= 0xfff9 and <= 0xfffd) // C.2.2, C.6
                or (>= 0x2ff0 and <= 0x2ffb) // C.7
                or 0x340 or 0x341 or 0x200e or 0x200f or (>= 0x202a and <= 0x202e) or (>= 0x206a and <= 0x206f) // C.2.2, C.8
                or 0xe0001 or (>= 0xe0020 and <= 0xe007f) // C.9
            || (c & 0xfffe) == 0xfffe; // C.4: the last two of each plane
}
