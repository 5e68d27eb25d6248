using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Server.Intake;

namespace HomeMail.Server.Reports;

/// <summary>
/// Sends aggregate reports (RFC 9990), one a domain and day, when the day is over. Each domain has its time of the day, so that they do not all go at
/// once; what was missed while the server did not run is sent later. Nothing goes while the clock cannot be believed.
/// </summary>
/// <param name="tally">What is to be reported.</param>
/// <param name="destinations">Where it may go.</param>
/// <param name="mail">Takes the mail.</param>
/// <param name="identity">As whom; null while no reports are to be sent, or none could be signed.</param>
/// <param name="generator">The name and version of this program.</param>
/// <param name="clock">Time.</param>
/// <param name="clockIsSane">Whether it can be believed.</param>
/// <param name="log">The log.</param>
public sealed class ReportSender(
    ReportTally tally, ReportDestinations destinations, IGeneratedMail mail, Func<ReportIdentity?> identity, string generator, TimeProvider clock,
    Func<bool> clockIsSane, Log log)
{
    private const int MaxAtOnce = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(30);

    // A report goes between one and twenty-one hours after its day.
    private static readonly TimeSpan Earliest = TimeSpan.FromHours(1);
    private static readonly TimeSpan Spread = TimeSpan.FromHours(20);

    /// <summary>Sends what is due, again and again.</summary>
    /// <param name="stop">Ends it.</param>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        try
        {
            do
                await SendDueAsync(stop).ConfigureAwait(false);
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Sends what is due now.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <returns>How many domains were reported to.</returns>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<int> SendDueAsync(CancellationToken cancel)
    {
        if (!clockIsSane() || identity() is not { } sender)
            return 0;
        var sent = 0;
        foreach (var day in tally.Past())
        {
            if (sent == MaxAtOnce)
                break;
            if (clock.GetUtcNow() < DueTime(day, sender.Hostname))
                continue;
            try
            {
                if (await SendAsync(day, sender, cancel).ConfigureAwait(false))
                    sent++;
            }
            catch (IOException e)
            {
                log.Error("dmarc-report", ("domain", day.Domain), ("what", e.Message));
            }
        }
        return sent;
    }

    /// <summary>When a report goes.</summary>
    /// <param name="day">The report.</param>
    /// <param name="hostname">Our name: two receivers do not choose the same time.</param>
    internal static DateTimeOffset DueTime(ReportDay day, string hostname)
    {
        var hash = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{day.Domain}|{hostname}")));
        var end = new DateTimeOffset(day.Day.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        return end + Earliest + (Spread * (hash / (double)uint.MaxValue));
    }

    private async ValueTask<bool> SendAsync(ReportDay day, ReportIdentity sender, CancellationToken cancel)
    {
        var to = await destinations.FindAsync(day.Domain, day.Record, cancel).ConfigureAwait(false);
        if (to is null)
        {
            log.Info("dmarc-report", ("domain", day.Domain), ("deferred", "DNS does not tell now where it may go"));
            return false;
        }
        foreach (var address in to)
        {
            // The null reverse-path: what becomes of a report is nobody's concern, and nothing may come back for it.
            var message = ReportMessage.Compose(day, sender, address, clock.GetUtcNow(), generator);
            if (!await mail.AcceptAsync(null, address, message, false, cancel).ConfigureAwait(false))
                return false; // later; what went already bears the same identifier
            log.Info("dmarc-report", ("domain", day.Domain), ("day", day.Day.ToString("O")), ("to", address.ToString()), ("records", day.Records.Count));
        }
        if (to.Count == 0)
            log.Info("dmarc-report", ("domain", day.Domain), ("dropped", "no destination in its record may be used"));
        tally.Forget(day.Day, day.Domain);
        return to.Count > 0;
    }
}
