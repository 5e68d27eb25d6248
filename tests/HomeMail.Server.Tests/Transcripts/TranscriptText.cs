using System.Globalization;
using System.Text;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>
/// The escapes and globs of a dialogue. Text is handled with one character an octet: what the file has in UTF-8 is its octets.
/// </summary>
internal static class TranscriptText
{
    // What stands for a glob's own characters once escapes are resolved; no octet has these values.
    private const char AnyRun = '\uE000';
    private const char AnyOne = '\uE001';

    /// <summary>Resolves the escapes of what a client sends.</summary>
    public static string Octets(string text) => Resolve(text, isGlob: false);

    /// <summary>Resolves the escapes of a pattern; then <see cref="Matches"/> takes it.</summary>
    public static string Glob(string text) => Resolve(text, isGlob: true);

    /// <summary>Whether a text is what a pattern says, all of it.</summary>
    public static bool Matches(string glob, string text)
    {
        // Each run is tried at its shortest first, and only the last one is ever tried anew: the time is bounded by the product of both lengths.
        int g = 0, t = 0, run = -1, mark = 0;
        while (t < text.Length)
        {
            if (g < glob.Length && glob[g] == AnyRun)
            {
                run = g++;
                mark = t;
            }
            else if (g < glob.Length && (glob[g] == AnyOne || glob[g] == text[t]))
            {
                g++;
                t++;
            }
            else if (run >= 0)
            {
                g = run + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }
        while (g < glob.Length && glob[g] == AnyRun)
            g++;
        return g == glob.Length;
    }

    /// <summary>A text as a person can read it: control characters and octets above 126 as escapes.</summary>
    public static string Show(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (var c in text)
            shown.Append(c switch
            {
                '\r' => "\\r",
                '\n' => "\\n",
                AnyRun => "*",
                AnyOne => "?",
                < ' ' or > '~' => $"\\x{(int)c:x2}",
                _ => c.ToString(),
            });
        return shown.Length > 600 ? shown.ToString(0, 300) + $" [... {shown.Length - 600} more ...] " + shown.ToString(shown.Length - 300, 300) : shown.ToString();
    }

    private static string Resolve(string text, bool isGlob)
    {
        var source = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
        var output = new StringBuilder(source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            var c = source[i];
            if (c != '\\')
            {
                output.Append(isGlob && c == '*' ? AnyRun : isGlob && c == '?' ? AnyOne : c);
                continue;
            }
            if (++i == source.Length)
                throw new FormatException("a backslash at the end");
            switch (source[i])
            {
                case 'r': output.Append('\r'); break;
                case 'n': output.Append('\n'); break;
                case 't': output.Append('\t'); break;
                case '0': output.Append('\0'); break;
                case 's': output.Append(' '); break;
                case '\\' or '*' or '?': output.Append(source[i]); break;
                case 'x' when i + 2 < source.Length:
                    output.Append((char)byte.Parse(source.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                    i += 2;
                    break;
                case '{' when source.IndexOf('}', i) is var end and > 0:
                    output.Append(Made(source[(i + 1)..end]));
                    i = end;
                    break;
                default:
                    throw new FormatException($"no escape: \\{source[i]}");
            }
        }
        return output.ToString();
    }

    // \{1000*x} is a text many times, \{base64 x} a text in Base64.
    private static string Made(string made)
    {
        if (made.StartsWith("base64 ", StringComparison.Ordinal))
            return Convert.ToBase64String(Encoding.Latin1.GetBytes(Resolve(FromOctets(made[7..]), false)));
        var star = made.IndexOf('*', StringComparison.Ordinal);
        if (star > 0 && int.TryParse(made.AsSpan(0, star), NumberStyles.None, CultureInfo.InvariantCulture, out var times))
            return new StringBuilder().Insert(0, Resolve(FromOctets(made[(star + 1)..]), false), times).ToString();
        throw new FormatException($"neither \\{{N*text}} nor \\{{base64 text}}: {made}");
    }

    private static string FromOctets(string octets) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(octets));
}
