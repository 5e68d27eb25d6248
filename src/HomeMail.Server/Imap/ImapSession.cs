using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Text;
using HomeMail.Server.Net;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>
/// One IMAP session, from greeting to close (RFC 9051, 3501). Commands are gathered with their literals, looked up in a table and answered one by one,
/// in their order; what others have done to the selected mailbox is told before the answer, where it may be (RFC 9051 7.5.1).
/// </summary>
public sealed partial class ImapSession : ITimed
{
    // What is to be sent is sent once it is so much; a client that asks for everything must not make a heap of it.
    private const int MaxPending = 16 * 1024;

    private readonly Transport _transport;
    private readonly ImapRole _role;
    private readonly ImapServerOptions _options;
    private readonly AuthenticationGuard _guard;
    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly IPAddress _peer;
    private readonly CancellationToken _stop;
    private readonly long _started;

    private readonly PooledWriter _command = new(512);
    private readonly PooledWriter _line = new(512);

    private byte[] _tag = [];
    private int _arguments;
    private SessionStates _state = SessionStates.NotAuthenticated;
    private MailAccount? _account;
    private MailboxView? _view;
    private IDisposable? _subscription;
    private HeaderCacheReader? _headers;
    private bool _isOver;
    private bool _isAmidResponse;
    private int _commands;
    private int _errors;
    private string? _endReason;

    /// <summary>Makes a session; <see cref="RunAsync"/> runs it.</summary>
    /// <param name="transport">The connection; the session disposes of it.</param>
    /// <param name="role">The way it came in.</param>
    /// <param name="peer">The client's address.</param>
    /// <param name="options">What the session is run with.</param>
    /// <param name="guard">What wrong passwords cost.</param>
    /// <param name="clock">Time.</param>
    /// <param name="log">The log.</param>
    /// <param name="stop">The server stops.</param>
    public ImapSession(
        Transport transport, ImapRole role, IPEndPoint peer, ImapServerOptions options, AuthenticationGuard guard, TimeProvider clock, Log log, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(peer);
        _transport = transport;
        _role = role;
        _options = options;
        _guard = guard;
        _clock = clock;
        _log = log;
        _stop = stop;
        _started = clock.GetTimestamp();
        _peer = peer.Address.IsIPv4MappedToIPv6 ? peer.Address.MapToIPv4() : peer.Address;
        Id = MessageId.New(clock).Value;
        Wait(options.LogInTime);
    }

    /// <summary>The session's identifier in the log.</summary>
    public string Id { get; }

    private bool IsTls => _transport.Tls is not null;

