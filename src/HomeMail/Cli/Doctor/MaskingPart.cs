using System.Net;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether a router hides its clients behind an address of its own.</summary>
internal static class MaskingPart
{
    private const string Subject = "masking";

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        [.. Judge(await scene.ServerAsync(), (await scene.PlaceAsync()).Gateways)];

    public static IEnumerable<DoctorFinding> Judge(ServerView server, IReadOnlyList<IPAddress> gateways)
    {
        if (!server.Answers)
            return [DoctorFinding.Unknown(Subject, $"not known: {server.Silence}")];
        if (server.Masked.Count == 0)
            return [DoctorFinding.Ok(Subject, "no router has been seen to hide its clients")];
        return server.Masked.Select(address => DoctorFinding.Trouble(
            Subject, "masked",
            $"strangers come from {address}{(gateways.Contains(address) ? ", the router's own address" : "")}: whoever sends cannot be told apart, so SPF, block lists and limits do not protect you",
            "let the router keep the clients' addresses when it forwards port 25 (on OpenWrt: no masquerading in the zone that the forward leads to); then homemail doctor --reset"));
    }
}
