using System.Security.Cryptography;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>
/// The rotation of signing keys: on request a new pair of keys under the next selector; both sign from the moment their records are seen in DNS and not
/// before; the old pair goes when no message that it signed can be on its way any more.
/// </summary>
/// <param name="keys">The keys.</param>
/// <param name="resolver">Where records are looked for.</param>
/// <param name="clock">Time.</param>
/// <param name="clockIsSane">Whether the clock can be believed; while it cannot, nothing is retired.</param>
/// <param name="log">The log.</param>
public sealed class DkimRotation(DkimKeys keys, IMailResolver resolver, TimeProvider clock, Func<bool> clockIsSane, Log log)
{
    /// <summary>How long a record has to stay after its key has signed last: five days in queues, and as long again for what is read late.</summary>
    public static readonly TimeSpan KeepRetired = TimeSpan.FromDays(14);

    private static readonly TimeSpan LookForRequests = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookIntoDns = TimeSpan.FromMinutes(10);

    /// <summary>Runs until stopped.</summary>
    /// <param name="domains">The hosted domains with their configured selectors, asked for anew each time.</param>
    /// <param name="stop">Stops it.</param>
    public async Task RunAsync(Func<IEnumerable<(string Domain, string Selector)>> domains, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(domains);
        using var timer = new PeriodicTimer(LookForRequests, clock);
        var looked = clock.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                var withDns = clock.GetElapsedTime(looked) >= LookIntoDns;
                if (withDns)
                    looked = clock.GetTimestamp();
                foreach (var (domain, selector) in domains())
                    await StepAsync(domain, selector, onRequest: !withDns, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <summary>Does what is due for one domain.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">Its configured selector.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public ValueTask StepAsync(string domain, string selector, CancellationToken cancel) => StepAsync(domain, selector, false, cancel);

    private async ValueTask StepAsync(string domain, string selector, bool onRequest, CancellationToken cancel)
    {
        try
        {
            var folder = keys.FolderOf(domain);
            if (onRequest && !DkimRotationState.IsRequested(folder))
                return;
            var state = DkimRotationState.Read(folder, selector);
            if (DkimRotationState.IsRequested(folder))
                state = Begin(domain, folder, state);
            if (state.Next is { } next && await IsPublishedAsync(domain, next, cancel).ConfigureAwait(false))
                state = GoOver(domain, folder, state, next, selector);
            if (clockIsSane())
                Retire(domain, folder, state);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            log.Error("dkim-rotation", ("domain", domain), ("what", e.Message));
        }
    }

    private DkimRotationState Begin(string domain, string folder, DkimRotationState state)
    {
        if (state.Next is null)
            state = state with { Next = state.Following() };
        foreach (var key in keys.Load(domain, state.Next))
            log.Info("dkim-rotation", ("domain", domain), ("publish", key.RecordName), ("text", key.RecordText));
        state.Write(folder);
        DkimRotationState.Withdraw(folder);
        return state;
    }

    private async ValueTask<bool> IsPublishedAsync(string domain, string selector, CancellationToken cancel)
    {
        foreach (var key in keys.Load(domain, selector))
        {
            var answer = await resolver.TxtAsync(key.RecordName, cancel).ConfigureAwait(false);
            if (!answer.Records.Any(text =>
                DkimKeyRecord.TryParse(text, out var record, out _) && record.Type == key.Algorithm && record.Key.AsSpan().SequenceEqual(key.PublicKey)))
                return false;
        }
        return true;
    }

    private DkimRotationState GoOver(string domain, string folder, DkimRotationState state, string next, string selector)
    {
        state = state with { Current = next, Next = null, Retired = [.. state.Retired, (state.Current, clock.GetUtcNow())] };
        state.Write(folder);
        keys.Use(domain, selector);
        log.Info("dkim-rotation", ("domain", domain), ("signs-now", next), ("keep", $"the records of the old selector for {KeepRetired.TotalDays} days"));
        return state;
    }

    private void Retire(string domain, string folder, DkimRotationState state)
    {
        var due = state.Retired.Where(r => clock.GetUtcNow() - r.Since >= KeepRetired).ToList();
        if (due.Count == 0)
            return;
        foreach (var (old, _) in due)
        {
            keys.Remove(domain, old);
            log.Info("dkim-rotation", ("domain", domain), ("retired", old), ("do", "its DNS records can be taken away"));
        }
        (state with { Retired = [.. state.Retired.Except(due)] }).Write(folder);
    }
}
