using System.Threading.Channels;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Server.Dns;
using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Reports;

/// <summary>A message in a mailbox that may carry an aggregate report.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Message">Its identifier, for the log.</param>
/// <param name="From">The domain of its From.</param>
/// <param name="IsVerified">Whether it passed DMARC.</param>
public sealed record ReportOffer(StoredMessage Place, MessageId Message, string From, bool IsVerified);

/// <summary>
/// Reads the aggregate reports that come in (RFC 9990), behind the reply to the message that brought them and off its way: one after the other, from the
/// mailbox where it lies. Whatever is wrong with a report is the report's trouble; the message stays what it is.
/// </summary>
/// <param name="reports">Where they are kept.</param>
/// <param name="open">Opens a message; may throw <see cref="IOException"/> where it is gone.</param>
/// <param name="ourDomains">The domains that are hosted here, in A-labels.</param>
/// <param name="resolver">For the addresses that our own records name.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed class ReportReading(
    ReceivedReports reports, Func<StoredMessage, IFile?> open, Func<IReadOnlyCollection<string>> ourDomains, IMailResolver resolver, TimeProvider clock, Log log)
{
    /// <summary>A larger message is not looked at.</summary>
    public const long MaxMessage = 3 * 1024 * 1024;

    private const int MaxWaiting = 32;

    private static readonly TimeSpan AddressesKept = TimeSpan.FromHours(6);

    private readonly Channel<ReportOffer> _waiting = Channel.CreateBounded<ReportOffer>(
        new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private volatile IReadOnlyCollection<string> _addresses = [];

    /// <summary>Whether a message to this recipient with this header may carry a report: it goes where reports go, or says that it is one.</summary>
    /// <param name="recipient">The recipient.</param>
    /// <param name="header">The header.</param>
    public bool MayBeOne(Address recipient, ReadOnlySpan<byte> header)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        return recipient.LocalPart.Equals("postmaster", StringComparison.OrdinalIgnoreCase) || _addresses.Contains(recipient.Key) || ReportSubject.Is(header);
    }

    /// <summary>Takes a message to read later. When too many wait it is left unread.</summary>
    /// <param name="offer">The message.</param>
    public void Offer(ReportOffer offer) => _waiting.Writer.TryWrite(offer);

    /// <summary>Reads what is offered, until told to stop.</summary>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await Task.WhenAll(ReadAllAsync(stop), LearnAddressesAsync(stop)).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Reads one message.</summary>
    /// <param name="offer">The message.</param>
    /// <returns>The report that is kept; null if there is none, or it is not about a domain of ours.</returns>
    public ReceivedReport? Read(ReportOffer offer)
    {
        ArgumentNullException.ThrowIfNull(offer);
        try
        {
            using var file = open(offer.Place);
            if (file is null || file.Length > MaxMessage)
                return Refuse(offer, file is null ? "the message is gone" : "the message is too large");
            var octets = new byte[file.Length];
            var length = 0;
            int read;
            while (length < octets.Length && (read = file.Read(octets.AsSpan(length), length)) > 0)
                length += read;
            if (ReportAttachment.Take(octets.AsSpan(0, length)) is not { } packed)
                return Refuse(offer, "no part of it is one that could carry a report");
            var summary = new ReportSummary();
            using var document = ReportUnpacking.Open(packed);
            var about = AggregateReportReader.Read(document, summary.Add);
            if (!ourDomains().Any(d => DnsName.IsWithin(about.Domain, d)))
            {
                log.Info("dmarc-report-in", ("id", offer.Message.Value), ("refused", "it is about a domain that is not hosted here"), ("domain", about.Domain));
                return null;
            }
            var report = summary.Of(about, offer.From, offer.IsVerified);
            var kept = reports.Add(report);
            log.Info(
                "dmarc-report-in", ("id", offer.Message.Value), ("domain", report.Domain), ("reporter", report.Reporter), ("verified", report.IsVerified ? "yes" : "no"),
                ("passed", report.Passed), ("failed", report.Failed), ("kept", kept ? null : "no"));
            return kept ? report : null;
        }
        catch (Exception e) when (e is IOException or FormatException or InvalidDataException)
        {
            return Refuse(offer, e.Message);
        }
    }

    private ReceivedReport? Refuse(ReportOffer offer, string why)
    {
        log.Info("dmarc-report-in", ("id", offer.Message.Value), ("refused", why));
        return null;
    }

    private async Task ReadAllAsync(CancellationToken stop)
    {
        await foreach (var offer in _waiting.Reader.ReadAllAsync(stop).ConfigureAwait(false))
        {
            try
            {
                Read(offer);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A parser that stumbles must not end the reading of all others.
                log.Error("dmarc-report-in", ("id", offer.Message.Value), ("error", e.ToString()));
            }
        }
    }

    // Which mailboxes get our reports is in our own records.
    private async Task LearnAddressesAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(AddressesKept, clock);
        do
        {
            var found = new HashSet<string>(StringComparer.Ordinal);
            foreach (var domain in ourDomains())
                foreach (var text in (await resolver.TxtAsync($"_dmarc.{domain}", stop).ConfigureAwait(false)).Records ?? [])
                    if (DmarcRecord.TryParse(text, out var record))
                        foreach (var address in record.ReportAddresses)
                            if (AddressSyntax.TryParseMailbox(address, true, out var parsed))
                                found.Add(parsed!.Key);
            _addresses = found;
        }
        while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
    }
}
