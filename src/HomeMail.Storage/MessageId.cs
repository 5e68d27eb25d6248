namespace HomeMail.Storage;

/// <summary>
/// The name of a message in this server: 14 characters of lower-case base 32 (digits and letters without i, l, o, u),
/// sortable by time of arrival, fit for a file name, the <c>id</c> of Received (RFC 5321 4.4) and a log line.
/// </summary>
/// <param name="Value">The characters; the default value is no identifier.</param>
public readonly record struct MessageId(string Value)
{
    /// <summary>How many characters an identifier has.</summary>
    public const int Length = 14;

    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    // A router without a clock battery starts in 1970 each time; the random part keeps two such starts apart.
    private const int RandomBits = 16;

    private static long s_last;

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

        var bits = ((UInt128)(ulong)stamp << RandomBits) | (uint)Random.Shared.Next(1 << RandomBits);
        return new MessageId(string.Create(Length, bits, static (text, bits) =>
        {
            for (var i = text.Length - 1; i >= 0; i--, bits >>= 5)
                text[i] = Alphabet[(int)(bits & 31)];
        }));
    }

    /// <summary>Whether the text has the form of an identifier. What comes from outside (a file name, a command line) is asked here first.</summary>
    /// <param name="text">The candidate.</param>
    public static bool IsValid(ReadOnlySpan<char> text) =>
        text.Length == Length && !text.ContainsAnyExcept(Alphabet);

    /// <inheritdoc/>
    public override string ToString() => Value ?? "";
}
