using System.Text;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;

namespace HomeMail.Server.Tests.Intake;

/// <summary>Whole transactions through the real session.</summary>
internal static class Post
{
    /// <summary>What an account sends: the reply that decided, of MAIL, RCPT or the content.</summary>
    public static async Task<string> SubmitAsync(TestHouse house, string account, string mail, string rcpt, string message)
    {
        await using var client = new Client(house.Connect(SmtpRole.Submissions));
        await client.SecureAsync();
        await client.ReplyAsync();
        await client.AskAsync("EHLO c");
        var token = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{account}\0{TestHouse.Password}"));
        if (await client.AskAsync($"AUTH PLAIN {token}") is { } wrong && !wrong.StartsWith("235 ", StringComparison.Ordinal))
            return wrong;
        return await TransactAsync(client, mail, rcpt, message);
    }

    /// <summary>What a stranger sends, from an address without a name.</summary>
    public static async Task<string> DeliverAsync(TestHouse house, string mail, string rcpt, string message = "From: x@remote.example\r\n\r\nhi", string peer = "192.0.2.10", string hello = "mx.remote.example")
    {
        await using var client = new Client(house.Connect(SmtpRole.Mta, peer));
        await client.ReplyAsync();
        await client.AskAsync("EHLO " + hello);
        return await TransactAsync(client, mail, rcpt, message);
    }

    private static async Task<string> TransactAsync(Client client, string mail, string rcpt, string message)
    {
        var reply = await client.AskAsync($"MAIL FROM:{mail}") ?? "";
        if (!reply.StartsWith("250 ", StringComparison.Ordinal))
            return reply;
        foreach (var recipient in rcpt.Split(" & "))
        {
            reply = await client.AskAsync($"RCPT TO:{recipient}") ?? "";
            if (!reply.StartsWith("250 ", StringComparison.Ordinal))
                return reply;
        }
        await client.AskAsync("DATA");
        return await client.AskAsync(message + "\r\n.") ?? "";
    }
}
