using System.Net;
using System.Net.Sockets;
using HomeMail.Server.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>One look at port 25 of a mail host outside.</summary>
/// <param name="Host">Its name.</param>
/// <param name="Address">The address.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="SeenAs">The address that it has seen us under, if it said so.</param>
internal sealed record LookOutside(string Host, IPAddress Address, GlanceOutcome Outcome, IPAddress? SeenAs = null);

/// <summary>Port 25 on the way out, tried at the mail hosts of two receivers that have nothing to do with each other. They are greeted and left; nothing is sent.</summary>
/// <param name="Looks">What was seen.</param>
/// <param name="IsFound">Whether DNS had addresses of any of them.</param>
internal sealed record WayOut(IReadOnlyList<LookOutside> Looks, bool IsFound)
{
    // Large, always there, of two operators and in two networks.
    private static readonly string[] Receivers = ["gmail.com", "outlook.com"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(7);

    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>The addresses that we were seen under.</summary>
    public IReadOnlyList<IPAddress> SeenAs => [.. Looks.Select(static look => look.SeenAs).OfType<IPAddress>().Where(PublicPicture.IsPublic).Distinct()];

    /// <summary>Tries.</summary>
    /// <param name="scene">What is known.</param>
    /// <param name="resolver">DNS.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<WayOut> TryAsync(DoctorScene scene, IMailResolver resolver, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(Patience);
        var looks = await Task.WhenAll(Receivers.SelectMany(receiver => Families.Select(family => LookAsync(receiver, family, scene, resolver, timer.Token))));
        return new WayOut([.. looks.Select(static look => look.Look).OfType<LookOutside>()], looks.Any(static look => look.IsFound));
    }

    private static async Task<(LookOutside? Look, bool IsFound)> LookAsync(
        string receiver, AddressFamily family, DoctorScene scene, IMailResolver resolver, CancellationToken cancel)
    {
        try
        {
            var hosts = await resolver.MxAsync(receiver, cancel);
            var host = hosts.Records.OrderBy(static r => r.Preference).Select(static r => r.Exchange).FirstOrDefault(static name => name.Length > 0);
            if (host is null)
                return (null, false);
            var addresses = await resolver.AddressesAsync(host, family, cancel);
            if (addresses.Records.FirstOrDefault(PublicPicture.IsPublic) is not { } address)
                return (null, false);
            await using var glance = await SmtpGlance.AtAsync(address, 25, cancel);
            return (new LookOutside(host, address, glance.Outcome, await glance.SeenAsAsync(scene.Settings.Server.Hostname, cancel)), true);
        }
        catch (OperationCanceledException)
        {
            return (null, false); // DNS has taken all the time there was
        }
    }
}
