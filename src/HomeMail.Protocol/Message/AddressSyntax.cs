using System.Buffers;
using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>The grammar of addresses in SMTP (RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3 for UTF-8).</summary>
public static partial class AddressSyntax
{
    private static readonly SearchValues<char> AtextAndDot = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.");

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
