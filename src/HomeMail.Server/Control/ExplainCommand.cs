using System.Globalization;
using HomeMail.Server.Policy;
using HomeMail.Storage.Mail;
using HomeMail.Storage.State;

namespace HomeMail.Server.Control;

/// <summary>
/// Tells in plain words why a message was treated as it was, mailbox by mailbox: from the delivery history, and from the reason in the mailbox's own metadata, which is
/// there as long as the message is.
/// </summary>
/// <param name="history">The delivery history.</param>
/// <param name="mail">The mailboxes.</param>
public sealed class ExplainCommand(DeliveryHistory history, MailStore mail)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("explain", RunAsync)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var id = call.Text("id");
        var events = history.Find(id);
        if (events.Count == 0 || !events[0].Message.Value.Equals(id, StringComparison.OrdinalIgnoreCase))
            return ControlResult.NotFound($"nothing is known of a message '{id}': the delivery history ([queue] history-days) has none of that id");
        foreach (var happened in events)
        {
            var (account, mailbox, uid) = Place(happened);
            var reason = Reason(happened, account, mailbox, uid);
            await call.Channel.WriteAsync(json =>
            {
                json.WriteString("time", happened.Time.UtcDateTime);
                json.WriteString("event", happened.What);
                if (happened.Address.Length > 0)
                    json.WriteString(happened.What == DeliveryWords.Judged ? "account" : "address", happened.Address);
                if (account is not null)
                {
                    json.WriteString("account", account);
                    json.WriteString("mailbox", mailbox);
                    json.WriteNumber("uid", uid);
                }
                if (reason is not null)
                    json.WriteString("reason", reason);
                json.WriteString("words", Words(happened, account, mailbox, reason));
            }, cancel).ConfigureAwait(false);
        }
        return ControlResult.OkWith(json => json.WriteNumber("events", events.Count));
    }

    private string? Reason(DeliveryEvent happened, string? account, string? mailbox, uint uid)
    {
        if (happened.What == DeliveryWords.Judged)
            return happened.Detail;
        return account is null || !mail.AccountNames().Contains(account) ? null : mail.Account(account).Find(mailbox!)?.Reason(uid);
    }

    private static string Words(DeliveryEvent happened, string? account, string? mailbox, string? reason)
    {
        var why = reason is null ? "" : Why(reason);
        var detail = happened.Detail is { Length: > 0 } ? $": {happened.Detail}" : "";
        return happened.What switch
        {
            DeliveryWords.Judged when happened.Address.Length == 0 => $"For recipients on other servers: {why}",
            DeliveryWords.Judged => $"For {happened.Address}: {why}",
            DeliveryWords.Accepted => $"This server took the message over from {(happened.Address.Length == 0 ? "a sender without an address" : happened.Address)} ({happened.Detail}).",
            DeliveryWords.Refused => $"This server refused the message of {(happened.Address.Length == 0 ? "a sender without an address" : happened.Address)} and told its mail server{detail}.",
            DeliveryWords.Kept => $"It was refused for {account}, and is kept in {mailbox} for two weeks. {why}".TrimEnd(),
            DeliveryWords.Delivered when account is not null => $"It was put into {mailbox} of {account}. {why}".TrimEnd(),
            DeliveryWords.Delivered => $"It was handed over for {happened.Address}{detail}.",
            DeliveryWords.Queued => $"It waits to be sent to {happened.Address}.",
            DeliveryWords.Deferred => $"It could not be sent to {happened.Address} yet{detail}.",
            DeliveryWords.Failed => $"It will not reach {happened.Address}{detail}.",
            DeliveryWords.Told => $"A notice was sent to {happened.Address}{detail}.",
            _ => $"{happened.What} {happened.Address}{detail}".TrimEnd(),
        };
    }

    private static string Why(string reason)
    {
        if (PolicyReasons.Find(reason, out var detail) is not { } found)
            return reason;
        // What is not sent on has the ground within.
        if (found == PolicyReasons.NotForwarded)
            return $"{found.Words} {Why(detail)}";
        return detail.Length == 0 ? found.Words : $"{found.Words} ({detail})";
    }

    // "alice/Junk, UID 3"
    private static (string? Account, string? Mailbox, uint Uid) Place(DeliveryEvent happened)
    {
        var detail = happened.Detail ?? "";
        var slash = detail.IndexOf('/', StringComparison.Ordinal);
        var comma = detail.LastIndexOf(", UID ", StringComparison.Ordinal);
        if (happened.What is not (DeliveryWords.Delivered or DeliveryWords.Kept) || slash < 0 || comma < slash
            || !uint.TryParse(detail.AsSpan(comma + 6), NumberStyles.None, CultureInfo.InvariantCulture, out var uid))
            return (null, null, 0);
        return (detail[..slash], detail[(slash + 1)..comma], uid);
    }
}
