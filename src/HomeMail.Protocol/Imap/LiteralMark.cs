using System.Buffers.Text;

namespace HomeMail.Protocol.Imap;

/// <summary>The announcement of a literal at the end of a line (RFC 9051 4.3, RFC 7888, RFC 3516 4.4): <c>{12}</c>, <c>{12+}</c>, <c>~{12}</c>.</summary>
/// <param name="Length">Octets that follow the line.</param>
/// <param name="IsSynchronizing">Whether the client waits to be told to go on.</param>
/// <param name="IsBinary">Whether it is a literal8, which may hold NUL.</param>
/// <param name="Start">Where in the line the announcement begins.</param>
public readonly record struct LiteralMark(long Length, bool IsSynchronizing, bool IsBinary, int Start)
{
    /// <summary>Whether nothing stands before it.</summary>
    public bool StandsAlone => Start == 0;

    /// <summary>Looks for an announcement at the end of a line.</summary>
    /// <param name="line">The line without CRLF.</param>
    /// <param name="mark">What is announced.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, out LiteralMark mark)
    {
        mark = default;
        if (line.IsEmpty || line[^1] != '}')
            return false;
        var start = line.LastIndexOf((byte)'{');
        if (start < 0)
            return false;
        var digits = line[(start + 1)..^1];
        var isWaiting = digits.IsEmpty || digits[^1] != '+';
        if (!isWaiting)
            digits = digits[..^1];
        if (digits.Length is 0 or > 19 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')
            || !Utf8Parser.TryParse(digits, out long length, out _))
            return false;
        var isBinary = start > 0 && line[start - 1] == '~';
        mark = new LiteralMark(length, isWaiting, isBinary, isBinary ? start - 1 : start);
        return true;
    }
}
