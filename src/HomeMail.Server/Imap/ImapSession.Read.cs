using System.Buffers;
using HomeMail.Protocol.Imap;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    private enum Reading : byte
    {
        /// <summary>A line or command is there.</summary>
        Done,

        /// <summary>What came was no command, and has been answered.</summary>
        Refused,

        /// <summary>The client has closed.</summary>
        Closed,

        /// <summary>The session's time is over, or the server stops.</summary>
        Expired,

        /// <summary>Something has happened to the selected mailbox, or it is time for a sign of life.</summary>
        Woken,
    }

    // Before the log-in nobody has anything long to say.
    private const int CommandSizeOfStrangers = 16 * 1024;

    // A literal that is too large and comes without being asked for is read past if it is this small; else the connection is closed.
    private const long MaxSkipped = 1024 * 1024;

    private static readonly TimeSpan Forever = TimeSpan.FromDays(3650);

    private LiteralMark _messageMark;

    private int CommandSize => _state == SessionStates.NotAuthenticated ? CommandSizeOfStrangers : _options.CommandSize;

    /// <summary>Gathers a command with its literals. That of a message is left to APPEND.</summary>
    private async ValueTask<Reading> ReadCommandAsync()
    {
        _command.Clear();
        while (true)
        {
            var reading = await ReadLineAsync().ConfigureAwait(false);
            if (reading == Reading.Refused)
                Send("BAD Too long\r\n"u8);
            if (reading == Reading.Woken)
                continue;
            if (reading != Reading.Done)
                return reading;
            TrimLine();
            if (!LiteralMark.TryParse(_command.WrittenSpan, out var mark))
                return Reading.Done;
            if (IsMessage(mark))
            {
                _messageMark = mark;
                return Reading.Done;
            }
            if (mark.Length > CommandSize - _command.Length - 2)
                return await RefuseLiteralAsync(mark).ConfigureAwait(false);
            if (mark.IsSynchronizing)
                Send("+ Go on\r\n"u8);
            _command.Write("\r\n"u8);
            reading = await ReadOctetsAsync(mark.Length, static (session, octets) => session._command.Write(octets)).ConfigureAwait(false);
            if (reading != Reading.Done)
                return reading;
        }
    }

    /// <summary>Whether a literal is the message of APPEND: it follows a space after the mailbox.</summary>
    private bool IsMessage(LiteralMark mark)
    {
        var reader = new ImapReader(_command.WrittenSpan[..mark.Start]);
        if (_state == SessionStates.NotAuthenticated || !reader.Tag(out _) || !reader.Space() || !reader.Word("APPEND"u8))
            return false;
        return reader.Space() && reader.AString(out _) && reader.Space();
    }

    // A client that waits is told no, and goes on with its next command (RFC 9051 4.3); one that does not wait has sent it already.
    private async ValueTask<Reading> RefuseLiteralAsync(LiteralMark mark)
    {
        if (mark.IsSynchronizing)
        {
            if (TryBegin(out _))
                Answer("BAD [TOOBIG] Too long");
            return Reading.Refused;
        }
        if (mark.Length > MaxSkipped)
        {
            Bye("Too long");
            return Reading.Refused;
        }
        if (TryBegin(out _))
            Answer("BAD [TOOBIG] Too long");
        while (true)
        {
            var reading = await ReadOctetsAsync(mark.Length, static (_, _) => { }).ConfigureAwait(false);
            if (reading != Reading.Done)
                return reading;
            _command.Clear();
            reading = await ReadLineAsync().ConfigureAwait(false);
            if (reading != Reading.Done)
                return reading;
            TrimLine();
            if (!LiteralMark.TryParse(_command.WrittenSpan, out mark) || mark.IsSynchronizing)
                return Reading.Refused;
            if (mark.Length > MaxSkipped)
            {
                Bye("Too long");
                return Reading.Refused;
            }
        }
    }

    private void TrimLine()
    {
        var text = _command.WrittenSpan;
        var length = text.Length - (text.EndsWith("\r\n"u8) ? 2 : 1);
        _command.Truncate(length);
    }

    /// <summary>Adds the next line with its LF to the command. Before it waits it sends what is to be sent.</summary>
    private async ValueTask<Reading> ReadLineAsync()
    {
        var isLong = false;
        while (true)
        {
            var (reading, buffer, isLast) = await ReadAsync().ConfigureAwait(false);
            // Of a line that is thrown away the rest must not be taken for another.
            if (reading == Reading.Woken && isLong)
                continue;
            if (reading != Reading.Done)
                return reading;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var next = buffer.GetPosition(1, end);
                var line = buffer.Slice(0, next);
                if (!isLong && line.Length + _command.Length > CommandSize)
                {
                    isLong = true;
                    SendTagOf(line);
                }
                if (!isLong)
                    foreach (var segment in line)
                        _command.Write(segment.Span);
                _transport.Reader.AdvanceTo(next);
                return isLong ? Reading.Refused : Reading.Done;
            }
            if (!isLong && buffer.Length + _command.Length > CommandSize)
            {
                isLong = true;
                SendTagOf(buffer);
            }
            if (isLong)
                _transport.Reader.AdvanceTo(buffer.End);
            else
                _transport.Reader.AdvanceTo(buffer.Start, buffer.End);
            if (isLast)
                return Reading.Closed;
        }
    }

    // A line that is thrown away is answered by its tag all the same.
    private void SendTagOf(ReadOnlySequence<byte> buffer)
    {
        Span<byte> begin = stackalloc byte[64];
        buffer = buffer.Slice(0, Math.Min(begin.Length, buffer.Length));
        buffer.CopyTo(begin);
        var reader = new ImapReader(_command.Length > 0 ? _command.WrittenSpan : begin[..(int)buffer.Length]);
        _errors++;
        Send(reader.Tag(out var tag) && reader.Peek == ' ' ? tag : "*"u8);
        Send(" "u8);
    }

    private delegate void OctetsTaker(ImapSession session, ReadOnlySpan<byte> octets);

    /// <summary>Reads so many octets.</summary>
    private async ValueTask<Reading> ReadOctetsAsync(long count, OctetsTaker take)
    {
        while (count > 0)
        {
            var (reading, buffer, isLast) = await ReadAsync().ConfigureAwait(false);
            if (reading == Reading.Woken)
                continue;
            if (reading != Reading.Done)
                return reading;
            if (buffer.Length > count)
                buffer = buffer.Slice(0, count);
            foreach (var segment in buffer)
                take(this, segment.Span);
            count -= buffer.Length;
            _transport.Reader.AdvanceTo(buffer.End);
            if (isLast && count > 0)
                return Reading.Closed;
        }
        return Reading.Done;
    }

    private async ValueTask<(Reading Reading, ReadOnlySequence<byte> Buffer, bool IsLast)> ReadAsync()
    {
        if (!_transport.Reader.TryRead(out var result))
        {
            await FlushAsync().ConfigureAwait(false);
            if (_command.Length == 0)
            {
                // A session that waits holds no buffers.
                _command.Dispose();
                _line.Dispose();
                _transport.Rest();
            }
            // Who is in IDLE may be silent for as long as what is sent to it gets through (RFC 9051 6.3.13).
            Wait(_state == SessionStates.NotAuthenticated ? _options.LogInTime : _isIdle == 1 ? Forever : _options.Idle);
            result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
        }
        if (result.IsCanceled)
        {
            _transport.Reader.AdvanceTo(result.Buffer.Start);
            return (_expired is not null ? Reading.Expired : Reading.Woken, default, false);
        }
        if (result.Buffer.IsEmpty && result.IsCompleted)
        {
            _transport.Reader.AdvanceTo(result.Buffer.Start);
            return (Reading.Closed, default, true);
        }
        return (Reading.Done, result.Buffer, result.IsCompleted);
    }
}
