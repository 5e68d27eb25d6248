using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// Puts messages into an account as they come, in order, several at once on their way to the device. A message that is in its mailbox already, octet for octet
/// and with the same INTERNALDATE, is not put in again: so an import that broke off is simply begun anew.
/// </summary>
/// <param name="data">The data folder.</param>
/// <param name="account">The account's name.</param>
/// <param name="clock">Time.</param>
public sealed class MailImport(DataFolder data, string account, TimeProvider clock) : IAsyncDisposable
{
    // What waits is in memory.
    private const int MostWaiting = 128;
    private const long MostOctetsWaiting = 2 * 1024 * 1024;

    private readonly MailAccount _account = data.Mail.Account(account);
    private readonly Dictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly Queue<(Task<CommitResult> Commit, SpoolMessage Message)> _waiting = new();
    private long _octetsWaiting;

    /// <summary>Messages that were put in, and are durable.</summary>
    public int Stored { get; private set; }

    /// <summary>Messages that were there already.</summary>
    public int Present { get; private set; }

    /// <summary>Makes a mailbox if it is not there, and subscribes to it, for that is what its owner had.</summary>
    /// <param name="mailbox">The IMAP name.</param>
    /// <exception cref="StorageException">It cannot be made.</exception>
    public async Task MakeAsync(string mailbox)
    {
        if (_account.Find(mailbox) is { IsSelectable: true })
            return;
        await _account.CreateAsync(mailbox).ConfigureAwait(false);
        await _account.SubscribeAsync(mailbox, true).ConfigureAwait(false);
    }

    /// <summary>Begins a message; its octets, header and all, are appended to it with CRLF line ends.</summary>
    public SpoolMessage Begin() => data.Spool.Begin(MessageId.New(clock));

    /// <summary>Puts a message in, which is disposed here. It is durable after <see cref="FlushAsync"/>, or when <see cref="Stored"/> counts it.</summary>
    /// <param name="message">The message.</param>
    /// <param name="marks">What goes along with it.</param>
    /// <exception cref="IOException">A message, this one or one before, could not be stored.</exception>
    public async Task PutAsync(SpoolMessage message, MessageMarks marks)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(marks);
        try
        {
            await MakeAsync(marks.Mailbox).ConfigureAwait(false);
            if (message.Condition == StorageCondition.None && KnownIn(marks.Mailbox).Take(message, marks.InternalDate) is { } there)
            {
                await MendAsync(there, marks).ConfigureAwait(false);
                Present++;
                message.Dispose();
                return;
            }
            while (_waiting.Count > 0 && (_waiting.Count >= MostWaiting || _octetsWaiting + message.BodyLength > MostOctetsWaiting))
                await FinishOneAsync().ConfigureAwait(false);
        }
        catch
        {
            message.Dispose();
            throw;
        }
        var delivery = new LocalDelivery(_account.Name, marks.Mailbox)
        {
            Flags = marks.Flags,
            Keywords = marks.Keywords,
            InternalDate = marks.InternalDate,
        };
        _octetsWaiting += message.BodyLength;
        _waiting.Enqueue((data.Spool.CommitAsync(new CommitRequest { Message = message, Local = [delivery] }), message));
        // A large one gets in line when it has been copied; so that the order stays, nothing overtakes it.
        if (message.BodyLength > MostOctetsWaiting / 16)
            await FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Waits until all is durable that was put in.</summary>
    /// <exception cref="IOException">A message could not be stored.</exception>
    public async Task FlushAsync()
    {
        while (_waiting.Count > 0)
            await FinishOneAsync().ConfigureAwait(false);
    }

