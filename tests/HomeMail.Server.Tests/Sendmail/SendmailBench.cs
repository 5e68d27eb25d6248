using System.Text;
using HomeMail.Server.Net;
using HomeMail.Server.Sendmail;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;

namespace HomeMail.Server.Tests.Sendmail;

/// <summary>A house whose users of this machine send: <c>pi</c> is alice, <c>root</c> and <c>www</c> are nobody's.</summary>
internal sealed class SendmailBench : IAsyncDisposable
{
    public SendmailBench()
    {
        House.WithLocalUsers(new Dictionary<string, string> { ["pi"] = "alice" }, static name => name is "root" or "www" or "pi");
        Sessions = new LocalSessions(new SmtpListenerContext(
            () => House.Options, House.Intake, new ConnectionGate(10, 10), House.Guard, House.Heartbeat, new LiveSessions(), House.Clock, House.Log));
    }

    public TestHouse House { get; } = new();

    public LocalSessions Sessions { get; }

    /// <summary>Sends as <c>sendmail</c> does.</summary>
    public async Task<LocalOutcome> SendAsync(string user, LocalMail mail, string message)
    {
        var (client, session) = Sessions.Open(user, CancellationToken.None);
        LocalOutcome outcome;
        await using (client)
            outcome = await new LocalDialogue(client, user, "pi-box").SendAsync(mail, new MemoryStream(Encoding.Latin1.GetBytes(message)), CancellationToken.None);
        await session.WaitAsync(TimeSpan.FromSeconds(20));
        return outcome;
    }

    public static LocalMail To(params string[] recipients)
    {
        var mail = new LocalMail();
        mail.Recipients.AddRange(recipients);
        return mail;
    }

    public ValueTask DisposeAsync() => House.DisposeAsync();
}
