using System.Net;

namespace HomeMail.Server.Delivery;

/// <summary>
/// Opens a connection to one of several addresses (RFC 8305 5): the first is begun, and each time nothing has come of it for a quarter of a
/// second, or all that were begun have failed, the next. The first connection wins, the others are given up.
/// </summary>
/// <param name="dialer">Opens connections.</param>
/// <param name="options">The wait between two, and the limit of each.</param>
/// <param name="clock">Measures them.</param>
internal sealed class StaggeredDial(IDialer dialer, DeliveryOptions options, TimeProvider clock)
{
    /// <summary>What is said of a connection that has timed out.</summary>
    public const string TimedOut = "connection timed out";

    /// <summary>A connection, or what became of each address.</summary>
    /// <param name="Stream">The connection, or null.</param>
    /// <param name="Address">The address it is to.</param>
    /// <param name="Failed">The addresses that have failed, with why.</param>
    public sealed record Outcome(Stream? Stream, IPAddress? Address, IReadOnlyList<(IPAddress Address, string Why)> Failed);

    /// <summary>Tries the addresses in order.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="port">The port.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">Given up.</exception>
    public async ValueTask<Outcome> DialAsync(IReadOnlyList<IPAddress> addresses, int port, CancellationToken cancel)
    {
        using var losers = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = new List<Task<(IPAddress Address, Stream? Stream, string Why)>>(addresses.Count);
        var failed = new List<(IPAddress, string)>();
        var next = 0;
        while (running.Count > 0 || next < addresses.Count)
        {
            if (next < addresses.Count)
                running.Add(OneAsync(addresses[next++], port, losers.Token));
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var wait = next < addresses.Count ? Task.Delay(options.Stagger, clock, pause.Token) : Task.Delay(Timeout.InfiniteTimeSpan, pause.Token);
            while (running.Count > 0)
            {
                var ended = await Task.WhenAny(running.Append(wait)).ConfigureAwait(false);
                if (ended == wait)
                {
                    cancel.ThrowIfCancellationRequested();
                    break;
                }
                var one = (Task<(IPAddress Address, Stream? Stream, string Why)>)ended;
                running.Remove(one);
                var (address, stream, why) = await one.ConfigureAwait(false);
                if (stream is not null)
                {
                    await pause.CancelAsync().ConfigureAwait(false);
                    await losers.CancelAsync().ConfigureAwait(false);
                    foreach (var loser in running)
                        _ = CloseAsync(loser);
                    return new Outcome(stream, address, failed);
                }
                cancel.ThrowIfCancellationRequested();
                failed.Add((address, why));
            }
            await pause.CancelAsync().ConfigureAwait(false);
        }
        return new Outcome(null, null, failed);
    }

    private async Task<(IPAddress Address, Stream? Stream, string Why)> OneAsync(IPAddress address, int port, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Timeouts.Connect, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            return (address, await dialer.DialAsync(new IPEndPoint(address, port), both.Token).ConfigureAwait(false), "");
        }
        catch (DialException e)
        {
            return (address, null, e.Message);
        }
        catch (OperationCanceledException)
        {
            return (address, null, TimedOut);
        }
    }

    private static async Task CloseAsync(Task<(IPAddress Address, Stream? Stream, string Why)> loser)
    {
        var (_, stream, _) = await loser.ConfigureAwait(false);
        if (stream is not null)
            await stream.DisposeAsync().ConfigureAwait(false);
    }
}
