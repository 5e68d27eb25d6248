using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;

namespace HomeMail.Server.Smtp;

/// <summary>
/// One SMTP session, from greeting to close. Standards: RFC 5321, 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920 (PIPELINING), 3030 (CHUNKING),
/// 3207 (STARTTLS), 3461 (DSN), 4865 (FUTURERELEASE), 4954 (AUTH), 6152 (8BITMIME), 6409 (submission), 6531 (SMTPUTF8), 8689 (REQUIRETLS),
/// 9422 (LIMITS).
/// </summary>
/// <remarks>
/// Lines are cut from the pipe and answered one by one; replies are sent when no full line is waiting (RFC 2920 3.2). A command that needs more than an
/// answer (DATA, BDAT, AUTH, STARTTLS, QUIT) sets a phase, which the loop then runs. The session and the transaction are two things; RSET drops the latter.
/// </remarks>
public sealed partial class SmtpSession : ITimed
{
    private enum Phase : byte
    {
        Commands,
        Data,
        Chunk,
        Authenticate,
        StartTls,
        Close,
    }

    // Replies that are held back while lines are waiting; a storm of commands must not make a heap of them.
    private const int MaxPending = 16 * 1024;

    private static readonly TimeSpan WriteGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan IdleOfShared = TimeSpan.FromSeconds(30);

    private readonly Transport _transport;
    private readonly SmtpServerOptions _options;
    private readonly IMessageIntake _intake;
    private readonly AuthenticationGuard _guard;
    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly ClientFacts _client;
    private readonly long _started;
    private readonly CancellationToken _stop;

    private readonly TimeSpan _idleBeforeMail;

    private Phase _phase;
    private MailTransaction? _transaction;
    private SmtpReply? _expiredReply;
    private bool _discardingLine;
    private bool _answered;
    private int _commands;
    private int _errors;
    private int _rejections;
    private int _transactions;
    private int _messages;
    private string? _endReason;

    /// <summary>Makes a session; <see cref="RunAsync"/> runs it.</summary>
    /// <param name="transport">The connection; the session disposes of it.</param>
    /// <param name="service">The way it came in.</param>
    /// <param name="peer">The client's address.</param>
    /// <param name="options">What the session is run with.</param>
    /// <param name="intake">Where messages go.</param>
    /// <param name="guard">What wrong passwords cost.</param>
    /// <param name="clock">Time.</param>
    /// <param name="log">The log.</param>
    /// <param name="stop">The server stops.</param>
    public SmtpSession(
        Transport transport, SmtpRole service, IPEndPoint peer, SmtpServerOptions options, IMessageIntake intake, AuthenticationGuard guard,
        TimeProvider clock, Log log, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(peer);
        _transport = transport;
        _options = options;
        _intake = intake;
        _guard = guard;
        _clock = clock;
        _log = log;
        _stop = stop;
        _started = clock.GetTimestamp();
        _client = new ClientFacts
        {
            Peer = peer.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(peer.Address.MapToIPv4(), peer.Port) : peer,
            Service = service,
            SessionId = SessionIds.New(),
        };
        // Who comes through a router that masks its clients shares few places with all others who do.
        _idleBeforeMail = guard.IsShared(_client.Peer.Address) && Limits.IdleBeforeMail > IdleOfShared ? IdleOfShared : Limits.IdleBeforeMail;
        Wait(_idleBeforeMail);
    }

    /// <summary>The session's identifier, as it stands in the greeting and in the log.</summary>
    public string Id => _client.SessionId;

    /// <summary>The device that the client is, on the LAN endpoint. One with a password has to give it first.</summary>
    public HostedDevice? Device
    {
        get;
        init
        {
            field = value;
            if (value is { Credential: null })
                _client.Principal = new Principal(PrincipalKind.Device, value.Name);
        }
    }

    /// <summary>The user of this machine that the client is, by the kernel's word; null otherwise.</summary>
    public string? User
    {
        get;
        init
        {
            field = value;
            if (value is not null)
                _client.Principal = new Principal(PrincipalKind.Local, value);
        }
    }

    private bool IsLan => _client.Service == SmtpRole.Lan;

    private bool IsSubmission => _client.Service is SmtpRole.Submission or SmtpRole.Submissions;

    private bool IsTls => _transport.Tls is not null;

    private SmtpLimits Limits => _options.Limits;

