using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Finds the encoding of a charset that mail names (RFC 2046 4.1.2).</summary>
public static class Charsets
{
    /// <summary>The encoding of a name; Latin-1 for what is not known, so that ASCII in it is still found.</summary>
    /// <param name="name">Such as <c>iso-8859-15</c>; null for none.</param>
    public static Encoding Get(string? name) => TryGet(name) ?? Encoding.Latin1;

    /// <summary>The encoding of a name, or null where it is not known: SEARCH answers NO [BADCHARSET].</summary>
    public static Encoding? TryGet(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return Encoding.UTF8;
        // ASCII by name holds UTF-8 often enough, and nothing is lost by reading it as such.
        if (name.Equals("us-ascii", StringComparison.OrdinalIgnoreCase) || name.Equals("ascii", StringComparison.OrdinalIgnoreCase) || name.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || name.Equals("utf8", StringComparison.OrdinalIgnoreCase))
            return Encoding.UTF8;
        if (name.Length > 40 || name.Equals("utf-7", StringComparison.OrdinalIgnoreCase))
            return null;
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(Alias(name)) ?? Encoding.GetEncoding(name);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private static string Alias(string name) => name.ToUpperInvariant() switch
    {
        "GBK" or "GB_2312-80" => "gb2312",
        "CP1252" => "windows-1252",
        "CP1251" => "windows-1251",
        "KS_C_5601-1987" or "CP949" => "ks_c_5601-1987",
        _ => name,
    };
}
