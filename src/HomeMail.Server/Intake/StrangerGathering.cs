using System.Net;
using HomeMail.Server.Authentication;

namespace HomeMail.Server.Intake;

/// <summary>Look-ups about a stranger that are under way for one transaction: its origin, and the block lists.</summary>
internal sealed class StrangerGathering : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public StrangerGathering(OriginGathering origin, Judgement? judgement, IPAddress client, bool isUnknown)
    {
        Origin = origin;
        Lists = judgement?.BeginLists(client, isUnknown, _stop.Token);
    }

    /// <summary>The origin.</summary>
    public OriginGathering Origin { get; }

    /// <summary>The lists that have the client, or null where nobody decides.</summary>
    public Task<IReadOnlyList<string>>? Lists { get; }

    /// <summary>Gives up.</summary>
    public void Dispose()
    {
        Origin.Dispose();
        _stop.Cancel();
        _stop.Dispose();
        Lists?.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}
