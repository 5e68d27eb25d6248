using System.Net;
using System.Net.Sockets;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether mail can come in: who listens at port 25, and what is known of the router's forwarding.</summary>
internal static class PortsPart
{
    private const string Subject = "ports";

    /// <summary>What is judged.</summary>
    internal sealed record Facts
    {
        /// <summary>Where SMTP of others is listened for.</summary>
        public required IReadOnlyList<IPEndPoint> Smtp { get; init; }

        /// <summary>Whether the name has an A record.</summary>
        public bool PublishesFour { get; init; }

        /// <summary>Whether the name has an AAAA record.</summary>
        public bool PublishesSix { get; init; }

        /// <summary>Whether the public IPv4 address is this machine's own.</summary>
        public bool HasNoNat { get; init; }

        /// <summary><c>[server] map-ports</c>.</summary>
        public bool MapsPorts { get; init; }

        /// <summary>What the router forwards.</summary>
        public IReadOnlyList<(int Port, int Outside)> Mapped { get; init; } = [];

        /// <summary>Whether a connection from here to the public address came to our server.</summary>
        public bool ComesAround { get; init; }

        /// <summary>When somebody from the internet last came in by IPv4, or null.</summary>
        public DateTimeOffset? StrangerAt { get; init; }

        /// <summary>Whether the server was asked.</summary>
        public bool ServerAnswers { get; init; }

        /// <summary>This machine's inner address, or null.</summary>
        public IPAddress? Local { get; init; }

        /// <summary>Whether mail comes in through a host in front of the house.</summary>
        public bool HasRelay { get; init; }
    }

    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var server = await scene.ServerAsync();
        var place = await scene.PlaceAsync();
        var turned = await scene.TurnedAroundAsync();
        var published = place.Picture.Reports.Where(static r => r.Source == Server.House.AddressSource.Hostname).ToList();
        return Judge(new Facts
        {
            Smtp = server.Answers ? [.. server.Listening.Where(static l => l.Service == "smtp").Select(static l => l.At)] : scene.Settings.Listen.Smtp,
            PublishesFour = published.Any(static r => r.Address.AddressFamily == AddressFamily.InterNetwork),
            PublishesSix = published.Any(static r => r.Address.AddressFamily == AddressFamily.InterNetworkV6),
            HasNoNat = place.HasNoNat,
            MapsPorts = scene.Settings.Server.MapPorts,
            Mapped = server.Mapped,
            ComesAround = turned.ReachesUs,
            StrangerAt = server.Four.PublicClientAt,
            ServerAnswers = server.Answers,
            Local = place.SendingOf(AddressFamily.InterNetwork),
            HasRelay = scene.Settings.Relays.Count > 0,
        });
    }

    public static IReadOnlyList<DoctorFinding> Judge(Facts facts)
    {
        var reached = facts.Smtp.Where(static at => !IPAddress.IsLoopback(at.Address)).ToList();
        if (reached.Count == 0)
        {
            return facts.HasRelay ? [DoctorFinding.Ok(Subject, "mail comes in through a relay")]
                : [DoctorFinding.Trouble(Subject, "not-listening", "nobody from outside can bring mail: port 25 is listened at on this machine alone, or not at all", "set [listen] smtp = [::]:25")];
        }
        // An IPv6 wildcard takes IPv4 too.
        var four = reached.Any(static at => at.AddressFamily == AddressFamily.InterNetwork || at.Address.Equals(IPAddress.IPv6Any));
        var six = reached.Any(static at => at.AddressFamily == AddressFamily.InterNetworkV6);
        var findings = new List<DoctorFinding>();
        if (facts.PublishesFour && !four)
            findings.Add(DoctorFinding.Trouble(Subject, "no-ipv4-listener", "the name has an A record, and port 25 is listened at by IPv6 only", "set [listen] smtp = [::]:25"));
        if (facts.PublishesSix && !six)
            findings.Add(DoctorFinding.Trouble(Subject, "no-ipv6-listener", "the name has an AAAA record, and port 25 is listened at by IPv4 only", "set [listen] smtp = [::]:25"));
        if (four && Forward(facts) is { } forward)
            findings.Add(forward);
        return findings.Count > 0 ? findings : [DoctorFinding.Ok(Subject, facts.ServerAnswers ? "port 25 is listened at" : "port 25 will be listened at")];
    }

    private static DoctorFinding? Forward(Facts facts)
    {
        var port = facts.Smtp.Any(static at => at.Port == 25) ? 25 : facts.Smtp[0].Port;
        if (facts.Mapped.FirstOrDefault(m => m.Port == port) is { Outside: > 0 } mapped)
        {
            return mapped.Outside == 25 ? DoctorFinding.Ok(Subject, "the router forwards port 25, as it was asked to")
                : DoctorFinding.Trouble(Subject, "other-port", $"the router forwards port {mapped.Outside} instead of 25, where nobody looks for a mail server", "see what else in the house has port 25 forwarded, and take that away in the router");
        }
        if (facts.HasNoNat)
            return facts.StrangerAt is { } came ? DoctorFinding.Ok(Subject, $"port 25 is open: somebody from the internet came at {Words.Time(came)}") : null;
        if (facts.StrangerAt is { } at)
            return DoctorFinding.Ok(Subject, $"port 25 is forwarded: somebody from the internet came at {Words.Time(at)}");
        if (facts.ComesAround)
            return DoctorFinding.Ok(Subject, "port 25 is forwarded: what is sent to the public address arrives here");
        if (facts.HasRelay)
            return DoctorFinding.Ok(Subject, "mail comes in through a relay");
        var inner = facts.Local?.ToString() ?? "this machine";
        if (facts.MapsPorts && facts.ServerAnswers)
        {
            return DoctorFinding.Trouble(
                Subject, "not-mapped", "the router was asked to forward port 25 by PCP, NAT-PMP and UPnP, and does not", $"switch one of them on in the router, or forward TCP 25, 465, 587 and 993 to {inner} there by hand");
        }
        return DoctorFinding.Attention(
            Subject, "unseen", facts.ServerAnswers ? "nobody from the internet has come to port 25 since the server's start, and from inside it cannot be seen whether the router forwards it"
                : "whether the router forwards port 25 cannot be seen without the running server", $"forward TCP 25, 465, 587 and 993 to {inner} in the router, or set [server] map-ports = on");
    }
}
