using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Intake;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Sendmail;

/// <summary>
/// Takes what programs of this machine have dropped while the server was down, or could not take it: as if its owner had just sent it. A file goes only when its
/// message is on disk, or when its owner has been told why it will not be.
/// </summary>
/// <param name="folder">The folder.</param>
/// <param name="sessions">Where messages go.</param>
/// <param name="userName">The name of a user id, or null.</param>
/// <param name="machine">This machine's own name.</param>
/// <param name="generated">Takes what the owner is told.</param>
/// <param name="hostname">Our name.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class DropFolder(
    string folder, LocalSessions sessions, Func<uint, string?> userName, string machine, IGeneratedMail generated, Func<string> hostname, TimeProvider clock, Log log)
{
    // A folder that is empty costs next to nothing to look into.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    // What could not be taken is tried again after this time, and for so long.
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(5);

    // A part of a file that is so old belongs to nobody who still writes.
    private static readonly TimeSpan PartLifetime = TimeSpan.FromDays(1);

    private const int MostAtOnce = 200;
    private const int LargestReturned = 256 * 1024;

    private readonly Dictionary<string, DateTimeOffset> _later = new(StringComparer.Ordinal);

    // A file that was dealt with and could not be deleted must not be sent again.
    private readonly HashSet<string> _done = new(StringComparer.Ordinal);

    /// <summary>Looks into the folder until the server stops.</summary>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        try
        {
            do
            {
                await TakeAsync(stop).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>Takes what is there.</summary>
    /// <param name="stop">The server stops.</param>
    /// <returns>How many messages were taken.</returns>
    public async Task<int> TakeAsync(CancellationToken stop)
    {
        var taken = 0;
        try
        {
            var files = Directory.EnumerateFiles(folder).Take(MostAtOnce).ToList();
            foreach (var gone in _later.Keys.Where(path => !files.Contains(path)).ToList())
                _later.Remove(gone);
            foreach (var path in files)
            {
                stop.ThrowIfCancellationRequested();
                if (!path.EndsWith(DroppedFile.Suffix, StringComparison.Ordinal))
                    RemoveOldPart(path);
                else if (!_later.TryGetValue(path, out var when) || clock.GetUtcNow() >= when)
                    taken += await TakeAsync(path, stop).ConfigureAwait(false) ? 1 : 0;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.Error("drop", ("folder", folder), ("what", error.Message));
        }
        return taken;
    }

    private async Task<bool> TakeAsync(string path, CancellationToken stop)
    {
        if (_done.Contains(path))
        {
            Delete(path);
            return false;
        }
        using var file = DroppedFile.TryOpen(path);
        if (file is null)
        {
            // A link, a pipe, a file of two names: nobody's message.
            Forget(path, "it is no file of its own");
            return false;
        }
        if (userName(file.User) is not { } user)
        {
            Forget(path, string.Create(CultureInfo.InvariantCulture, $"there is no user {file.User}"));
            return false;
        }
        if (LocalMail.Read(file.Content) is not { } mail)
        {
            Forget(path, $"{user} did not drop it by sendmail");
            return false;
        }
        var begin = file.Content.Position;
        var outcome = await SendAsync(user, mail, file.Content, stop).ConfigureAwait(false);
        var isOld = outcome.IsForNow && clock.GetUtcNow() - File.GetLastWriteTimeUtc(path) > Lifetime;
        if (outcome.IsForNow && !isOld)
        {
            _later[path] = clock.GetUtcNow() + Retry;
            log.Info("drop", ("user", user), ("reply", outcome.Reply), ("then", "tried again"));
            return false;
        }
        if (!outcome.IsTaken)
        {
            file.Content.Position = begin;
            if (!await TellAsync(user, outcome, file.Content, stop).ConfigureAwait(false))
                return false;
        }
        log.Info("dropped", ("user", user), ("reply", outcome.Reply), ("about", outcome.About));
        Delete(path);
        return outcome.IsTaken;
    }

    private async Task<LocalOutcome> SendAsync(string user, LocalMail mail, Stream content, CancellationToken stop)
    {
        var (client, session) = sessions.Open(user, stop);
        try
        {
            await using (client.ConfigureAwait(false))
                return await new LocalDialogue(client, user, machine).SendAsync(mail, content, stop).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            return new LocalOutcome(451, error.Message);
        }
        finally
        {
            await session.ConfigureAwait(false);
        }
    }

    // Whoever dropped it has gone, and thinks that it was sent.
    private ValueTask<bool> TellAsync(string user, LocalOutcome outcome, Stream content, CancellationToken stop)
    {
        var octets = new byte[LargestReturned];
        var length = content.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
        var original = Encoding.Latin1.GetString(octets, 0, length).ReplaceLineEndings("\r\n");
        var now = clock.GetUtcNow();
        var name = hostname();
        var boundary = "=_" + Guid.NewGuid().ToString("N");
        var text = string.Create(CultureInfo.InvariantCulture, $"""
            From: Mail Delivery System <MAILER-DAEMON@{name}>
            To: {user}@{name}
            Subject: Message of {user} not sent
            Date: {TraceFields.Date(now)}
            Message-ID: <drop.{Guid.NewGuid():N}@{name}>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="{boundary}"

            --{boundary}
            Content-Type: text/plain; charset=utf-8

            A message that the user {user} of this machine gave to sendmail could not be sent
            {(outcome.About is null ? "" : $"to {outcome.About}")}

                {outcome.Reply}

            It is attached{(content.ReadByte() < 0 ? "" : ", its beginning only")}.

            --{boundary}
            Content-Type: application/octet-stream; name=message.eml
            Content-Transfer-Encoding: base64

            {Convert.ToBase64String(Encoding.Latin1.GetBytes(original), Base64FormattingOptions.InsertLineBreaks)}
            --{boundary}--

            """).ReplaceLineEndings("\r\n");
        return generated.AcceptAsync(null, new Address(user, name), Encoding.UTF8.GetBytes(text), false, stop);
    }

    private void Forget(string path, string why)
    {
        log.Error("drop-refused", ("file", Path.GetFileName(path)), ("why", why));
        Delete(path);
    }

    private void Delete(string path)
    {
        _done.Add(path);
        File.Delete(path);
        _done.Remove(path);
    }

    private void RemoveOldPart(string path)
    {
        if (clock.GetUtcNow() - File.GetLastWriteTimeUtc(path) > PartLifetime)
            File.Delete(path);
    }
}
