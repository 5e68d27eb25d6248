namespace HomeMail.Protocol.Sasl;

/// <summary>
/// The stored form of a password: SCRAM-SHA-256 keys (RFC 5802 3, RFC 7677), written <c>$scram-sha-256$&lt;iterations&gt;$&lt;salt&gt;$&lt;StoredKey&gt;$&lt;ServerKey&gt;</c>
/// with the last three in Base64. Who has it can check a password, but cannot log in with it.
/// </summary>
public sealed partial class ScramCredential
{
}
