using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>Runs DMARC evaluations (RFC 9989) with look-ups in DNS.</summary>
/// <param name="resolver">Where look-ups go.</param>
public sealed class DmarcChecker(IMailResolver resolver)
{
    /// <summary>Evaluates one message.</summary>
    /// <param name="request">What SPF and DKIM have found.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<DmarcOutcome> CheckAsync(DmarcRequest request, CancellationToken cancel)
    {
        var evaluation = new DmarcEvaluation(request);
        while (evaluation.Next(out var question))
            evaluation.Answer(await resolver.AnswerAsync(question, null, cancel).ConfigureAwait(false));
        return evaluation.Outcome!;
    }
}
