using System.Globalization;
using HomeMail.Server.Control;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Cli;

/// <summary>
/// <c>homemail import</c>: reads a Maildir or mbox as whoever calls it, and gives the messages to the server, or where none runs to the data folder.
/// </summary>
internal static class ImportCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is not [var account, var path])
            return await ServerCommand.MisuseAsync(call, "an account and the path of a Maildir or mbox are needed");
        var mailbox = call.Options.GetValueOrDefault("--mailbox", MailboxName.Inbox);
        if (!MailboxName.TryNormalize(mailbox, out var normal))
            return await ServerCommand.MisuseAsync(call, $"no mailbox can be called '{mailbox}'");
        return await ServerCommand.RunAsync(call, true, async client =>
        {
            var source = Open(path, normal);
            using var opened = source as IDisposable;
            return await RunAsync(call, client, account, source, cancel);
        }, cancel);
    }

    private static IMessageSource Open(string path, string mailbox)
    {
        path = Path.GetFullPath(path);
        if (Directory.Exists(path))
            return MaildirSource.Open(path, mailbox) ?? throw new IOException($"{path} is no Maildir: neither it nor a folder in it has a folder 'cur'. An mbox is named by its file");
        if (!File.Exists(path))
            throw new IOException($"{path} is not there, or may not be seen by this user");
        return MboxSource.Open(path, mailbox) ?? throw new IOException($"{path} is no mbox: its first line does not begin with 'From '");
    }

    private static async Task<int> RunAsync(CommandCall call, ControlClient client, string account, IMessageSource source, CancellationToken cancel)
    {
        var progress = new ProgressLine(call.Streams.Error, call.Streams.ErrorIsTerminal, TimeProvider.System);
        await client.SendAsync("import", json => json.WriteString("account", account), cancel);
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answering = client.AnswerAsync(line =>
        {
            if (line.IsTrue("ready"))
                ready.TrySetResult();
            else
                progress.Tell(line.Number("stored") + line.Number("present"), "messages", source.Total > 0 ? (double)source.Done / source.Total : -1);
            return Task.CompletedTask;
        }, cancel);
        if (await Task.WhenAny(ready.Task, answering) == ready.Task)
        {
            try
            {
                await SendAsync(client.Channel, source, cancel);
            }
            catch (IOException error) when (error is not StorageException)
            {
                // The other side takes no more, and its last line says why.
            }
        }
        var answer = await answering;
        progress.Clear();
        return await TellAsync(call, source, answer, progress.Elapsed);
    }

    private static async Task SendAsync(ControlChannel channel, IMessageSource source, CancellationToken cancel)
    {
        foreach (var mailbox in source.Mailboxes)
            await channel.WriteAsync(json => json.WriteString("make", mailbox), cancel);
        var buffer = new byte[ControlChannel.LargestChunk];
        foreach (var message in source.Read())
        {
            await channel.WriteAsync(json => MarksJson.Write(json, message.Marks), cancel);
            while (message.Read(buffer) is var read and > 0)
                await channel.WriteChunkAsync(buffer.AsSpan(0, read), cancel);
            await channel.WriteChunkAsync([], cancel);
        }
        await channel.WriteAsync(static json => json.WriteBoolean("end", true), cancel);
        await channel.FlushAsync(cancel);
    }

    private static async Task<int> TellAsync(CommandCall call, IMessageSource source, ControlAnswer answer, TimeSpan took)
    {
        var stored = answer.Line.Number("stored");
        var present = answer.Line.Number("present");
        if (!answer.IsOk)
        {
            await ServerCommand.FailAsync(call, answer.What ?? answer.Result);
            if (stored + present > 0)
                await call.Streams.Error.WriteLineAsync($"{Words.Count(stored, "message")} were put in before that; call the same again, and it goes on from there");
            return ExitCode.FoundWanting;
        }
        foreach (var problem in source.Problems)
            await call.Streams.Error.WriteLineAsync($"not imported: {Words.Printable(problem)}");
        await call.Streams.Out.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{Words.Count(stored, "message")} imported{(present > 0 ? $", {present} there already" : "")}{(source.Problems.Count > 0 ? $", {source.Problems.Count} passed over" : "")}; {took.TotalSeconds:0.0} s"));
        return source.Problems.Count > 0 ? ExitCode.FoundWanting : ExitCode.Fine;
    }
}
