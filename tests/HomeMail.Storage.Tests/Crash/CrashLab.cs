using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Simulation;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Storage.Tests.Crash;

/// <summary>
/// Runs an operation on a data folder, lets the power go after the k-th step, for every k, and looks at what is left: with all unsynced
/// data kept, with all of it lost, and with some of it lost by chance. Then with the journals lost, and with these and the reservations lost.
/// </summary>
internal sealed class CrashLab(string name, ITestOutputHelper output)
{
    private const string Root = "/data";
    private const int Draws = 6;

    public static readonly string[] Accounts = ["alice", "bob"];

    private int _points;
    private int _checks;

    /// <summary>An operation: what it does to the store, and what it tells the witness when.</summary>
    public delegate Task Operation(DataFolder data, Witness witness);

    /// <summary>Runs all crash points; <paramref name="twice"/> lets the power go a second time, at every step of the recovery.</summary>
    public async Task RunAsync(Operation setup, Operation operation, bool twice = false)
    {
        var ready = new SimulatedFileSystem();
        var known = new Witness();
        await using (var data = Open(ready))
        {
            data.Spool.Recover();
            await setup(data, known);
            known.Look(data, Accounts);
        }
        for (var stop = 0; ; stop++)
        {
            var files = ready.AfterCrash(Loss.Nothing);
            files.StopAfter = stop;
            var witness = known.Copy();
            var done = false;
            try
            {
                var data = Open(files);
                data.Spool.Recover();
                await operation(data, witness);
                await data.DisposeAsync();
                done = true;
            }
            catch (Exception error) when (IsCrash(error))
            {
                _points++;
            }
            await ExamineAsync(files, witness, stop, twice);
            if (done)
                break;
        }
        output.WriteLine($"{name}: {_points} crash points, {_checks} states examined");
    }

