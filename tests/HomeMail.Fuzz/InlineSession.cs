using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail.Fuzz;

/// <summary>A session that runs within the caller's calls, with an intake that takes every message and keeps none.</summary>
public sealed class InlineSession : IDisposable
{
    private static readonly Lazy<DataFolder> Data = new(static () =>
    {
        var folder = Directory.CreateTempSubdirectory("homemail-inline-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, true);
        return DataFolder.Open(folder, TimeProvider.System);
    });

    private static readonly TimeProvider Standstill = new StoppedClock();

    private readonly Task _running;
    private readonly CancellationTokenSource _stop = new();

    public InlineSession(SmtpRole service = SmtpRole.Mta, SmtpLimits? limits = null, Action<ReceivedMessage>? onMessage = null, MemoryBudget? memory = null)
    {
        var options = new SmtpServerOptions
        {
            Hostname = "mail.example.org",
            Limits = limits ?? new SmtpLimits { GreetingDelay = TimeSpan.Zero, Commands = int.MaxValue, Transactions = int.MaxValue },
            Memory = memory,
        };
        Session = new SmtpSession(
            new Transport(Stream), service, new IPEndPoint(IPAddress.Loopback, 40000), options, new Taker(onMessage), new AuthenticationGuard(Standstill),
            Standstill, Log.None, _stop.Token);
        _running = Session.RunAsync();
    }

    public InlineStream Stream { get; } = new();

    public SmtpSession Session { get; }

    /// <summary>Whether the session has come to its end.</summary>
    public bool IsOver => _running.IsCompleted;

    /// <summary>Ends the session as a client does that hangs up.</summary>
    public void Dispose()
    {
        Stream.End();
        if (!_running.IsCompleted)
            throw new InvalidOperationException("The session does not end.");
        _running.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    // What is answered must not depend on when it was.
    private sealed class StoppedClock : TimeProvider
    {
        private static readonly DateTimeOffset Now = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;

        public override long GetTimestamp() => 0;
    }

    private sealed class Taker(Action<ReceivedMessage>? onMessage) : IMessageIntake
    {
        private static readonly SmtpReply Taken = SmtpReplies.Accepted("00000000000000");
        private static readonly object Nowhere = new();

        public SmtpReply? CheckSender(ClientFacts client, ref MailArguments mail) => null;

        public SmtpReply AddRecipient(MailTransaction transaction, in RcptArguments rcpt)
        {
            if (rcpt.Recipient.Domain.StartsWith("no", StringComparison.Ordinal))
                return SmtpReplies.RelayDenied;
            transaction.Recipients.Add(new TransactionRecipient { Address = rcpt.Recipient, Notify = rcpt.Notify, OriginalRecipient = rcpt.OriginalRecipient, Resolution = Nowhere });
            return SmtpReplies.RecipientOk;
        }

        public SpoolMessage Begin() => Data.Value.Spool.Begin(MessageId.New(TimeProvider.System));

        public ValueTask<SmtpReply> AcceptAsync(MailTransaction transaction, ReceivedMessage message, CancellationToken cancel)
        {
            onMessage?.Invoke(message);
            return ValueTask.FromResult(Taken);
        }
    }
}
