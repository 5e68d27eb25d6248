namespace HomeMail.Storage.Tests.Simulation;

internal abstract class SimulatedNode;

internal sealed class SimulatedFolder : SimulatedNode
{
    public SortedDictionary<string, SimulatedNode> Entries { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, SimulatedNode> Durable { get; } = new(StringComparer.Ordinal);
}

/// <summary>A file: what the process sees, what is on the device, and the writes in between.</summary>
internal sealed class SimulatedInode : SimulatedNode
{
    private readonly List<(long Offset, byte[] Data)> _unsynced = [];

    public byte[] Content { get; private set; } = [];

    public byte[] Durable { get; private set; } = [];

    public int Links { get; set; } = 1;

    public bool IsReadOnly { get; init; }

    public DateTimeOffset Modified { get; set; }

    public void Write(ReadOnlySpan<byte> data, long offset)
    {
        Content = Apply(Content, offset, data);
        _unsynced.Add((offset, data.ToArray()));
    }

    public void Sync()
    {
        Durable = Content;
        _unsynced.Clear();
    }

    public SimulatedInode AfterCrash(Loss loss, Random random)
    {
        var content = loss == Loss.Nothing ? Content : Durable;
        if (loss == Loss.Random)
            foreach (var (offset, data) in _unsynced)
                content = random.Next(4) switch
                {
                    0 => content,
                    1 => Apply(content, offset, data.AsSpan(0, random.Next(data.Length + 1))),
                    _ => Apply(content, offset, data),
                };
        return new SimulatedInode { Content = content, Durable = content, Links = 0, IsReadOnly = IsReadOnly, Modified = Modified };
    }

    private static byte[] Apply(byte[] content, long offset, ReadOnlySpan<byte> data)
    {
        var changed = new byte[Math.Max(content.Length, offset + data.Length)];
        content.CopyTo(changed, 0);
        data.CopyTo(changed.AsSpan((int)offset));
        return changed;
    }
}