    public static DataFolder Open(IFileSystem files, Action<StorageNotice>? notices = null)
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        return DataFolder.Open(Root, clock, notices, files);
    }

    /// <summary>Commits a message; its whole text is returned.</summary>
    public static Task<string> CommitAsync(DataFolder data, Witness witness, string text, bool remote, params LocalDelivery[] local) =>
        CommitAsync(data, witness, MessageId.New(TimeProvider.System), text, remote, local);

    /// <summary>Commits a message of a given identifier.</summary>
    public static async Task<string> CommitAsync(DataFolder data, Witness witness, MessageId id, string text, bool remote, params LocalDelivery[] local)
    {
        var content = "Subject: " + text + "\r\n\r\n" + text + "\r\n";
        witness.Contents.Add(content);
        using var message = data.Spool.Begin(id);
        message.Append(Encoding.UTF8.GetBytes(text + "\r\n"));
        var request = new CommitRequest
        {
            Message = message,
            Header = Encoding.UTF8.GetBytes("Subject: " + text + "\r\n\r\n"),
            Local = local,
            Envelope = remote ? NewEnvelope(id) : null,
        };
        var result = await data.Spool.CommitAsync(request);
        Assert.True(result.IsCommitted, result.Detail);
        if (remote)
            witness.Queued(id, Witness.Statuses(request.Envelope!));
        foreach (var stored in result.Stored)
        {
            witness.Accepted(stored.Account + "/" + stored.Mailbox, content);
            witness.Remember(data.Mail.Account(stored.Account).Find(stored.Mailbox)!, stored.Uid, content);
        }
        foreach (var delivery in local)
            witness.Flagged(delivery.Account + "/" + delivery.Mailbox, content, delivery.Flags, string.Join(' ', delivery.Keywords));
        return content;
    }

    /// <summary>Commits several messages to one mailbox as one.</summary>
    public static async Task CommitAllAsync(DataFolder data, Witness witness, int count, LocalDelivery local)
    {
        var contents = Enumerable.Range(1, count).Select(static i => $"together {i}\r\n").ToList();
        witness.Contents.UnionWith(contents);
        var mailbox = local.Account + "/" + local.Mailbox;
        witness.Together(mailbox, contents);
        var messages = contents.ConvertAll(_ => data.Spool.Begin(MessageId.New(TimeProvider.System)));
        for (var i = 0; i < count; i++)
            messages[i].Append(Encoding.UTF8.GetBytes(contents[i]));
        var result = await data.Spool.CommitAllAsync(messages.ConvertAll(message => new CommitRequest { Message = message, Local = [local] }));
        messages.ForEach(static message => message.Dispose());
        Assert.True(result.IsCommitted, result.Detail);
        for (var i = 0; i < count; i++)
        {
            witness.Accepted(mailbox, contents[i]);
            witness.Flagged(mailbox, contents[i], local.Flags, string.Join(' ', local.Keywords));
            witness.Remember(data.Mail.Account(local.Account).Find(local.Mailbox)!, result.Stored[i].Uid, contents[i]);
        }
    }

    public static Envelope NewEnvelope(MessageId id) => new()
    {
        Id = id,
        Arrived = DateTimeOffset.UnixEpoch.AddYears(56),
        Principal = "account:alice",
        Recipients =
        [
            new EnvelopeRecipient { Address = new Address("x", "example.net") },
            new EnvelopeRecipient { Address = new Address("y", "example.net") },
        ],
    };

    private static bool IsCrash(Exception error) =>
        error is SimulatedCrash || (error is AggregateException many && many.InnerExceptions.Any(IsCrash));

    private async Task ExamineAsync(SimulatedFileSystem files, Witness witness, int stop, bool twice)
    {
        await CheckAsync(files.AfterCrash(Loss.Nothing), witness, $"stopped after {stop}, nothing lost", files);
        await CheckAsync(files.AfterCrash(Loss.Everything), witness, $"stopped after {stop}, unsynced data lost", files);
        for (var seed = 0; seed < Draws; seed++)
            await CheckAsync(files.AfterCrash(Loss.Random, seed), witness, $"stopped after {stop}, draw {seed}", files);
        if (!twice)
            return;
        foreach (var loss in (Loss[])[Loss.Nothing, Loss.Everything, Loss.Random])
            await CrashAgainAsync(files, witness, loss, stop);
    }

    private async Task CrashAgainAsync(SimulatedFileSystem files, Witness witness, Loss loss, int stop)
    {
        for (var second = 0; ; second++)
        {
            var again = files.AfterCrash(loss, stop);
            again.StopAfter = second;
            var done = false;
            try
            {
                var data = Open(again);
                data.Spool.Recover();
                foreach (var account in Accounts)
                    foreach (var mailbox in data.Mail.Account(account).Mailboxes())
                        if (mailbox.IsSelectable)
                            mailbox.Status();
                done = true;
            }
            catch (Exception error) when (IsCrash(error))
            {
                _points++;
            }
            await CheckAsync(again.AfterCrash(Loss.Everything), witness, $"stopped after {stop} ({loss}), again after {second}", again);
            await CheckAsync(again.AfterCrash(Loss.Random, second), witness, $"stopped after {stop} ({loss}), again after {second} by chance", again);
            if (done)
                return;
        }
    }

    private async Task CheckAsync(SimulatedFileSystem after, Witness witness, string state, SimulatedFileSystem before)
    {
        try
        {
            await CheckAsync(after.AfterCrash(Loss.Nothing), witness.Copy(), Lost.Nothing);
            _checks++;
            await CheckAsync(Damaged(after, ".journal"), witness.Copy(), Lost.Journals);
            _checks++;
            await CheckAsync(Damaged(after, ".journal", ".mailbox"), witness.Copy(), Lost.Reservations);
            _checks++;
        }
        catch (Exception error) when (!IsCrash(error))
        {
            throw new InvalidOperationException($"{name}, {state}: {error.Message}\nlast steps:\n  {string.Join("\n  ", before.Trace.TakeLast(25))}", error);
        }
    }

    private static SimulatedFileSystem Damaged(SimulatedFileSystem files, params string[] names)
    {
        var damaged = files.AfterCrash(Loss.Nothing);
        foreach (var path in damaged.Files(Root + "/mail").ToList())
            if (names.Contains(Path.GetFileName(path)))
                damaged.Damage(path, path.Length % 2 == 0 ? null : new byte[40]);
        return damaged;
    }

    private static async Task CheckAsync(SimulatedFileSystem files, Witness witness, Lost lost)
    {
        await using var data = Open(files);
        witness.CheckQueue(data, data.Spool.Recover());
        witness.Check(data, lost, Accounts);

        // A new message must get a UID that never meant another.
        foreach (var account in Accounts)
            foreach (var mailbox in data.Mail.Account(account).Mailboxes())
                if (mailbox.IsSelectable)
                    await CommitAsync(data, witness, "afterwards to " + account + " " + mailbox.Name, false, new LocalDelivery(account, mailbox.Name));
        witness.Check(data, lost, Accounts);
    }
}
