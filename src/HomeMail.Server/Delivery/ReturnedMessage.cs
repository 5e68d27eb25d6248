using System.Buffers;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>
/// What a DSN needs of the message it is about: the header, the whole where it is small enough to go back, and three fields for the plain words.
/// </summary>
public sealed class ReturnedMessage
{
    /// <summary>Octets of a message that still goes back whole (RFC 3461 6.2 leaves the limit to us).</summary>
    public const int MaxWhole = 64 * 1024;

    private const int MaxHeader = 64 * 1024;
    private const int MaxField = 200;

    private ReturnedMessage(byte[] header, byte[]? whole)
    {
        Header = header;
        Whole = whole;
        foreach (var field in new HeaderFields(header))
        {
            if (field.Is("Subject"u8))
                Subject ??= Line(field.Value);
            else if (field.Is("Message-ID"u8))
                MessageIdField ??= Line(field.Value);
            else if (field.Is("Date"u8))
                Date ??= Line(field.Value);
            else if (field.Is("Auto-Submitted"u8))
                AutoSubmitted ??= Line(field.Value);
        }
    }

    /// <summary>The header, without the empty line. Only CRLF line endings.</summary>
    public byte[] Header { get; }

    /// <summary>The whole message, or null if it is too big. Only CRLF line endings.</summary>
    public byte[]? Whole { get; }

    /// <summary>Subject in one line of printable ASCII, or null.</summary>
    public string? Subject { get; }

    /// <summary>Message-ID with its angle brackets, or null.</summary>
    public string? MessageIdField { get; }

    /// <summary>Date, or null.</summary>
    public string? Date { get; }

    /// <summary>Auto-Submitted (RFC 3834 5), or null.</summary>
    public string? AutoSubmitted { get; }

    /// <summary>Reads what is needed of a queued message.</summary>
    /// <param name="content">The octets that travel.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ReturnedMessage Read(MailContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var isWhole = content.Length <= MaxWhole;
        var raw = new byte[Math.Min(content.Length, Math.Max(MaxWhole, MaxHeader))];
        var length = 0;
        while (length < raw.Length && content.Read(length, raw.AsSpan(length)) is > 0 and var read)
            length += read;
        var lines = Normal(raw.AsSpan(0, length));
        var end = lines.AsSpan().IndexOf("\r\n\r\n"u8);
        var header = lines.AsSpan().StartsWith("\r\n"u8) ? [] : end >= 0 ? lines[..(end + 2)] : isWhole ? lines : ToLastLine(lines);
        return new ReturnedMessage(header, isWhole ? lines : null);
    }

    // What a DSN carries is sent by us too: it has no other line endings than CRLF.
    private static byte[] Normal(ReadOnlySpan<byte> raw)
    {
        var encoder = new DotEncoder(isChunk: true);
        var output = new ArrayBufferWriter<byte>(raw.Length + 16);
        while (!raw.IsEmpty)
        {
            encoder.Encode(raw, output.GetSpan(64), out var consumed, out var written);
            output.Advance(written);
            raw = raw[consumed..];
        }
        output.Advance(encoder.Finish(output.GetSpan(DotEncoder.MaxFinish)));
        return output.WrittenSpan.ToArray();
    }

    private static byte[] ToLastLine(byte[] lines) => lines[..(lines.AsSpan().LastIndexOf("\r\n"u8) is var end and >= 0 ? end + 2 : 0)];

    private static string? Line(ReadOnlySpan<byte> value)
    {
        var line = new StringBuilder();
        foreach (var octet in value.Trim(" \t\r\n"u8))
        {
            if (line.Length == MaxField)
                break;
            if (octet is >= 32 and < 127)
                line.Append((char)octet);
            else if (octet is (byte)'\t')
                line.Append(' ');
            else if (octet >= 128)
                line.Append('?');
        }
        return line.Length == 0 ? null : line.ToString();
    }
}
