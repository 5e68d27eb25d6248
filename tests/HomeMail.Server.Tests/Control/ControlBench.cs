using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;
using HomeMail.Server.ClientSetup;
using HomeMail.Server.Control;
using HomeMail.Server.Intake;
using HomeMail.Server.Net;
using HomeMail.Storage;
using HomeMail.Storage.State;

namespace HomeMail.Server.Tests.Control;

/// <summary>A control session on a data folder, and the connection to it.</summary>
internal sealed class ControlBench : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail-control").FullName;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _session;

    public ControlBench(params ControlCommand[] more)
    {
        Data = DataFolder.Open(_root, TimeProvider.System);
        var names = new HostedNames(
            "mail.home.example", [new HostedDomain("home.example", "home")],
            [new HostedAccount("alice", [new Address("alice", "home.example")], null, 1000), new HostedAccount("bob", [new Address("bob", "home.example")], null)], [], "secret"u8);
        History = new DeliveryHistory(_root + "/history", TimeProvider.System);
        State = new StateStore(_root + "/" + DataCommands.StateFile, TimeProvider.System);
        var (client, server) = StreamPair.Create();
        Client = client;
        Channel = new ControlChannel(client, TimeProvider.System);
        _session = new ControlSession([.. DataCommands.Table(Data, History, State, () => names, () => MailServices.At("mail.home.example", 993, 143, 465, 587), TimeProvider.System), .. more], _root, TimeProvider.System, new Log(LogText, TimeProvider.System))
            .RunAsync(server, 7, _end.Token);
    }

    public DataFolder Data { get; }

    public DeliveryHistory History { get; }

    public StateStore State { get; }

    public Stream Client { get; }

    public ControlChannel Channel { get; }

    public StringWriter LogText { get; } = new();

    public string Root => _root;

    /// <summary>Sends a line as it is.</summary>
    public async Task SendAsync(string line) => await Client.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));

    /// <summary>Sends a line and reads the answer to its last line.</summary>
    public async Task<List<string>> AskAsync(string line)
    {
        await SendAsync(line);
        return await AnswerAsync();
    }

    public async Task<List<string>> AnswerAsync()
    {
        var lines = new List<string>();
        while (await Channel.ReadAsync(CancellationToken.None) is { } document)
        {
            using (document)
            {
                lines.Add(document.RootElement.GetRawText());
                if (document.RootElement.TryGetProperty("result", out _))
                    break;
            }
        }
        return lines;
    }

    public async Task DeliverAsync(string mailbox, string text, string account = "alice")
    {
        using var message = Data.Spool.Begin(MessageId.New(TimeProvider.System));
        message.Append(Encoding.UTF8.GetBytes(text));
        await Data.Spool.CommitAsync(new CommitRequest { Message = message, Local = [new LocalDelivery(account, mailbox) { InternalDate = DateTimeOffset.UnixEpoch.AddDays(1) }] });
    }

    /// <summary>Whether the session has ended.</summary>
    public Task Ended => _session;

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await _end.CancelAsync();
        await _session;
        await Data.DisposeAsync();
        _end.Dispose();
        Directory.Delete(_root, true);
    }

    public static JsonElement Json(string line) => JsonDocument.Parse(line).RootElement;
}
