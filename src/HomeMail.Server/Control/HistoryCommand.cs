using HomeMail.Storage.State;

namespace HomeMail.Server.Control;

/// <summary>Tells what became of a message, or of an address's messages: one line an event, the oldest first.</summary>
/// <param name="history">The delivery history.</param>
public sealed class HistoryCommand(DeliveryHistory history)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("log", RunAsync)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var what = call.Text("what");
        if (what is ['<', .. var address, '>'])
            what = address;
        var events = history.Find(what);
        foreach (var happened in events)
        {
            await call.Channel.WriteAsync(json =>
            {
                json.WriteString("time", happened.Time.UtcDateTime);
                json.WriteString("id", happened.Message.Value);
                json.WriteString("event", happened.What);
                json.WriteString("address", happened.Address);
                if (happened.Detail is not null)
                    json.WriteString("detail", happened.Detail);
            }, cancel).ConfigureAwait(false);
        }
        return events.Count > 0
            ? ControlResult.OkWith(json => json.WriteNumber("events", events.Count))
            : ControlResult.NotFound($"nothing is known of '{what}': neither a message's id nor an address that the delivery history ([queue] history-days) has");
    }
}
