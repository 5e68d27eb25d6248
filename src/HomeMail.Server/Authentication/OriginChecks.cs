using System.Net;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>Gathers facts about the origin of messages that come from the internet.</summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="isHosted">Whether a domain is of this house.</param>
/// <param name="clock">Time.</param>
/// <param name="clockIsSane">Whether the clock can be believed.</param>
public sealed class OriginChecks(IMailResolver resolver, Func<string, bool> isHosted, TimeProvider clock, Func<bool> clockIsSane)
{
    private readonly SpfChecker _spf = new(resolver, clock);
    private readonly DkimVerifier _dkim = new(resolver, clock, clockIsSane);
    private readonly DmarcChecker _dmarc = new(resolver);

    /// <summary>
    /// Begins what needs no content, and does not wait for it: SPF and reverse DNS. Disposing of what comes back gives up, as RSET does.
    /// </summary>
    /// <param name="client">The client's address.</param>
    /// <param name="helo">Its HELO or EHLO name.</param>
    /// <param name="sender">The reverse-path; null is <c>&lt;&gt;</c>.</param>
    /// <param name="hostname">Our name.</param>
    public OriginGathering Begin(IPAddress client, string helo, Address? sender, string hostname)
    {
        var domain = sender is null ? null : AddressSyntax.TryToAscii(sender.Domain, out var ascii) ? ascii : sender.Domain;
        var request = SpfRequest.ForMailFrom(client, sender?.LocalPart, domain, helo) with { Receiver = hostname };
        var gathering = new OriginGathering(this, sender, request);
        // From an inner address a pass or fail for the house's own domain is the router's and not the sender's.
        if (isHosted(request.Domain) && SpecialPurpose.Is(request.Client))
            gathering.Start(NotAsked, "the client has an inner address: it says nothing of who sends for this house", ReverseName.CheckAsync(resolver, request.Client, gathering.Cancel));
        else
            gathering.Start(_spf.CheckAsync(request, gathering.Cancel), null, ReverseName.CheckAsync(resolver, request.Client, gathering.Cancel));
        return gathering;
    }

    private static ValueTask<SpfOutcome> NotAsked => ValueTask.FromResult(new SpfOutcome(SpfResult.None, null, null, null, 0, []));

    internal async ValueTask<OriginFacts> FinishAsync(
        OriginGathering gathering, ReadOnlyMemory<byte> header, Func<Stream> openBody, Task<SpfOutcome> spfTask, string? note, Task<ReverseName> reverse,
        CancellationToken cancel)
    {
        var author = AuthorDomain.Of(header.Span);
        var dkim = await _dkim.VerifyAsync(header, openBody, author.Kind == AuthorDomainKind.One ? author.Domain : null, cancel).ConfigureAwait(false);
        var spf = await spfTask.ConfigureAwait(false);
        var request = gathering.Request;
        var dmarc = author.Kind != AuthorDomainKind.One
            ? DmarcOutcome.NotEvaluable(author.Kind)
            : await _dmarc.CheckAsync(
                new DmarcRequest(
                    author.Domain,
                    [.. dkim.Select(v => v.PassedDomain).OfType<string>()],
                    spf.Result == SpfResult.Pass ? request.Domain : null,
                    [.. dkim.Where(v => v.Result == DkimResult.TempError && v.Signature is not null).Select(v => v.Signature!.Domain)],
                    spf.Result == SpfResult.TempError ? request.Domain : null),
                cancel).ConfigureAwait(false);
        return new OriginFacts(gathering.Sender, request, spf, note, await reverse.ConfigureAwait(false), dkim, author, dmarc);
    }
}

/// <summary>Look-ups under way for one transaction.</summary>
public sealed class OriginGathering : IDisposable
{
    private readonly OriginChecks _checks;
    private readonly CancellationTokenSource _stop = new();
    private Task<SpfOutcome>? _spf;
    private Task<ReverseName>? _reverse;
    private string? _note;

    internal OriginGathering(OriginChecks checks, Address? sender, SpfRequest request)
    {
        _checks = checks;
        Sender = sender;
        Request = request;
        Cancel = _stop.Token;
    }

    internal CancellationToken Cancel { get; }

    internal Address? Sender { get; }

    internal SpfRequest Request { get; }

    internal void Start(ValueTask<SpfOutcome> spf, string? note, ValueTask<ReverseName> reverse)
    {
        _spf = spf.AsTask();
        _reverse = reverse.AsTask();
        _note = note;
    }

    /// <summary>Waits for what was begun, and does what needs the content: DKIM and DMARC.</summary>
    /// <param name="header">The header as it came.</param>
    /// <param name="openBody">Opens the body in CRLF form.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public ValueTask<OriginFacts> FinishAsync(ReadOnlyMemory<byte> header, Func<Stream> openBody, CancellationToken cancel) =>
        _checks.FinishAsync(this, header, openBody, _spf!, _note, _reverse!, cancel);

    /// <summary>Gives up.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        // What was given up ends somewhere else; its end is nobody's error.
        _spf?.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        _reverse?.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}
