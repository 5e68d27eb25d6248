using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Why a recipient stands where it stands, in one line of text: <c>mx.example.net: 550 5.1.1 no such user</c> for a reply,
/// <c>5.1.2 the domain does not exist</c> for what this server found out itself. It is kept in the envelope and read again for the DSN.
/// </summary>
/// <param name="Host">The host it is about, or null.</param>
/// <param name="Code">The reply's three digits; 0 if no reply of a server is behind it.</param>
/// <param name="Status">The enhanced status code; never none.</param>
/// <param name="Text">One line of text, perhaps empty.</param>
public sealed record Diagnostic(string? Host, int Code, EnhancedStatusCode Status, string Text)
{
    private const int MaxText = 800;

    private static readonly EnhancedStatusCode Unknown = new(4, 0, 0);

    /// <summary>What a server has said.</summary>
    /// <param name="host">The server.</param>
    /// <param name="reply">Its reply.</param>
    public static Diagnostic Of(string? host, RemoteReply reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        return new Diagnostic(host, reply.Code, reply.StatusOrDefault, OneLine(reply.Text));
    }

    /// <summary>What this server has found out.</summary>
    /// <param name="host">The host it is about, or null.</param>
    /// <param name="status">The status code, such as <c>4.4.1</c>.</param>
    /// <param name="text">Plain words.</param>
    public static Diagnostic Of(string? host, EnhancedStatusCode status, string text) => new(host, 0, status, OneLine(text));

    /// <summary>Reads the text form again. A text that is not in that form is kept as text, with status 4.0.0.</summary>
    /// <param name="line">What <see cref="ToString"/> has written, or null.</param>
    public static Diagnostic? Parse(string? line)
    {
        if (string.IsNullOrEmpty(line))
            return null;
        string? host = null;
        var rest = line.AsSpan();
        var colon = line.IndexOf(": ", StringComparison.Ordinal);
        if (colon > 0 && !rest[..colon].Contains(' ') && TryCodes(rest[(colon + 2)..], out _, out _, out _))
        {
            host = line[..colon];
            rest = rest[(colon + 2)..];
        }
        return TryCodes(rest, out var code, out var status, out var text)
            ? new Diagnostic(host, code, status, text.ToString())
            : new Diagnostic(null, 0, Unknown, line);
    }

    /// <summary>The text form; never with a line end in it.</summary>
    public override string ToString()
    {
        var line = new StringBuilder();
        if (Host is not null)
            line.Append(Host).Append(": ");
        if (Code != 0)
            line.Append(CultureInfo.InvariantCulture, $"{Code} ");
        line.Append(Status.ToString());
        if (Text.Length > 0)
            line.Append(' ').Append(Text);
        return line.ToString();
    }

    private static bool TryCodes(ReadOnlySpan<char> text, out int code, out EnhancedStatusCode status, out ReadOnlySpan<char> rest)
    {
        code = 0;
        rest = text;
        if (text.Length > 3 && text[3] == ' ' && int.TryParse(text[..3], NumberStyles.None, CultureInfo.InvariantCulture, out code))
            rest = text[4..];
        var end = rest.IndexOf(' ');
        var word = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return EnhancedStatusCode.TryParse(word, out status);
    }

    private static string OneLine(string text)
    {
        var line = new StringBuilder(Math.Min(text.Length, MaxText));
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= MaxText)
                break;
            if (Rune.IsControl(rune))
                line.Append(' ');
            else
                line.Append(rune.ToString());
        }
        return line.ToString().Trim();
    }
}
