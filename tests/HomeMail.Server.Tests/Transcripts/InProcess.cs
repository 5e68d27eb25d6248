using System.Globalization;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Microsoft.Extensions.Time.Testing;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>A whole server within this process, on a clock that a dialogue advances.</summary>
internal sealed class InProcess : IPlace, IAsyncDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 3, 14, 9, 26, 53, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Start);
    private readonly int _readLimit;
    private readonly TestHouse _house;

    public InProcess(IReadOnlyDictionary<string, string> settings, int readLimit)
    {
        _readLimit = readLimit;
        _house = new TestHouse(Limits(settings), _clock, new JumpingClock());
        if (settings.GetValueOrDefault("tls.certificate") is { } certificate)
            _house.Options = _house.Options with { Tls = certificate == "none" ? null : TestCertificate.Verifiable };
    }

    public string Log => _house.LogText;

    public Task<Connection> ConnectAsync(SmtpRole service, string? peer)
    {
        var wire = new Wire(_readLimit);
        if (service == SmtpRole.Lan && _house.Options.Devices!.At(System.Net.IPAddress.Parse(peer!)).Device is null)
            return TurnedAwayAsync(wire);
        _house.Serve(wire.Server, service, peer ?? "192.0.2.10");
        return Task.FromResult<Connection>(new WireConnection(wire));
    }

    // As the listener does.
    private static async Task<Connection> TurnedAwayAsync(Wire wire)
    {
        await wire.Server.WriteAsync(SmtpReplies.NoDevice.Octets.ToArray());
        await wire.Server.DisposeAsync();
        return new WireConnection(wire);
    }

    public async Task WaitAsync(Connection connection, TimeSpan span)
    {
        await ((WireConnection)connection).Wire.AtRestAsync();
        _clock.Advance(span);
    }

    public Task EndedAsync() => _house.SessionsEnded().WaitAsync(TimeSpan.FromSeconds(30));

    public IReadOnlyList<string> Mailbox(string account) => _house.Mailbox(account);

    public IReadOnlyList<string> Queue() => [.. _house.Queued.Select(Describe)];

    public async ValueTask DisposeAsync() => await _house.DisposeAsync();

    internal static string Describe(Envelope envelope)
    {
        var text = $"from <{envelope.Sender}> as {envelope.Principal}";
        if (envelope.EnvelopeId is not null)
            text += " envid=" + envelope.EnvelopeId;
        if (envelope.Return != DsnReturn.Unspecified)
            text += " ret=" + envelope.Return;
        if (envelope.EightBit)
            text += " 8bit";
        if (envelope.SmtpUtf8)
            text += " utf8";
        if (envelope.RequireTls)
            text += " requiretls";
        if (envelope.ReleaseAt is { } release)
            text += string.Create(CultureInfo.InvariantCulture, $" release={Math.Round((release - envelope.Arrived).TotalSeconds)}");
        foreach (var recipient in envelope.Recipients)
        {
            // The file also tells which mailboxes have it.
            if (recipient.Status == RecipientStatus.Delivered && !recipient.Notify.HasFlag(DsnNotify.Success))
                continue;
            text += $" {(recipient.Status == RecipientStatus.Waiting ? "to" : recipient.Status.ToString().ToLowerInvariant())} <{recipient.Address}>";
            if (recipient.Notify != DsnNotify.Unspecified)
                text += " notify=" + recipient.Notify.ToString().Replace(", ", ",", StringComparison.Ordinal);
            if (recipient.OriginalRecipient is not null)
                text += " orcpt=" + recipient.OriginalRecipient;
        }
        return text;
    }

    private static SmtpLimits Limits(IReadOnlyDictionary<string, string> settings)
    {
        var limits = new SmtpLimits { GreetingDelay = TimeSpan.Zero };
        foreach (var (key, value) in settings)
            limits = key switch
            {
                "server.max-message-size" => limits with { MessageSize = long.Parse(value.TrimEnd('k'), CultureInfo.InvariantCulture) * (value.EndsWith('k') ? 1024 : 1) },
                "limits.recipients" => limits with { Recipients = Number(value) },
                "limits.messages-per-session" => limits with { Transactions = Number(value) },
                "limits.commands" => limits with { Commands = Number(value) },
                "limits.junk-commands" => limits with { Errors = Number(value) },
                "limits.line-length" => limits with { CommandLine = Number(value) },
                "limits.hops" => limits with { Hops = Number(value) },
                "limits.idle-timeout" => limits with { Idle = Transcript.Span(value), IdleBeforeMail = Transcript.Span(value) },
                "limits.session-timeout" => limits with { Session = Transcript.Span(value) },
                "limits.hold-at-most" => limits with { FutureRelease = Transcript.Span(value) },
                "greeting-delay" => limits with { GreetingDelay = Transcript.Span(value) },
                "tls.certificate" => limits,
                _ => throw new FormatException($"no setting {key} in process"),
            };
        return limits;
    }

    private static int Number(string value) => int.Parse(value, CultureInfo.InvariantCulture);

    internal sealed class WireConnection(Wire wire) : Connection
    {
        public Wire Wire => wire;

        public override Stream Stream { get; protected set; } = wire.Client;

        protected override void EndPlainOutput() => wire.EndOutput();
    }
}
