using HomeMail.Protocol.Spf;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>
/// Runs SPF evaluations (RFC 7208) with look-ups in DNS. The client's address is whatever the caller says: which one is right for a
/// connection that came through the house's own router is not decided here.
/// </summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="clock">The time.</param>
public sealed class SpfChecker(IMailResolver resolver, TimeProvider clock)
{
    // RFC 7208 4.6.4: at least 20 seconds, then a temporary error.
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(20);

    /// <summary>Checks one identity.</summary>
    /// <param name="request">What is to be checked.</param>
    /// <param name="cancel">Gives up: the facts are no longer wanted.</param>
    /// <returns>The outcome; what DNS does is never an exception.</returns>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<SpfOutcome> CheckAsync(SpfRequest request, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(request);
        var evaluation = new SpfEvaluation(request.Time == default ? request with { Time = clock.GetUtcNow() } : request);
        if (!evaluation.Next(out var question))
            return evaluation.Outcome!;
        using var timer = new CancellationTokenSource(MostTime, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            do
                evaluation.Answer(await resolver.AnswerAsync(question, request.Client, both.Token).ConfigureAwait(false));
            while (evaluation.Next(out question));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            evaluation.TimeOut();
        }
        return evaluation.Outcome!;
    }
}
