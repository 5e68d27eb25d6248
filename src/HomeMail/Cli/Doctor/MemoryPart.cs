using System.Globalization;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether this machine has the memory that <c>[server] memory</c> promises to the server.</summary>
internal static class MemoryPart
{
    private const string Subject = "memory";

    // Beside its heap the program has code, stacks and TLS.
    private const long Besides = 12L << 20;

    /// <summary>What is judged.</summary>
    /// <param name="Limit">The heap's limit by the configuration.</param>
    /// <param name="Total">Octets of RAM in all, or of the group of processes if that has less; null if not known.</param>
    /// <param name="Available">Octets that programs can have now; null if not known.</param>
    /// <param name="Resident">Octets that the server has; 0 if it does not run.</param>
    /// <param name="Heap">Octets of its heap.</param>
    internal sealed record Facts(long Limit, long? Total, long? Available, long Resident, long Heap);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var server = await scene.ServerAsync();
        var (total, available) = Read("/proc/meminfo");
        return [Judge(new Facts(scene.Settings.Server.Memory, total, available, server.ResidentBytes, server.HeapBytes))];
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (limit, total, available, resident, heap) = facts;
        if (total is not { } all || available is not { } left)
            return DoctorFinding.Unknown(Subject, "how much this machine has is not known");
        var room = $"{Words.Size(left)} of {Words.Size(all)} are available, and the server may have {Words.Size(limit)}";
        if (limit + Besides > all)
            return DoctorFinding.Trouble(Subject, "more-than-there-is", $"{room}, which is more than there is: the kernel will end it", "set [server] memory to less");
        // What it has it need not get any more.
        if (left + resident < limit + Besides)
            return DoctorFinding.Attention(Subject, "little", $"{room}, for which there is not enough left", "set [server] memory to less, or end what else runs here");
        if (heap > limit * 0.75)
            return DoctorFinding.Attention(Subject, "heap-full", $"the server has used {Words.Size(heap)} of the {Words.Size(limit)} it may have, and puts new connections off", "set [server] memory to more, if the machine has it");
        return DoctorFinding.Ok(Subject, $"{room}{(resident > 0 ? $"; it has {Words.Size(resident)}" : "")}");
    }

    private static (long? Total, long? Available) Read(string path)
    {
        long? total = null, available = null;
        try
        {
            foreach (var line in File.ReadLines(path))
            {
                total ??= Field(line, "MemTotal:");
                available ??= Field(line, "MemAvailable:");
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A system without /proc.
        }
        return (total, available);
    }

    private static long? Field(string line, string name) =>
        line.StartsWith(name, StringComparison.Ordinal)
        && long.TryParse(line.AsSpan(name.Length).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
}
