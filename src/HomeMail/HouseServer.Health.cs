using System.Globalization;
using System.Net.Sockets;
using HomeMail.Server.Control;
using HomeMail.Server.Watching;
using HomeMail.Storage.Files;

namespace HomeMail;

/// <summary>What is wrong, and what can be counted.</summary>
internal sealed partial class HouseServer
{
    // A certificate of an authority that is not renewed by now will not be.
    private static readonly TimeSpan CertificateNotice = TimeSpan.FromDays(10);

    private readonly EventCounts _events = new(
        Server.DeliveryWords.Accepted, Server.DeliveryWords.Refused, Server.DeliveryWords.Kept, Server.DeliveryWords.Queued, Server.DeliveryWords.Delivered,
        Server.DeliveryWords.Deferred, Server.DeliveryWords.Failed, Server.DeliveryWords.Told, Server.DeliveryWords.Discarded, Server.DeliveryWords.Forwarded);

    private readonly FlashWritten _flash;

    private IEnumerable<HealthProblem> Problems()
    {
        if (_data.Spool.Admit(0) is StorageCondition.DiskFull or StorageCondition.ReadOnly)
            yield return new HealthProblem("the disk is full or cannot be written: no mail is taken", IsFailing: true);
        if (_memory.IsCritical)
            yield return new HealthProblem("memory is used up: nobody is let in", IsFailing: true);
        else if (_memory.IsShort)
            yield return new HealthProblem("memory is short: mail is put off");
        if (!IsClockSane())
            yield return new HealthProblem("the clock is not set: nothing is given up, bounced or released");
        if (_running.Smtp.Tls is { } tls && tls.Certificate.NotAfter.ToUniversalTime() - _clock.GetUtcNow() < CertificateNotice && IsClockSane())
            yield return new HealthProblem(string.Create(CultureInfo.InvariantCulture, $"the certificate ends at {tls.Certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm}Z"));
        if (_masked.Seen.Count > 0)
            yield return new HealthProblem($"a router gives its clients its own address: {string.Join(' ', _masked.Seen)}; see `homemail doctor`");
        if (_ports.BlockedSince(AddressFamily.InterNetwork) is not null && (_ports.BlockedSince(AddressFamily.InterNetworkV6) is not null || _health.Latest(AddressFamily.InterNetworkV6) is null))
            yield return new HealthProblem("port 25 seems to be blocked on the way out");
    }

    // Several endpoints of one way in are one value.
    private IEnumerable<MetricValue> Accepted()
    {
        foreach (var first in _listeners)
        {
            if (_listeners.Find(listener => listener.Service == first.Service) != first)
                continue;
            var sum = 0L;
            foreach (var listener in _listeners)
                sum += listener.Service == first.Service ? listener.Accepted : 0;
            yield return new MetricValue(first.Service, sum);
        }
    }

    private IEnumerable<Metric> Metrics()
    {
        var memory = GC.GetGCMemoryInfo();
        return
        [
            new("homemail_build_info", "The program's version.", false, "version", [new(BuildFacts.Version, 1)]),
            Metric.Gauge("homemail_start_time_seconds", "When it was started, in seconds since 1970.", _started.ToUnixTimeSeconds()),
            Metric.Gauge("homemail_healthy", "1 if mail is taken, 0 if not.", Problems().Any(static p => p.IsFailing) ? 0 : 1),
            Metric.Gauge("homemail_problems", "How many things are not as they should be; homemail status names them.", Problems().Count()),
            new("homemail_messages_total", "What has become of messages, by the words of homemail log.", true, "event", _events.Words.Select((word, i) => new MetricValue(word, _events[i]))),
            new("homemail_connections_total", "Connections that were accepted.", true, "service", Accepted()),
            Metric.Gauge("homemail_connections", "Connections now.", _gate.Count),
            Metric.Counter("homemail_connections_refused_total", "Connections that found no place.", _gate.Refused),
            Metric.Counter("homemail_login_failures_total", "Wrong names or passwords.", _guard.FailedLogIns),
            Metric.Gauge("homemail_queue_messages", "Messages in the queue.", _queue.Count),
            Metric.Gauge("homemail_queue_held_messages", "Messages in the queue that are held.", _queue.HeldCount),
            Metric.Gauge("homemail_resident_memory_bytes", "Memory that is resident.", StatusCommand.ResidentBytes()),
            Metric.Gauge("homemail_heap_bytes", "The managed heap after its last collection.", memory.HeapSizeBytes),
            Metric.Gauge("homemail_heap_limit_bytes", "The managed heap's limit.", memory.TotalAvailableMemoryBytes),
            Metric.Counter("homemail_collections_total", "Garbage collections.", GC.CollectionCount(0)),
            Metric.Gauge("homemail_disk_free_bytes", "Room that is left for the data folder.", StatusCommand.Disk(_data.Path)?.Free),
            Metric.Counter("homemail_written_bytes_total", "Octets written to storage, by the kernel's count.", _flash.Total),
            Metric.Gauge("homemail_certificate_expiry_seconds", "When the certificate ends, in seconds since 1970.", _running.Smtp.Tls is { } tls ? new DateTimeOffset(tls.Certificate.NotAfter).ToUnixTimeSeconds() : null),
            Metric.Counter("homemail_log_lines_left_out_total", "Lines that were too many for the log.", _log.LeftOut),
        ];
    }
}