    /// <summary>Runs the session to its end. It throws nothing that a peer or the network can cause.</summary>
    public async Task RunAsync()
    {
        try
        {
            if (await BeginAsync().ConfigureAwait(false))
                await LoopAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            _endReason ??= "connection lost";
        }
        catch (InvalidOperationException) when (_transport.IsAborted)
        {
            _endReason ??= "aborted";
        }
        finally
        {
            DropTransaction();
            DisposeContent();
            var duration = _clock.GetElapsedTime(_started);
            try
            {
                await _transport.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
            {
                // Nothing is left to be said to a peer that has gone.
            }
            _log.Info("session", ("id", Id), ("peer", _client.Peer.Address.ToString()), ("service", _client.Service.Key()),
                ("helo", _client.HelloName), ("tls", _client.TlsVersion), ("cipher", _client.TlsCipher), ("sni", _client.TlsServerName), ("as", _client.Principal.ToString()),
                ("messages", _messages), ("commands", _commands), ("errors", _errors), ("rejected", _rejections), ("ms", (long)duration.TotalMilliseconds), ("end", _endReason ?? "quit"));
        }
    }

    private async ValueTask<bool> BeginAsync()
    {
        if (_client.Service == SmtpRole.Submissions && !await SecureAsync().ConfigureAwait(false))
            return false;
        if (_client.Service == SmtpRole.Mta && Limits.GreetingDelay > TimeSpan.Zero && !IPAddress.IsLoopback(_client.Peer.Address)
            && await SpeaksEarlyAsync().ConfigureAwait(false))
        {
            _endReason = "spoke before the greeting";
            _errors++;
            Send(SmtpReplies.EarlyTalker);
            await _transport.FlushAsync().ConfigureAwait(false);
            return false;
        }
        Send(SmtpReplies.Greeting(_options.Hostname, Id));
        await _transport.FlushAsync().ConfigureAwait(false);
        return true;
    }

    private async ValueTask<bool> SpeaksEarlyAsync()
    {
        using var timer = _clock.CreateTimer(static state => ((Transport)state!).CancelRead(), _transport, Limits.GreetingDelay, Timeout.InfiniteTimeSpan);
        var result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
        _transport.Reader.AdvanceTo(result.Buffer.Start);
        return !result.IsCanceled && !result.Buffer.IsEmpty;
    }

    private async ValueTask LoopAsync()
    {
        while (true)
        {
            if (_stop.IsCancellationRequested && _phase == Phase.Commands)
                Close(SmtpReplies.ShuttingDown, "server stops");
            switch (_phase)
            {
                case Phase.Close:
                    await _transport.FlushAsync().ConfigureAwait(false);
                    return;
                case Phase.Data:
                    _phase = Phase.Commands;
                    await ReceiveDataAsync().ConfigureAwait(false);
                    continue;
                case Phase.Chunk:
                    _phase = Phase.Commands;
                    await ReceiveChunkAsync().ConfigureAwait(false);
                    continue;
                case Phase.Authenticate:
                    _phase = Phase.Commands;
                    await AuthenticateAsync().ConfigureAwait(false);
                    continue;
                case Phase.StartTls:
                    _phase = Phase.Commands;
                    await _transport.FlushAsync().ConfigureAwait(false);
                    if (!await SecureAsync().ConfigureAwait(false))
                        return;
                    continue;
            }
            if (!_transport.Reader.TryRead(out var result))
            {
                // No full line is waiting: now the client may want to see what was answered (RFC 2920 3.2).
                await FlushAsync().ConfigureAwait(false);
                // The time runs from the last answer, not from the last octet: a line must come whole in it.
                if (_answered)
                    Wait(_transaction is null && !_client.Principal.IsOurs ? _idleBeforeMail : Limits.Idle);
                _answered = false;
                result = await _transport.Reader.ReadAsync().ConfigureAwait(false);
            }
            if (result.IsCanceled)
            {
                _transport.Reader.AdvanceTo(result.Buffer.Start);
                Expired();
                continue;
            }
            var buffer = result.Buffer;
            if (Answer(ref buffer))
            {
                _transport.Reader.AdvanceTo(buffer.Start, buffer.Start);
                if (_transport.Pending > MaxPending)
                    await FlushAsync().ConfigureAwait(false);
                continue;
            }
            _transport.Reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                // Its last lines are answered though it ends its side with them, as netcat does.
                await FlushAsync().ConfigureAwait(false);
                _endReason ??= "closed by client";
                return;
            }
        }
    }

