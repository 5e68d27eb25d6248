using HomeMail.Config;

namespace HomeMail.Cli;

/// <summary>How well something is.</summary>
internal enum Health
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, and somebody should know.</summary>
    Attention,

    /// <summary>It does not work.</summary>
    Trouble,
}

/// <summary>One thing that the doctor has looked at.</summary>
/// <param name="Subject">What it is: <c>smarthost:isp</c>.</param>
/// <param name="Health">How well it is.</param>
/// <param name="Words">What was found, in plain words.</param>
/// <param name="Mend">What to do about it, or null.</param>
internal sealed record DoctorFinding(string Subject, Health Health, string Words, string? Mend = null);

/// <summary>One examination.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Summary">What it looks at.</param>
/// <param name="TakesName">Whether one of several things may be named behind it.</param>
/// <param name="Look">Looks. The name is null for all.</param>
internal sealed record DoctorPart(
    string Name, string Summary, bool TakesName, Func<CommandCall, Settings, string?, CancellationToken, IAsyncEnumerable<DoctorFinding>> Look);

/// <summary><c>homemail doctor [PART [NAME]]</c>: says what is wrong with this house and how to mend it. Without a part it looks at all there are.</summary>
internal static class DoctorCommand
{
    // A new examination is a line here.
    private static readonly DoctorPart[] Parts =
    [
        new("smarthost", "connects and logs in to each smarthost; sends nothing", true, DoctorSmarthost.LookAsync),
        new("dane", "whether DANE can protect what is sent", false, DoctorDane.LookAsync),
    ];

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var known = string.Join(", ", Parts.Select(p => $"{p.Name} ({p.Summary})"));
        if (call.Options.ContainsKey("--reset"))
            return await ServerCommand.MisuseAsync(call, "--reset is not yet in this version");
        var name = call.Arguments.Count > 0 ? call.Arguments[0] : null;
        var parts = name is null ? Parts : Array.FindAll(Parts, p => p.Name == name);
        if (parts.Length == 0)
            return await ServerCommand.MisuseAsync(call, $"there is no part '{name}'; there are {known}");
        var one = call.Arguments.Count > 1 ? call.Arguments[1] : null;
        if (one is not null && !parts[0].TakesName)
            return await ServerCommand.MisuseAsync(call, $"{name} takes no name");
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

        var writer = new ResultWriter(call);
        var worst = Health.Ok;
        foreach (var part in parts)
        {
            await foreach (var finding in part.Look(call, settings, one, cancel))
            {
                worst = finding.Health > worst ? finding.Health : worst;
                await WriteAsync(writer, part, finding);
            }
        }
        await writer.WriteAsync(
            worst switch
            {
                Health.Ok => "all is well",
                Health.Attention => "it works; what is marked 'attention' is worth a look",
                _ => "something is wrong; see above",
            },
            ("result", Word(worst)));
        return worst == Health.Trouble ? ExitCode.FoundWanting : ExitCode.Fine;
    }

    private static async Task WriteAsync(ResultWriter writer, DoctorPart part, DoctorFinding finding)
    {
        var line = $"{Word(finding.Health),-10}{finding.Subject}: {finding.Words}{(finding.Mend is null ? "" : $". What to do: {finding.Mend}")}";
        await writer.WriteAsync(
            line, ("part", part.Name), ("subject", finding.Subject), ("state", Word(finding.Health)), ("text", finding.Words), ("mend", finding.Mend));
    }

    private static string Word(Health health) => health switch { Health.Ok => "ok", Health.Attention => "attention", _ => "trouble" };
}
