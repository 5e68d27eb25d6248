using System.Net;
using HomeMail.Config;
using HomeMail.Protocol.Smtp;
using HomeMail.Server;
using HomeMail.Server.Delivery;

namespace HomeMail.Cli.Doctor;

/// <summary>Tries each smarthost as a message would, up to the log-in, and says what came of it. No mail is sent.</summary>
internal static class SmarthostPart
{
    /// <summary>The part's name.</summary>
    public const string Name = "smarthost";

    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(14);

    private static readonly SmtpTimeouts Impatient = new()
    {
        Connect = TimeSpan.FromSeconds(6),
        Greeting = TimeSpan.FromSeconds(8),
        Hello = TimeSpan.FromSeconds(8),
        Handshake = TimeSpan.FromSeconds(8),
    };

    /// <summary>Looks at one smarthost, or at all, side by side.</summary>
    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var settings = scene.Settings;
        var smarthosts = settings.Smarthosts.Values.Where(s => scene.One is not { } name || s.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).ToList();
        if (smarthosts.Count == 0)
            return [DoctorFinding.Ok(Name, "none is configured; mail goes straight to its destinations")];
        var options = ServerMap.Delivery(settings) with { Timeouts = Impatient };
        await using var delivery = new RemoteDelivery(
            new HostFinder(await scene.ResolverAsync(), new NoneOwn(), options, Random.Shared), new SocketDialer(), new AllAtOnce(), new RouteTlsPolicy(), options,
            TimeProvider.System, Log.None);
        var findings = await Task.WhenAll(smarthosts.Select(async smarthost =>
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timer.CancelAfter(MostTime);
            try
            {
                return await LookAsync(smarthost, settings, (s, family) => delivery.ProbeAsync(s, family, timer.Token));
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return [DoctorFinding.Trouble($"smarthost:{smarthost.Name}", "hangs", $"{smarthost.Host}:{smarthost.Port} takes the connection, and does not answer in time", "look again in a while; then ask the provider")];
            }
        }));
        return [.. findings.SelectMany(static f => f)];
    }

    /// <summary>Looks at one smarthost.</summary>
    /// <param name="smarthost">Its settings.</param>
    /// <param name="settings">All settings.</param>
    /// <param name="probe">Tries it.</param>
    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(
        SmarthostSettings smarthost, Settings settings, Func<Smarthost, FamilyMode, Task<ProbedSmarthost>> probe)
    {
        var subject = $"smarthost:{smarthost.Name}";
        var routes = settings.Routes.Values.Where(r => r.Via.Contains(smarthost.Name, StringComparer.OrdinalIgnoreCase)).ToList();
        var (offer, fault, security) = await probe(ServerMap.Smarthost(smarthost), routes.Count > 0 ? routes[0].Family : FamilyMode.Auto);
        var at = $"{smarthost.Host}:{smarthost.Port}";
        if (fault is not null)
            return [DoctorFinding.Trouble(subject, "refused", $"{at} cannot be used: {fault.Diagnostic}", Mend(smarthost, fault))];
        var findings = new List<DoctorFinding>
        {
            DoctorFinding.Ok(subject, $"{at} takes us ({security}; {(smarthost.UserName is null ? "no log-in" : $"logged in as {smarthost.UserName}")})"),
        };
        if (offer!.MaxSize is { } size && size < settings.Server.MaxMessageSize)
        {
            findings.Add(DoctorFinding.Attention(
                subject, "small", $"it takes messages of {Words.Size(size)} at most, and this server accepts {Words.Size(settings.Server.MaxMessageSize)} to send",
                "set [server] max-message-size to no more, so that whoever sends too much is told at once"));
        }
        if (smarthost.UserName is null)
            findings.Add(DoctorFinding.Attention(subject, "no-log-in", "there is no log-in, so it takes our mail only if it knows our address", "set username and password, if there are any"));
        if (smarthost.Tls == SmarthostTls.Off)
            findings.Add(DoctorFinding.Attention(subject, "in-clear", "mail to it goes in clear", "set tls = starttls, unless it is in this house"));
        if (routes.Count == 0)
            findings.Add(DoctorFinding.Attention(subject, "unused", "no route uses it", $"set via = smarthost:{smarthost.Name}, or via = mx, smarthost:{smarthost.Name}, in a [route:...]"));
        return findings;
    }

    // The most likely reason first: what is told here is all that somebody has who does not know SMTP.
    private static string Mend(SmarthostSettings smarthost, SessionFault fault)
    {
        var status = fault.Diagnostic.Status;
        var other = smarthost.Tls == SmarthostTls.Implicit ? "587 goes with tls = starttls" : "465 goes with tls = implicit";
        if (IsOf(status, 7, 8))
            return "look at username and password; many providers want a password made for this program (an app password), not that of the account";
        switch (fault.Tls)
        {
            case TlsResult.StartTlsNotSupported:
                return $"the host encrypts nothing at this port; {other}";
            case TlsResult.CertificateHostMismatch:
                return "set host to the name that the provider gives: it has to be in the certificate";
            case TlsResult.CertificateExpired:
                return "look at this machine's clock first; if it is right, the provider has to renew the certificate";
            case TlsResult.CertificateNotTrusted:
                return "see whether this machine has a folder of trusted roots (ca-certificates), and whether host is the provider's";
            case not null:
                return $"port and tls may not fit each other: {other}";
        }
        if (IsOf(status, 4, 3))
            return "look at host, and at the resolver ([server] resolver, or /etc/resolv.conf)";
        if (IsOf(status, 4, 1))
            return "look at host and port, and whether the provider or router lets this port out: 587 and 465 are open where 25 is not";
        if (fault.Diagnostic.Code == 0)
            return $"it is not SMTP that answers as it should: {other}";
        return "ask the provider what its answer means";
    }

    private static bool IsOf(EnhancedStatusCode status, int subject, int detail) => status.Subject == subject && status.Detail == detail;

    // A smarthost is named by the owner of the house; whose its addresses are does not matter.
    private sealed class NoneOwn : IOwnAddresses
    {
        public OwnAddress Is(IPAddress address) => OwnAddress.No;
    }

    // Whichever address answers will do; the modes that allow one family only have been heeded when the addresses were looked up.
    private sealed class AllAtOnce : IFamilyPreference
    {
        public ValueTask<IReadOnlyList<IReadOnlyList<IPAddress>>> OrderAsync(
            MailHost host, FamilyMode mode, string? senderDomain, IReadOnlyList<IPAddress> addresses, CancellationToken cancel) =>
            ValueTask.FromResult<IReadOnlyList<IReadOnlyList<IPAddress>>>([addresses]);

        public ValueTask<bool> IsHealthyAsync(IPAddress address, string? senderDomain, CancellationToken cancel) => ValueTask.FromResult(true);

        public void Learn(MailHost host, IPAddress address, bool worked)
        {
        }
    }
}
