using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;
using HomeMail.Server.Queue;
using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Control;

/// <summary>Shows the queue and steers it.</summary>
/// <param name="queue">The queue.</param>
/// <param name="store">Where its messages are.</param>
public sealed class QueueCommands(QueueRunner queue, IQueueStore store)
{
    // What is shown of a message's header is at its beginning.
    private const int HeaderShown = 32 * 1024;

    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table =>
    [
        new("queue-list", ListAsync),
        new("queue-show", ShowAsync),
        new("queue-retry", RetryAsync, Changes: true),
        new("queue-hold", (call, _) => ChangeAsync(call, queue.HoldAsync), Changes: true),
        new("queue-release", (call, _) => ChangeAsync(call, queue.ReleaseAsync), Changes: true),
        new("queue-drop", (call, _) => ChangeAsync(call, queue.DropAsync), Changes: true),
    ];

    private async Task<ControlResult> ListAsync(ControlCall call, CancellationToken cancel)
    {
        var messages = 0;
        foreach (var message in queue.List())
        {
            cancel.ThrowIfCancellationRequested();
            await call.Channel.WriteAsync(json => Write(json, message), cancel).ConfigureAwait(false);
            messages++;
        }
        return ControlResult.OkWith(json => json.WriteNumber("messages", messages));
    }

    private async Task<ControlResult> ShowAsync(ControlCall call, CancellationToken cancel)
    {
        var id = Id(call.Text("id"));
        if (queue.Show(id) is not { } message)
            return NotQueued(id);
        await call.Channel.WriteAsync(json =>
        {
            Write(json, message);
            WriteHeader(json, id);
        }, cancel).ConfigureAwait(false);
        return ControlResult.Ok;
    }

    /// <summary>A message, all of those that wait for a domain, or all.</summary>
    private Task<ControlResult> RetryAsync(ControlCall call, CancellationToken cancel) => Task.FromResult(Retry(call.Text("what")));

    private ControlResult Retry(string what)
    {
        int tried;
        if (what == "all")
        {
            tried = queue.RetryAll();
        }
        else if (MessageId.TryParse(what, out var id))
        {
            if (queue.Show(id) is not { } message)
                return NotQueued(id);
            if (!queue.Retry(id))
                return new ControlResult("held", message.IsHeld ? $"message {id} is held; release it" : $"message {id} has just left the queue");
            tried = 1;
        }
        else
        {
            tried = queue.List().Count(message => WaitsFor(message, what) && queue.Retry(message.Id));
            if (tried == 0)
                return ControlResult.NotFound($"no message waits for '{what}'; allowed: a message's id, a domain, all");
        }
        return ControlResult.OkWith(json => json.WriteNumber("tried", tried));
    }

    private static async Task<ControlResult> ChangeAsync(ControlCall call, Func<MessageId, Task<bool>> change)
    {
        var id = Id(call.Text("id"));
        return await change(id).ConfigureAwait(false) ? ControlResult.Ok : NotQueued(id);
    }

    private static bool WaitsFor(QueueView message, string domain) => message.Recipients.Any(recipient =>
        recipient.Status == RecipientStatus.Waiting
        && (recipient.Address.AsSpan(recipient.Address.LastIndexOf('@') + 1).Equals(domain, StringComparison.OrdinalIgnoreCase)
            || recipient.Destination.Equals(domain, StringComparison.OrdinalIgnoreCase)));

    private static MessageId Id(string text) =>
        MessageId.TryParse(text, out var id) ? id : throw new ControlRefusal($"'{text}' is no message id: these have {MessageId.Length} characters, as `homemail queue list` shows them");

    private static ControlResult NotQueued(MessageId id) => ControlResult.NotFound($"message {id} is not in the queue");

    private static void Write(Utf8JsonWriter json, QueueView message)
    {
        json.WriteString("id", message.Id.Value);
        json.WriteString("arrived", message.Arrived.UtcDateTime);
        json.WriteString("sender", message.Sender);
        json.WriteString("principal", message.Principal);
        json.WriteNumber("size", message.Size);
        json.WriteBoolean("held", message.IsHeld);
        if (message.ReleaseAt is { } release)
            json.WriteString("releaseAt", release.UtcDateTime);
        json.WriteBoolean("running", message.IsRunning);
        json.WriteStartArray("recipients");
        foreach (var recipient in message.Recipients)
        {
            json.WriteStartObject();
            json.WriteString("address", recipient.Address);
            json.WriteString("status", Word(recipient.Status));
            json.WriteNumber("attempts", recipient.Attempts);
            if (recipient.NextAttempt is { } next)
                json.WriteString("nextAttempt", next.UtcDateTime);
            if (recipient.LastReply is not null)
                json.WriteString("lastReply", recipient.LastReply);
            json.WriteString("destination", recipient.Destination);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string Word(RecipientStatus status) => status switch
    {
        RecipientStatus.Waiting => "waiting",
        RecipientStatus.Local => "local",
        RecipientStatus.Delivered => "delivered",
        RecipientStatus.Failed => "failed",
        _ => "closed",
    };

    // What a person knows a message by. The message may be gone by now: then there is none of it.
    private void WriteHeader(Utf8JsonWriter json, MessageId id)
    {
        var octets = new byte[HeaderShown];
        int length;
        try
        {
            using var file = store.OpenMessage(id);
            length = file.Read(octets, 0);
        }
        catch (StorageException)
        {
            return;
        }
        json.WriteStartObject("header");
        foreach (var name in (string[])["From", "To", "Subject", "Date", "Message-ID"])
            foreach (var field in new HeaderFields(octets.AsSpan(0, length)))
                if (field.Is(Encoding.ASCII.GetBytes(name)))
                {
                    json.WriteString(name, Encoding.UTF8.GetString(field.Value).Replace("\r\n", "", StringComparison.Ordinal).Trim());
                    break;
                }
        json.WriteEndObject();
    }
}
