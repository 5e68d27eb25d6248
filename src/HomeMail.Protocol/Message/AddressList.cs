using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>
/// Reads the addresses of a From, Sender, To or Cc field (RFC 5322 3.4, with the comments, white space and obsolete forms of 4.4; UTF-8 by RFC 6532).
/// It says no to whatever is not wholly of that grammar: what a field names must never depend on who reads it.
/// </summary>
public static class AddressList
{
    private const int MaxDepth = 50;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads all addresses of a field value, those in groups too.</summary>
    /// <param name="value">The value, folding and all.</param>
    /// <param name="addresses">Receives the addresses in order.</param>
    /// <returns>False if the value is not an address list; what was added to <paramref name="addresses"/> then means nothing.</returns>
    public static bool TryParse(ReadOnlySpan<byte> value, ICollection<Address> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var reader = new Reader(value);
        if (!reader.SkipCfws())
            return false;
        var inGroup = false;
        while (!reader.AtEnd)
        {
            if (reader.TryTake((byte)','))
            {
                // Empty members are an obsolete form (RFC 5322 4.4).
            }
            else if (inGroup && reader.TryTake((byte)';'))
            {
                inGroup = false;
                if (!reader.SkipCfws() || !(reader.AtEnd || reader.Peek == (byte)','))
                    return false;
            }
            else if (!ReadMember(ref reader, addresses, ref inGroup))
            {
                return false;
            }
            if (!reader.SkipCfws())
                return false;
        }
        return !inGroup;
    }

    private static bool ReadMember(ref Reader reader, ICollection<Address> addresses, ref bool inGroup)
    {
        var localPart = new StringBuilder();
        var words = 0;
        var isLocalPart = true;
        var lastWasDot = true;
        while (!reader.AtEnd)
        {
            var c = reader.Peek;
            if (c == (byte)'"' || Reader.IsAtext(c))
            {
                // Two words without a dot between them are a phrase; as a local part they are nothing.
                isLocalPart &= lastWasDot;
                if (!reader.ReadWord(localPart))
                    return false;
                words++;
                lastWasDot = false;
            }
            else if (c == (byte)'.')
            {
                reader.Skip();
                isLocalPart &= !lastWasDot;
                localPart.Append('.');
                lastWasDot = true;
            }
            else
            {
                break;
            }
            if (!reader.SkipCfws())
                return false;
        }
        if (reader.TryTake((byte)'@'))
            return words > 0 && isLocalPart && !lastWasDot && ReadDomain(ref reader, localPart.ToString(), addresses) && EndsMember(ref reader, inGroup);
        if (reader.TryTake((byte)'<'))
            return ReadAngle(ref reader, addresses) && EndsMember(ref reader, inGroup);
        if (words == 0 || inGroup || !reader.TryTake((byte)':'))
            return false;
        inGroup = true;
        return true;
    }

    private static bool EndsMember(ref Reader reader, bool inGroup) =>
        reader.SkipCfws() && (reader.AtEnd || reader.Peek == (byte)',' || (inGroup && reader.Peek == (byte)';'));

    private static bool ReadAngle(ref Reader reader, ICollection<Address> addresses)
    {
        if (!reader.SkipCfws())
            return false;
        var localPart = new StringBuilder();
        var wordDue = true;
        var any = false;
        while (!reader.AtEnd && reader.Peek != (byte)'@')
        {
            if (wordDue)
            {
                if (!(reader.Peek == (byte)'"' || Reader.IsAtext(reader.Peek)) || !reader.ReadWord(localPart))
                    return false;
                any = true;
            }
            else if (reader.TryTake((byte)'.'))
            {
                localPart.Append('.');
            }
            else
            {
                return false;
            }
            wordDue = !wordDue;
            if (!reader.SkipCfws())
                return false;
        }
        // A route (<@a,@b:user@c>) is an obsolete form that mail of today has only in order to deceive; it is refused with the rest.
        return any && !wordDue && reader.TryTake((byte)'@') && ReadDomain(ref reader, localPart.ToString(), addresses)
            && reader.SkipCfws() && reader.TryTake((byte)'>');
    }

    private static bool ReadDomain(ref Reader reader, string localPart, ICollection<Address> addresses)
    {
        if (!reader.SkipCfws() || reader.AtEnd)
            return false;
        var domain = new StringBuilder();
        if (reader.Peek == (byte)'[')
        {
            if (!reader.ReadLiteral(domain))
                return false;
        }
        else
        {
            do
            {
                var start = domain.Length;
                if (!reader.SkipCfws() || !reader.ReadAtom(domain) || !reader.SkipCfws())
                    return false;
                if (domain[start] == '-' || domain[^1] == '-')
                    return false;
                if (!reader.AtEnd && reader.Peek == (byte)'.')
                    domain.Append('.');
            }
            while (reader.TryTake((byte)'.'));
        }
        addresses.Add(new Address(localPart, domain.ToString()));
        return true;
    }

