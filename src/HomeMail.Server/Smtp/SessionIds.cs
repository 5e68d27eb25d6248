using System.Security.Cryptography;

namespace HomeMail.Server.Smtp;

/// <summary>Identifiers of sessions: short, random, and not to be guessed, since our own client takes one as a sign that it talks to itself.</summary>
internal static class SessionIds
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New() => RandomNumberGenerator.GetString(Alphabet, 16);
}
