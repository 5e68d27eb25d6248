using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.House;

namespace HomeMail.Server.Delivery;

public sealed partial class SmtpClient
{
    private const int SourceSize = 16 * 1024;
    private const int WireSize = 32 * 1024;

    // "BDAT 32768 LAST\r\n" and some.
    private const int ChunkHead = 24;

    // Chunks whose replies may be outstanding.
    private const int ChunkWindow = 4;

    private async ValueTask<SessionFault?> ContentAsync(MailTransaction mail, List<int> accepted, RemoteReply? dataReply, bool chunking, OpenDelivery? open)
    {
        var source = ArrayPool<byte>.Shared.Rent(SourceSize);
        var wire = ArrayPool<byte>.Shared.Rent(WireSize);
        var sending = new Sending(mail.Content, source, wire.AsMemory(0, WireSize), chunking, open);
        try
        {
            RemoteReply reply;
            if (chunking)
            {
                reply = await ChunksAsync(sending).ConfigureAwait(false);
            }
            else
            {
                reply = dataReply ?? await CommandAsync("DATA", _options.Timeouts.DataInitiation).ConfigureAwait(false);
                if (reply.Code == 354)
                    reply = await DataAsync(sending).ConfigureAwait(false);
                else if (!reply.IsTransient && !reply.IsPermanent)
                    throw new PeerException(PeerFault.NotSmtp, "the answer to DATA makes no sense");
            }
            _needsReset = chunking && !reply.IsPositive;
            Decide(mail, accepted, reply);
            return null;
        }
        catch (PeerException e)
        {
            var fault = Broken(e, sending.IsWhole ? "waiting for the answer to the message" : "sending the message");
            // RFC 1047: without the answer nobody knows. Later is right; at another host, now, it would come twice.
            return fault with { MayHaveArrived = sending.IsWhole && e.Reply is null };
        }
        finally
        {
            // A write that was given up may still read from the buffer; it is not used again then.
            if (!_lost)
            {
                ArrayPool<byte>.Shared.Return(source);
                ArrayPool<byte>.Shared.Return(wire);
            }
        }
    }

    private void Decide(MailTransaction mail, List<int> accepted, RemoteReply reply)
    {
        if (reply.IsIntermediate)
            throw new PeerException(PeerFault.NotSmtp, "the answer to the message makes no sense");
        var outcome = reply.IsPositive ? DeliveryOutcome.Delivered : reply.IsTransient ? DeliveryOutcome.Deferred : DeliveryOutcome.Failed;
        var result = new RecipientResult(outcome, Diagnostic.Of(Host, reply), DsnPassedOn: reply.IsPositive && Offer.Has(EhloKeywords.Dsn));
        foreach (var index in accepted)
            mail.Set(index, result);
    }

    // A server may answer before the end (too big, policy) and stop reading, or close at once: so one read is under way all the time.
    private async ValueTask<RemoteReply> DataAsync(Sending sending)
    {
        var answer = _channel.ReadReplyAsync(Timeout.InfiniteTimeSpan).AsTask();
        try
        {
            while (!sending.IsWhole && !answer.IsCompleted)
            {
                var block = sending.Next();
                var write = _channel.WriteAsync(block, _options.Timeouts.DataBlock).AsTask();
                if (!write.IsCompleted && await Task.WhenAny(write, answer).ConfigureAwait(false) == answer && !write.IsCompleted && !sending.IsWhole)
                    break;
                await write.ConfigureAwait(false);
            }
        }
        catch (PeerException e) when (e.Reply is null)
        {
            return await PendingAsync(answer, e).ConfigureAwait(false);
        }
        if (!sending.IsWhole)
            return await EarlyAsync(answer).ConfigureAwait(false);
        _channel.LimitRead(_options.Timeouts.DataTermination);
        return Final(await answer.ConfigureAwait(false));
    }

