using System.Globalization;
using HomeMail.Config;
using HomeMail.Storage.Transfer;

namespace HomeMail.Cli;

/// <summary>
/// <c>homemail backup</c>: copies the data folder while mail goes on. It reads the files itself; the server, if one runs, is asked to stand still for the second pass.
/// </summary>
internal static class BackupCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is not [var path])
            return await ServerCommand.MisuseAsync(call, "the path of the backup is needed");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path).TrimEnd('/'))))
            return await ServerCommand.FailAsync(call, $"the folder that {path} is to be in is not there");
        var settings = SettingsFile.Load(call.ConfigPath).Settings?.Server;
        return await ServerCommand.RunAsync(call, true, async client =>
        {
            var backup = new FolderBackup(settings!.Data, Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), settings.Socket);
            var progress = new ProgressLine(call.Streams.Error, call.Streams.ErrorIsTerminal, TimeProvider.System);
            backup.Begin();
            backup.TakeMessages(messages => progress.Tell(messages, "messages", -1), cancel);
            progress.Clear();

            var paused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await client.SendAsync("pause", null, cancel);
            var answering = client.AnswerAsync(_ =>
            {
                paused.TrySetResult();
                return Task.CompletedTask;
            }, cancel);
            if (await Task.WhenAny(paused.Task, answering) == answering)
                return await ServerCommand.FailAsync(call, (await answering).What ?? "the server cannot stand still");
            var time = TimeProvider.System.GetUtcNow();
            var began = progress.Elapsed;
            backup.TakeRest(cancel);
            await client.Channel.WriteAsync(static json => json.WriteBoolean("done", true), cancel);
            await client.Channel.FlushAsync(cancel);
            if (await answering is { IsOk: false } lapsed)
                return await ServerCommand.FailAsync(call, $"the backup is not whole: {lapsed.What}; call it again, and less is left to do");
            var stood = progress.Elapsed - began;
            backup.Complete(time);
            await call.Streams.Out.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{Words.Count(backup.Messages, "message")}; {backup.Linked} files linked, {backup.Copied} copied ({Words.Size(backup.OctetsCopied)}); {progress.Elapsed.TotalSeconds:0.0} s, {stood.TotalSeconds:0.0} s of them with the store standing still"));
            return ExitCode.Fine;
        }, cancel);
    }
}
