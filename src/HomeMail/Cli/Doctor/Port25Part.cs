using System.Net;
using System.Net.Sockets;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether port 25 is open on the way out, by family.</summary>
internal static class Port25Part
{
    // What the server has reached within this time needs no other witness.
    private static readonly TimeSpan Recent = TimeSpan.FromHours(24);

    /// <summary>What is judged of one family.</summary>
    /// <param name="Family">The family.</param>
    /// <param name="HasAddress">Whether this machine can send over it at all.</param>
    /// <param name="Known">What the server knows.</param>
    /// <param name="Looks">What was seen just now.</param>
    /// <param name="SendsItself">Whether mail goes straight to its destinations.</param>
    /// <param name="Now">The time.</param>
    internal sealed record Facts(
        AddressFamily Family, bool HasAddress, FamilyView Known, IReadOnlyList<LookOutside> Looks, bool SendsItself, DateTimeOffset Now);

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        if (!scene.SendsItself)
            return [DoctorFinding.Ok("port25", "not used: mail goes out by a smarthost")];
        var server = await scene.ServerAsync();
        var place = await scene.PlaceAsync();
        var wayOut = await scene.WayOutAsync();
        return
        [
            .. ((AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]).Select(family => Judge(new Facts(
                family, place.SendingOf(family) is { } from && (family == AddressFamily.InterNetwork || PublicPicture.IsPublic(from)), server.Of(family),
                [.. wayOut.Looks.Where(look => look.Address.AddressFamily == family)], scene.SendsItself, scene.Clock.GetUtcNow()))),
        ];
    }

    public static DoctorFinding Judge(Facts facts)
    {
        var word = facts.Family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
        var subject = $"port25:{word}";
        if (!facts.HasAddress)
            return DoctorFinding.Ok(subject, $"there is no {word} here");
        if (facts.Looks.FirstOrDefault(static look => look.Outcome == GlanceOutcome.Greeted) is { } greeted)
            return DoctorFinding.Ok(subject, $"open: {greeted.Host} ({greeted.Address}) greets");
        if (facts.Known.ReachedAt is { } at && facts.Now - at < Recent)
            return DoctorFinding.Ok(subject, $"open: the server reached a mail host at {Words.Time(at)}");
        var tried = string.Join(", ", facts.Looks.Select(static look => $"{look.Host} ({look.Address}): {Word(look.Outcome)}"));
        var mend = facts.Family == AddressFamily.InterNetwork
            ? "ask the provider to open port 25, or send by a [smarthost:NAME] with via = smarthost:NAME in [route:*]"
            : "ask the provider to open port 25 for IPv6, or set family = ipv4-only in [route:*]";
        if (facts.Known.BlockedSince is { } since)
            return DoctorFinding.Trouble(subject, "blocked", $"blocked on the way out since {Words.Time(since)}{(tried.Length > 0 ? $"; tried now: {tried}" : "")}", mend);
        if (facts.Looks.Count == 0)
            return DoctorFinding.Unknown(subject, "not known: no mail host outside was found to try it at, and the server has not reached one");
        // One host may have its own trouble; two that have nothing to do with each other do not.
        return facts.Looks.Count > 1 && facts.Looks.All(static look => look.Outcome is GlanceOutcome.TimedOut or GlanceOutcome.NoWay or GlanceOutcome.Refused)
            ? DoctorFinding.Trouble(subject, "blocked", $"blocked on the way out: {tried}", mend)
            : DoctorFinding.Attention(subject, "doubtful", $"perhaps blocked on the way out: {tried}", "look again in a while; " + mend);
    }

    private static string Word(GlanceOutcome outcome) => outcome switch
    {
        GlanceOutcome.TimedOut => "time-out",
        GlanceOutcome.Refused => "refused",
        GlanceOutcome.NoWay => "no way there",
        _ => "no greeting",
    };
}