    private async ValueTask<RemoteReply> ChunksAsync(Sending sending)
    {
        var window = Offer.Has(EhloKeywords.Pipelining) ? ChunkWindow : 1;
        var outstanding = 0;
        RemoteReply? answer = null;
        while (!sending.IsWhole && answer is null or { IsPositive: true })
        {
            var block = sending.Next();
            try
            {
                await _channel.WriteAsync(block, _options.Timeouts.DataBlock).ConfigureAwait(false);
            }
            catch (PeerException e) when (e.Reply is null)
            {
                return await PendingAsync(_channel.ReadReplyAsync(_options.Timeouts.PendingReply).AsTask(), e).ConfigureAwait(false);
            }
            if (++outstanding == window && !sending.IsWhole)
            {
                answer = await ReadAsync(_options.Timeouts.DataTermination).ConfigureAwait(false);
                outstanding--;
            }
        }
        // The first refusal is the answer (RFC 3030 2); the replies to chunks that were under way are read and forgotten.
        for (; outstanding > 0; outstanding--)
        {
            var next = await ReadAsync(_options.Timeouts.DataTermination).ConfigureAwait(false);
            if (answer is null or { IsPositive: true })
                answer = next;
        }
        return answer!;
    }

    // The peer has closed: what it said before that counts more than that it did.
    private async ValueTask<RemoteReply> PendingAsync(Task<RemoteReply> answer, PeerException broken)
    {
        _lost = true;
        _channel.LimitRead(_options.Timeouts.PendingReply);
        try
        {
            var reply = Final(await answer.ConfigureAwait(false));
            if (reply.IsTransient || reply.IsPermanent)
                return reply;
        }
        catch (PeerException e) when (e.Reply is null)
        {
            throw broken;
        }
        throw broken;
    }

    private async ValueTask<RemoteReply> EarlyAsync(Task<RemoteReply> answer)
    {
        _lost = true;
        var reply = Final(await answer.ConfigureAwait(false));
        return reply.IsTransient || reply.IsPermanent
            ? reply
            : throw new PeerException(PeerFault.NotSmtp, "the host answered before the message was at its end");
    }

    private RemoteReply Final(RemoteReply reply)
    {
        Heard(reply);
        return reply.IsClosing ? throw new PeerException(reply) : reply;
    }

    /// <summary>A message on its way through the encoder, block by block.</summary>
    private sealed class Sending(MailContent content, byte[] source, Memory<byte> wire, bool chunking, OpenDelivery? open)
    {
        private DotEncoder _encoder = new(chunking);
        private long _position;
        private int _start;
        private int _end;

        /// <summary>Whether the last block was given out.</summary>
        public bool IsWhole { get; private set; }

        /// <summary>The next block of the wire form; for BDAT with its command in front.</summary>
        public ReadOnlyMemory<byte> Next()
        {
            var at = chunking ? ChunkHead : 0;
            while (true)
            {
                if (_start == _end)
                {
                    (_start, _end) = (0, content.Read(_position, source.AsSpan(0, SourceSize)));
                    _position += _end;
                    open?.Append(source.AsSpan(0, _end));
                    if (_end == 0)
                    {
                        open?.Complete();
                        // Room for the end is always left, see below.
                        at += _encoder.Finish(wire.Span[at..]);
                        IsWhole = true;
                        break;
                    }
                }
                var full = !_encoder.Encode(source.AsSpan(_start, _end - _start), wire.Span[at..^DotEncoder.MaxFinish], out var consumed, out var written);
                _start += consumed;
                at += written;
                if (full)
                    break;
            }
            return chunking ? Chunk(at) : wire[..at];
        }

        private ReadOnlyMemory<byte> Chunk(int end)
        {
            Span<byte> head = stackalloc byte[ChunkHead];
            var length = Encoding.ASCII.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $"BDAT {end - ChunkHead}{(IsWhole ? " LAST" : "")}\r\n"), head);
            head[..length].CopyTo(wire.Span[(ChunkHead - length)..]);
            return wire[(ChunkHead - length)..end];
        }
    }
}
