using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private const int BlockSize = 16 * 1024;

    private static readonly FetchItem FlagsItem = new() { Kind = FetchKind.Flags, Label = "FLAGS" };
    private static readonly FetchItem UidItem = new() { Kind = FetchKind.Uid, Label = "UID" };
    private static readonly FetchItem ModSeqItem = new() { Kind = FetchKind.ModSeq, Label = "MODSEQ" };

    private async ValueTask<string?> FetchAsync(bool isUid)
    {
        var view = _view!;
        var reader = Arguments();
        if (!reader.Space() || !SequenceSet.TryRead(ref reader, out var set) || !reader.Space() || !FetchReader.TryRead(ref reader, out var items)
            || !TryReadFetchModifiers(ref reader, isUid, out var changedSince, out var tellsVanished, out var partial))
            return "BAD A set of messages, and what of them";
        if (!TryResolve(set, isUid, out var ranges))
            return "BAD No such message";
        if (changedSince is not null || items.Exists(static item => item.Kind == FetchKind.ModSeq))
            _hasCondStore = true;
        if (isUid && !items.Exists(static item => item.Kind == FetchKind.Uid))
            items.Insert(0, UidItem);
        if (changedSince is not null && !items.Exists(static item => item.Kind == FetchKind.ModSeq))
            items.Add(ModSeqItem);
        if (tellsVanished)
            TellVanished(set, changedSince!.Value);
        if (partial is not null)
            ranges = Part(ranges, partial);
        var seen = await SetSeenAsync(items, ranges).ConfigureAwait(false);
        var isAnyGone = false;
        foreach (var range in ranges)
        {
            var (from, to) = view.IndexesOf(range.First, range.Last);
            for (var i = from; i < to; i++)
            {
                if (!view.Mailbox.TryGet(view.UidOf(i + 1), out var message))
                    isAnyGone = true;
                else if (changedSince is null || message.ModSeq > changedSince)
                    isAnyGone |= !await TellAsync(i + 1, message, items, Holds(seen, message.Uid)).ConfigureAwait(false);
                await FlushIfMuchAsync().ConfigureAwait(false);
                if (i % 256 == 255)
                    _options.Memory?.Relieve();
            }
        }
        if (_hasUnknownEncoding)
        {
            _hasUnknownEncoding = false;
            return "NO [UNKNOWN-CTE] It is encoded in a way that is not known";
        }
        return isAnyGone && !isUid ? "NO [EXPUNGEISSUED] Some of them are gone" : "OK Fetched";
    }

    private bool _hasUnknownEncoding;

    /// <summary>Of the messages in a set, those that PARTIAL means (RFC 9394 3.3).</summary>
    private List<UidRange> Part(List<UidRange> ranges, PartialRange partial)
    {
        var indexes = ranges.ConvertAll(range => _view!.IndexesOf(range.First, range.Last));
        var (start, end) = partial.Of(indexes.Sum(static range => range.To - range.From));
        var part = new List<UidRange>();
        foreach (var (from, to) in indexes)
        {
            for (var i = from + Math.Max(0, start); i < Math.Min(to, from + end); i++)
                UidRange.Add(part, _view!.UidOf(i + 1));
            (start, end) = (start - (to - from), end - (to - from));
        }
        return part;
    }

    private bool TryReadFetchModifiers(ref ImapReader reader, bool isUid, out ulong? changedSince, out bool tellsVanished, out PartialRange? partial)
    {
        (changedSince, tellsVanished, partial) = (null, false, null);
        if (reader.IsAtEnd)
            return true;
        if (!reader.Space() || !reader.Take('('))
            return false;
        do
        {
            reader.Space();
            if (reader.Word("VANISHED"u8))
            {
                tellsVanished = true;
                continue;
            }
            if (isUid && partial is null && reader.Word("PARTIAL"u8))
            {
                if (!reader.Space() || !PartialRange.TryRead(ref reader, out partial))
                    return false;
                continue;
            }
            if (!reader.Word("CHANGEDSINCE"u8) || !reader.Space() || !reader.Number(out var modSeq))
                return false;
            changedSince = (ulong)modSeq;
        }
        while (reader.Peek == ' ');
        // RFC 7162 3.2.6.
        return reader.Take(')') && reader.IsAtEnd && (!tellsVanished || (isUid && _hasQResync && changedSince is not null));
    }

    private void TellVanished(SequenceSet set, ulong since)
    {
        var vanished = new List<UidRange>();
        _view!.Mailbox.ChangesSince(since, [], vanished);
        // "*" is here what the client may know, though the last ones of it be gone (RFC 7162 3.2.5.1).
        var gone = Absent(vanished, set.IsSaved ? [] : set.Resolve(Math.Max(_view.HighestUid, _view.Mailbox.Status().UidNext - 1)), 0);
        if (gone.Count > 0)
            Send($"* VANISHED (EARLIER) {SequenceSet.Format(gone)}\r\n");
    }

    /// <summary>Sets <c>\Seen</c> where asking does that. Gives the messages that have it newly, whose flags are told with the rest.</summary>
    private async ValueTask<List<UidRange>> SetSeenAsync(List<FetchItem> items, List<UidRange> ranges)
    {
        if (_view!.IsReadOnly || ranges.Count == 0 || !items.Exists(static item => item.SetsSeen))
            return [];
        var result = await _view.Mailbox.StoreAsync(new FlagRequest { Uids = ranges, Operation = FlagOperation.Add, Flags = MessageFlags.Seen }).ConfigureAwait(false);
        _silentModSeq = result.ModSeq;
        return result.Changed;
    }

    /// <summary>Tells of a message what was asked. False if it is gone.</summary>
    private async ValueTask<bool> TellAsync(int number, MessageInfo message, List<FetchItem> items, bool isSeenNow)
    {
        using var opened = Open(message.Uid);
        try
        {
            // Opened before the first octet of the response: a message that is gone has none.
            if (items.Exists(static item => item.NeedsFile))
                _ = opened.File;
        }
        catch (StorageException error) when (error.Condition == StorageCondition.NotFound)
        {
            return false;
        }
        // A client that has not asked for UTF-8 in headers gets none (RFC 6858).
        var text = !_isUtf8 && items.Exists(static item => item.NeedsFile) ? DowngradedMessage.Of(opened, !items.Exists(static item => item.NeedsContent)) : opened;
        if (items.Exists(item => item.Kind is FetchKind.Binary or FetchKind.BinarySize && IsUnknown(text, item)))
        {
            _hasUnknownEncoding = true;
            return true;
        }
        _line.Write("* "u8);
        Number(number);
        _line.Write(" FETCH ("u8);
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst)
                _line.Write(" "u8);
            isFirst = false;
            await TellItemAsync(item, message, text).ConfigureAwait(false);
        }
        _isAmidResponse = false;
        if (isSeenNow && !items.Contains(FlagsItem) && !items.Exists(static item => item.Kind == FetchKind.Flags))
        {
            _line.Write(" FLAGS "u8);
            WriteFlags(message);
        }
        if (isSeenNow && _hasCondStore && !items.Exists(static item => item.Kind == FetchKind.Uid))
        {
            _line.Write(" UID "u8);
            Number(message.Uid);
        }
        if (isSeenNow && _hasCondStore && !items.Exists(static item => item.Kind == FetchKind.ModSeq))
        {
            _line.Write(" MODSEQ ("u8);
            Number(message.ModSeq);
            _line.Write(")"u8);
        }
        _line.Write(")\r\n"u8);
        SendLine();
        return true;
    }

    private ValueTask TellItemAsync(FetchItem item, in MessageInfo message, IMessageText opened)
    {
        _line.Write(item.Label);
        _line.Write(" "u8);
        switch (item.Kind)
        {
            case FetchKind.Flags:
                WriteFlags(message);
                break;
            case FetchKind.Uid:
                Number(message.Uid);
                break;
            case FetchKind.Size:
                Number(message.Size);
                break;
            case FetchKind.InternalDate:
                _line.Write($"\"{ImapDates.Format(message.InternalDate)}\"");
                break;
            case FetchKind.SaveDate:
                _line.Write($"\"{ImapDates.Format(message.SaveDate)}\"");
                break;
            case FetchKind.ModSeq:
                _line.Write("("u8);
                Number(message.ModSeq);
                _line.Write(")"u8);
                break;
            case FetchKind.EmailId:
                _line.Write($"({EmailId(message)})");
                break;
            case FetchKind.ThreadId:
                _line.Write("NIL"u8);
                break;
            case FetchKind.Envelope:
                StructureWriter.WriteEnvelope(_line, opened.Header, _isUtf8);
                break;
            case FetchKind.Body:
                StructureWriter.WriteBody(_line, opened.Structure, _isUtf8);
                break;
            case FetchKind.BodyStructure:
                StructureWriter.WriteBodyStructure(_line, opened.Structure, _isUtf8);
                break;
            case FetchKind.Preview:
                ImapWriter.String(_line, MessagePreview.Of(opened.File, opened.Structure), _isUtf8);
                break;
            case FetchKind.BinarySize:
                Number(TryLocateBinary(opened, item, out var range, out var encoding) ? BinarySection.Size(opened.File, range, encoding) : 0);
                break;
            case FetchKind.Binary:
                return TellBinaryAsync(item, opened);
            default:
                return TellSectionAsync(item, opened);
        }
        return ValueTask.CompletedTask;
    }

    private static string EmailId(in MessageInfo message) => "M" + message.EmailId.ToString("x16", CultureInfo.InvariantCulture);

    private async ValueTask TellSectionAsync(FetchItem item, IMessageText opened)
    {
        if (!TryLocate(item, opened, out var range))
        {
            _line.Write("NIL"u8);
            return;
        }
        if (item.Part is SectionPart.HeaderFields or SectionPart.HeaderFieldsNot)
        {
            using var header = new PooledWriter(1024);
            HeaderFieldFilter.Write(opened.File, range, item.Fields, item.Part == SectionPart.HeaderFieldsNot, header);
            var part = item.Start < 0 ? header.WrittenSpan
                : item.Start >= header.Length ? default
                : header.WrittenSpan.Slice((int)item.Start, (int)Math.Min(item.Count, header.Length - item.Start));
            BeginLiteral(part.Length, isBinary: false);
            Send(part);
            return;
        }
        if (item.Start >= 0)
            range = range.Partial(item.Start, item.Count);
        if (range.Length == 0)
        {
            // Past the end is an empty string, and not nothing (RFC 9051 6.4.5).
            _line.Write("\"\""u8);
            return;
        }
        BeginLiteral(range.Length, isBinary: false);
        await SendFileAsync(opened.File, range).ConfigureAwait(false);
    }

    private static bool TryLocate(FetchItem item, IMessageText opened, out SectionRange range)
    {
        var text = item.Part switch
        {
            SectionPart.Whole => SectionText.Whole,
            SectionPart.Text => SectionText.Text,
            SectionPart.Mime => SectionText.Mime,
            _ => SectionText.Header,
        };
        if (item.Path.Length > 0)
            return opened.Structure.TryLocate(item.Path, text, out range);
        var length = opened.Length;
        var header = text == SectionText.Whole ? 0 : opened.Header.HeaderLength;
        range = text switch
        {
            SectionText.Whole => new SectionRange(0, length),
            SectionText.Text => new SectionRange(header, Math.Max(0, length - header)),
            _ => new SectionRange(0, header),
        };
        return true;
    }

    // From here on the response can't be taken back.
    private void BeginLiteral(long length, bool isBinary)
    {
        _isAmidResponse = true;
        _line.Write(isBinary ? "~{"u8 : "{"u8);
        Number(length);
        _line.Write("}\r\n"u8);
        SendLine();
    }

    /// <summary>Sends octets of a file, a block at a time; what a slow client holds of it in memory is one block.</summary>
    private async ValueTask SendFileAsync(Stream file, SectionRange range)
    {
        var block = ArrayPool<byte>.Shared.Rent(BlockSize);
        try
        {
            file.Position = range.Offset;
            for (var left = range.Length; left > 0;)
            {
                var read = file.Read(block, 0, (int)Math.Min(BlockSize, left));
                if (read == 0)
                    throw new IOException("A message is shorter than it was.");
                Send(block.AsSpan(0, read));
                left -= read;
                await FlushIfMuchAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private static bool TryLocateBinary(IMessageText opened, FetchItem item, out SectionRange range, out TransferEncoding encoding)
    {
        encoding = TransferEncoding.Identity;
        range = new SectionRange(0, opened.Length);
        if (item.Path.Length == 0)
            return true;
        if (opened.Structure.Find(item.Path) is not { } part || !opened.Structure.TryLocate(item.Path, SectionText.Whole, out range))
            return false;
        if (part.Kind == PartKind.Leaf)
            encoding = ContentDecoder.Of(part);
        return true;
    }

    private static bool IsUnknown(IMessageText opened, FetchItem item) =>
        TryLocateBinary(opened, item, out _, out var encoding) && encoding == TransferEncoding.Unknown;

    private async ValueTask TellBinaryAsync(FetchItem item, IMessageText opened)
    {
        if (!TryLocateBinary(opened, item, out var range, out var encoding))
        {
            _line.Write("NIL"u8);
            return;
        }
        var size = BinarySection.Size(opened.File, range, encoding);
        var skip = item.Start < 0 ? 0 : Math.Min(item.Start, size);
        var left = item.Start < 0 ? size : Math.Min(item.Count, size - skip);
        if (left == 0)
        {
            _line.Write("\"\""u8);
            return;
        }
        BeginLiteral(left, isBinary: true);
        if (encoding == TransferEncoding.Identity)
        {
            await SendFileAsync(opened.File, new SectionRange(range.Offset + skip, left)).ConfigureAwait(false);
            return;
        }
        var decoder = new ContentDecoder(encoding);
        var input = ArrayPool<byte>.Shared.Rent(BlockSize);
        var output = ArrayPool<byte>.Shared.Rent(BlockSize + 1024);
        try
        {
            using var section = new SectionStream(opened.File, range);
            while (left > 0)
            {
                var read = section.Read(input, 0, BlockSize);
                var length = read > 0 ? decoder.Decode(input.AsSpan(0, read), output) : decoder.Finish(output);
                var start = (int)Math.Min(skip, length);
                var count = (int)Math.Min(left, length - start);
                Send(output.AsSpan(start, count));
                skip -= start;
                left -= count;
                if (read == 0 && left > 0)
                    throw new IOException("A message is shorter than it was.");
                await FlushIfMuchAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }
}
