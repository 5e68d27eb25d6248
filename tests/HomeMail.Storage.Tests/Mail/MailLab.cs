using System.Text;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Simulation;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>A data folder in memory with an account, for tests of what mailboxes do.</summary>
internal sealed class MailLab : IAsyncDisposable
{
    public static readonly UidRange[] All = [new UidRange(1, uint.MaxValue)];

    public MailLab() => Data = Open();

    public SimulatedFileSystem Files { get; private set; } = new();

    public FakeTimeProvider Clock { get; } = new(DateTimeOffset.UnixEpoch.AddYears(56));

    public List<StorageNotice> Notices { get; } = [];

    public DataFolder Data { get; private set; }

    public MailAccount Alice => Data.Mail.Account("alice");

    public Mailbox Inbox => Alice.Find("INBOX")!;

    public async ValueTask DisposeAsync() => await Data.DisposeAsync();

    /// <summary>Ends in order and starts again.</summary>
    public async Task RestartAsync(Action<SimulatedFileSystem>? meanwhile = null)
    {
        await Data.DisposeAsync();
        meanwhile?.Invoke(Files);
        Data = Open();
    }

    /// <summary>Loses power, and starts again.</summary>
    public void Crash(Loss loss = Loss.Everything, Action<SimulatedFileSystem>? meanwhile = null)
    {
        Files = Files.AfterCrash(loss);
        meanwhile?.Invoke(Files);
        Data = Open();
    }

    /// <summary>Puts a message of this text into a mailbox; its UID is returned.</summary>
    public async Task<uint> AddAsync(string text, LocalDelivery? delivery = null)
    {
        using var message = Data.Spool.Begin(MessageId.New(Clock));
        message.Append(Encoding.UTF8.GetBytes(text));
        var result = await Data.Spool.CommitAsync(new CommitRequest { Message = message, Local = [delivery ?? new LocalDelivery("alice", "INBOX")] });
        Assert.True(result.IsCommitted, result.Detail);
        return result.Stored[0].Uid;
    }

    public async Task<FlagResult> StoreAsync(uint uid, FlagOperation operation, MessageFlags flags, params string[] keywords) =>
        await Inbox.StoreAsync(new FlagRequest { Uids = [new UidRange(uid, uid)], Operation = operation, Flags = flags, Keywords = keywords });

    public static MessageInfo Info(Mailbox mailbox, uint uid)
    {
        Assert.True(mailbox.TryGet(uid, out var info), $"no message {uid}");
        return info;
    }

    public static string Flags(Mailbox mailbox, uint uid)
    {
        var info = Info(mailbox, uid);
        return string.Join(' ', (string[])[info.Flags.ToString(), .. mailbox.KeywordNames(info.Keywords)]);
    }

    /// <summary>All messages, read in blocks of three.</summary>
    public static List<MessageInfo> Read(Mailbox mailbox)
    {
        var all = new List<MessageInfo>();
        var block = new MessageInfo[3];
        for (uint from = 0; mailbox.Read(from, block) is var count && count > 0; from = all[^1].Uid + 1)
            all.AddRange(block[..count]);
        return all;
    }

    private DataFolder Open()
    {
        var data = DataFolder.Open("/data", Clock, Notices.Add, Files);
        data.Spool.Recover();
        return data;
    }
}
