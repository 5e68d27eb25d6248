namespace HomeMail.Cli.Doctor;

/// <summary>Whether this machine's clock can be believed: by this program's release, by the signatures of DNS, and by its own files.</summary>
internal static class ClockPart
{
    private const string Subject = "clock";

    private const string Mend = "set the time, and let something keep it (ntpd, chrony, systemd-timesyncd); until then nothing expires or is given up";

    // A signature begins an hour before it is made, so that clocks may differ a little.
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(10);

    // A file written just now may be a moment ahead of the clock.
    private static readonly TimeSpan FileTolerance = TimeSpan.FromHours(1);

    /// <summary>What is judged.</summary>
    /// <param name="Now">What the clock says.</param>
    /// <param name="Released">When this program was made.</param>
    /// <param name="Signed">Between which times the signature of the root of DNS holds, as far as one was seen.</param>
    /// <param name="LatestFile">When the latest of the server's files was written, by the clock of then; null if there are none.</param>
    internal sealed record Facts(DateTimeOffset Now, DateTimeOffset Released, IReadOnlyList<(DateTimeOffset From, DateTimeOffset Until)> Signed, DateTimeOffset? LatestFile);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        [Judge(new Facts(
            scene.Clock.GetUtcNow(), BuildFacts.Date, [.. (await scene.ResolversAsync()).Select(static r => r.Signed).OfType<(DateTimeOffset, DateTimeOffset)>()],
            LatestFile(scene.Settings.Server.Data)))];

    public static DoctorFinding Judge(Facts facts)
    {
        var (now, released, signed, latest) = facts;
        if (now < released)
            return DoctorFinding.Trouble(Subject, "before-release", $"it says {Words.Time(now)}, which is before this program was made", Mend);
        foreach (var (from, until) in signed)
        {
            if (now < from - Tolerance)
                return DoctorFinding.Trouble(Subject, "behind", $"it says {Words.Time(now)}, and DNS has a signature made after {Words.Time(from)}", Mend);
            if (now > until + Tolerance)
                return DoctorFinding.Trouble(Subject, "ahead", $"it says {Words.Time(now)}, and DNS has a signature that ended at {Words.Time(until)}: the clock is ahead, or the resolver gives old answers", Mend);
        }
        if (latest is { } written && written > now + FileTolerance)
            return DoctorFinding.Trouble(Subject, "set-back", $"it says {Words.Time(now)}, and the server has written a file at {Words.Time(written)}: it was set back", Mend);
        return DoctorFinding.Ok(Subject, $"{Words.Time(now)}{(signed.Count > 0 ? ", which agrees with the signatures of DNS" : "")}");
    }

    private static DateTimeOffset? LatestFile(string folder)
    {
        try
        {
            var files = new DirectoryInfo(folder).GetFileSystemInfos();
            return files.Length == 0 ? null : files.Max(static file => new DateTimeOffset(file.LastWriteTimeUtc));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
