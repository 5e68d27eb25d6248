using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Text;
using HomeMail.Storage;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    private readonly HeaderBuffer _header = new();
    private SpoolMessage? _body;
    private ContentDecoder _decoder;
    private IncrementalHash? _digest;
    private SmtpReply? _contentRefusal;
    private long _contentSize;
    private bool _contentEightBit;
    private bool _contentChunked;
    private bool _receiving;
    private long _received;

    private long _chunkLeft;
    private bool _chunkIsLast;
    private SmtpReply? _chunkRefusal;

    private bool NormalisesLineEndings => _client.Service != SmtpRole.Mta;

    private SmtpReply? Data(ReadOnlySpan<byte> arguments)
    {
        if (!arguments.IsEmpty)
            return SmtpReplies.NoArguments;
        if (_contentChunked)
            return SmtpReplies.ChunksOpen;
        if (_transaction!.Recipients.Count == 0)
            return SmtpReplies.NoRecipients;
        _phase = Phase.Data;
        return SmtpReplies.StartData;
    }

    // Whatever is answered, the octets that were announced follow and must not be taken for commands (RFC 3030 2).
    private SmtpReply? Bdat(ReadOnlySpan<byte> arguments)
    {
        var end = arguments.IndexOf((byte)' ');
        var size = end < 0 ? arguments : arguments[..end];
        var mark = end < 0 ? default : arguments[end..].Trim((byte)' ');
        if (!Utf8Parser.TryParse(size, out long octets, out var used) || used != size.Length || octets < 0 || size[0] == (byte)'+'
            || !(mark.IsEmpty || Ascii.EqualsIgnoreCase(mark, "LAST"u8)))
        {
            // How many octets follow cannot be known, so nothing after this can be told apart from content.
            Fault(SmtpReplies.BdatSyntax);
            Close(SmtpReplies.OutOfStep, "BDAT with wrong arguments");
            return null;
        }
        if (octets > MostOctets)
        {
            Fault(SmtpReplies.TooBig);
            Close(SmtpReplies.MuchTooBig, "a chunk that is far too big");
            return null;
        }
        _chunkLeft = octets;
        _chunkIsLast = !mark.IsEmpty;
        _chunkRefusal = _client.HelloName.Length == 0 && !IsLan ? SmtpReplies.HelloFirst
            : _transaction is null ? SmtpReplies.MailFirst
            : _transaction.Recipients.Count == 0 ? SmtpReplies.NoRecipients : null;
        _phase = Phase.Chunk;
        return null;
    }

    private async ValueTask ReceiveDataAsync()
    {
        BeginContent(chunked: false);
        await _transport.FlushAsync().ConfigureAwait(false);
        _receiving = true;
        while (true)
        {
            Wait(Limits.Idle);
            var result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
            var ended = TakeContent(result.Buffer, out var consumed);
            _transport.Reader.AdvanceTo(consumed);
            if (ended)
                break;
            if (IsBroken(result) || IsEndless())
                return;
        }
        _receiving = false;
        await EndContentAsync().ConfigureAwait(false);
    }

    private async ValueTask ReceiveChunkAsync()
    {
        var size = _chunkLeft;
        if (_chunkRefusal is null && _body is null)
            BeginContent(chunked: true);
        _receiving = true;
        while (_chunkLeft > 0)
        {
            if (!_transport.Reader.TryRead(out var result))
            {
                await FlushAsync().ConfigureAwait(false);
                Wait(Limits.Idle);
                result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
            }
            var part = result.Buffer.Length > _chunkLeft ? result.Buffer.Slice(0, _chunkLeft) : result.Buffer;
            _chunkLeft -= part.Length;
            if (_chunkRefusal is null)
                TakeContent(part, out _);
            else
                _received += part.Length;
            _transport.Reader.AdvanceTo(part.End);
            if ((_chunkLeft > 0 && IsBroken(result)) || IsEndless())
                return;
        }
        _receiving = false;
        if (_chunkRefusal is not null)
        {
            Fault(_chunkRefusal);
        }
        else if (_chunkIsLast)
        {
            _decoder.Finish(out var last);
            KeepContent(last);
            await EndContentAsync().ConfigureAwait(false);
        }
        else if (_contentRefusal is not null)
        {
            // What comes now is of no use; the rest of the message finds no transaction, and is consumed.
            Fault(_contentRefusal);
            DropTransaction();
        }
        else
        {
            Send(SmtpReplies.ChunkTaken(size));
        }
    }

    /// <summary>Whether the content cannot go on. The message is then absent, as if it had never begun (RFC 5321 4.1.1.10).</summary>
    private bool IsBroken(ReadResult result)
    {
        if (result.IsCanceled)
        {
            Expired();
            if (_phase != Phase.Close)
                return false;
        }
        else if (!result.IsCompleted)
        {
            return false;
        }
        else
        {
            _endReason ??= "closed by client amid content";
            _phase = Phase.Close;
        }
        _receiving = false;
        DropTransaction();
        return true;
    }

    // What is too big is read to its end and refused then (RFC 1870 6.3); but the end must come.
    private bool IsEndless()
    {
        if (_contentSize <= MostOctets)
            return false;
        _receiving = false;
        DropTransaction();
        Fault(SmtpReplies.TooBig);
        Close(SmtpReplies.MuchTooBig, "a message that is far too big");
        return true;
    }

    private long MostOctets => (2 * Limits.MessageSize) + HeaderBuffer.Limit;

    private void BeginContent(bool chunked)
    {
        DisposeContent();
        _contentChunked = chunked;
        _decoder = new ContentDecoder(transparent: !chunked, NormalisesLineEndings);
        _body = _intake.Begin();
        if (_intake.WantsDigest(_transaction!))
            _digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    private void DisposeContent()
    {
        _body?.Dispose();
        _body = null;
        _digest?.Dispose();
        _digest = null;
        _header.Reset();
        ReleaseMemory();
        _contentRefusal = null;
        _contentSize = 0;
        _contentEightBit = false;
        _contentChunked = false;
    }

    private bool TakeContent(ReadOnlySequence<byte> input, out SequencePosition consumed)
    {
        long taken = 0;
        foreach (var segment in input)
        {
            var rest = segment.Span;
            taken += rest.Length;
            while (true)
            {
                var step = _decoder.Read(rest, out var used, out var content);
                rest = rest[used..];
                _received += used;
                if (step == ContentStep.Content)
                {
                    KeepContent(content);
                    continue;
                }
                if (step == ContentStep.NeedMore)
                    break;
                consumed = input.GetPosition(taken - rest.Length);
                return true;
            }
        }
        consumed = input.End;
        return false;
    }

    private void KeepContent(ReadOnlySpan<byte> content)
    {
        _contentSize += content.Length;
        if (_contentRefusal is not null)
            return;
        if (_contentSize > Limits.MessageSize)
        {
            Refuse(SmtpReplies.TooBig);
            return;
        }
        if (_decoder.HasBareLineEnding && !NormalisesLineEndings)
        {
            Refuse(SmtpReplies.BareLineEnding);
            return;
        }
        _digest?.AppendData(content);
        if (_header.State != HeaderState.Open)
            KeepBody(content);
        else if (_header.Append(content, out var body) == HeaderState.TooBig)
            Refuse(SmtpReplies.HeaderTooBig);
        else
            KeepBody(body);
        if (!HasMemory())
            Refuse(SmtpReplies.MemoryShort);
    }

    private void KeepBody(ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty)
            return;
        _contentEightBit |= !Ascii.IsValid(octets);
        _body!.Append(octets);
    }

    // The message is read to its end all the same, and answered once; what was kept of it is dropped now.
    private void Refuse(SmtpReply reply)
    {
        _contentRefusal = reply;
        _header.Reset();
        _body?.Dispose();
        ReleaseMemory();
    }

    private async ValueTask EndContentAsync()
    {
        var transaction = _transaction!;
        if (_contentRefusal is null && !_decoder.AtLineStart)
            KeepContent("\r\n"u8);
        if (_contentRefusal is null && _header.State == HeaderState.Open)
        {
            _header.Finish(out var body);
            KeepBody(body);
        }
        // Accepting takes what it takes: a sync, a look-up. The client waits ten minutes for it (RFC 5321 4.5.3.2.6).
        Wait(TimeSpan.FromMinutes(10));
        var reply = _contentRefusal ?? await HandOverAsync(transaction).ConfigureAwait(false);
        if (reply.IsPositive)
            _messages++;
        _log.Info("message", ("id", _body?.Id.Value), ("session", Id), ("peer", _client.Peer.Address.ToString()), ("as", _client.Principal.ToString()),
            ("from", $"<{transaction.Mail.Sender}>"), ("recipients", transaction.Recipients.Count), ("size", _contentSize), ("reply", reply.ToString()));
        DropTransaction();
        Respond(reply);
    }

    private async ValueTask<SmtpReply> HandOverAsync(MailTransaction transaction)
    {
        using var edited = new PooledWriter(_header.Block.Length + 2);
        new HeaderEditor([_options.Hostname], isSubmission: _client.Service != SmtpRole.Mta).Edit(_header.Block, edited, out var summary);
        edited.Write("\r\n"u8);
        if (summary.ReceivedCount > Limits.Hops)
            return SmtpReplies.TooManyHops;
        var message = new ReceivedMessage
        {
            Body = _body!,
            OriginalHeader = _header.BlockMemory,
            Header = edited.WrittenMemory,
            Summary = summary,
            EightBit = _contentEightBit,
            Chunked = _contentChunked,
            Digest = _digest?.GetHashAndReset(),
        };
        try
        {
            return await _intake.AcceptAsync(transaction, message, _stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return SmtpReplies.ShuttingDown;
        }
#pragma warning disable CA1031 // A fault of ours in one message must cost no other session; the client keeps the message and tries again.
        catch (Exception error)
#pragma warning restore CA1031
        {
            _log.Error("fault", ("id", _body?.Id.Value), ("session", Id), ("what", error.ToString()));
            return SmtpReplies.InternalError;
        }
    }
}
