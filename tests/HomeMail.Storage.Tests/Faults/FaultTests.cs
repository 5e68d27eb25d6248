using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Crash;
using HomeMail.Storage.Tests.Simulation;
using Xunit;

namespace HomeMail.Storage.Tests.Faults;

/// <summary>
/// Each operation with each of its steps failing: once (EIO, ENOSPC), or from then on (a full or read-only disk). What reports failure must have
/// changed nothing, the rest must go on, and when the fault is over everything works again without a restart.
/// </summary>
public sealed class FaultTests(ITestOutputHelper output)
{
    private static readonly string[] NeedRoom = ["create", "write", "mkdir", "link", "fsync"];

    private static readonly MessageId Queued = MessageId.New(TimeProvider.System);

    /// <summary>How a step fails.</summary>
    public enum Kind
    {
        /// <summary>One step says EIO.</summary>
        BrokenOnce,

        /// <summary>One step says ENOSPC.</summary>
        FullOnce,

        /// <summary>From a step on all that needs room says ENOSPC.</summary>
        Full,

        /// <summary>From a step on all says EROFS.</summary>
        ReadOnly,
    }

    public static TheoryData<string, Kind> Cases()
    {
        var cases = new TheoryData<string, Kind>();
        foreach (var name in Operations.Keys)
            foreach (var kind in Enum.GetValues<Kind>())
                cases.Add(name, kind);
        return cases;
    }

    private static readonly Dictionary<string, Func<DataFolder, Task<bool>>> Operations = new()
    {
        ["accept one"] = data => AcceptAsync(data, false, new LocalDelivery("alice", "INBOX")),
        ["accept with flags"] = data => AcceptAsync(data, false, new LocalDelivery("alice", "INBOX") { Flags = MessageFlags.Seen, Keywords = ["$n"] }),
        ["accept three"] = data => AcceptAsync(data, false, new LocalDelivery("alice", "INBOX"), new LocalDelivery("bob", "New/Box"), new LocalDelivery("bob", "INBOX")),
        ["accept and queue"] = data => AcceptAsync(data, true, new LocalDelivery("alice", "INBOX"), new LocalDelivery("bob", "INBOX")),
        ["queue"] = data => AcceptAsync(data, true),
        ["save"] = async data =>
        {
            var envelope = data.Spool.LoadEnvelope(Queued)!;
            envelope.Recipients[0].LastReply = "450 no";
            await data.Spool.SaveAsync(envelope);
            return true;
        },
        ["deliver"] = async data =>
        {
            var envelope = data.Spool.LoadEnvelope(Queued)!;
            var result = await data.Spool.DeliverAsync(envelope, [(envelope.Recipients[0], new LocalDelivery("bob", "Held"))]);
            Assert.Equal(result.IsCommitted ? RecipientStatus.Delivered : RecipientStatus.Waiting, envelope.Recipients[0].Status);
            return result.IsCommitted;
        },
        ["flags"] = async data =>
        {
            await Inbox(data).StoreAsync(new FlagRequest { Uids = [new UidRange(1, 9)], Operation = FlagOperation.Add, Flags = MessageFlags.Draft, Keywords = ["$fresh"] });
            return true;
        },
        ["expunge"] = async data =>
        {
            await Inbox(data).ExpungeAsync([new UidRange(1, 1)], onlyDeleted: false);
            return true;
        },
        ["copy"] = async data =>
        {
            await Inbox(data).CopyAsync([new UidRange(1, 9)], data.Mail.Account("alice").Find("Work/Old")!);
            return true;
        },
        ["move"] = async data =>
        {
            await Inbox(data).MoveAsync([new UidRange(1, 9)], data.Mail.Account("alice").Find("Work/Old")!);
            return true;
        },
        ["create"] = async data =>
        {
            await data.Mail.Account("alice").CreateAsync("A/B", SpecialUse.Trash);
            return true;
        },
        ["rename"] = async data =>
        {
            await data.Mail.Account("alice").RenameAsync("Work", "Play");
            return true;
        },
        ["delete"] = async data =>
        {
            await data.Mail.Account("alice").DeleteAsync("Work/Old");
            return true;
        },
    };

    private static Mailbox Inbox(DataFolder data) => data.Mail.Account("alice").Find("INBOX")!;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_failing_step_changes_nothing_and_is_over_when_it_is_over(string name, Kind kind)
    {
        var ready = await ReadyAsync();
        var failures = 0;
        for (var step = 0; ; step++)
        {
            var files = ready.AfterCrash(Loss.Nothing);
            var data = CrashLab.Open(files);
            data.Spool.Recover();
            foreach (var account in CrashLab.Accounts)
                data.Mail.Account(account);
            var before = Picture(data);
            var (first, hits) = (files.Steps + step, 0);
            files.Fault = (operation, path) => Fault(kind, operation, files.Steps - first, ref hits);
            var done = await AttemptAsync(data, name);
            files.Fault = null;
            failures += done ? 0 : 1;
            try
            {
                // A folder that has moved when the disk became read-only, and cannot be moved back, has moved.
                if (!done && kind == Kind.ReadOnly && name is "rename" or "delete" && !Picture(data).SequenceEqual(before))
                    done = true;
                if (!done)
                {
                    Compare(before, Picture(data), kind);
                    var crashed = files.AfterCrash(Loss.Nothing);
                    Assert.True(await AttemptAsync(data, name), "it still fails when the fault is over");
                    await CheckCrashedAsync(crashed, before, Picture(data), kind);
                }
                var after = Picture(data);
                await data.DisposeAsync();
                Compare(after, await ReopenAsync(files), kind);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{name}, {kind} at step {step}: {error.Message}\n  {string.Join("\n  ", files.Trace.TakeLast(40))}", error);
            }
            if (hits == 0)
                break;
        }
        output.WriteLine($"{name}, {kind}: failed at {failures} steps");
        Assert.True(failures > 0);
    }

