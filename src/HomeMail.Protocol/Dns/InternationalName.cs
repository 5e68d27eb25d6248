using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Dns;

/// <summary>Domain names with U-labels (RFC 5890 2.3.2.1), such as SMTPUTF8 lets through.</summary>
/// <remarks>
/// The program runs without Unicode tables for normalisation, so the platform's mapping is only approximate. What is taken here is therefore
/// a list of ranges whose characters no mapping changes (lower case, composed, no compatibility forms); a name with any other character has
/// no A-label form as far as this server is concerned. Owners of such names can always use the A-labels themselves.
/// </remarks>
public static class InternationalName
{
    private static readonly IdnMapping Mapping = new() { UseStd3AsciiRules = true };

    // First and last of each range. Capital letters within them are refused by category.
    private static readonly (char First, char Last)[] Stable =
    [
        ('\u00e0', '\u00f6'), ('\u00f8', '\u00ff'), // Latin-1; not sharp s, which IDNA 2003 maps
        ('\u0101', '\u0131'), ('\u0135', '\u013e'), ('\u0142', '\u0148'), ('\u014b', '\u017e'), ('\u0180', '\u01c3'), ('\u01cd', '\u01ef'),
        ('\u01f4', '\u024f'), ('\u03ac', '\u03c1'), ('\u03c3', '\u03ce'), ('\u0430', '\u045f'), ('\u0461', '\u0481'), ('\u048a', '\u052f'),
        ('\u0561', '\u0586'), ('\u05d0', '\u05ea'), ('\u0620', '\u064a'), ('\u066e', '\u066f'), ('\u0671', '\u0674'), ('\u0679', '\u06d3'),
        ('\u0e01', '\u0e32'), ('\u0e34', '\u0e3a'), ('\u0e40', '\u0e4e'), ('\u10d0', '\u10fa'), ('\u3041', '\u3096'), ('\u30a1', '\u30fa'),
        ('\u30fc', '\u30fe'), ('\u3400', '\u4dbf'), ('\u4e00', '\u9fff'), ('\uac00', '\ud7a3'),
    ];

    /// <summary>The A-label form of a domain.</summary>
    /// <param name="domain">The domain, of A-labels, U-labels or both.</param>
    /// <param name="ascii">The domain in ASCII; as it came if it was.</param>
    /// <returns>False if there is no such form, or the way there would change what people see.</returns>
    public static bool TryToAscii(string domain, out string ascii)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ascii = domain;
        if (Ascii.IsValid(domain))
            return true;
        foreach (var c in domain)
            if (c >= '\x80' && !IsStable(c))
                return false;
        try
        {
            ascii = Mapping.GetAscii(domain);
            return Ascii.IsValid(ascii) && Mapping.GetUnicode(ascii).Equals(LowerAscii(domain), StringComparison.Ordinal);
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static bool IsStable(char c)
    {
        foreach (var (first, last) in Stable)
            if (c >= first && c <= last)
                return char.GetUnicodeCategory(c) is not (UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter);
        return false;
    }

    private static string LowerAscii(string text) => string.Create(text.Length, text, static (to, from) =>
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = char.IsAsciiLetterUpper(from[i]) ? (char)(from[i] | 0x20) : from[i];
    });
}
