using System.Net;
using HomeMail.Server.Dns;

namespace HomeMail.Server.House;

/// <summary>
/// The live picture of the public addresses: asked for at the start, when somebody says that something may have changed, and every few minutes. When what is
/// sure has changed, it is sent to the name server of <c>[dns-update]</c>.
/// </summary>
/// <param name="finder">Asks the sources.</param>
/// <param name="updates">Sends updates.</param>
/// <param name="target">Where to, or null for nowhere; asked for anew each time.</param>
/// <param name="hostname">Our name.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class AddressWatch(
    PublicAddresses finder, DnsUpdateClient updates, Func<DnsUpdateTarget?> target, Func<string> hostname, TimeProvider clock, Log log) : IDisposable
{
    // A provider changes addresses without a word; behind somebody else's router nothing tells of it.
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _wake = new(0, 1);
    private HashSet<IPAddress>? _sent;
    private volatile PublicPicture _current = PublicPicture.Empty;

    /// <summary>What is known now.</summary>
    public PublicPicture Current => _current;

    /// <summary>Is called after the addresses have changed.</summary>
    public event Action<PublicPicture>? Changed;

    /// <summary>Something may have changed: the sources are asked soon. Whoever says so is not believed, only heard.</summary>
    public void Look()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is about to look.
        }
    }

    /// <summary>Looks until the server stops.</summary>
    /// <param name="stop">The server stops.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await LookAsync(stop).ConfigureAwait(false);
                using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
                var wait = _wake.WaitAsync(timer.Token);
                await Task.WhenAny(wait, Task.Delay(Interval, clock, timer.Token)).ConfigureAwait(false);
                await timer.CancelAsync().ConfigureAwait(false);
                stop.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    /// <summary>Looks once.</summary>
    /// <param name="cancel">Gives up.</param>
    public async Task LookAsync(CancellationToken cancel)
    {
        var before = _current;
        var now = await finder.AskAsync(cancel).ConfigureAwait(false);
        _current = now;
        if (!before.Addresses.SequenceEqual(now.Addresses))
        {
            log.Info("addresses", ("public", now.Addresses.Count == 0 ? "none known" : string.Join(' ', now.Addresses)),
                ("by", string.Join(' ', now.Addresses.SelectMany(now.SourcesOf).Distinct())));
            Changed?.Invoke(now);
        }
        if (target() is { } where)
            await PublishAsync(where, now, cancel).ConfigureAwait(false);
    }

    private async Task PublishAsync(DnsUpdateTarget where, PublicPicture picture, CancellationToken cancel)
    {
        var published = picture.Reports.Where(r => r.Source == AddressSource.Hostname).Select(r => r.Address).ToHashSet();
        var wanted = picture.Addresses.Where(a => !(_sent ?? published).Contains(a)).ToList();
        if (wanted.Count == 0)
        {
            _sent ??= published;
            return;
        }
        picture = await finder.TryOutAsync(picture, await updates.ServersAsync(where, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
        var agreed = picture.Addresses.Where(picture.MayBePublished).ToList();
        if (!agreed.Intersect(wanted).Any())
        {
            log.Info("dns-update", ("addresses", string.Join(' ', wanted)), ("what", "not sent: only one source knows of it"));
            return;
        }
        var result = await updates.SetAddressesAsync(where, hostname(), agreed, cancel).ConfigureAwait(false);
        log.Info("dns-update", ("addresses", string.Join(' ', agreed)), ("done", result.IsDone ? "yes" : "no"), ("what", result.Text));
        if (result.IsDone)
            _sent = [.. agreed];
    }

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();
}