    private static FileError? Fault(Kind kind, string operation, int at, ref int hits)
    {
        if (operation is "open" or "read" or "list" or "stat")
            return null;
        var error = kind switch
        {
            Kind.BrokenOnce => at == 0 && hits == 0 ? FileError.Other : (FileError?)null,
            Kind.FullOnce => at == 0 && hits == 0 && NeedRoom.Contains(operation) ? FileError.NoSpace : null,
            Kind.Full => at >= 0 && NeedRoom.Contains(operation) ? FileError.NoSpace : null,
            _ => at >= 0 ? FileError.ReadOnly : null,
        };
        if (at >= 0)
            hits++;
        return error;
    }

    private static async Task<SimulatedFileSystem> ReadyAsync()
    {
        var files = new SimulatedFileSystem();
        await using var data = CrashLab.Open(files);
        data.Spool.Recover();
        var witness = new Witness();
        await CrashLab.CommitAsync(data, witness, "one", false, new LocalDelivery("alice", "INBOX"));
        await CrashLab.CommitAsync(data, witness, "two", false, new LocalDelivery("alice", "INBOX") { Flags = MessageFlags.Seen, Keywords = ["$k"] });
        await CrashLab.CommitAsync(data, witness, "three", false, new LocalDelivery("alice", "Work/Old"));
        await CrashLab.CommitAsync(data, witness, Queued, "queued", true);
        data.Mail.Account("bob");
        return files;
    }

    private static async Task<bool> AcceptAsync(DataFolder data, bool remote, params LocalDelivery[] local)
    {
        var id = MessageId.New(TimeProvider.System);
        using var message = data.Spool.Begin(id);
        message.Append("new\r\n"u8);
        var request = new CommitRequest
        {
            Message = message,
            Header = "Subject: new\r\n\r\n"u8.ToArray(),
            Local = local,
            Envelope = remote ? CrashLab.NewEnvelope(id) : null,
        };
        var result = await data.Spool.CommitAsync(request);
        if (!result.IsCommitted)
            Assert.Contains(result.Condition, (StorageCondition[])[StorageCondition.DiskFull, StorageCondition.ReadOnly, StorageCondition.Failed]);
        return result.IsCommitted;
    }

    private static async Task<bool> AttemptAsync(DataFolder data, string name)
    {
        try
        {
            return await Operations[name](data);
        }
        catch (StorageException)
        {
            return false;
        }
    }

    private static async Task<string[]> ReopenAsync(SimulatedFileSystem files)
    {
        await using var data = CrashLab.Open(files.AfterCrash(Loss.Nothing));
        data.Spool.Recover();
        return Picture(data);
    }

    /// <summary>
    /// A crash right after the failure: what failed once is not there. On a disk that stays full, what could not be taken back may be carried out by
    /// the next start, but nothing else happens.
    /// </summary>
    private static async Task CheckCrashedAsync(SimulatedFileSystem files, string[] before, string[] after, Kind kind)
    {
        var found = await ReopenAsync(files);
        if (kind is Kind.BrokenOnce or Kind.FullOnce)
        {
            Assert.Equal(before, found);
            return;
        }
        Assert.Empty(before.Intersect(after).Except(found));
        Assert.Empty(found.Except(before.Union(after)));
    }

    private static void Compare(string[] expected, string[] found, Kind kind)
    {
        // Where nothing could be written nothing could be taken back either: then a message may be there unanswered, and come twice.
        if (kind == Kind.ReadOnly)
            Assert.Empty(expected.Except(found));
        else
            Assert.Equal(expected, found);
    }

    /// <summary>What the world sees: messages with flags, and what is queued; without the numbers. An empty mailbox may have been made.</summary>
    private static string[] Picture(DataFolder data)
    {
        var lines = new List<string>();
        foreach (var account in CrashLab.Accounts)
            foreach (var mailbox in data.Mail.Account(account).Mailboxes())
                if (mailbox.IsSelectable)
                    foreach (var (uid, content) in Witness.Messages(mailbox))
                    {
                        Assert.True(mailbox.TryGet(uid, out var info));
                        lines.Add($"{account}/{mailbox.Name} {content.Trim().Split('\n')[^1]} {info.Flags} {string.Join(' ', mailbox.KeywordNames(info.Keywords))}");
                    }

        // A save whose last sync fails has either state on the device; the queue knows the one it wants.
        lines.Add(data.Spool.LoadEnvelope(Queued) is null ? "closed" : "queued");
        return [.. lines];
    }
}
