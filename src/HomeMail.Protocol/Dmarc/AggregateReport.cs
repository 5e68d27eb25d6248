namespace HomeMail.Protocol.Dmarc;

/// <summary>A DKIM result in an aggregate report (RFC 9990 3.1.1.12).</summary>
/// <param name="Domain">d=</param>
/// <param name="Selector">s=</param>
/// <param name="Result">The result as RFC 8601 2.7.1 names it.</param>
public sealed record ReportedDkim(string Domain, string Selector, string Result);

/// <summary>One <c>record</c> of an aggregate report (RFC 9990 3.1.1.7): what came from one address with one outcome.</summary>
public sealed record ReportedRecord
{
    /// <summary>The client's address.</summary>
    public required string Source { get; init; }

    /// <summary>How many messages.</summary>
    public long Count { get; init; } = 1;

    /// <summary>What was done with them: <c>none</c>, <c>pass</c>, <c>quarantine</c> or <c>reject</c>.</summary>
    public required string Disposition { get; init; }

    /// <summary>Whether a DKIM identifier was aligned.</summary>
    public bool DkimAligned { get; init; }

    /// <summary>Whether the SPF identifier was aligned.</summary>
    public bool SpfAligned { get; init; }

    /// <summary>Why the disposition is not that of the published policy (RFC 9990 3.1.6), or null.</summary>
    public string? Reason { get; init; }

    /// <summary>The author's domain.</summary>
    public required string HeaderFrom { get; init; }

    /// <summary>The domain of MAIL FROM; empty for a null reverse-path, null if it is not told.</summary>
    public string? EnvelopeFrom { get; init; }

    /// <summary>The domain of RCPT TO, or null.</summary>
    public string? EnvelopeTo { get; init; }

    /// <summary>The DKIM results.</summary>
    public IReadOnlyList<ReportedDkim> Dkim { get; init; } = [];

    /// <summary>The domain that SPF was asked about, or null.</summary>
    public string? SpfDomain { get; init; }

    /// <summary>What SPF said, as RFC 8601 2.7.2 names it.</summary>
    public string SpfResult { get; init; } = "none";

    /// <summary>Whether DMARC passed: one identifier was aligned.</summary>
    public bool Passed => DkimAligned || SpfAligned;
}

/// <summary>What an aggregate report says about itself (RFC 9990 3.1.1.3, 3.1.1.4) and about the policy (3.1.1.5), its records aside.</summary>
public sealed record AggregateReport
{
    /// <summary>Who reports.</summary>
    public required string Organization { get; init; }

    /// <summary>Whom to ask about the report.</summary>
    public required string Email { get; init; }

    /// <summary>The Report-ID (RFC 9990 3.5.1).</summary>
    public required string Id { get; init; }

    /// <summary>Start of the period, in seconds since 1970.</summary>
    public required long Begin { get; init; }

    /// <summary>Its end.</summary>
    public required long End { get; init; }

    /// <summary>The DMARC Policy Domain: where the record was found.</summary>
    public required string Domain { get; init; }

    /// <summary>The published policy, <c>p=</c>.</summary>
    public string Policy { get; init; } = "none";

    /// <summary>What wrote the report, or null.</summary>
    public string? Generator { get; init; }
}