    /// <summary>Runs the session to its end. It throws nothing that a peer or the network can cause.</summary>
    public async Task RunAsync()
    {
        try
        {
            if (_role != ImapRole.Imaps || await SecureAsync().ConfigureAwait(false))
            {
                Send($"* OK [CAPABILITY {Capabilities()}] {_options.Hostname} HomeMail IMAP ready\r\n");
                await LoopAsync().ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            _endReason ??= error is StorageException ? "store: " + error.Message : "connection lost";
        }
        catch (InvalidOperationException) when (_transport.IsAborted)
        {
            _endReason ??= "aborted";
        }
        finally
        {
            Deselect();
            _command.Dispose();
            _line.Dispose();
            try
            {
                await _transport.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
            {
                // Nothing is left to be said to a peer that has gone.
            }
            _log.Info("session", ("id", Id), ("peer", _peer.ToString()), ("service", _role.Key()), ("as", _account?.Name), ("commands", _commands),
                ("errors", _errors), ("ms", (long)_clock.GetElapsedTime(_started).TotalMilliseconds), ("end", _endReason ?? "logout"));
        }
    }

    private async ValueTask LoopAsync()
    {
        while (!_isOver)
        {
            var reading = await ReadCommandAsync().ConfigureAwait(false);
            switch (reading)
            {
                case Reading.Done:
                    await AnswerAsync().ConfigureAwait(false);
                    break;
                case Reading.Refused:
                    CountErrors();
                    break;
                case Reading.Closed:
                    _endReason ??= "closed by client";
                    _isOver = true;
                    break;
                case Reading.Expired:
                    Bye(_expired ?? "Too long idle");
                    break;
            }
            if (_transport.Pending > MaxPending)
                await FlushAsync().ConfigureAwait(false);
        }
        await FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Answers the command that was gathered.</summary>
    private async ValueTask AnswerAsync()
    {
        if (!TryBegin(out var name))
            return;
        _commands++;
        var reply = await PerformAsync(name).ConfigureAwait(false);
        if (reply is not null)
            Answer(reply);
        CountErrors();
    }

    private void CountErrors()
    {
        if (_errors >= _options.Errors)
            Bye("Too many errors");
    }

    private async ValueTask<string?> PerformAsync(string name)
    {
        if (!Commands.TryGetValue(name, out var command))
            return "BAD Unknown command";
        if ((command.States & _state) == 0)
            return _state == SessionStates.NotAuthenticated ? "BAD Log in first" : command.States == SessionStates.Selected ? "BAD Select a mailbox first" : "BAD Not now";
        string? reply;
        var (view, hadCondStore) = (_view, _hasCondStore);
        try
        {
            reply = await command.Handler(this).ConfigureAwait(false);
        }
        catch (StorageException error)
        {
            // Half a response has gone out, perhaps amid a literal: nothing that follows could be told from it.
            if (_isAmidResponse)
                throw;
            _line.Clear();
            reply = Refusal(error);
        }
        finally
        {
            _headers?.Dispose();
            _headers = null;
        }
        // What others did is told now; not while a command names messages by number (RFC 9051 7.5.1).
        if (_view is not null && !_isOver)
            await SendUpdatesAsync(command.MayExpunge).ConfigureAwait(false);
        // Whoever begins to keep mod-sequences amid a mailbox learns from where on (RFC 7162 3.1).
        if (!hadCondStore && _hasCondStore && view is not null && view == _view && !_isOver)
            Send($"* OK [HIGHESTMODSEQ {(view.HasGone ? view.GoneSince : view.ModSeq)}] Of all changes\r\n");
        return reply;
    }

    /// <summary>Opens a message of the selected mailbox for the command that runs.</summary>
    private OpenedMessage Open(uint uid) => new(_view!.Mailbox, _headers ??= _view.Mailbox.OpenHeaders(), uid);

    private string Refusal(StorageException error)
    {
        _log.Info("imap-refused", ("id", Id), ("what", error.Message));
        return error.Condition switch
        {
            StorageCondition.DiskFull => "NO [OVERQUOTA] The disk is full",
            StorageCondition.ReadOnly => "NO [UNAVAILABLE] The disk is read-only",
            StorageCondition.NotFound => "NO [NONEXISTENT] No such mailbox or message",
            StorageCondition.Exists => "NO [ALREADYEXISTS] It exists already",
            StorageCondition.BadName => "NO [CANNOT] Not possible with this name",
            _ => "NO [UNAVAILABLE] Not now",
        };
    }

    // A line begins with a tag and the command's name. An empty line between commands is nothing: some clients leave one behind.
    private bool TryBegin(out string name)
    {
        name = "";
        var text = _command.WrittenSpan;
        if (text.Trim(" \t"u8).IsEmpty)
            return false;
        var reader = new ImapReader(text);
        if (!reader.Tag(out var tag) || tag.Length > 200)
        {
            _errors++;
            Send("* BAD A command begins with a tag\r\n"u8);
            CountErrors();
            return false;
        }
        if (!_tag.AsSpan().SequenceEqual(tag))
            _tag = tag.ToArray();
        if (!reader.Space() || !reader.Atom(out var word) || word.Length > 30)
        {
            Answer("BAD A command has a name");
            return false;
        }
        name = Encoding.ASCII.GetString(word).ToUpperInvariant();
        if (name == "UID" && reader.Space() && reader.Atom(out word) && word.Length <= 30)
            name = "UID " + Encoding.ASCII.GetString(word).ToUpperInvariant();
        _arguments = reader.Position;
        return true;
    }

    /// <summary>The arguments of the command, with the space before them.</summary>
    private ImapReader Arguments() => new(_command.WrittenSpan[_arguments..]);

    private void Answer(string reply)
    {
        if (reply.StartsWith("BAD", StringComparison.Ordinal))
            _errors++;
        Send(_tag);
        Send(" "u8);
        Send(reply);
        Send("\r\n"u8);
    }

    private void Bye(string why)
    {
        if (_isOver)
            return;
        _isOver = true;
        _endReason ??= why;
        Send($"* BYE {why}\r\n");
    }

    private void Send(ReadOnlySpan<byte> octets) => _transport.Write(octets);

    private void Send(string text)
    {
        Span<byte> octets = stackalloc byte[256];
        if (text.Length <= octets.Length && Encoding.UTF8.TryGetBytes(text, octets, out var length))
            _transport.Write(octets[..length]);
        else
            _transport.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Sends what stands in the scratch line.</summary>
    private void SendLine()
    {
        _transport.Write(_line.WrittenSpan);
        _line.Clear();
    }

    private void Number(long number)
    {
        number.TryFormat(_line.GetSpan(20), out var length, default, CultureInfo.InvariantCulture);
        _line.Advance(length);
    }

    private void Number(ulong number)
    {
        number.TryFormat(_line.GetSpan(20), out var length, default, CultureInfo.InvariantCulture);
        _line.Advance(length);
    }

    private ValueTask FlushAsync()
    {
        if (_transport.Pending > 0)
            Wait(WriteGrace);
        return _transport.FlushAsync();
    }

    private ValueTask FlushIfMuchAsync() => _transport.Pending > MaxPending ? FlushAsync() : ValueTask.CompletedTask;
}
