using System.Text.Json;
using HomeMail.Server.Intake;
using HomeMail.Storage;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Server.Control;

/// <summary>
/// Takes the messages of an import. Whoever asks reads them where it may, and sends: after <c>{"ready":true}</c>, objects that are a mailbox to be made
/// (<c>make</c>), a message (<see cref="MarksJson"/>) with its octets in chunks behind it, or the end (<c>end</c>). Meanwhile lines tell how far it is.
/// </summary>
/// <param name="data">The data folder.</param>
/// <param name="names">Who is hosted here.</param>
/// <param name="clock">Time.</param>
public sealed class ImportCommand(DataFolder data, Func<HostedNames> names, TimeProvider clock)
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(1);

    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("import", RunAsync, Changes: true)];

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var name = call.Text("account");
        if (names().Account(name) is not { } account)
            return ControlResult.NotFound($"there is no [account:{name}] in the configuration");
        await using var import = new MailImport(data, account.Name, clock);
        await call.Channel.WriteAsync(static json => json.WriteBoolean("ready", true), cancel).ConfigureAwait(false);
        await call.Channel.FlushAsync(cancel).ConfigureAwait(false);
        try
        {
            await TakeAsync(call.Channel, import, cancel).ConfigureAwait(false);
            await import.FlushAsync().ConfigureAwait(false);
            return ControlResult.OkWith(json => Tell(json, import));
        }
        catch (Exception error) when (error is ControlRefusal or Storage.Files.StorageException or ImportFailure)
        {
            // More is on its way that nobody takes: the connection ends with the answer.
            return new ControlResult("error", error.Message, json => Tell(json, import)) { IsLast = true };
        }
    }

    private async Task TakeAsync(ControlChannel channel, MailImport import, CancellationToken cancel)
    {
        var told = clock.GetTimestamp();
        while (true)
        {
            using var item = await channel.ReadAsync(cancel).ConfigureAwait(false) ?? throw new IOException("the import broke off");
            if (item.RootElement.TryGetProperty("end", out _))
                return;
            if (item.RootElement.TryGetProperty("make", out var make))
                await import.MakeAsync(Name(make)).ConfigureAwait(false);
            else
                await TakeMessageAsync(channel, import, MarksJson.Read(item.RootElement), cancel).ConfigureAwait(false);
            if (clock.GetElapsedTime(told) < TellEvery)
                continue;
            told = clock.GetTimestamp();
            await channel.WriteAsync(json => Tell(json, import), cancel).ConfigureAwait(false);
            await channel.FlushAsync(cancel).ConfigureAwait(false);
        }
    }

    private static async Task TakeMessageAsync(ControlChannel channel, MailImport import, MessageMarks marks, CancellationToken cancel)
    {
        if (!MailboxName.TryNormalize(marks.Mailbox, out var mailbox))
            throw new ControlRefusal($"no mailbox can be called '{marks.Mailbox}'");
        var message = import.Begin();
        try
        {
            while (await channel.ReadChunkAsync(cancel).ConfigureAwait(false) is { IsEmpty: false } chunk)
                message.Append(chunk.Span);
        }
        catch
        {
            message.Dispose();
            throw;
        }
        try
        {
            await import.PutAsync(message, marks with { Mailbox = mailbox }).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw new ImportFailure(error.Message);
        }
    }

    private static string Name(JsonElement make) =>
        make.ValueKind == JsonValueKind.String && MailboxName.TryNormalize(make.GetString()!, out var mailbox) ? mailbox : throw new ControlRefusal("'make' names no mailbox");

    private static void Tell(Utf8JsonWriter json, MailImport import)
    {
        json.WriteNumber("stored", import.Stored);
        json.WriteNumber("present", import.Present);
    }

    // Of the store and not of the connection, which would end without a word.
    private sealed class ImportFailure(string what) : Exception(what);
}
