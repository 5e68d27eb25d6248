using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Smtp;

/// <summary>
/// A reply of an SMTP server (RFC 5321 4.2) with its enhanced status code (RFC 2034, RFC 3463), ready to be sent. Replies without
/// variable parts are made once; see <see cref="SmtpReplies"/>.
/// </summary>
public sealed class SmtpReply
{
    /// <summary>Octets a reply line may have with its CRLF (RFC 5321 4.5.3.1.5).</summary>
    public const int MaxLine = 512;

    private readonly byte[] _octets;

    /// <summary>Makes a reply of one line, or of several where the text has line feeds.</summary>
    /// <param name="code">The three digits.</param>
    /// <param name="enhanced">The enhanced status code such as <c>2.1.0</c>, or null for replies that have none (greeting, EHLO, 354, 334).</param>
    /// <param name="text">The text. Whatever is not printable becomes a question mark, so that no peer's words can break out of a line.</param>
    public SmtpReply(int code, string? enhanced, string text)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(code, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(code, 559);
        ArgumentNullException.ThrowIfNull(text);
        Code = code;
        Enhanced = enhanced;
        Text = text;
        _octets = Encode(code, enhanced, text);
    }

    /// <summary>The three digits.</summary>
    public int Code { get; }

    /// <summary>The enhanced status code, or null.</summary>
    public string? Enhanced { get; }

    /// <summary>The text without codes.</summary>
    public string Text { get; }

    /// <summary>The octets on the wire, CRLF included.</summary>
    public ReadOnlySpan<byte> Octets => _octets;

    /// <summary>2xx: done.</summary>
    public bool IsPositive => Code < 300;

    /// <summary>4xx: not now.</summary>
    public bool IsTransient => Code is >= 400 and < 500;

    /// <summary>5xx: not so.</summary>
    public bool IsPermanent => Code >= 500;

    /// <inheritdoc/>
    public override string ToString() => Enhanced is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Code} {Text}")
        : string.Create(CultureInfo.InvariantCulture, $"{Code} {Enhanced} {Text}");

    private static byte[] Encode(int code, string? enhanced, string text)
    {
        var wire = new StringBuilder(text.Length + 16);
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var start = wire.Length;
            wire.Append(CultureInfo.InvariantCulture, $"{code}{(i == lines.Length - 1 ? ' ' : '-')}");
            if (enhanced is not null)
                wire.Append(enhanced).Append(' ');
            foreach (var c in lines[i])
            {
                if (wire.Length - start == MaxLine - 2)
                    break;
                wire.Append(c is >= ' ' and <= '~' ? c : '?');
            }
            wire.Append("\r\n");
        }
        return Encoding.ASCII.GetBytes(wire.ToString());
    }
}
