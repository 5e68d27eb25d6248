using System.Net;
using System.Text;
using HomeMail.Server.Imap;
using HomeMail.Server.Net;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Tests.Imap;

/// <summary>A house whose mail is read: IMAP sessions in this process over the store of a <see cref="TestHouse"/>.</summary>
internal sealed class ImapHouse : IAsyncDisposable
{
    private readonly TestHouse _house;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _sessions = [];

    public ImapHouse(TimeProvider? clock = null, TimeProvider? guardClock = null)
    {
        _house = new TestHouse(clock: clock, guardClock: guardClock);
        Options = new ImapServerOptions
        {
            Hostname = "mail.example.org",
            Tls = TestHouse.SelfSigned,
            Credentials = _house.Names,
            Mail = _house.Data.Mail,
            Spool = _house.Data.Spool,
            MessageSize = 2_000_000,
            Quota = account => account == "bob" ? 1024 * 1024 : null,
            Junk = Learning,
        };
    }

    public ImapServerOptions Options { get; set; }

    public JunkLog Learning { get; } = new();

    public MailAccount Account(string name) => _house.Data.Mail.Account(name);

    public string LogText => _house.LogText;

    public Heartbeat Heartbeat => _house.Heartbeat;

    /// <summary>Opens a session and gives the client's end.</summary>
    public Stream Connect(ImapRole role, string peer = "192.0.2.20")
    {
        var (client, server) = StreamPair.Create();
        Serve(server, role, peer);
        return client;
    }

    /// <summary>Runs a session on the server's end of a connection.</summary>
    public void Serve(Stream server, ImapRole role, string peer)
    {
        var session = new ImapSession(
            new Transport(server), role, new IPEndPoint(IPAddress.Parse(peer), 40000), Options, _house.Guard, _house.Clock, _house.Log, _stop.Token);
        _house.Heartbeat.Add(session);
        _sessions.Add(RunAsync(session));
    }

    /// <summary>A message comes in, as a delivery does.</summary>
    public async Task<uint> DeliverAsync(string account, string mailbox, string message)
    {
        using var body = _house.Data.Spool.Begin(MessageId.New(_house.Clock));
        body.Append(Encoding.Latin1.GetBytes(message));
        var result = await _house.Data.Spool.CommitAsync(new CommitRequest { Message = body, Local = [new LocalDelivery(account, mailbox)] });
        return result.IsCommitted ? result.Stored[0].Uid : throw new InvalidOperationException(result.Detail);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Heartbeat.Beat();
        await Task.WhenAll(_sessions).WaitAsync(TimeSpan.FromSeconds(20));
        await _house.DisposeAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(ImapSession session)
    {
        await session.RunAsync();
        Heartbeat.Remove(session);
    }

    /// <summary>What was said of junk, a line each.</summary>
    internal sealed class JunkLog : IJunkLearning
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        public void Learned(string account, Mailbox mailbox, uint uid, bool isJunk)
        {
            lock (_lines)
                _lines.Add($"{account} {mailbox.Name} {uid} {(isJunk ? "junk" : "good")}");
        }
    }
}
