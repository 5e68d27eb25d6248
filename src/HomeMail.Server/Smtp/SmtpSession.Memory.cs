using HomeMail.Storage;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    // Room is asked for in steps, so that most messages ask once.
    private const int MemoryStep = 16 * 1024;

    // What a transaction takes until its content comes: itself, its recipients, what is looked up for it, and the buffers of both directions.
    private const int TransactionRoom = 12 * 1024;

    private int _reserved;
    private bool _hasRoom;

    /// <summary>Takes the room of a transaction, until it is dropped. False if there is none now.</summary>
    private bool TakeRoom() => _hasRoom = _hasRoom || _options.Memory?.TryKeep(TransactionRoom) == true;

    private void LeaveRoom()
    {
        if (_hasRoom)
            _options.Memory?.LetGo(TransactionRoom);
        _hasRoom = false;
    }

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