    /// <summary>Waits for what is on its way, whatever becomes of it.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_waiting.Count > 0)
        {
            try
            {
                await FinishOneAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or StorageClosedException)
            {
                // The first that failed has been told, or nobody is there to be told.
            }
        }
    }

    // A power cut may have left a message that nobody was told of without its flags.
    private async Task MendAsync(MessageInfo there, MessageMarks marks)
    {
        if (there.Flags != MessageFlags.None || there.Keywords != 0 || (marks.Flags == MessageFlags.None && marks.Keywords.Count == 0))
            return;
        await _account.Find(marks.Mailbox)!.StoreAsync(new FlagRequest
        {
            Uids = [new UidRange(there.Uid, there.Uid)],
            Operation = FlagOperation.Add,
            Flags = marks.Flags,
            Keywords = marks.Keywords,
        }).ConfigureAwait(false);
    }

    private async Task FinishOneAsync()
    {
        var (commit, message) = _waiting.Dequeue();
        _octetsWaiting -= message.BodyLength;
        CommitResult result;
        try
        {
            result = await commit.ConfigureAwait(false);
        }
        finally
        {
            message.Dispose();
        }
        if (!result.IsCommitted)
            throw new IOException(result.Condition == StorageCondition.DiskFull ? "the disk is full, or has less free than [queue] free-space-floor" : $"a message could not be stored: {result.Detail}");
        Stored++;
    }

    private Known KnownIn(string mailbox)
    {
        if (!_known.TryGetValue(mailbox, out var known))
            _known.Add(mailbox, known = new Known(_account.Find(mailbox)!));
        return known;
    }

    /// <summary>What a mailbox had before: its messages by size and date; each stands for one message only.</summary>
    private sealed class Known
    {
        private readonly Mailbox _mailbox;
        private readonly ulong[] _keys;
        private readonly uint[] _uids;

        public Known(Mailbox mailbox)
        {
            _mailbox = mailbox;
            var keys = new List<ulong>();
            var uids = new List<uint>();
            var infos = new MessageInfo[256];
            for (uint from = 1; mailbox.Read(from, infos) is var count and > 0 && from != 0; from = infos[count - 1].Uid + 1)
            {
                foreach (var info in infos.AsSpan(0, count))
                {
                    keys.Add(Key(info.Size, info.InternalDate));
                    uids.Add(info.Uid);
                }
            }
            (_keys, _uids) = ([.. keys], [.. uids]);
            Array.Sort(_keys, _uids);
        }

        /// <summary>Finds a message, and takes it out, so that of two that are the same each counts.</summary>
        public MessageInfo? Take(SpoolMessage message, DateTimeOffset date)
        {
            var key = Key((uint)Math.Min(message.BodyLength, uint.MaxValue), date);
            var at = Array.BinarySearch(_keys, key);
            while (at > 0 && _keys[at - 1] == key)
                at--;
            for (; at >= 0 && at < _keys.Length && _keys[at] == key; at++)
            {
                if (_uids[at] == 0 || !IsSame(message, _uids[at]))
                    continue;
                var found = _mailbox.TryGet(_uids[at], out var info);
                _uids[at] = 0;
                if (found)
                    return info;
            }
            return null;
        }

        private static ulong Key(uint size, DateTimeOffset date) => ((ulong)size << 32) | (uint)Math.Clamp(date.ToUnixTimeSeconds(), 0, uint.MaxValue);

        private bool IsSame(SpoolMessage message, uint uid)
        {
            try
            {
                using var file = _mailbox.OpenMessage(uid);
                if (file.Length != message.BodyLength)
                    return false;
                var ours = new byte[16 * 1024];
                var theirs = new byte[16 * 1024];
                long offset = 0;
                while (message.Read(ours, offset) is var count and > 0)
                {
                    var read = 0;
                    while (read < count && file.Read(theirs.AsSpan(read, count - read), offset + read) is var more and > 0)
                        read += more;
                    if (read < count || !ours.AsSpan(0, count).SequenceEqual(theirs.AsSpan(0, count)))
                        return false;
                    offset += count;
                }
                return true;
            }
            catch (StorageException)
            {
                return false;
            }
        }
    }
}
