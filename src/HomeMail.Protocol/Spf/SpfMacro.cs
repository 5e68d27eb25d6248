using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Protocol.Dns;

namespace HomeMail.Protocol.Spf;

/// <summary>The macros of SPF (RFC 7208 7).</summary>
internal static class SpfMacro
{
    // RFC 7208 7.3: what is longer loses labels on the left.
    private const int MaxName = 253;

    // An explanation is shown to people in one reply; nothing sensible is longer.
    private const int MaxExplanation = 500;

    private const string Delimiters = ".-+,/_=";

    /// <summary>Where text with macros stands, and so what it may hold.</summary>
    internal enum Place
    {
        /// <summary>A domain-spec: ends in a top label or a macro (RFC 7208 7.1).</summary>
        Domain,

        /// <summary>The value of an unknown modifier: syntax is checked, nothing is done with it (RFC 7208 6).</summary>
        Modifier,

        /// <summary>An explanation: spaces, and the macros c, r and t (RFC 7208 7.2).</summary>
        Explanation,
    }

    /// <summary>Checks the syntax.</summary>
    /// <param name="text">The text.</param>
    /// <param name="place">Where it stands.</param>
    public static bool IsValid(ReadOnlySpan<char> text, Place place)
    {
        var endsInMacro = false;
        for (var i = 0; i < text.Length; i++)
        {
            endsInMacro = false;
            if (text[i] != '%')
            {
                if (text[i] is > ' ' and < '\x7f' || (text[i] == ' ' && place == Place.Explanation))
                    continue;
                return false;
            }
            if (++i == text.Length)
                return false;
            endsInMacro = true;
            if (text[i] is '%' or '_' or '-')
                continue;
            if (text[i] != '{' || !TryReadMacro(text, ref i, out var macro))
                return false;
            if (char.ToLowerInvariant(macro.Letter) is 'c' or 'r' or 't' && place == Place.Domain)
                return false;
        }
        return place != Place.Domain || (text.Length > 0 && (endsInMacro || EndsInTopLabel(text)));
    }

    /// <summary>Whether the text uses the macro <c>%{p}</c>, for which names have to be looked up first.</summary>
    /// <param name="text">Valid text.</param>
    public static bool UsesValidatedName(ReadOnlySpan<char> text)
    {
        for (var i = 0; i + 2 < text.Length; i++)
        {
            if (text[i] != '%')
                continue;
            if (text[i + 1] == '{' && text[i + 2] is 'p' or 'P')
                return true;
            i++;
        }
        return false;
    }

