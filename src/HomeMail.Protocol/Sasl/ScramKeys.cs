using System.Security.Cryptography;

namespace HomeMail.Protocol.Sasl;

/// <summary>The key derivations of SCRAM (RFC 5802 3) with SHA-256 (RFC 7677).</summary>
internal static class ScramKeys
{
    /// <summary>SaltedPassword := Hi(Normalize(password), salt, i), which is PBKDF2 with HMAC.</summary>
    public static void SaltPassword(ReadOnlySpan<byte> prepared, ReadOnlySpan<byte> salt, int iterations, Span<byte> saltedPassword) =>
        Rfc2898DeriveBytes.Pbkdf2(prepared, salt, saltedPassword, iterations, HashAlgorithmName.SHA256);

    /// <summary>ClientKey := HMAC(SaltedPassword, "Client Key").</summary>
    public static void DeriveClientKey(ReadOnlySpan<byte> saltedPassword, Span<byte> clientKey) =>
        HMACSHA256.HashData(saltedPassword, "Client Key"u8, clientKey);

    /// <summary>StoredKey := H(ClientKey).</summary>
    public static void DeriveStoredKey(ReadOnlySpan<byte> saltedPassword, Span<byte> storedKey)
    {
        Span<byte> clientKey = stackalloc byte[ScramCredential.KeyLength];
        DeriveClientKey(saltedPassword, clientKey);
        SHA256.HashData(clientKey, storedKey);
        CryptographicOperations.ZeroMemory(clientKey);
    }

    /// <summary>ServerKey := HMAC(SaltedPassword, "Server Key").</summary>
    public static void DeriveServerKey(ReadOnlySpan<byte> saltedPassword, Span<byte> serverKey) =>
        HMACSHA256.HashData(saltedPassword, "Server Key"u8, serverKey);

    /// <summary>ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage), and the way back from proof to ClientKey, which is the same.</summary>
    /// <param name="storedKey">StoredKey.</param>
    /// <param name="authMessage">AuthMessage.</param>
    /// <param name="value">ClientKey or ClientProof; becomes the other.</param>
    public static void ApplyClientSignature(ReadOnlySpan<byte> storedKey, ReadOnlySpan<byte> authMessage, Span<byte> value)
    {
        Span<byte> signature = stackalloc byte[ScramCredential.KeyLength];
        HMACSHA256.HashData(storedKey, authMessage, signature);
        for (var i = 0; i < value.Length; i++)
            value[i] ^= signature[i];
    }
}
