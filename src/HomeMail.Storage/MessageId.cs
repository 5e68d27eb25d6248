namespace HomeMail.Storage;

/// <summary>
/// The name of a message in this server: 14 characters of lower-case base 32 (digits and letters without i, l, o, u),
/// sortable by time of arrival, fit for a file name, the <c>id</c> of Received (RFC 5321 4.4) and a log line.
/// Held as 70 bits, so that a queue of 100,000 needs no text for them; the default value is no identifier.
/// </summary>
public readonly struct MessageId : IEquatable<MessageId>, IComparable<MessageId>
{
    /// <summary>How many characters an identifier has.</summary>
    public const int Length = 14;

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    // A router without a clock battery starts in 1970 each time; the random part keeps two such starts apart.
    private const int RandomBits = 16;

    private static long s_last;

    private readonly ulong _stamp;
    private readonly ushort _random;

    private MessageId(UInt128 bits)
    {
        _stamp = (ulong)(bits >> RandomBits);
        _random = (ushort)bits;
    }

    /// <summary>Reads an identifier.</summary>
    /// <param name="value">14 characters of the alphabet.</param>
    /// <exception cref="ArgumentException">The text is no identifier; ask <see cref="IsValid"/> or use <see cref="TryParse"/>.</exception>
    public MessageId(string value)
    {
        if (!TryParse(value, out this))
            throw new ArgumentException("Not a message identifier.", nameof(value));
    }

    /// <summary>The characters; empty for no identifier. Made anew on each call.</summary>
    public string Value => IsNone ? "" : string.Create(Length, Bits, static (text, bits) => Format(text, bits));

    /// <summary>Whether this is no identifier.</summary>
    public bool IsNone => _stamp == 0 && _random == 0;

    private UInt128 Bits => ((UInt128)_stamp << RandomBits) | _random;

    /// <summary>
    /// A new identifier: microseconds since 1970 (54 bits, enough for 500 years) and 16 random bits. Never the same twice in a
    /// process, and rising in it even while the clock stands still or is set back.
    /// </summary>
    /// <param name="clock">Where the time comes from.</param>
    public static MessageId New(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var now = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        long last, stamp;
        do
        {
            last = Interlocked.Read(ref s_last);
            stamp = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref s_last, stamp, last) != last);
        return new MessageId(((UInt128)(ulong)stamp << RandomBits) | (uint)Random.Shared.Next(1 << RandomBits));
    }

    /// <summary>Whether the text has the form of an identifier. What comes from outside (a file name, a command line) is asked here first.</summary>
    /// <param name="text">The candidate.</param>
    public static bool IsValid(ReadOnlySpan<char> text) => TryParse(text, out _);

    /// <summary>Reads an identifier; false if the text is none.</summary>
    /// <param name="text">The candidate.</param>
    /// <param name="id">The identifier.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out MessageId id)
    {
        id = default;
        if (text.Length != Length)
            return false;
        UInt128 bits = 0;
        foreach (var c in text)
        {
            var digit = Alphabet.IndexOf(c);
            if (digit < 0)
                return false;
            bits = (bits << 5) | (uint)digit;
        }
        id = new MessageId(bits);
        return !id.IsNone;
    }

    /// <summary>Writes the 14 characters.</summary>
    /// <param name="text">Where to; at least <see cref="Length"/> long.</param>
    public void CopyTo(Span<char> text) => Format(text[..Length], Bits);

    /// <summary>The identifier as an EMAILID (RFC 8474 5.1): its time and ten of its random bits.</summary>
    internal ulong ToEmailId() => (_stamp << 10) | ((uint)_random & 0x3ff);

    /// <inheritdoc/>
    public bool Equals(MessageId other) => _stamp == other._stamp && _random == other._random;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is MessageId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_stamp, _random);

    /// <summary>By time of arrival.</summary>
    /// <param name="other">The other.</param>
    public int CompareTo(MessageId other) => Bits.CompareTo(other.Bits);

    /// <inheritdoc/>
    public override string ToString() => Value;

    /// <summary>Whether both are the same message.</summary>
    public static bool operator ==(MessageId left, MessageId right) => left.Equals(right);

    /// <summary>Whether they are different messages.</summary>
    public static bool operator !=(MessageId left, MessageId right) => !left.Equals(right);

    private static void Format(Span<char> text, UInt128 bits)
    {
        for (var i = text.Length - 1; i >= 0; i--, bits >>= 5)
            text[i] = Alphabet[(int)(bits & 31)];
    }
}