    /// <summary>Expands a domain-spec; what is too long for a name loses labels on the left.</summary>
    /// <param name="text">A valid domain-spec.</param>
    /// <param name="values">What the macros stand for.</param>
    public static string ExpandDomain(string text, in Values values)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;
        var name = Expand(text, values).TrimEnd('.');
        while (name.Length > MaxName)
        {
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
                break;
            name = name[(dot + 1)..];
        }
        return name;
    }

    /// <summary>Expands an explanation.</summary>
    /// <param name="text">The text as it came from DNS.</param>
    /// <param name="values">What the macros stand for.</param>
    /// <returns>Null if the text is not valid, or too long, or what stands for a macro cannot be shown.</returns>
    public static string? ExpandExplanation(string text, in Values values)
    {
        if (!IsValid(text, Place.Explanation))
            return null;
        var expanded = Expand(text, values);
        foreach (var c in expanded)
            if (c is < ' ' or >= '\x7f')
                return null;
        return expanded.Length > MaxExplanation ? null : expanded;
    }

    private static string Expand(string text, in Values values)
    {
        var expanded = new StringBuilder(text.Length + 64);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                expanded.Append(text[i]);
                continue;
            }
            switch (text[++i])
            {
                case '%':
                    expanded.Append('%');
                    break;
                case '_':
                    expanded.Append(' ');
                    break;
                case '-':
                    expanded.Append("%20");
                    break;
                default:
                    TryReadMacro(text, ref i, out var macro);
                    var value = Transform(values.Of(macro.Letter), macro);
                    if (char.IsAsciiLetterUpper(macro.Letter))
                        AppendUrlEscaped(expanded, value);
                    else
                        expanded.Append(value);
                    break;
            }
        }
        return expanded.ToString();
    }

    // At '{'; left at '}'.
    private static bool TryReadMacro(ReadOnlySpan<char> text, ref int at, out Macro macro)
    {
        macro = default;
        var end = text[at..].IndexOf('}');
        if (end < 2)
            return false;
        var inside = text.Slice(at + 1, end - 1);
        at += end;
        var letter = inside[0];
        if (!"sSlLoOdDiIpPhHcCrRtTvV".Contains(letter))
            return false;
        var i = 1;
        while (i < inside.Length && char.IsAsciiDigit(inside[i]))
            i++;
        var keep = int.MaxValue;
        if (i > 1 && !int.TryParse(inside[1..i], NumberStyles.None, CultureInfo.InvariantCulture, out keep))
            keep = int.MaxValue; // more digits than any name has labels
        if (keep == 0)
            return false; // RFC 7208 7.3: zero is a syntax error
        var reverse = i < inside.Length && inside[i] is 'r' or 'R';
        if (reverse)
            i++;
        var delimiters = inside[i..];
        foreach (var c in delimiters)
            if (!Delimiters.Contains(c))
                return false;
        macro = new Macro(letter, keep, reverse, delimiters.Length == 0 ? "." : delimiters.ToString());
        return true;
    }

    private static string Transform(string value, Macro macro)
    {
        if (macro is { Keep: int.MaxValue, Reverse: false, Delimiters: "." })
            return value;
        var parts = value.Split(macro.Delimiters.ToCharArray());
        if (macro.Reverse)
            Array.Reverse(parts);
        return string.Join('.', parts.AsSpan(Math.Max(0, parts.Length - macro.Keep)));
    }

    private static void AppendUrlEscaped(StringBuilder to, string value)
    {
        Span<byte> octets = stackalloc byte[4];
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value is '-' or '.' or '_' or '~'))
            {
                to.Append((char)rune.Value); // RFC 3986 2.3
                continue;
            }
            foreach (var octet in octets[..rune.EncodeToUtf8(octets)])
                to.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
        }
    }

    // domain-end = "." toplabel [ "." ]: letters, digits and hyphens, not all digits, no hyphen at either end.
    private static bool EndsInTopLabel(ReadOnlySpan<char> text)
    {
        if (text[^1] == '.')
            text = text[..^1];
        var dot = text.LastIndexOf('.');
        if (dot < 0)
            return false;
        var label = text[(dot + 1)..];
        var allDigits = true;
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                return false;
            allDigits &= char.IsAsciiDigit(c);
        }
        return label.Length > 0 && !allDigits && label[0] != '-' && label[^1] != '-';
    }

    private readonly record struct Macro(char Letter, int Keep, bool Reverse, string Delimiters);

    /// <summary>What the macros stand for at one point of the evaluation.</summary>
    /// <param name="Request">The request.</param>
    /// <param name="Domain">The domain whose record is evaluated.</param>
    /// <param name="ValidatedName">For <c>%{p}</c>.</param>
    public readonly record struct Values(SpfRequest Request, string Domain, string ValidatedName)
    {
        /// <summary>The value of a macro letter, of either case.</summary>
        public string Of(char letter) => char.ToLowerInvariant(letter) switch
        {
            's' => string.Concat(Request.LocalPart, "@", Request.Domain),
            'l' => Request.LocalPart,
            'o' => Request.Domain,
            'd' => Domain,
            'i' => Dotted(Request.Client),
            'p' => ValidatedName,
            'h' => Request.Helo,
            'c' => Request.Client.ToString(),
            'r' => Request.Receiver,
            't' => Request.Time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            _ => Request.Client.AddressFamily == AddressFamily.InterNetwork ? "in-addr" : "ip6",
        };

        // RFC 7208 7.3: IPv6 as dot-separated nibbles, most significant first.
        private static string Dotted(IPAddress client)
        {
            if (client.AddressFamily == AddressFamily.InterNetwork)
                return client.ToString();
            var nibbles = DnsName.Reverse(client).AsSpan()[..63].ToArray();
            Array.Reverse(nibbles);
            return new string(nibbles).ToUpperInvariant(); // as the RFC 7208 suite has it; DNS does not care
        }
    }
}
