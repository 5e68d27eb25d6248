using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace HomeMail.Protocol.Sasl;

/// <summary>
/// The stored form of a password: SCRAM-SHA-256 keys (RFC 5802 3, RFC 7677), written <c>$scram-sha-256$&lt;iterations&gt;$&lt;salt&gt;$&lt;StoredKey&gt;$&lt;ServerKey&gt;</c>
/// with the last three in Base64. Who has it can check a password, but cannot log in with it.
/// </summary>
public sealed partial class ScramCredential
{
    /// <summary>
    /// The iteration count of new credentials. RFC 7677 4 asks for 4,096 at least and more where it can be borne. PLAIN and LOGIN make the server
    /// do the work, at each log-in of a phone that comes by every few minutes: 10,000 cost a Cortex-A53 without SHA instructions some 20 ms, and a
    /// guesser with a stolen INI file more than twice what the minimum would.
    /// </summary>
    public const int DefaultIterations = 10_000;

    /// <summary>The fewest iterations taken (RFC 7677 4).</summary>
    public const int MinimumIterations = 4_096;

    /// <summary>The most iterations taken: beyond it, one log-in would hold a small device for seconds.</summary>
    public const int MaximumIterations = 1_000_000;

    /// <summary>The length in octets of StoredKey, ServerKey and proofs: that of SHA-256.</summary>
    public const int KeyLength = SHA256.HashSizeInBytes;

    /// <summary>The length in octets of a new salt.</summary>
    public const int SaltLength = 16;

    private const int ShortestSalt = 8;
    private const int LongestSalt = 64;

    private readonly byte[] _salt;
    private readonly byte[] _storedKey;
    private readonly byte[] _serverKey;

    private ScramCredential(int iterations, byte[] salt, byte[] storedKey, byte[] serverKey)
    {
        Iterations = iterations;
        _salt = salt;
        _storedKey = storedKey;
        _serverKey = serverKey;
    }

    /// <summary>The iteration count <c>i</c>.</summary>
    public int Iterations { get; }

    /// <summary>The salt.</summary>
    public ReadOnlySpan<byte> Salt => _salt;

    /// <summary>H(ClientKey), against which a proof is checked.</summary>
    public ReadOnlySpan<byte> StoredKey => _storedKey;

    /// <summary>The key the server proves itself with.</summary>
    public ReadOnlySpan<byte> ServerKey => _serverKey;

    /// <summary>Derives the keys from a password.</summary>
    /// <param name="password">The password, before SASLprep.</param>
    /// <param name="iterations">The iteration count, within the bounds above.</param>
    /// <param name="salt">The salt, 8 to 64 octets; empty for a new random one.</param>
    /// <exception cref="ArgumentException">The password is empty or holds a prohibited character (<see cref="SaslPrep"/>), or the salt's length is out of bounds.</exception>
    public static ScramCredential Create(string password, int iterations = DefaultIterations, ReadOnlySpan<byte> salt = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(password);
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, MinimumIterations);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(iterations, MaximumIterations);
        if (!SaslPrep.TryPrepare(Encoding.UTF8.GetBytes(password), out var prepared) || prepared.Length == 0)
            throw new ArgumentException("The password holds a control or other prohibited character (RFC 4013 2.3).", nameof(password));
        if (salt.Length is not 0 and (< ShortestSalt or > LongestSalt))
            throw new ArgumentException("A salt has 8 to 64 octets.", nameof(salt));

        var ownSalt = salt.IsEmpty ? RandomNumberGenerator.GetBytes(SaltLength) : salt.ToArray();
        Span<byte> salted = stackalloc byte[KeyLength];
        ScramKeys.SaltPassword(prepared, ownSalt, iterations, salted);
        CryptographicOperations.ZeroMemory(prepared);
        var storedKey = new byte[KeyLength];
        var serverKey = new byte[KeyLength];
        ScramKeys.DeriveStoredKey(salted, storedKey);
        ScramKeys.DeriveServerKey(salted, serverKey);
        CryptographicOperations.ZeroMemory(salted);
        return new ScramCredential(iterations, ownSalt, storedKey, serverKey);
    }

    /// <summary>
    /// Keys for a name that nobody has. They are the same for a name each time (so long as the secret is) and have a real credential's shape,
    /// so that who asks cannot tell. No password fits them.
    /// </summary>
    /// <param name="serverSecret">A secret of this server, kept over restarts; 16 octets or more.</param>
    /// <param name="logInName">The name given. Case, and what follows an <c>@</c>, make no difference: they make none to a real account either, whose name and address lead to one salt.</param>
    /// <param name="iterations">The iteration count that the real accounts have.</param>
    public static ScramCredential Decoy(ReadOnlySpan<byte> serverSecret, string logInName, int iterations = DefaultIterations)
    {
        ArgumentNullException.ThrowIfNull(logInName);
        var at = logInName.LastIndexOf('@');
        var name = (at < 0 ? logInName : logInName[..at]).ToLowerInvariant();
        return new ScramCredential(
            iterations,
            HMACSHA256.HashData(serverSecret, Encoding.UTF8.GetBytes("salt\0" + name))[..SaltLength],
            HMACSHA256.HashData(serverSecret, Encoding.UTF8.GetBytes("stored\0" + name)),
            HMACSHA256.HashData(serverSecret, Encoding.UTF8.GetBytes("server\0" + name)));
    }

    /// <summary>
    /// Checks a password, as PLAIN and LOGIN need it. It costs the whole key derivation (tens of milliseconds on a small device), for a right
    /// password and a wrong one alike.
    /// </summary>
    /// <param name="utf8Password">The password as it came.</param>
    public bool Verify(ReadOnlySpan<byte> utf8Password)
    {
        if (utf8Password.IsEmpty || !SaslPrep.TryPrepare(utf8Password, out var prepared))
            return false;
        Span<byte> salted = stackalloc byte[KeyLength];
        Span<byte> storedKey = stackalloc byte[KeyLength];
        ScramKeys.SaltPassword(prepared, _salt, Iterations, salted);
        ScramKeys.DeriveStoredKey(salted, storedKey);
        CryptographicOperations.ZeroMemory(salted);
        CryptographicOperations.ZeroMemory(prepared);
        return CryptographicOperations.FixedTimeEquals(storedKey, _storedKey);
    }

    /// <summary>The credential in its stored form; see the type for its shape.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Prefix}{Iterations}${Convert.ToBase64String(_salt)}${Convert.ToBase64String(_storedKey)}${Convert.ToBase64String(_serverKey)}");
}
