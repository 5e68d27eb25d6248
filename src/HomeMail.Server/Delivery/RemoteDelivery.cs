using System.Net;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery.Trust;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Delivery over SMTP: route, hosts, addresses, session, transaction, each tried in order until every recipient is decided or nothing is left to
/// try. Sessions stay open a moment for more messages to the same destination.
/// </summary>
public sealed class RemoteDelivery : IRemoteDelivery, IAsyncDisposable
{
    private readonly HostFinder _finder;
    private readonly StaggeredDial _dial;
    private readonly IFamilyPreference _families;
    private readonly ITlsPolicy _tls;
    private readonly DeliveryOptions _options;
    private readonly TimeProvider _clock;
    private readonly Log _log;
    private readonly IdleSessions _idle;
    private readonly CancellationTokenSource _lifetime = new();
    private bool _closed;

    /// <summary>Puts the parts together.</summary>
    /// <param name="finder">Finds hosts.</param>
    /// <param name="dialer">Opens connections.</param>
    /// <param name="families">Orders addresses.</param>
    /// <param name="tls">Says what is asked of TLS.</param>
    /// <param name="options">Our name, and limits.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="log">The log.</param>
    public RemoteDelivery(
        HostFinder finder, IDialer dialer, IFamilyPreference families, ITlsPolicy tls, DeliveryOptions options, TimeProvider clock, Log log)
    {
        _finder = finder;
        _dial = new StaggeredDial(dialer, options, clock);
        _families = families;
        _tls = tls;
        _options = options;
        _clock = clock;
        _log = log;
        _idle = new IdleSessions(options, clock);
    }

    /// <summary>The routes; replaced when the configuration is read again.</summary>
    public Routes Routes { get; set; } = new([]);

    /// <summary>Is told what becomes of encryption to the destinations' hosts, or null.</summary>
    public TlsResults? TlsResults { get; init; }

    /// <summary>What is known of port 25 on the way out; null asks nobody.</summary>
    public PortEvidence? Ports { get; init; }

    /// <summary>The way to domains hosted here where no host of theirs can be reached, or null.</summary>
    public ILocalRoute? InProcess { get; init; }

    /// <summary>How many sessions wait for more mail.</summary>
    public int IdleCount => _idle.Count;

