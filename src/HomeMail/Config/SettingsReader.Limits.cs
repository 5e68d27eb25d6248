namespace HomeMail.Config;

/// <summary>The numbers: what sessions may do, and how the queue goes about it.</summary>
internal sealed partial class SettingsReader
{
    private LimitSettings ReadLimits()
    {
        var raw = _raw.Limits;
        var reader = Reader("limits");
        var limits = new LimitSettings(
            reader.Number("connections", raw.Connections, 4, 100_000),
            reader.Number("connections-per-address", raw.ConnectionsPerAddress, 1, 100_000),
            reader.Number("recipients", raw.Recipients, 100, 10_000), // RFC 5321 4.5.3.1.8
            reader.Number("messages-per-session", raw.MessagesPerSession, 1, 100_000),
            reader.Number("commands", raw.Commands, 50, 1_000_000),
            reader.Number("junk-commands", raw.JunkCommands, 1, 1000),
            reader.Number("auth-failures", raw.AuthFailures, 1, 1000),
            reader.DurationOrOff("auth-block", raw.AuthBlock, TimeSpan.FromMinutes(1), TimeSpan.FromDays(7)),
            (int)reader.Size("line-length", raw.LineLength, Kilo, 64 * Kilo), // RFC 5321 4.5.3.1.4 with room for parameters
            reader.Number("hops", raw.Hops, 20, 1000),
            reader.Duration("idle-timeout", raw.IdleTimeout, TimeSpan.FromSeconds(10), TimeSpan.FromHours(1)),
            reader.Duration("session-timeout", raw.SessionTimeout, TimeSpan.FromMinutes(1), TimeSpan.FromDays(1)),
            reader.SizeOrOff("data-rate", raw.DataRate, 1, Mega),
            reader.DurationOrOff("hold-at-most", raw.HoldAtMost, TimeSpan.FromHours(1), TimeSpan.FromDays(365)),
            new InboundSettings(
                reader.NumberOrOff("address-messages-per-day", raw.AddressMessagesPerDay),
                reader.SizeOrOff("address-size-per-day", raw.AddressSizePerDay, Mega, 1024 * Giga),
                reader.NumberOrOff("network-messages-per-day", raw.NetworkMessagesPerDay),
                reader.SizeOrOff("network-size-per-day", raw.NetworkSizePerDay, Mega, 1024 * Giga)))
        {
            ImapKeepAlive = reader.DurationOrOff("imap-keep-alive", raw.ImapKeepAlive, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(28)),
        };
        if (limits.ConnectionsPerAddress > limits.Connections)
            reader.Error("connections-per-address", $"{limits.ConnectionsPerAddress} is above connections ({limits.Connections})");
        return limits;
    }

    private QueueSettings ReadQueue()
    {
        var raw = _raw.Queue;
        var reader = Reader("queue");
        var (second, minute, day, month) = (TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), TimeSpan.FromDays(1), TimeSpan.FromDays(30));
        var queue = new QueueSettings(
            reader.Duration("retry-first", raw.RetryFirst, second, day),
            reader.Duration("retry-max", raw.RetryMax, second, day),
            reader.Duration("give-up-after", raw.GiveUpAfter, minute, month),
            reader.DurationOrOff("delay-notice-after", raw.DelayNoticeAfter, minute, month),
            reader.Number("parallel", raw.Parallel, 1, 1000),
            reader.Number("parallel-per-destination", raw.ParallelPerDestination, 1, 1000),
            reader.Number("history-days", raw.HistoryDays, 0, 3650),
            reader.Size("history-size", raw.HistorySize, 64 * Kilo, Giga),
            reader.SizeOrOff("free-space-floor", raw.FreeSpaceFloor, Mega, 1024 * Giga));
        if (queue.RetryMax < queue.RetryFirst)
            reader.Error("retry-max", "is below retry-first");
        if (queue.ParallelPerDestination > queue.Parallel)
            reader.Error("parallel-per-destination", $"{queue.ParallelPerDestination} is above parallel ({queue.Parallel})");
        return queue;
    }
}
