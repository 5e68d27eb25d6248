using System.Buffers;
using System.Net;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.House;

namespace HomeMail.Server.Authentication;

/// <summary>Gathers facts about the origin of messages that come from the internet.</summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="isHosted">Whether a domain is of this house.</param>
/// <param name="clock">Time.</param>
/// <param name="clockIsSane">Whether the clock can be believed.</param>
public sealed class OriginChecks(IMailResolver resolver, Func<string, bool> isHosted, TimeProvider clock, Func<bool> clockIsSane)
{
    private const int BlockSize = 16 * 1024;

    private readonly SpfChecker _spf = new(resolver, clock);
    private readonly DkimVerifier _dkim = new(resolver, clock, clockIsSane);
    private readonly DmarcChecker _dmarc = new(resolver);

    /// <summary>The domains whose ARC sets are believed, asked for anew for each message; in A-labels.</summary>
    public Func<IReadOnlyList<string>> TrustedArcSealers { get; init; } = static () => [];

    /// <summary>Whether results are wanted for aggregate reports, which costs a walk more where one identifier alone has decided.</summary>
    public Func<bool> WantsReports { get; init; } = static () => false;

    /// <summary>Whom SPF is asked about, for clients that are the house's own, its router's or its relays'.</summary>
    public SpfSubjects Subjects { get; init; } = SpfSubjects.Unaware;

    /// <summary>Is told where SPF fails, so that a router that masks its clients is noticed; or null.</summary>
    public MaskedAddresses? Masks { get; init; }

    /// <summary>
    /// Begins what needs no content, and does not wait for it: SPF and reverse DNS. Disposing of what comes back gives up, as RSET does.
    /// </summary>
    /// <param name="client">The client's address.</param>
    /// <param name="helo">Its HELO or EHLO name.</param>
    /// <param name="sender">The reverse-path; null is <c>&lt;&gt;</c>.</param>
    /// <param name="hostname">Our name.</param>
    public OriginGathering Begin(IPAddress client, string helo, Address? sender, string hostname)
    {
        // A name whose mapping would change it has no A-label form here, stays as it is, and passes nothing.
        var domain = sender is null ? null : InternationalName.TryToAscii(sender.Domain, out var ascii) ? ascii : sender.Domain;
        var request = SpfRequest.ForMailFrom(client, sender?.LocalPart, domain, helo) with { Receiver = hostname };
        var gathering = new OriginGathering(this, sender, request);
        gathering.IsUnknown = Subjects.IsUnknown(request.Client);
        var reverse = gathering.IsUnknown ? ValueTask.FromResult(ReverseName.Unknown) : ReverseName.CheckAsync(resolver, request.Client, gathering.Cancel);
        var subject = Subjects.Judge(request.Client, request.Domain, isHosted(request.Domain), isOurs: false);
        if (subject.Address is null && !isHosted(request.Domain))
            Masks?.StrangerFrom(request.Client, request.Domain);
        if (subject.Address is not null && !subject.Address.Equals(request.Client))
            gathering.Request = request.About(subject.Address);
        gathering.Start(subject.Address is null ? NotAsked : CheckAsync(gathering.Request, request.Client, gathering.Cancel), subject.Note, reverse);
        return gathering;
    }

    private async ValueTask<SpfOutcome> CheckAsync(SpfRequest request, IPAddress client, CancellationToken cancel)
    {
        var outcome = await _spf.CheckAsync(request, cancel).ConfigureAwait(false);
        if (Masks is null || isHosted(request.Domain) || !SpecialPurpose.Is(client) || IPAddress.IsLoopback(client))
            return outcome;
        if (outcome.Result is SpfResult.Fail or SpfResult.SoftFail)
            Masks.SpfFailed(client, request.Domain, isHelo: DnsName.Same(request.Domain, request.Helo));
        // A domain with a record has its own way out; its mail does not come from a host of this house.
        else if (outcome.Result is SpfResult.Neutral or SpfResult.Pass)
            Masks.SpokeForStranger(client);
        // A host of the house does not deny itself by its own name; a stranger behind a router does.
        if (!DnsName.Same(request.Domain, request.Helo) && !isHosted(request.Helo) && DnsName.IsHostLike(request.Helo)
            && (await _spf.CheckAsync(SpfRequest.ForHelo(client, request.Helo), cancel).ConfigureAwait(false)).Result == SpfResult.Fail)
            Masks.SpfFailed(client, request.Helo, isHelo: true);
        return outcome;
    }

