using System.Globalization;
using HomeMail.Server.Control;
using HomeMail.Storage.Transfer;

namespace HomeMail.Cli;

/// <summary><c>homemail export</c>: gets an account's messages from the server, or where none runs from the data folder, and writes a Maildir as whoever calls it.</summary>
internal static class ExportCommand
{
    // The request has to fit in a line; UIDs that do not are sent again.
    private const int LongestSet = 200_000;

    private sealed class Tally
    {
        public long All, Written, Present, KeywordsLost;
    }

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is not [var account, var path])
            return await ServerCommand.MisuseAsync(call, "an account and the path of a Maildir are needed");
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path).TrimEnd('/'))))
            return await ServerCommand.FailAsync(call, $"the folder that {path} is to be in is not there");
        return await ServerCommand.RunAsync(call, true, async client =>
        {
            var progress = new ProgressLine(call.Streams.Error, call.Streams.ErrorIsTerminal, TimeProvider.System);
            var mailboxes = new List<(string Name, uint UidValidity)>();
            var tally = new Tally();
            var answer = await client.AskAsync("export-list", json => json.WriteString("account", account), line =>
            {
                mailboxes.Add((line.GetProperty("mailbox").GetString()!, line.GetProperty("uidValidity").GetUInt32()));
                tally.All += line.Number("messages");
                return Task.CompletedTask;
            }, cancel);
            var target = new MaildirTarget(Path.GetFullPath(path));
            foreach (var (name, uidValidity) in mailboxes)
            {
                if (answer.IsOk)
                    answer = await ExportAsync(client, account, name, target, uidValidity, tally, progress, cancel);
            }
            progress.Clear();
            if (!answer.IsOk)
                return await ServerCommand.FailAsync(call, answer.What ?? answer.Result);
            if (tally.KeywordsLost > 0)
                await call.Streams.Error.WriteLineAsync($"keywords left out {tally.KeywordsLost} times: a folder of a Maildir has room for 26");
            await call.Streams.Out.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{Words.Count(tally.Written, "message")} exported{(tally.Present > 0 ? $", {tally.Present} there already" : "")}; {progress.Elapsed.TotalSeconds:0.0} s"));
            return tally.KeywordsLost > 0 ? ExitCode.FoundWanting : ExitCode.Fine;
        }, cancel);
    }

    private static async Task<ControlAnswer> ExportAsync(
        ControlClient client, string account, string mailbox, MaildirTarget target, uint uidValidity, Tally tally, ProgressLine progress, CancellationToken cancel)
    {
        using var folder = target.Open(mailbox, uidValidity);
        var had = UidSet.Write(folder.Uids, LongestSet);
        var answer = await client.AskAsync("export", json =>
        {
            json.WriteString("account", account);
            json.WriteString("mailbox", mailbox);
            json.WriteString("had", had);
        }, async line =>
        {
            var uid = line.GetProperty("uid").GetUInt32();
            var marks = MarksJson.Read(line);
            if (line.IsTrue("octets"))
            {
                folder.Begin(uid);
                while (await client.Channel.ReadChunkAsync(cancel) is { IsEmpty: false } chunk)
                    folder.Append(chunk.Span);
                folder.End(uid, marks);
                tally.Written++;
            }
            else
            {
                folder.Update(uid, marks);
                tally.Present++;
            }
            progress.Tell(tally.Written + tally.Present, "messages", tally.All > 0 ? (double)(tally.Written + tally.Present) / tally.All : -1);
        }, cancel);
        folder.Finish();
        tally.KeywordsLost += folder.KeywordsLost;
        return answer;
    }
}
