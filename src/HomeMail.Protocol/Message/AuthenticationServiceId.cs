using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>Finds out in whose name an Authentication-Results field speaks (RFC 8601 2.2, 2.5).</summary>
public static class AuthenticationServiceId
{
    /// <summary>
    /// Whether a field value bears a name, compared after comments, white space, case and version. A value too broken to tell is taken to bear it, for a
    /// reader more lenient than us may find the name in it.
    /// </summary>
    /// <param name="value">The value of the field.</param>
    /// <param name="name">Our name.</param>
    public static bool Bears(ReadOnlySpan<byte> value, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!SkipCfws(ref value) || value.IsEmpty)
            return true;
        Span<byte> id = stackalloc byte[256];
        var length = 0;
        if (value[0] == (byte)'"')
        {
            var i = 1;
            for (; i < value.Length && value[i] != (byte)'"'; i++)
            {
                if (value[i] == (byte)'\\')
                    i++;
                if (i >= value.Length || length == id.Length)
                    return true;
                id[length++] = value[i];
            }
            if (i >= value.Length)
                return true;
        }
        else
        {
            while (length < value.Length && length < id.Length && value[length] is > 32 and not ((byte)';' or (byte)'(' or (byte)'"' or 127))
            {
                id[length] = value[length];
                length++;
            }
        }
        // A trailing dot names the same host.
        var text = id[..length].TrimEnd((byte)'.');
        return Ascii.EqualsIgnoreCase(text, name);
    }

    /// <summary>Skips comments and white space (RFC 5322 3.2.2).</summary>
    /// <param name="text">The text; on return what follows.</param>
    /// <returns>False if a comment is not closed.</returns>
    private static bool SkipCfws(ref ReadOnlySpan<byte> text)
    {
        var depth = 0;
        var i = 0;
        for (; i < text.Length; i++)
        {
            var c = text[i];
            if (c == (byte)'(')
                depth++;
            else if (depth > 0 && c == (byte)')')
                depth--;
            else if (depth > 0 && c == (byte)'\\')
                i++;
            else if (depth == 0 && c is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'))
                break;
        }
        text = i >= text.Length ? default : text[i..];
        return depth == 0;
    }
}