    private ref struct Reader(ReadOnlySpan<byte> text)
    {
        private ReadOnlySpan<byte> _rest = text;

        public readonly bool AtEnd => _rest.IsEmpty;

        public readonly byte Peek => _rest[0];

        public static bool IsAtext(byte c) => c >= 128 || char.IsAsciiLetterOrDigit((char)c) || "!#$%&'*+-/=?^_`{|}~"u8.Contains(c);

        public void Skip() => _rest = _rest[1..];

        public bool TryTake(byte c)
        {
            if (AtEnd || Peek != c)
                return false;
            Skip();
            return true;
        }

        /// <summary>Skips comments, white space and folding. False if a comment is not closed, or if a line break is no folding.</summary>
        public bool SkipCfws()
        {
            var depth = 0;
            while (!AtEnd)
            {
                var c = Peek;
                if (c == (byte)'(')
                {
                    if (++depth > MaxDepth)
                        return false;
                }
                else if (c == (byte)')' && depth > 0)
                {
                    depth--;
                }
                else if (c == (byte)'\\' && depth > 0)
                {
                    Skip();
                    if (AtEnd || !IsQuotable(Peek))
                        return false;
                }
                else if (c == (byte)'\r')
                {
                    if (!IsFold())
                        return false;
                    Skip();
                }
                else if (c is not ((byte)' ' or (byte)'\t') && (depth == 0 || !IsText(c)))
                {
                    return depth == 0;
                }
                Skip();
            }
            return depth == 0;
        }

        public bool ReadWord(StringBuilder output) => Peek == (byte)'"' ? ReadQuoted(output) : ReadAtom(output);

        public bool ReadAtom(StringBuilder output)
        {
            var length = 0;
            while (length < _rest.Length && IsAtext(_rest[length]))
                length++;
            return length > 0 && AppendUtf8(length, output);
        }

        public bool ReadLiteral(StringBuilder output)
        {
            var end = 1;
            while (end < _rest.Length && _rest[end] != (byte)']')
            {
                if (_rest[end] == (byte)'[' || _rest[end] == 0)
                    return false;
                if (_rest[end] == (byte)'\\')
                    end++;
                else if (_rest[end] == (byte)'\r' && !IsFoldAt(end))
                    return false;
                end++;
            }
            if (end >= _rest.Length)
                return false;
            return AppendUtf8(end + 1, output);
        }

        private bool ReadQuoted(StringBuilder output)
        {
            Skip();
            var start = output.Length;
            while (!AtEnd && Peek != (byte)'"')
            {
                if (Peek == (byte)'\\')
                {
                    Skip();
                    if (AtEnd || !IsQuotable(Peek))
                        return false;
                }
                else if (Peek == (byte)'\r')
                {
                    // The line break of a folding is not part of the text; the white space after it is (RFC 5322 3.2.4).
                    if (!IsFold())
                        return false;
                    Skip();
                    Skip();
                    continue;
                }
                else if (!IsText(Peek) && Peek is not ((byte)' ' or (byte)'\t'))
                {
                    return false;
                }
                var length = 1;
                while (Peek >= 128 && length < _rest.Length && _rest[length] is >= 128 and < 192)
                    length++;
                if (!AppendUtf8(length, output))
                    return false;
            }
            return output.Length >= start && TryTake((byte)'"');
        }

        private bool AppendUtf8(int length, StringBuilder output)
        {
            try
            {
                output.Append(StrictUtf8.GetString(_rest[..length]));
            }
            catch (DecoderFallbackException)
            {
                return false;
            }
            _rest = _rest[length..];
            return true;
        }

        private readonly bool IsFold() => IsFoldAt(0);

        private readonly bool IsFoldAt(int at) => _rest.Length > at + 2 && _rest[at + 1] == (byte)'\n' && _rest[at + 2] is (byte)' ' or (byte)'\t';

        // Obsolete text has controls too (RFC 5322 4.1), but never NUL, CR or LF here.
        private static bool IsText(byte c) => c is not (0 or (byte)'\r' or (byte)'\n');

        // Any ASCII character, controls too, is an obsolete quoted pair (RFC 5322 4.1); it makes an address that nobody here owns.
        private static bool IsQuotable(byte c) => c < 128;
    }
}
