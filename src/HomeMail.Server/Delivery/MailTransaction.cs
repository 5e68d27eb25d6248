using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>A message on its way to one destination: the envelope, the octets, the recipients that are tried, and what has become of each.</summary>
/// <param name="envelope">The envelope; only read here.</param>
/// <param name="content">The octets.</param>
/// <param name="recipients">The recipients that are tried, all of one destination.</param>
public sealed class MailTransaction(Envelope envelope, MailContent content, IReadOnlyList<EnvelopeRecipient> recipients)
{
    private readonly RecipientResult?[] _results = new RecipientResult?[recipients.Count];

    /// <summary>The envelope.</summary>
    public Envelope Envelope { get; } = envelope;

    /// <summary>The octets.</summary>
    public MailContent Content { get; } = content;

    /// <summary>The recipients that are tried.</summary>
    public IReadOnlyList<EnvelopeRecipient> Recipients { get; } = recipients;

    /// <summary>What has become of each, in the same order; null where nothing is decided.</summary>
    public IReadOnlyList<RecipientResult?> Results => _results;

    /// <summary>How the session is encrypted over which it is being sent; it goes with each delivered recipient.</summary>
    public string? Security { get; set; }

    /// <summary>Whether something is still undecided.</summary>
    public bool IsOpen => Array.IndexOf(_results, null) >= 0;

    /// <summary>The indices of the undecided recipients.</summary>
    public IEnumerable<int> Open()
    {
        for (var i = 0; i < _results.Length; i++)
            if (_results[i] is null)
                yield return i;
    }

    /// <summary>Sets what has become of one recipient.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="result">The result, or null to leave it to the next host.</param>
    public void Set(int index, RecipientResult? result) =>
        _results[index] = result is { Outcome: DeliveryOutcome.Delivered, Security: null } ? result with { Security = Security } : result;

    /// <summary>Gives every undecided recipient the same result.</summary>
    /// <param name="result">The result.</param>
    public void SetOpen(RecipientResult result)
    {
        for (var i = 0; i < _results.Length; i++)
            _results[i] ??= result;
    }
}
