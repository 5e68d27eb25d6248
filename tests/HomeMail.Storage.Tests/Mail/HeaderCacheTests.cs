using System.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

/// <summary>What is kept of headers beside a mailbox: it may be lost, and is never wrong.</summary>
public sealed class HeaderCacheTests : IAsyncDisposable
{
    private const string Path = "/data/mail/alice/INBOX/.headers";

    private readonly MailLab _lab = new();

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task What_was_kept_is_found_also_after_a_restart()
    {
        Keep(1, 500);
        Assert.Equal(500, Found(1, 500));
        await _lab.RestartAsync();
        Assert.Equal(500, Found(1, 500));
        Assert.Equal(0, Found(501, 600));
    }

    [Fact]
    public void Few_messages_cost_no_write()
    {
        Keep(1, 20);
        Assert.Equal(0, Found(1, 20));
        Assert.Null(_lab.Files.Read(Path));
    }

    [Fact]
    public async Task Whatever_order_they_come_in_the_last_one_counts()
    {
        const int messages = 600;
        var random = new Random(11);
        var truth = new Dictionary<uint, byte[]>();
        for (var i = 0; i < messages; i++)
            await _lab.AddAsync("x");
        for (var round = 0; round < 300; round++)
        {
            using (var reader = _lab.Inbox.OpenHeaders())
            {
                var uid = (uint)random.Next(1, messages);
                var step = random.Next(1, 4);
                for (var i = random.Next(200); i > 0 && uid <= messages; i--, uid += (uint)random.Next(1, step + 1))
                {
                    if (reader.TryFind(uid, out var kept))
                        Assert.True(kept.SequenceEqual(truth[uid]), $"round {round}, {uid}");
                    if (random.Next(3) == 0)
                        continue;
                    // A longer record may take the place of a short one; what is said of one message never contradicts.
                    truth[uid] = Record(uid, 60 + random.Next(300));
                    reader.Keep(uid, truth[uid]);
                }
            }
            // What was gathered and not written is not kept; so the truth of a UID is any that was said, and the record says which it is of.
            if (round % 10 == 9)
                await _lab.RestartAsync();
            using var again = _lab.Inbox.OpenHeaders();
            for (uint uid = 1; uid <= messages; uid++)
                if (again.TryFind(uid, out var kept))
                {
                    Assert.Equal(uid, uint.Parse(Encoding.ASCII.GetString(kept[..kept.IndexOf((byte)' ')]), System.Globalization.CultureInfo.InvariantCulture));
                    truth[uid] = kept.ToArray();
                }
                else
                    truth.Remove(uid);
        }
        Assert.InRange(truth.Count, messages * 9 / 10, messages);
    }

    [Fact]
    public async Task What_is_replaced_and_gone_leaves_the_file()
    {
        for (var i = 0; i < 300; i++)
            await _lab.AddAsync("x");
        for (var round = 0; round < 40; round++)
            Keep(1, 300, 100 + round);
        Assert.Equal(300, Found(1, 300));
        Assert.InRange(_lab.Files.Read(Path)!.Length, 300 * 100, 500_000);
        await _lab.Inbox.ExpungeAsync([new UidRange(1, 200)], onlyDeleted: false);
        for (var round = 0; round < 40; round++)
            Keep(201, 300, 200 + (10 * round));
        Assert.Equal(100, Found(201, 300));
        Assert.Equal(0, Found(1, 200));
    }

    [Fact]
    public async Task A_damaged_file_says_less_and_nothing_wrong()
    {
        Keep(1, 600);
        await _lab.RestartAsync();
        var whole = _lab.Files.Read(Path)!;
        var random = new Random(3);
        var lost = 0;
        for (var i = 0; i < 200; i++)
        {
            var octets = (byte[])whole.Clone();
            if (i % 4 == 0)
                octets = octets[..random.Next(octets.Length)];
            else
                octets[i < 60 ? i : random.Next(octets.Length)] ^= (byte)(1 << random.Next(8));
            await _lab.RestartAsync(files => files.Damage(Path, octets));
            lost += 600 - Found(1, 600);
            Keep(1, 600);
            Assert.Equal(600, Found(1, 600));
        }
        Assert.NotEqual(0, lost);
    }

    [Fact]
    public async Task Another_life_of_the_mailbox_knows_nothing_of_it()
    {
        Keep(1, 100);
        await _lab.RestartAsync(files =>
        {
            files.Damage("/data/mail/alice/INBOX/.mailbox", null);
            files.Damage("/data/mail/alice/INBOX/.journal", null);
        });
        Assert.Equal(0, Found(1, 100));
    }

    [Fact]
    public void A_full_disk_is_no_fault()
    {
        _lab.Inbox.Status();
        _lab.Files.Fault = static (_, path) => path.Contains(".headers", StringComparison.Ordinal) ? FileError.NoSpace : null;
        Keep(1, 500);
        Assert.Equal(0, Found(1, 500));
        _lab.Files.Fault = null;
        Keep(1, 500);
        Assert.Equal(500, Found(1, 500));
    }

    [Fact]
    public async Task A_deleted_mailbox_gets_no_file()
    {
        var mailbox = await _lab.Alice.CreateAsync("Old");
        using (var reader = mailbox.OpenHeaders())
        {
            for (uint uid = 1; uid <= 200; uid++)
                reader.Keep(uid, Record(uid, 100));
            await _lab.Alice.DeleteAsync("Old");
        }
        Assert.DoesNotContain(_lab.Files.Files("/data/mail/alice"), static path => path.Contains(".headers", StringComparison.Ordinal));
    }

    private void Keep(uint from, uint to, int length = 120)
    {
        using var reader = _lab.Inbox.OpenHeaders();
        for (var uid = from; uid <= to; uid++)
            reader.Keep(uid, Record(uid, length));
    }

    /// <summary>How many are found; each has to be what was said of it.</summary>
    private int Found(uint from, uint to)
    {
        var found = 0;
        using var reader = _lab.Inbox.OpenHeaders();
        for (var uid = from; uid <= to; uid++)
            if (reader.TryFind(uid, out var record))
            {
                Assert.Equal(Record(uid, record.Length), record);
                found++;
            }
        return found;
    }

    private static byte[] Record(uint uid, int length) => Encoding.ASCII.GetBytes($"{uid} ".PadRight(length, 'x'));
}