    /// <inheritdoc/>
    public async Task<Reach> DeliverAsync(MailTransaction mail, Destination destination, TakePlace place, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mail);
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(place);
        var attempt = new Attempt(mail, destination, place);
        if (await OverIdleAsync(attempt, cancel).ConfigureAwait(false))
            return Reach.Reached;
        for (var i = 0; i < destination.Route.Via.Count; i++)
        {
            var smarthost = destination.Route.Via[i];
            var family = destination.Route.Family;
            var search = smarthost is null
                ? await _finder.FindAsync(destination.Domain, family, Routes, cancel).ConfigureAwait(false)
                : await _finder.FindAsync(smarthost, family, cancel).ConfigureAwait(false);
            if (search.Fault is not null)
                attempt.Note(search.Fault);
            if (search.IsFinal)
            {
                // The answer is for every message alike, and costs nothing: no reason to make others wait.
                attempt.Reach = Reach.Untried;
                break;
            }
            foreach (var host in search.Hosts)
            {
                if (await OverHostAsync(attempt, host, smarthost, hasNext: i + 1 < destination.Route.Via.Count, cancel).ConfigureAwait(false))
                    return attempt.Reach;
            }
        }
        // Nothing has answered: if the domain is our own, its session is here.
        if (attempt.Dialled == 0 && mail.IsOpen && InProcess?.Open(destination.Domain) is { } stream)
            await OverProcessAsync(attempt, stream, cancel).ConfigureAwait(false);
        attempt.Close();
        return attempt.Reach;
    }

    private async ValueTask OverProcessAsync(Attempt attempt, Stream stream, CancellationToken cancel)
    {
        var session = new SmtpClient(stream, _options.Hostname, _options, _clock, _log, _lifetime.Token) { OpenDeliveries = _options.RecognisedInProcess, IsInProcess = true };
        await using var closing = session.ConfigureAwait(false);
        await using var broken = BreakOff(session, cancel).ConfigureAwait(false);
        // REQUIRETLS is offered under TLS only, though nobody could listen here.
        var demand = attempt.Mail.Envelope.RequireTls ? TlsDemand.Opportunistic : TlsDemand.Never;
        var fault = await session.GreetAsync(demand).ConfigureAwait(false);
        using var place = fault is null ? await attempt.Place(cancel).ConfigureAwait(false) : null;
        fault ??= await session.BeginAsync(demand, null).ConfigureAwait(false);
        if (fault is null)
        {
            attempt.Reach = Reach.Reached;
            attempt.Mail.Security = "within this server";
            fault = await session.SendAsync(attempt.Mail).ConfigureAwait(false);
        }
        if (fault is { MayHaveArrived: true })
            attempt.Doubt(fault);
        else if (fault is not null)
            attempt.Answered(fault);
    }

    /// <summary>Opens a session at a smarthost as for a message, log-in included, and ends it: for whoever wants to know whether it would work.</summary>
    /// <param name="smarthost">The smarthost.</param>
    /// <param name="family">Which families may be used.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<ProbedSmarthost> ProbeAsync(Smarthost smarthost, FamilyMode family, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(smarthost);
        var destination = new Destination($"smarthost:{smarthost.Name}", "", new Route("probe", [smarthost], family));
        var search = await _finder.FindAsync(smarthost, family, cancel).ConfigureAwait(false);
        if (search.Fault is not null)
            return new ProbedSmarthost(null, search.Fault);
        var host = search.Hosts[0];
        var demand = await _tls.DemandAsync(destination, host, smarthost, false, cancel).ConfigureAwait(false);
        SessionFault? fault = null;
        foreach (var group in await _families.OrderAsync(host, family, null, host.Addresses, cancel).ConfigureAwait(false))
        {
            var dialled = await _dial.DialAsync(group, smarthost.Port, cancel).ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
            if (dialled.Stream is null)
            {
                var (address, why) = dialled.Failed[0];
                fault ??= new SessionFault(Diagnostic.Of(host.Name, new EnhancedStatusCode(4, 4, 1), $"{why} ({address})"));
                continue;
            }
            var session = new SmtpClient(dialled.Stream, host.Name, _options, _clock, _log, cancel);
            await using (session.ConfigureAwait(false))
            {
                fault = await session.GreetAsync(demand).ConfigureAwait(false) ?? await session.BeginAsync(demand, smarthost.LogIn).ConfigureAwait(false);
                return new ProbedSmarthost(fault is null ? session.Offer : null, fault, session.Security);
            }
        }
        return new ProbedSmarthost(null, fault);
    }

    /// <summary>Closes the sessions that wait.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closed)
            return;
        _closed = true;
        await _idle.DisposeAsync().ConfigureAwait(false);
        await _lifetime.CancelAsync().ConfigureAwait(false);
        _lifetime.Dispose();
    }

    // A session from before may have died since, or not be fit for this message: whatever is wrong with it, hosts are tried afresh.
    private async ValueTask<bool> OverIdleAsync(Attempt attempt, CancellationToken cancel)
    {
        if (_idle.Take(attempt.Destination) is not { } session)
            return false;
        await using var broken = BreakOff(session, cancel).ConfigureAwait(false);
        try
        {
            // How a session came about is not remembered, so REQUIRETLS always has a new one.
            if (attempt.Mail.Envelope.RequireTls || session.Unfit(attempt.Mail) is not null)
                return false;
            using var place = await attempt.Place(cancel).ConfigureAwait(false);
            attempt.Mail.Security = session.Security;
            var fault = await session.SendAsync(attempt.Mail).ConfigureAwait(false);
            if (fault is { MayHaveArrived: true })
                attempt.Doubt(fault);
            return !attempt.Mail.IsOpen;
        }
        finally
        {
            await _idle.GiveAsync(attempt.Destination, session).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> OverHostAsync(Attempt attempt, MailHost host, Smarthost? smarthost, bool hasNext, CancellationToken cancel)
    {
        var demand = await _tls.DemandAsync(attempt.Destination, host, smarthost, attempt.Mail.Envelope.TlsOptional, cancel).ConfigureAwait(false);
        if (demand.Refusal is { } refusal)
        {
            attempt.Note(refusal);
            TlsResults?.Add(attempt.Destination.Domain, demand.Policy, refusal.Tls ?? TlsResult.ValidationFailure, host.Name);
            return false;
        }
        if (smarthost is null && attempt.Mail.Envelope is { RequireTls: true, Sender: not null } && !demand.ProvesHost)
        {
            attempt.Note(new SessionFault(
                Diagnostic.Of(
                    host.Name, new EnhancedStatusCode((byte)(demand.IsUncertain ? 4 : 5), 7, 10),
                    $"the sender asked for a verified host (REQUIRETLS), and nothing proves {(demand.IsUncertain ? "now " : "")}that this is one"),
                IsPermanent: !demand.IsUncertain));
            return false;
        }
        var port = smarthost?.Port ?? _options.Port;
        var addresses = host.Addresses;
        if (smarthost is null && hasNext && Ports is { } ports)
        {
            addresses = [.. addresses.Where(a => ports.MayTry(a.AddressFamily))];
            if (addresses.Count == 0)
            {
                attempt.Note(new SessionFault(Diagnostic.Of(host.Name, new EnhancedStatusCode(4, 4, 1), "port 25 seems to be blocked on the way out of this house")));
                return false;
            }
        }
        var senderDomain = attempt.Mail.Envelope.Sender?.Domain;
        foreach (var group in await _families.OrderAsync(host, attempt.Destination.Route.Family, senderDomain, addresses, cancel).ConfigureAwait(false))
        {
            var left = group.Take(_options.MaxAddresses).ToList();
            while (left.Count > 0 && attempt.MayDial)
            {
                var dialled = await _dial.DialAsync(left, port, cancel).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
                foreach (var (address, why) in dialled.Failed)
                {
                    left.Remove(address);
                    attempt.Note(new SessionFault(Diagnostic.Of(host.Name, new EnhancedStatusCode(4, 4, 1), $"{why} ({address})")));
                    _families.Learn(host, address, worked: false);
                    if (smarthost is null && why == StaggeredDial.TimedOut && !_options.ComesBackBySmtp(attempt.Destination.Domain))
                        Ports?.TimedOut(address, host.Name, attempt.Destination.Domain);
                }
                if (dialled.Stream is null)
                    break;
                left.Remove(dialled.Address!);
                var way = new Way(host, smarthost, dialled.Address!, port, demand);
                var next = await OverConnectionAsync(attempt, way, dialled.Stream, cancel).ConfigureAwait(false);
                if (next == Next.InClear)
                    next = await InClearAsync(attempt, way, cancel).ConfigureAwait(false);
                switch (next)
                {
                    case Next.Done:
                        return true;
                    case Next.SameAddress:
                        left.Insert(0, dialled.Address!);
                        break;
                    case Next.OtherFamily:
                        left.RemoveAll(a => a.AddressFamily == dialled.Address!.AddressFamily);
                        // The refusal stands where the other family would be refused as well.
                        if (host.Addresses.FirstOrDefault(a => a.AddressFamily != dialled.Address!.AddressFamily) is not { } other
                            || !await _families.IsHealthyAsync(other, senderDomain, cancel).ConfigureAwait(false))
                            return attempt.RestoreBlamed();
                        break;
                    case Next.OtherHost:
                        return false;
                }
            }
        }
        return attempt.RestoreBlamed();
    }

    private async ValueTask<Next> OverConnectionAsync(Attempt attempt, Way way, Stream stream, CancellationToken cancel)
    {
        attempt.Dialled++;
        var session = new SmtpClient(stream, way.Host.Name, _options, _clock, _log, _lifetime.Token) { OpenDeliveries = _options.RecognisedAt(way.Address) };
        var keep = false;
        await using var broken = BreakOff(session, cancel).ConfigureAwait(false);
        try
        {
            var fault = await session.GreetAsync(way.Demand).ConfigureAwait(false);
            if (fault is null && way.Smarthost is null && !session.IsSelf)
                Ports?.Worked(way.Address);
            if (fault is null && session.IsSelf && !_options.ComesBackBySmtp(attempt.Destination.Domain))
            {
                attempt.Loop(way.Host.Name);
                return Next.Done;
            }
            using var place = fault is null ? await attempt.Place(cancel).ConfigureAwait(false) : null;
            if (fault is null)
            {
                fault = await session.BeginAsync(way.Demand, way.Smarthost?.LogIn).ConfigureAwait(false);
                CountTls(attempt, way, session, fault);
            }
            if (fault is not null)
            {
                attempt.Note(fault);
                _families.Learn(way.Host, way.Address, worked: !fault.IsPermanent);
                return fault.InClear ? Next.InClear : Next.OtherAddress;
            }
            attempt.Reach = Reach.Reached;
            attempt.Mail.Security = session.Security;
            fault = await session.SendAsync(attempt.Mail).ConfigureAwait(false);
            // A session that came about without regard to the destination's policy is no way for other messages.
            keep = !attempt.Mail.Envelope.TlsOptional;
            if (fault is { MayHaveArrived: true })
            {
                attempt.Doubt(fault);
                return Next.Done;
            }
            if (fault is not null)
            {
                attempt.Note(fault);
                if (fault.Again)
                    return Next.SameAddress;
                // A host that hangs up on one message is not tried with the next at once.
                if (!session.IsUsable)
                    attempt.Reach = Reach.Unreachable;
                return Next.OtherHost;
            }
            if (attempt.TakeBlamed(way.Address))
            {
                _families.Learn(way.Host, way.Address, worked: false);
                return Next.OtherFamily;
            }
            _families.Learn(way.Host, way.Address, worked: true);
            return Next.Done;
        }
        finally
        {
            if (keep)
                await _idle.GiveAsync(attempt.Destination, session).ConfigureAwait(false);
            else
                await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    // The handshake failed where encryption was only an offer: the same host again, in clear (RFC 7435 3).
    private async ValueTask<Next> InClearAsync(Attempt attempt, Way way, CancellationToken cancel)
    {
        _log.Info("tls-fallback", ("id", attempt.Mail.Envelope.Id.ToString()), ("host", way.Host.Name), ("address", way.Address.ToString()));
        var again = await _dial.DialAsync([way.Address], way.Port, cancel).ConfigureAwait(false);
        return again.Stream is null
            ? Next.OtherAddress
            : await OverConnectionAsync(attempt, way with { Demand = TlsDemand.Never }, again.Stream, cancel).ConfigureAwait(false);
    }

    // A session that failed for another reason than encryption says nothing about it.
    private void CountTls(Attempt attempt, Way way, SmtpClient session, SessionFault? fault)
    {
        if (TlsResults is null || way.Smarthost is not null || way.Demand.Use == TlsUse.Never || attempt.Mail.Envelope.TlsOptional)
            return;
        var result = fault is not null && !session.IsEncrypted ? fault.Tls
            : !session.IsEncrypted ? TlsResult.StartTlsNotSupported
            : session.Watched?.Kind ?? (way.Demand.Policy == TlsPolicyKind.DaneWithoutName ? TlsResult.TlsaInvalid : TlsResult.Success);
        if (result is { } known)
            TlsResults.Add(attempt.Destination.Domain, way.Demand.Policy, known, way.Host.Name);
    }

    // The attempt's own end breaks off its session; one that is kept afterwards lives on.
    private static CancellationTokenRegistration BreakOff(SmtpClient session, CancellationToken cancel) =>
        cancel.UnsafeRegister(static s => ((SmtpClient)s!).Abandon(), session);

    private enum Next
    {
        Done,
        SameAddress,
        OtherAddress,
        OtherFamily,
        OtherHost,
        InClear,
    }

    private sealed record Way(MailHost Host, Smarthost? Smarthost, IPAddress Address, int Port, TlsDemand Demand);
}
