using HomeMail.Config;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the server runs. Without it some of the rest cannot be seen.</summary>
internal static class ServerPart
{
    private const string Subject = "server";

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        Judge(await scene.ServerAsync(), scene.Settings.Path, scene.Clock.GetUtcNow());

    public static IReadOnlyList<DoctorFinding> Judge(ServerView server, string configuration, DateTimeOffset now) =>
    [
        server.Silence is { } silence
            ? DoctorFinding.Attention(Subject, "not-asked", silence, $"start it (homemail run --config {configuration}) or ask as root; what only it can know is left out below")
            : DoctorFinding.Ok(Subject, $"version {server.Version} runs for {Words.Span(now - server.Started)}"),
        .. server.Notices.Select(static notice => DoctorFinding.Attention(Subject, "notice", $"its store has found something: {notice}", "see the log; what was set aside is beside the file, and a backup may have it whole")),
    ];
}
