using HomeMail.Supervision;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether mail is kept on something that keeps it, with room left.</summary>
internal static class DiskPart
{
    private const string Subject = "disk";

    private const long LittleRoom = 200L << 20;
    private const long NoRoom = 20L << 20;

    // A flash card of a few GB lasts for years at this rate.
    private const long MuchADay = 2L << 30;

    /// <summary>What is judged.</summary>
    /// <param name="Folder">The data folder.</param>
    /// <param name="Place">The file system that it is on; null if not known.</param>
    /// <param name="Free">Octets that are free; null if not known.</param>
    /// <param name="Total">Octets in all.</param>
    /// <param name="Floor">Octets below which nothing is accepted; 0 for no floor.</param>
    /// <param name="Written">Octets that the server has had written since its start; null if not known.</param>
    /// <param name="Running">How long the server runs.</param>
    internal sealed record Facts(string Folder, DataPlace? Place, long? Free, long Total, long Floor, long? Written, TimeSpan Running);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var folder = scene.Settings.Server.Data;
        var server = await scene.ServerAsync();
        var (free, total) = Space(folder);
        return Judge(new Facts(
            folder, DataPlace.Of(folder), free, total, scene.Settings.Queue.FreeSpaceFloor ?? 0, server.WrittenBytes,
            server.Answers ? scene.Clock.GetUtcNow() - server.Started : TimeSpan.Zero));
    }

    public static IReadOnlyList<DoctorFinding> Judge(Facts facts)
    {
        if (facts.Free is not { } free)
            return [DoctorFinding.Unknown(Subject, $"{facts.Folder} cannot be looked at: it is not there yet, or this user may not", "start the server once, or call this as its user or root")];
        var findings = new List<DoctorFinding>();
        if (Kind(facts) is { } kind)
            findings.Add(kind);
        var room = $"{Words.Size(free)} of {Words.Size(facts.Total)} are free at {facts.Folder}";
        if (free < Math.Max(facts.Floor, NoRoom))
            findings.Add(DoctorFinding.Trouble(Subject, "full", $"{room}: no mail is taken any more", "make room, or give the data folder a larger disk"));
        else if (free < Math.Max(facts.Floor * 2, LittleRoom))
            findings.Add(DoctorFinding.Attention(Subject, "nearly-full", $"{room}{(facts.Floor > 0 ? $", and below {Words.Size(facts.Floor)} no mail is taken" : "")}", "make room before it is full"));
        if (facts.Written is { } written && facts.Running > TimeSpan.FromHours(1) && written / facts.Running.TotalDays > MuchADay)
            findings.Add(DoctorFinding.Attention(Subject, "many-writes", $"the server has written {Words.Size(written)} within {Words.Span(facts.Running)}, which wears flash out", "see `homemail status` for who sends so much"));
        if (findings.Count > 0)
            return findings;
        var of = facts.Place is { } place ? $"; {place.FileSystem}{(place.IsFlash ? " on flash" : "")}" : "";
        return [DoctorFinding.Ok(Subject, $"{room}{of}{(facts.Written is { } octets ? $"; {Words.Size(octets)} written within {Words.Span(facts.Running)}" : "")}")];
    }

    private static DoctorFinding? Kind(Facts facts)
    {
        if (facts.Place is not { } place)
            return null;
        if (place.IsReadOnly)
            return DoctorFinding.Trouble(Subject, "read-only", $"{place.Mount} ({place.FileSystem}) is mounted read-only: nothing can be stored", "see the kernel's log for a broken disk, and mount it for writing");
        return place.Kind switch
        {
            PlaceKind.Memory => DoctorFinding.Trouble(Subject, "memory", $"{facts.Folder} is in memory ({place.FileSystem}): all mail is gone when the power is", "put [server] data on a disk"),
            PlaceKind.Overlay when !place.IsRouter => DoctorFinding.Attention(Subject, "container", $"{facts.Folder} is in the layers of a container ({place.FileSystem}), and goes with it", "mount a volume there"),
            PlaceKind.Overlay or PlaceKind.Flash => DoctorFinding.Attention(Subject, "small-flash", $"{facts.Folder} is on the device's own flash, which is small and wears out", "put [server] data on a USB disk or a card"),
            PlaceKind.Network => DoctorFinding.Attention(Subject, "network", $"{facts.Folder} is on another machine ({place.FileSystem}): what is stored may not be there yet when we say so", "use a disk of this machine"),
            _ => null,
        };
    }

    private static (long? Free, long Total) Space(string folder)
    {
        try
        {
            if (!Directory.Exists(folder))
                return (null, 0);
            var drive = new DriveInfo(folder);
            return (drive.AvailableFreeSpace, drive.TotalSize);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return (null, 0);
        }
    }
}
