using System.Security.Cryptography.X509Certificates;
using HomeMail.Server.Delivery;
using Microsoft.Extensions.Time.Testing;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>A client and a scripted server, joined in memory.</summary>
internal sealed class Session
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Session(Stream near, DialogueServer server, MailTransaction[] mails, DeliveryOptions options, Setting setting)
    {
        Server = server;
        Mail = mails[^1];
        var log = new Log(TextWriter.Synchronized(LogText), Clock, LogLevel.Debug);
        Client = new SmtpClient(near, "mx.example.net", options, Clock, log, setting.Lifetime);
    }

    public SmtpClient Client { get; }

    public DialogueServer Server { get; }

    public MailTransaction Mail { get; }

    public SessionFault? Fault { get; set; }

    /// <summary>One line a recipient of the last message, then the fault: with <c>!</c> if permanent, <c>?</c> if the message may have arrived.</summary>
    public string Outcome => string.Join('\n', Mail.Results.Select(r => r is null ? "open" : $"{r.Outcome} {r.Diagnostic}"))
        + (Fault is null ? "" : $"\nfault{(Fault.IsPermanent ? "!" : "")}{(Fault.MayHaveArrived ? "?" : "")}{(Fault.InClear ? "~" : "")} {Fault.Diagnostic}");

    public FakeTimeProvider Clock { get; } = new(Letters.Noon);

    public StringWriter LogText { get; } = new();

    public Task Played { get; private set; } = Task.CompletedTask;

    public Task Sent { get; private set; } = Task.CompletedTask;

    public static Task<Session> PlayAsync(string script, params MailTransaction[] mails) => PlayAsync(script, new Setting(), mails);

    public static async Task<Session> PlayAsync(string script, Setting setting, params MailTransaction[] mails)
    {
        var session = Begin(script, setting, mails);
        await session.EndAsync();
        return session;
    }

    /// <summary>Begins without waiting for the end, for tests that move the clock.</summary>
    public static Session Begin(string script, Setting setting, params MailTransaction[] mails)
    {
        var (near, far) = DuplexStream.Pair(setting.Room);
        var server = new DialogueServer(far, script, setting.Certificate);
        var options = new DeliveryOptions
        {
            Hostname = "home.example",
            TrustAnchors = TestCertificates.Anchors,
            ClockIsSane = () => setting.ClockIsSane,
        };
        var session = new Session(near, server, mails, options, setting);
        session.Played = Task.Run(async () =>
        {
            // A server that did not hear what it should hangs up, so that the client's outcome does not have to time out.
            await using (far)
                await server.RunAsync();
        });
        session.Sent = Task.Run(async () =>
        {
            var client = session.Client;
            session.Fault = await client.GreetAsync(setting.Tls) ?? await client.BeginAsync(setting.Tls, setting.LogIn);
            foreach (var mail in mails)
                session.Fault ??= await client.SendAsync(mail);
            await client.DisposeAsync();
        });
        return session;
    }

    public async Task EndAsync()
    {
        await Played.WaitAsync(Patience);
        await Sent.WaitAsync(Patience);
    }
}

/// <summary>What a session is played with.</summary>
internal sealed record Setting
{
    public TlsDemand Tls { get; init; } = TlsDemand.Opportunistic;

    public LogIn? LogIn { get; init; }

    public X509Certificate2? Certificate { get; init; }

    public bool ClockIsSane { get; init; } = true;

    /// <summary>Octets that fit on the way before a writer has to wait.</summary>
    public int Room { get; init; } = 64 * 1024;

    public CancellationToken Lifetime { get; init; }
}
