using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>
/// The client's side of AUTH for <c>auth MECHANISM USER PASSWORD</c>. It stops at the first reply that is no challenge and leaves it to the dialogue.
/// </summary>
internal static class AuthDialogue
{
    public static async Task RunAsync(string text, Connection connection, ReplyReader reader)
    {
        var words = text.Split(' ');
        if (words[0].StartsWith("SCRAM-SHA-256-PLUS/", StringComparison.Ordinal))
        {
            await RunPlusAsync(words, connection, reader);
            return;
        }
        var exchange = SaslClient.Create(words[0], words[1], words[2]) ?? throw new FormatException($"no mechanism {words[0]}");
        var response = new ArrayBufferWriter<byte>();
        var first = exchange.TryWriteInitialResponse(response) ? " " + Convert.ToBase64String(response.WrittenSpan) : "";
        await SendAsync(connection, $"AUTH {words[0]}{first}");
        while (await ChallengeAsync(reader) is { } challenge)
        {
            response.Clear();
            if (exchange.Step(challenge, response) != SaslClientOutcome.Respond)
                throw new FormatException("the server could not prove itself");
            await SendAsync(connection, Convert.ToBase64String(response.WrittenSpan));
        }
    }

    // The server's client has no channel binding; this is RFC 5802 with one, written for this test from the standard alone.
    private static async Task RunPlusAsync(string[] words, Connection connection, ReplyReader reader)
    {
        var binding = words[0]["SCRAM-SHA-256-PLUS/".Length..];
        var bound = binding == "tls-server-end-point"
            ? SHA256.HashData(connection.Tls!.RemoteCertificate!.GetRawCertData())
            : Server.Net.TlsBindings.Of(connection.Tls!, Smtp.TestHouse.SelfSigned)!.TlsExporter.ToArray();
        var header = $"p={binding},,";
        var bare = $"n={words[1]},r={Convert.ToBase64String(RandomNumberGenerator.GetBytes(12))}";
        await SendAsync(connection, "AUTH SCRAM-SHA-256-PLUS " + Base64(header + bare));
        if (await ChallengeAsync(reader) is not { } serverFirst)
            return;
        var fields = Encoding.ASCII.GetString(serverFirst).Split(',');
        var salted = Rfc2898DeriveBytes.Pbkdf2(words[2], Convert.FromBase64String(fields[1][2..]), int.Parse(fields[2][2..]), HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var channel = Convert.ToBase64String([.. Encoding.ASCII.GetBytes(header), .. bound]);
        var final = $"c={channel},{fields[0]}";
        var message = Encoding.ASCII.GetBytes($"{bare},{Encoding.ASCII.GetString(serverFirst)},{final}");
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), message);
        for (var i = 0; i < proof.Length; i++)
            proof[i] ^= clientKey[i];
        await SendAsync(connection, Base64($"{final},p={Convert.ToBase64String(proof)}"));
        if (await ChallengeAsync(reader) is not { } serverFinal)
            return;
        var signature = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), message);
        if (Encoding.ASCII.GetString(serverFinal) != "v=" + Convert.ToBase64String(signature))
            throw new FormatException("the server could not prove itself");
        await SendAsync(connection, "");
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task SendAsync(Connection connection, string line) =>
        await connection.Stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"));

    private static async Task<byte[]?> ChallengeAsync(ReplyReader reader)
    {
        var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30));
        if (line is not null && line.StartsWith("334 ", StringComparison.Ordinal))
            return Convert.FromBase64String(line[4..]);
        if (line is not null)
            reader.PushBack(line);
        return null;
    }
}
