using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>The grammar of addresses in SMTP (RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3 for UTF-8). Comments and obsolete forms of RFC 5322 are not in it.</summary>
public static class AddressSyntax
{
    /// <summary>Octets a local part may have (RFC 5321 4.5.3.1.1).</summary>
    public const int MaxLocalPart = 64;

    /// <summary>Octets a domain may have (RFC 5321 4.5.3.1.2).</summary>
    public const int MaxDomain = 255;

    /// <summary>Octets an address may have: a path of 256 (RFC 5321 4.5.3.1.3) less its two angle brackets.</summary>
    public const int MaxMailbox = 254;

    private const int MaxLabel = 63;

    private static readonly SearchValues<byte> Atext = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"u8);

    private static readonly SearchValues<char> AtextAndDot = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.");

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = false };

    /// <summary>Reads a whole text as a mailbox: <c>local-part@domain</c> and nothing else.</summary>
    /// <param name="text">The text in UTF-8.</param>
    /// <param name="allowUtf8">Whether characters outside ASCII may stand in it (RFC 6531).</param>
    /// <param name="address">The address, or null.</param>
    public static bool TryParseMailbox(ReadOnlySpan<byte> text, bool allowUtf8, out Address? address) =>
        TryReadMailbox(ref text, allowUtf8, out address) && text.IsEmpty;

    /// <summary>Reads a whole text as a mailbox, as <see cref="TryParseMailbox(ReadOnlySpan{byte}, bool, out Address?)"/> does.</summary>
    /// <param name="text">The text.</param>
    /// <param name="allowUtf8">Whether characters outside ASCII may stand in it (RFC 6531).</param>
    /// <param name="address">The address, or null.</param>
    public static bool TryParseMailbox(ReadOnlySpan<char> text, bool allowUtf8, out Address? address)
    {
        address = null;
        if (text.Length > MaxMailbox + 2 * MaxLocalPart)
            return false;
        Span<byte> utf8 = stackalloc byte[(MaxMailbox + 2 * MaxLocalPart) * 3];
        return Encoding.UTF8.TryGetBytes(text, utf8, out var length) && TryParseMailbox(utf8[..length], allowUtf8, out address);
    }

    /// <summary>Reads a mailbox from the front of a text and leaves what follows it.</summary>
    /// <param name="rest">The text; on success, what follows the mailbox.</param>
    /// <param name="allowUtf8">Whether characters outside ASCII may stand in it (RFC 6531).</param>
    /// <param name="address">The address, or null.</param>
    public static bool TryReadMailbox(ref ReadOnlySpan<byte> rest, bool allowUtf8, out Address? address)
    {
        address = null;
        var text = rest;
        if (!TryReadLocalPart(ref text, allowUtf8, out var localPart) || text.IsEmpty || text[0] != (byte)'@')
            return false;
        text = text[1..];
        if (!TryReadDomainOrLiteral(ref text, allowUtf8, out var domain) || rest.Length - text.Length > MaxMailbox + 2)
            return false;
        address = new Address(localPart!, domain!);
        if (Encoding.UTF8.GetByteCount(address.LocalPart) + 1 + Encoding.UTF8.GetByteCount(address.Domain) > MaxMailbox)
            return false;
        rest = text;
        return true;
    }

    /// <summary>Reads a local part: a dot-string or a quoted string (RFC 5321 4.1.2). The result is unquoted.</summary>
    /// <param name="rest">The text; on success, what follows the local part.</param>
    /// <param name="allowUtf8">Whether characters outside ASCII may stand in it.</param>
    /// <param name="localPart">The local part, or null.</param>
    public static bool TryReadLocalPart(ref ReadOnlySpan<byte> rest, bool allowUtf8, out string? localPart)
    {
        localPart = null;
        if (rest.IsEmpty)
            return false;
        Span<byte> content = stackalloc byte[MaxLocalPart];
        var read = rest[0] == (byte)'"'
            ? ReadQuotedString(rest, content, out var length)
            : ReadDotString(rest, content, out length);
        if (read < 0 || !TryText(content[..length], allowUtf8, out localPart))
            return false;
        rest = rest[read..];
        return true;
    }

    private static int ReadDotString(ReadOnlySpan<byte> text, Span<byte> content, out int length)
    {
        length = 0;
        var i = 0;
        for (; i < text.Length; i++)
        {
            var c = text[i];
            if (c == (byte)'.')
            {
                if (i == 0 || text[i - 1] == (byte)'.')
                    return -1;
            }
            else if (c < 128 && !Atext.Contains(c))
            {
                break;
            }
            if (length == content.Length)
                return -1;
            content[length++] = c;
        }
        return i == 0 || text[i - 1] == (byte)'.' ? -1 : i;
    }

    private static int ReadQuotedString(ReadOnlySpan<byte> text, Span<byte> content, out int length)
    {
        length = 0;
        for (var i = 1; i < text.Length; i++)
        {
            var c = text[i];
            if (c == (byte)'"')
                return i + 1 > MaxLocalPart ? -1 : i + 1;
            if (c == (byte)'\\' && ++i < text.Length)
                c = text[i];
            // qtextSMTP and quoted-pairSMTP are printable ASCII and space (RFC 5321 4.1.2); above them UTF-8 (RFC 6531 3.3).
            if (c is < 32 or 127 || length == content.Length)
                return -1;
            content[length++] = c;
        }
        return -1;
    }

    /// <summary>Reads a domain name or an address literal.</summary>
    /// <param name="rest">The text; on success, what follows.</param>
    /// <param name="allowUtf8">Whether U-labels may stand in it (RFC 6531 3.3).</param>
    /// <param name="domain">The domain or literal as it stands, or null.</param>
    public static bool TryReadDomainOrLiteral(ref ReadOnlySpan<byte> rest, bool allowUtf8, out string? domain)
    {
        domain = null;
        if (rest.IsEmpty)
            return false;
        var length = rest[0] == (byte)'[' ? rest.IndexOf((byte)']') + 1 : DomainLength(rest);
        if (length <= 0 || length > MaxDomain || !TryText(rest[..length], allowUtf8, out var text))
            return false;
        if (text![0] == '[' ? !TryParseLiteral(text, out _) : !IsDomain(text))
            return false;
        domain = text;
        rest = rest[length..];
        return true;
    }

    private static int DomainLength(ReadOnlySpan<byte> text)
    {
        var i = 0;
        while (i < text.Length && (text[i] >= 128 || char.IsAsciiLetterOrDigit((char)text[i]) || text[i] is (byte)'-' or (byte)'.' or (byte)'_'))
            i++;
        return i;
    }

    /// <summary>
    /// Whether a text is a domain name: labels of letters, digits and inner hyphens (RFC 5321 4.1.2), underscores too since names with them
    /// exist; U-labels if IDNA can map them. No trailing dot.
    /// </summary>
    /// <param name="domain">The candidate.</param>
    public static bool IsDomain(ReadOnlySpan<char> domain)
    {
        if (domain.IsEmpty || domain.Length > MaxDomain)
            return false;
        var ascii = true;
        foreach (var range in domain.Split('.'))
        {
            var label = domain[range];
            if (label.IsEmpty || label.Length > MaxLabel || label[0] == '-' || label[^1] == '-')
                return false;
            foreach (var c in label)
            {
                ascii &= c < 128;
                if (c < 128 && !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                    return false;
            }
        }
        return ascii || TryToAscii(domain.ToString(), out _);
    }

    /// <summary>The A-label form of a domain name (RFC 5890 2.3.2.1). ASCII names come back as they are.</summary>
    /// <param name="domain">The name.</param>
    /// <param name="ascii">The form for DNS, or null.</param>
    /// <returns>False if IDNA has no mapping for it; such a name is refused everywhere.</returns>
    public static bool TryToAscii(string domain, out string? ascii)
    {
        ascii = domain;
        if (Ascii.IsValid(domain))
            return true;
        try
        {
            ascii = Idn.GetAscii(domain);
            return ascii.Length <= MaxDomain;
        }
        catch (ArgumentException)
        {
            ascii = null;
            return false;
        }
    }

    /// <summary>Reads an address literal (RFC 5321 4.1.3): <c>[192.0.2.1]</c> or <c>[IPv6:2001:db8::1]</c>, the tag in any case.</summary>
    /// <param name="literal">The literal with its brackets.</param>
    /// <param name="address">The IP address, or null.</param>
    public static bool TryParseLiteral(ReadOnlySpan<char> literal, out IPAddress? address)
    {
        address = null;
        if (literal.Length < 3 || literal[0] != '[' || literal[^1] != ']')
            return false;
        var inner = literal[1..^1];
        if (inner.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase))
        {
            inner = inner[5..];
            // IPAddress takes scope identifiers and brackets too; the literal does not.
            return !inner.ContainsAnyExcept("0123456789abcdefABCDEF:.") && inner.Contains(':')
                && !ShortensOneGroup(inner) && IPAddress.TryParse(inner, out address);
        }
        return IsDottedQuad(inner) && IPAddress.TryParse(inner, out address);
    }

    // "::" stands for at least two groups in SMTP (RFC 5321 4.1.3, IPv6-comp), for one too elsewhere.
    private static bool ShortensOneGroup(ReadOnlySpan<char> inner)
    {
        if (!inner.Contains("::", StringComparison.Ordinal))
            return false;
        var groups = inner.Contains('.') ? 1 : 0;
        foreach (var range in inner.Split(':'))
            if (!inner[range].IsEmpty)
                groups++;
        return groups > 6;
    }

    private static bool IsDottedQuad(ReadOnlySpan<char> text)
    {
        var parts = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            parts++;
            if (part.IsEmpty || part.Length > 3 || part.ContainsAnyExceptInRange('0', '9') || int.Parse(part, CultureInfo.InvariantCulture) > 255
                || (part.Length > 1 && part[0] == '0'))
                return false;
        }
        return parts == 4;
    }

    private static bool TryText(ReadOnlySpan<byte> utf8, bool allowUtf8, out string? text)
    {
        text = null;
        if (Ascii.IsValid(utf8))
        {
            text = Encoding.ASCII.GetString(utf8);
            return true;
        }
        if (!allowUtf8)
            return false;
        try
        {
            text = StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
        // What cannot be seen makes two addresses that look like one.
        foreach (var rune in text.EnumerateRunes())
            if (!rune.IsAscii && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse)
                return false;
        return true;
    }

    /// <summary>The local part as it goes on the wire: bare if it is a dot-string, else a quoted string (RFC 5321 4.1.2).</summary>
    /// <param name="localPart">The local part without quoting.</param>
    public static string QuoteLocalPart(string localPart)
    {
        ArgumentNullException.ThrowIfNull(localPart);
        if (IsDotString(localPart))
            return localPart;
        var quoted = new StringBuilder(localPart.Length + 2).Append('"');
        foreach (var c in localPart)
        {
            if (c is '"' or '\\')
                quoted.Append('\\');
            quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }

    private static bool IsDotString(string localPart)
    {
        if (localPart.Length == 0 || localPart[0] == '.' || localPart[^1] == '.' || localPart.Contains("..", StringComparison.Ordinal))
            return false;
        foreach (var c in localPart)
            if (c < 128 && !AtextAndDot.Contains(c))
                return false;
        return true;
    }
}
