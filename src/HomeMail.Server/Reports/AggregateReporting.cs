using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Authentication;
using HomeMail.Server.Intake;
using HomeMail.Storage;

namespace HomeMail.Server.Reports;

/// <summary>Whether, and about whom, results are counted for reports: <c>[policy] dmarc-reports</c>.</summary>
public enum ReportScope
{
    /// <summary>None are.</summary>
    Off,

    /// <summary>About every domain that asks for it and is not hosted here.</summary>
    Foreign,

    /// <summary>About those hosted here as well.</summary>
    All,
}

/// <summary>What aggregate reporting learns of each message that came from the internet: it counts the outcome, and picks out the reports that came in.</summary>
/// <param name="tally">Counts outcomes.</param>
/// <param name="reading">Reads reports.</param>
/// <param name="scope">What is counted, asked for anew each time.</param>
/// <param name="isHosted">Whether a domain is of this house.</param>
/// <param name="clockIsSane">Whether the clock can be believed; while it cannot, nobody knows which day it is.</param>
/// <param name="log">The log.</param>
public sealed class AggregateReporting(
    ReportTally tally, ReportReading reading, Func<ReportScope> scope, Func<string, bool> isHosted, Func<bool> clockIsSane, Log log) : IReceptionObserver
{
    /// <inheritdoc/>
    public void Received(in Reception reception)
    {
        try
        {
            Count(reception);
            Offer(reception);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The message is on disk, and its reply is owed whatever becomes of statistics.
            log.Error("dmarc-report", ("id", reception.Id.Value), ("error", e.ToString()));
        }
    }

    private void Count(in Reception reception)
    {
        var facts = reception.Facts;
        if (scope() is var wanted && wanted != ReportScope.Off && clockIsSane() && ReportTally.IsReportable(facts)
            && (wanted == ReportScope.All || !(isHosted(facts.Dmarc.PolicyDomain!) || isHosted(facts.Author.Domain)))
            // Two servers that report about each other's reports would never end. Only a proven report is one: a forger could write the subject, too.
            && !(facts.Dmarc.Result == DmarcResult.Pass && ReportSubject.Is(reception.Header.Span)))
            tally.Add(facts, OnlyDomain(reception), reception.Handling, reception.Reason);
    }

    private void Offer(in Reception reception)
    {
        for (var i = 0; i < reception.Stored.Count; i++)
        {
            if (reception.Deliveries[i].Recipient is not { } recipient || !reading.MayBeOne(recipient, reception.Header.Span))
                continue;
            reading.Offer(new ReportOffer(
                reception.Stored[i], reception.Id, reception.Facts.Author.Domain, reception.Facts.Dmarc.Result == DmarcResult.Pass));
            break; // the same message, however many have it
        }
    }

    private static string? OnlyDomain(in Reception reception)
    {
        string? only = null;
        foreach (var recipient in reception.Recipients)
        {
            if (only is not null && !only.Equals(recipient.Domain, StringComparison.OrdinalIgnoreCase))
                return null;
            only = recipient.Domain;
        }
        return only;
    }
}
