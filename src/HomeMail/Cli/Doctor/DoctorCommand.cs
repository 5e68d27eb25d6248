using HomeMail.Config;
using HomeMail.Server.Dns;

namespace HomeMail.Cli.Doctor;

/// <summary><c>homemail doctor [PART [NAME]]</c>: says what is wrong with this house and how to mend it. Without a part it looks at all there are.</summary>
internal static class DoctorCommand
{
    // All parts look side by side; whatever hangs, the whole is told before twenty seconds are over.
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(17);

    // A new examination is a line here. The order is that of the screen.
    private static readonly DoctorPart[] Parts =
    [
        new("server", "whether it runs", ServerPart.LookAsync),
        new("resolver", "whether DNS answers, and EDNS, TCP and DNSSEC work", ResolverPart.LookAsync),
        new("hostname", "whether the name of this host is in DNS", HostnamePart.LookAsync),
        new("addresses", "the public addresses against A and AAAA", AddressesPart.LookAsync),
        new("mx", "whether the domains' mail is sent here", MxPart.LookAsync),
        new("ptr", "the names of the public addresses", PtrPart.LookAsync),
        new("spf", "whether SPF lets this house send", SpfPart.LookAsync),
        new("dkim", "whether the signing keys are published", DkimPart.LookAsync),
        new("dmarc", "whether the domains have a policy", DmarcPart.LookAsync),
        new("nat", "carrier NAT, DS-Lite, a second router", NatPart.LookAsync),
        new("ports", "whether mail can come in", PortsPart.LookAsync),
        new("hairpin", "what the router does with connections to our own address", HairpinPart.LookAsync),
        new("masking", "routers that hide who comes", MaskingPart.LookAsync),
        new("port25", "whether port 25 is open on the way out", Port25Part.LookAsync),
        new("dnsbl", "whether block lists have our addresses", DnsblPart.LookAsync),
        new(SmarthostPart.Name, "connects and logs in to each smarthost; sends nothing", SmarthostPart.LookAsync),
        new("dane", "whether DANE can protect what is sent", DanePart.LookAsync),
        new("certificate", "its name and its time", CertificatePart.LookAsync),
        new("clock", "whether the time can be believed", ClockPart.LookAsync),
        new("disk", "what mail is kept on, and the room there", DiskPart.LookAsync),
        new("memory", "what the server may have, and what there is", MemoryPart.LookAsync),
    ];

    /// <summary>The names of all parts.</summary>
    public static string PartNames => string.Join(", ", Parts.Select(static p => p.Name));

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var name = call.Arguments.Count > 0 ? call.Arguments[0] : null;
        if (call.Options.ContainsKey("--reset"))
            return name is null ? await ResetAsync(call, cancel) : await ServerCommand.MisuseAsync(call, "--reset takes no part");
        var parts = name is null ? Parts : Array.FindAll(Parts, p => p.Name == name);
        if (parts.Length == 0)
            return await ServerCommand.MisuseAsync(call, $"there is no part '{name}'; there are {string.Join(", ", Parts.Select(static p => $"{p.Name} ({p.Summary})"))}");
        var one = call.Arguments.Count > 1 ? call.Arguments[1] : null;
        if (one is not null && name != SmarthostPart.Name)
            return await ServerCommand.MisuseAsync(call, $"{name} takes no name");
        NameServerSettings? servers = null;
        if (call.Options.TryGetValue("--resolver", out var text) && !NameServerSettings.TryParse(text, out servers))
            return await ServerCommand.MisuseAsync(call, $"'{text}' is no resolver; allowed: ADDRESS or ADDRESS:PORT, such as 127.0.0.1:53 or [::1]:53");
        var load = SettingsFile.Load(call.ConfigPath);
        foreach (var error in load.Errors)
            await call.Streams.Error.WriteLineAsync(error.ToString());
        if (load.Settings is not { } settings)
            return ExitCode.FoundWanting;
        if (one is not null && !settings.Smarthosts.ContainsKey(one))
        {
            return await ServerCommand.MisuseAsync(
                call, $"there is no [smarthost:{one}]; {(settings.Smarthosts.Count == 0 ? "none is configured" : $"there are {string.Join(", ", settings.Smarthosts.Keys)}")}");
        }
        return await LookAsync(call, parts, settings, servers ?? ServerMap.NameServers(settings.Server), one, cancel);
    }

    private static async Task<int> LookAsync(
        CommandCall call, IReadOnlyList<DoctorPart> parts, Settings settings, NameServerSettings servers, string? one, CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        end.CancelAfter(MostTime);
        var scene = new DoctorScene(settings, servers, TimeProvider.System, end.Token) { One = one };
        var looking = parts.Select(part => LookAsync(part, scene, end.Token)).ToList();
        var writer = new ResultWriter(call);
        var worst = Health.Ok;
        var counts = new int[3];
        foreach (var (part, look) in parts.Zip(looking))
        {
            foreach (var finding in await look)
            {
                counts[(int)finding.Health]++;
                worst = finding.Health > worst ? finding.Health : worst;
                await WriteAsync(writer, part, finding);
            }
        }
        cancel.ThrowIfCancellationRequested();
        await writer.WriteAsync(
            worst switch
            {
                Health.Ok => "all is well",
                Health.Attention => "it works; what is marked 'attention' is worth a look",
                _ => "something is wrong; see above",
            },
            ("result", Word(worst)), ("ok", counts[0]), ("attention", counts[1]), ("trouble", counts[2]));
        return worst == Health.Trouble ? ExitCode.FoundWanting : ExitCode.Fine;
    }

    // A part that does not end, or fails, must not take the others with it.
    private static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorPart part, DoctorScene scene, CancellationToken end)
    {
        try
        {
            return await part.Look(scene, end).WaitAsync(end);
        }
        catch (OperationCanceledException)
        {
            return [DoctorFinding.Unknown(part.Name, "not seen: something on the way did not answer in time", "see what else is marked, or look at this part alone: homemail doctor " + part.Name)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
        {
            return [DoctorFinding.Unknown(part.Name, $"not seen: {error.Message}")];
        }
    }

    private static Task<int> ResetAsync(CommandCall call, CancellationToken cancel) =>
        ServerCommand.ShowAsync(call, true, "forget-masks", null, static _ => Task.CompletedTask, line =>
        {
            var forgotten = line.GetProperty("forgotten").EnumerateArray().Select(static a => Words.Printable(a.GetString() ?? "")).ToList();
            return call.Streams.Out.WriteLineAsync(forgotten.Count == 0 ? "nothing was remembered of routers that hide their clients" : $"forgotten: {string.Join(", ", forgotten)}");
        }, cancel);

    private static async Task WriteAsync(ResultWriter writer, DoctorPart part, DoctorFinding finding)
    {
        var line = $"{Word(finding.Health),-10}{finding.Subject}: {finding.Words}{(finding.Mend is null ? "" : $". What to do: {finding.Mend}")}";
        await writer.WriteAsync(
            line, ("part", part.Name), ("subject", finding.Subject), ("state", Word(finding.Health)), ("code", finding.Code), ("text", finding.Words), ("mend", finding.Mend));
    }

    private static string Word(Health health) => health switch { Health.Ok => "ok", Health.Attention => "attention", _ => "trouble" };
}
