using HomeMail.Storage;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    // Room is asked for in steps, so that most messages ask once.
    private const int MemoryStep = 16 * 1024;

    private int _reserved;

    /// <summary>Whether there is room for what is held of the content. If not, the message is refused for now, and what is held is given up.</summary>
    private bool HasMemory()
    {
        if (_options.Memory is not { } memory)
            return true;
        if (memory.IsCritical)
            return false;
        var held = _header.Capacity + (int)Math.Min(_body?.BodyLength ?? 0, SpoolMessage.BufferedLimit);
        if (held <= _reserved)
            return true;
        var more = ((held - _reserved + MemoryStep - 1) / MemoryStep) * MemoryStep;
        if (!memory.TryReserve(more))
            return false;
        _reserved += more;
        return true;
    }

    private void ReleaseMemory()
    {
        if (_reserved == 0)
            return;
        _options.Memory?.Release(_reserved);
        _reserved = 0;
    }
}