    // A message of ours that has come back: only now is it known as such.
    private async ValueTask<(SpfOutcome Spf, string? Note)> JudgeOursAsync(OriginGathering gathering, CancellationToken cancel)
    {
        var subject = Subjects.Judge(gathering.Client, gathering.Request.Domain, isHosted(gathering.Request.Domain), isOurs: true);
        if (subject.Address is null)
            return (await NotAsked.ConfigureAwait(false), subject.Note);
        gathering.Request = gathering.Request.About(subject.Address);
        return (await _spf.CheckAsync(gathering.Request, cancel).ConfigureAwait(false), subject.Note);
    }

    private static ValueTask<SpfOutcome> NotAsked => ValueTask.FromResult(new SpfOutcome(SpfResult.None, null, null, null, 0, []));

    internal async ValueTask<OriginFacts> FinishAsync(
        OriginGathering gathering, ReadOnlyMemory<byte> header, Func<Stream> openBody, Task<SpfOutcome> spfTask, string? note, Task<ReverseName> reverse,
        CancellationToken cancel)
    {
        var author = AuthorDomain.Of(header.Span);
        var fields = new SignedHeader(header);
        using var signatures = _dkim.Begin(fields, author.Kind == AuthorDomainKind.One ? author.Domain : null, cancel);
        using var chain = new ArcVerification(fields, resolver);
        if (signatures.WantsBody || chain.WantsBody)
            await ReadBodyAsync(openBody, signatures, chain, cancel).ConfigureAwait(false);
        var dkim = await signatures.FinishAsync().ConfigureAwait(false);
        var arc = await chain.FinishAsync(cancel).ConfigureAwait(false);
        var spf = await spfTask.ConfigureAwait(false);
        if (gathering.IsOurs)
            (spf, note) = await JudgeOursAsync(gathering, cancel).ConfigureAwait(false);
        var request = gathering.Request;
        var dmarc = author.Kind != AuthorDomainKind.One
            ? DmarcOutcome.NotEvaluable(author.Kind)
            : await _dmarc.CheckAsync(
                new DmarcRequest(
                    author.Domain,
                    [.. dkim.Select(v => v.PassedDomain).OfType<string>()],
                    spf.Result == SpfResult.Pass ? request.Domain : null,
                    [.. dkim.Where(v => v.Result == DkimResult.TempError && v.Signature is not null).Select(v => v.Signature!.Domain)],
                    spf.Result == SpfResult.TempError ? request.Domain : null, ForReport: WantsReports()),
                cancel).ConfigureAwait(false);
        var isUnknown = gathering.IsUnknown && !gathering.IsOurs;
        if (isUnknown && dmarc.Result == DmarcResult.Fail)
            dmarc = dmarc with { Result = DmarcResult.None, Policy = DmarcPolicy.None, Problem = "not evaluable: the address of whoever sent it is not known" };
        return new OriginFacts(gathering.Sender, request, spf, note, await reverse.ConfigureAwait(false), dkim, author, dmarc)
        {
            Arc = arc,
            TrustedArc = ArcEvidence.Of(arc, TrustedArcSealers()),
            Client = gathering.Client,
            IsOurs = gathering.IsOurs,
            IsAddressUnknown = isUnknown,
        };
    }

    // Once, for the signatures and the chain together.
    private static async ValueTask ReadBodyAsync(Func<Stream> openBody, DkimVerification signatures, ArcVerification chain, CancellationToken cancel)
    {
        var block = ArrayPool<byte>.Shared.Rent(BlockSize);
        try
        {
            var body = openBody();
            await using (body.ConfigureAwait(false))
            {
                int read;
                while ((read = await body.ReadAsync(block, cancel).ConfigureAwait(false)) > 0)
                {
                    signatures.Body(block.AsSpan(0, read));
                    chain.Body(block.AsSpan(0, read));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
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
        Client = request.Client;
        Cancel = _stop.Token;
    }

    internal CancellationToken Cancel { get; }

    internal Address? Sender { get; }

    internal IPAddress Client { get; }

    internal SpfRequest Request { get; set; }

    internal bool IsUnknown { get; set; }

    /// <summary>The message was recognised as one that this server is sending; to be set before <see cref="FinishAsync"/>.</summary>
    public bool IsOurs { get; set; }

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
