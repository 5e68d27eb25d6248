using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.Imap;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Server.Tests.Transcripts;
using Microsoft.Extensions.Time.Testing;

namespace HomeMail.Server.Tests.Imap;

/// <summary>A whole server within this process, on a clock that a dialogue advances.</summary>
internal sealed class ImapInProcess : IImapPlace, IAsyncDisposable
{
    private readonly FakeTimeProvider _clock = new(InProcess.Start);
    private readonly ImapHouse _house;
    private readonly int _readLimit;

    public ImapInProcess(IEnumerable<string> lines, int readLimit)
    {
        _readLimit = readLimit;
        _house = new ImapHouse(_clock, new JumpingClock());
        foreach (var line in lines)
            if (line.StartsWith("set ", StringComparison.Ordinal))
                Set(line[4..].Split(" = ", 2));
    }

    public IReadOnlyList<string> Learned => _house.Learning.Lines;

    public string NameOf(string account) => account;

    public Task<Connection> ConnectAsync(ImapRole role, string? peer)
    {
        var wire = new Wire(_readLimit);
        _house.Serve(wire.Server, role, peer ?? "192.0.2.20");
        return Task.FromResult<Connection>(new InProcess.WireConnection(wire));
    }

    public Task DeliverAsync(string account, string mailbox, string message) => _house.DeliverAsync(account, mailbox, message);

    public async Task WaitAsync(Connection connection, TimeSpan span)
    {
        await ((InProcess.WireConnection)connection).Wire.AtRestAsync();
        // In small steps, as time passes: what is due in between is due in between.
        for (var left = span; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(30))
        {
            _clock.Advance(left < TimeSpan.FromSeconds(30) ? left : TimeSpan.FromSeconds(30));
            await ((InProcess.WireConnection)connection).Wire.AtRestAsync();
        }
    }

    public ValueTask DisposeAsync() => _house.DisposeAsync();

    private void Set(string[] setting)
    {
        var value = setting[1];
        _house.Options = setting[0] switch
        {
            "keep-alive" => _house.Options with { KeepAlive = value == "off" ? null : Transcript.Span(value) },
            "idle-timeout" => _house.Options with { Idle = Transcript.Span(value) },
            "log-in-timeout" => _house.Options with { LogInTime = Transcript.Span(value) },
            "errors" => _house.Options with { Errors = int.Parse(value, CultureInfo.InvariantCulture) },
            "message-size" => _house.Options with { MessageSize = long.Parse(value, CultureInfo.InvariantCulture) },
            "certificate" when value == "none" => _house.Options with { Tls = null },
            _ => throw new FormatException($"no setting {setting[0]}"),
        };
    }
}

/// <summary>The published program that dialogues over IMAP are played against: one process, and two accounts of its own for each dialogue.</summary>
public sealed class ImapBinary : IAsyncDisposable
{
    private Binary? _binary;
    private int _dialogues;

    internal async Task<ImapBinaryPlace> PlaceAsync(IReadOnlyList<string> lines)
    {
        _binary ??= await Binaries.StartAsync(new Dictionary<string, string> { ["imap.accounts"] = "600" });
        var number = Interlocked.Increment(ref _dialogues);
        // What names an account in its own words speaks of the ones that have these names.
        var isByName = lines.Any(static line => line.Length > 1 && line[1] == '>' && (line.Contains("alice", StringComparison.Ordinal) || line.Contains("bob", StringComparison.Ordinal)));
        return new ImapBinaryPlace(_binary, new IPAddress([127, 79, (byte)(number >> 8), (byte)number]), isByName ? 0 : number);
    }

    public async ValueTask DisposeAsync()
    {
        if (_binary is not null)
            await _binary.DisposeAsync();
    }
}

/// <summary>A running program as one dialogue sees it.</summary>
internal sealed class ImapBinaryPlace(Binary binary, IPAddress peer, int number) : IImapPlace, IAsyncDisposable
{
    private readonly Dictionary<string, ImapSide> _deliveries = [];

    public IReadOnlyList<string>? Learned => null;

    public string NameOf(string account) => number == 0 ? account : string.Create(CultureInfo.InvariantCulture, $"{account[0]}{number}");

    public async Task<Connection> ConnectAsync(ImapRole role, string? from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from is null ? peer : IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Loopback, binary.FirstPort + (role == ImapRole.Imap ? 5 : 6));
        return new BinaryPlace.SocketConnection(socket);
    }

    // By APPEND, since a message that came over SMTP has fields of that way in it.
    public async Task DeliverAsync(string account, string mailbox, string message)
    {
        if (!_deliveries.TryGetValue(account, out var side))
        {
            _deliveries.Add(account, side = new ImapSide(await ConnectAsync(ImapRole.Imaps, null)));
            await side.SecureAsync();
            await side.ReadLineAsync();
            await SayAsync(side, $"1 LOGIN {NameOf(account)} {TestHouse.Password}");
        }
        await SayAsync(side, $"2 APPEND \"{mailbox}\" {{{message.Length}+}}\r\n{message}");
    }

    private static async Task SayAsync(ImapSide side, string text)
    {
        side.Write(Encoding.Latin1.GetBytes(text + "\r\n"), int.MaxValue);
        while (true)
        {
            var line = await side.ReadLineAsync() ?? throw new IOException("The program has closed.");
            if (line.StartsWith(text[..2] + "OK", StringComparison.Ordinal))
                return;
            if (line.StartsWith(text[..2], StringComparison.Ordinal))
                throw new InvalidOperationException(line);
        }
    }

    public Task WaitAsync(Connection connection, TimeSpan span) => throw new InvalidOperationException("time cannot be made to pass here");

    public async ValueTask DisposeAsync()
    {
        foreach (var side in _deliveries.Values)
            await side.Connection.DisposeAsync();
    }
}