    private ValueTask FlushAsync()
    {
        if (_transport.Pending > 0)
            Wait(WriteGrace);
        return _transport.FlushAsync();
    }

    /// <summary>Answers the full lines of a buffer. True if a phase was set or much is to be sent, so that the loop must turn.</summary>
    private bool Answer(ref ReadOnlySequence<byte> buffer)
    {
        while (_phase == Phase.Commands)
        {
            if (!TryCutLine(ref buffer, out var line))
                return false;
            if (line.IsSingleSegment)
                AnswerLine(line.FirstSpan);
            else
                AnswerSplitLine(line);
            if (_transport.Pending > MaxPending)
                return true;
        }
        return true;
    }

    private void AnswerSplitLine(ReadOnlySequence<byte> line)
    {
        var copy = ArrayPool<byte>.Shared.Rent((int)line.Length);
        line.CopyTo(copy);
        AnswerLine(copy.AsSpan(0, (int)line.Length));
        ArrayPool<byte>.Shared.Return(copy);
    }

    /// <summary>Cuts a line with its LF off the buffer. A line over the limit is thrown away as it comes, and answered when it ends.</summary>
    private bool TryCutLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        var end = buffer.PositionOf((byte)'\n');
        if (end is null)
        {
            line = default;
            if (buffer.Length > LineLimit)
            {
                _discardingLine = true;
                buffer = buffer.Slice(buffer.End);
            }
            return false;
        }
        var next = buffer.GetPosition(1, end.Value);
        line = buffer.Slice(0, next);
        buffer = buffer.Slice(next);
        if (_discardingLine || line.Length > LineLimit)
        {
            _discardingLine = false;
            line = ReadOnlySequence<byte>.Empty;
        }
        return true;
    }

    // AUTH carries an initial response of up to 12288 octets (RFC 4954 4).
    private int LineLimit => IsSubmission || Device is { Credential: not null } ? MaxAuthLine : Limits.CommandLine;

    private void AnswerLine(ReadOnlySpan<byte> line)
    {
        _commands++;
        if (_commands > Limits.Commands)
        {
            Close(SmtpReplies.TooManyCommands, "too many commands");
            return;
        }
        if (line.IsEmpty)
        {
            Fault(SmtpReplies.LineTooLong);
            return;
        }
        var isBare = !line.EndsWith("\r\n"u8);
        line = isBare ? line[..^1] : line[..^2];
        var verb = SmtpCommandLine.Parse(line, out var arguments);
        if (isBare && _client.Service == SmtpRole.Mta && verb != SmtpVerb.Foreign)
        {
            Fault(SmtpReplies.BareLineFeed);
            return;
        }
        if (line.Length > Limits.CommandLine && verb != SmtpVerb.Auth)
        {
            Fault(SmtpReplies.LineTooLong);
            return;
        }
        var reply = Dispatch(verb, arguments);
        if (reply is not null)
            Respond(reply);
        if (_log.IsOn(LogLevel.Debug))
            Trace(verb, line, reply);
    }

    /// <summary>Gives a reply, and counts it as an error if it is one.</summary>
    private void Respond(SmtpReply reply)
    {
        if (reply.IsPermanent)
            Fault(reply);
        else
            Send(reply);
    }

    private void Send(SmtpReply reply)
    {
        _transport.Write(reply.Octets);
        _answered = true;
    }

    private void Fault(SmtpReply reply)
    {
        Send(reply);
        // What is well said and refused all the same (a recipient who is gone) is no junk; but who asks for so many does not mean to send.
        var isJunk = reply.Code is < 550 or 555;
        if (isJunk ? ++_errors >= Limits.Errors : ++_rejections >= Limits.Recipients)
            Close(SmtpReplies.TooManyErrors, "too many errors");
    }

    private void Close(SmtpReply reply, string reason)
    {
        if (_phase == Phase.Close)
            return;
        Send(reply);
        _endReason ??= reason;
        _phase = Phase.Close;
    }

    // What AUTH carries is a secret; it never gets into a log.
    private void Trace(SmtpVerb verb, ReadOnlySpan<byte> line, SmtpReply? reply) =>
        _log.Debug("command", ("id", Id), ("line", verb == SmtpVerb.Auth ? "AUTH ..." : System.Text.Encoding.UTF8.GetString(line)), ("reply", reply?.ToString()));
}
