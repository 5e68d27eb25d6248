using System.Net;

namespace HomeMail.Cli.Doctor;

/// <summary>What the router does with a connection from inside the house to its own public address.</summary>
internal static class HairpinPart
{
    private const string Subject = "hairpin";

    /// <summary>What is judged.</summary>
    /// <param name="Tried">The connection.</param>
    /// <param name="IsOwn">Whether the public address is this machine's own.</param>
    /// <param name="Local">This machine's inner address, or null.</param>
    /// <param name="Silence">Why the server has not said what it saw; null if it has.</param>
    /// <param name="Hostname">Our name.</param>
    internal sealed record Facts(TurnedAround Tried, bool IsOwn, IPAddress? Local, string? Silence, string Hostname);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var place = await scene.PlaceAsync();
        return
        [
            Judge(new Facts(
                await scene.TurnedAroundAsync(), place.HasNoNat, place.SendingOf(System.Net.Sockets.AddressFamily.InterNetwork), (await scene.ServerAsync()).Silence,
                scene.Settings.Server.Hostname)),
        ];
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var (tried, isOwn, local, silence, hostname) = facts;
        if (tried.To is not { } to)
            return local is null ? DoctorFinding.Ok(Subject, "no IPv4 here") : DoctorFinding.Unknown(Subject, "not tried, since the public IPv4 address is not known", "set [server] public-ip, or see 'addresses'");
        if (isOwn)
            return DoctorFinding.Ok(Subject, $"not needed: {to} is this machine's own");
        switch (tried.Outcome)
        {
            case GlanceOutcome.Greeted when silence is not null:
                return DoctorFinding.Unknown(Subject, $"a mail server answers at {to}; whether it is ours cannot be told, as {silence}");
            case GlanceOutcome.Greeted when tried.IsOurs != true:
                return DoctorFinding.Trouble(
                    Subject, "another-server", $"at {to}, our public address, another mail server answers: {tried.Greeting}",
                    "let the router forward port 25 to this machine; if the address is not this house's any more, correct [server] public-ip and DNS");
            case GlanceOutcome.Greeted:
                return Source(to, tried.Source!, local);
            case GlanceOutcome.Refused when silence is not null:
                return DoctorFinding.Unknown(Subject, $"nobody answers at {to}; {silence}");
            case GlanceOutcome.Mute:
                return DoctorFinding.Attention(
                    Subject, "mute", $"something takes connections at {to}, and does not greet as a mail server does{(tried.Greeting.Length > 0 ? $": {tried.Greeting}" : "")}",
                    "see what in the router listens at port 25, and forward the port to this machine");
            default:
                // Nothing between users of the house depends on it: their mail does not leave the process.
                return DoctorFinding.Attention(
                    Subject, "none", $"the router does not turn connections to {to} around ({(tried.Outcome == GlanceOutcome.Refused ? "refused" : tried.Outcome == GlanceOutcome.NoWay ? "no way" : "time-out")}); mail between users here does not need it, and mail programs in the house may",
                    $"let the house's own DNS answer {local?.ToString() ?? "this machine's address"} for {hostname}, or switch NAT loopback on in the router");
        }
    }

    private static DoctorFinding Source(IPAddress to, IPAddress source, IPAddress? local)
    {
        if (source.Equals(to))
            return DoctorFinding.Ok(Subject, $"connections to {to} come back, and from that address");
        if (source.Equals(local))
            return DoctorFinding.Ok(Subject, $"connections to {to} come back, and keep their source {source}");
        return DoctorFinding.Attention(
            Subject, "router-address", $"connections to {to} come back from {source}, the router's: what is ours is recognised, and who else in the house sends so cannot be told apart",
            "on OpenWrt set reflection_src 'external' in the redirect, so that they keep the public address");
    }
}
