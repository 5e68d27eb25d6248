using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Delivery;

/// <summary>What was measured about sending over a family.</summary>
/// <param name="Source">Our address, or null if there is none.</param>
/// <param name="IsHealthy">Large receivers have no reason to refuse it.</param>
/// <param name="Why">Why, or why not, in plain words.</param>
/// <param name="Measured">When.</param>
public sealed record FamilyReport(IPAddress? Source, bool IsHealthy, string Why, DateTimeOffset Measured);

/// <summary>
/// Measures whether mail sent from an address of ours would be refused for the address: it must have a name in reverse DNS that is our EHLO name or leads
/// back, and the sender's SPF must cover it. Receivers ask for both over IPv6, and forgive their absence over IPv4 more often.
/// </summary>
/// <param name="resolver">Look-ups, cached.</param>
/// <param name="hostname">The name given in EHLO.</param>
/// <param name="clock">Time.</param>
public sealed class FamilyHealth(IMailResolver resolver, string hostname, TimeProvider clock)
{
    // What is well stays so; what is ill is looked at again, so that a mend is seen.
    private static readonly TimeSpan GoodFor = TimeSpan.FromHours(1);
    private static readonly TimeSpan BadFor = TimeSpan.FromMinutes(10);

    private const int MostMeasured = 256;

    private readonly SpfChecker _spf = new(resolver, clock);
    private readonly Lock _gate = new();
    private readonly Dictionary<(IPAddress Source, string Domain), (FamilyReport Report, long Since)> _measured = [];
    private readonly Dictionary<AddressFamily, FamilyReport> _latest = [];

    /// <summary>The latest report about a family, or null if nothing was measured yet.</summary>
    /// <param name="family">The family.</param>
    public FamilyReport? Latest(AddressFamily family)
    {
        lock (_gate)
            return _latest.GetValueOrDefault(family);
    }

    /// <summary>Is called with each new report that says something else than the one before about its family.</summary>
    public event Action<AddressFamily, FamilyReport>? Changed;

    /// <summary>Forgets what was measured: addresses or DNS have changed.</summary>
    public void Forget()
    {
        lock (_gate)
            _measured.Clear();
    }

    /// <summary>Notes that there is no address of a family to send from.</summary>
    /// <param name="family">The family.</param>
    /// <param name="why">Why, in plain words.</param>
    public FamilyReport None(AddressFamily family, string why)
    {
        var report = new FamilyReport(null, false, why, clock.GetUtcNow());
        Tell(family, report);
        return report;
    }

    /// <summary>Measures an address for a sender, or gives what was measured lately.</summary>
    /// <param name="source">The address that receivers see.</param>
    /// <param name="senderDomain">The domain of MAIL FROM; null for the null reverse-path, for which the EHLO name stands.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask<FamilyReport> MeasureAsync(IPAddress source, string? senderDomain, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        var key = (source, (senderDomain ?? "").ToLowerInvariant());
        lock (_gate)
            if (_measured.TryGetValue(key, out var known) && clock.GetElapsedTime(known.Since) < (known.Report.IsHealthy ? GoodFor : BadFor))
                return known.Report;
        var (isHealthy, why) = await JudgeAsync(source, senderDomain, cancel).ConfigureAwait(false);
        var report = new FamilyReport(source, isHealthy, why, clock.GetUtcNow());
        lock (_gate)
        {
            if (_measured.Count >= MostMeasured)
                _measured.Clear();
            _measured[key] = (report, clock.GetTimestamp());
        }
        Tell(source.AddressFamily, report);
        return report;
    }

    private async ValueTask<(bool IsHealthy, string Why)> JudgeAsync(IPAddress source, string? senderDomain, CancellationToken cancel)
    {
        var names = await resolver.PtrAsync(source, cancel).ConfigureAwait(false);
        var name = names.Records.FirstOrDefault(n => n.TrimEnd('.').Equals(hostname, StringComparison.OrdinalIgnoreCase));
        if (name is null)
        {
            var reverse = await ReverseName.CheckAsync(resolver, source, cancel).ConfigureAwait(false);
            if (reverse.Name is null)
                return (false, reverse.Result switch
                {
                    "permerror" => $"{source} has no name in DNS (PTR)",
                    "temperror" => $"the name of {source} in DNS (PTR) cannot be looked up just now",
                    _ => $"the name of {source} in DNS (PTR) does not lead back to it",
                });
            name = reverse.Name;
        }
        var spf = await _spf.CheckAsync(senderDomain is null ? SpfRequest.ForHelo(source, hostname) : SpfRequest.ForMailFrom(source, null, senderDomain, hostname), cancel).ConfigureAwait(false);
        // A domain without SPF refuses no address; the null reverse-path is judged by a HELO name that seldom has a record.
        return spf.Result is SpfResult.Pass or SpfResult.None
            ? (true, $"{source} is {name.TrimEnd('.')}, and the sender's SPF {(spf.Result == SpfResult.Pass ? "covers it" : "does not exist")}")
            : (false, $"SPF of {senderDomain ?? hostname} does not cover {source} ({ReceivedSpf.Name(spf.Result)})");
    }

    private void Tell(AddressFamily family, FamilyReport report)
    {
        FamilyReport? before;
        lock (_gate)
        {
            before = _latest.GetValueOrDefault(family);
            _latest[family] = report;
        }
        if (before is null || before.IsHealthy != report.IsHealthy || !Equals(before.Source, report.Source))
            Changed?.Invoke(family, report);
    }
}
