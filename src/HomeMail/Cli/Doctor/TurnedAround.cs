using System.Net;
using System.Net.Sockets;

namespace HomeMail.Cli.Doctor;

/// <summary>A connection from this machine to port 25 of the house's public IPv4 address, which the router has to turn around.</summary>
/// <param name="To">The public address; null if it is not known.</param>
/// <param name="Outcome">How it ended; null if it was not tried.</param>
/// <param name="Greeting">What the host there said.</param>
/// <param name="IsOurs">Whether it is our server that answered; null if it could not be asked.</param>
/// <param name="Source">The address that our server saw, or null.</param>
internal sealed record TurnedAround(IPAddress? To, GlanceOutcome? Outcome = null, string Greeting = "", bool? IsOurs = null, IPAddress? Source = null)
{
    /// <summary>Whether what comes to the public address reaches our server, from inside at least.</summary>
    public bool ReachesUs => IsOurs == true;

    /// <summary>Tries.</summary>
    /// <param name="scene">What is known.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<TurnedAround> TryAsync(DoctorScene scene, CancellationToken cancel)
    {
        var place = await scene.PlaceAsync();
        if (place.Picture.Of(AddressFamily.InterNetwork) is not { } to)
            return new TurnedAround(To: null);
        if (place.HasNoNat)
            return new TurnedAround(to);
        await using var glance = await SmtpGlance.AtAsync(to, 25, cancel);
        if (glance.Outcome != GlanceOutcome.Greeted || !(await scene.ServerAsync()).Answers)
            return new TurnedAround(to, glance.Outcome, glance.Greeting);
        var source = await ServerView.ClientOfAsync(scene.Settings, glance.Greeting, cancel);
        return new TurnedAround(to, glance.Outcome, glance.Greeting, source is not null, source);
    }
}
