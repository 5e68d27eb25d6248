using System.Net;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;

namespace HomeMail.Cli;

/// <summary><c>homemail spf IP MAIL-FROM [HELO]</c>: checks SPF and tells each step.</summary>
internal static class SpfCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (Read(call, out var request) is { } problem || !ResolverChoice.TryMake(call, out var resolver, out problem))
        {
            await call.Streams.Error.WriteLineAsync($"homemail spf: {problem}");
            return ExitCode.Misuse;
        }
        var outcome = await new SpfChecker(resolver, TimeProvider.System).CheckAsync(request, cancel);
        var writer = new ResultWriter(call);
        foreach (var step in outcome.Trace)
        {
            var term = step.Term.Length > 0 ? $"{step.Term}: " : "";
            await writer.WriteAsync(
                $"{new string(' ', 2 * step.Depth)}{step.Domain}: {term}{step.Text}",
                ("step", step.Text), ("domain", step.Domain), ("term", step.Term.Length > 0 ? step.Term : null), ("depth", step.Depth));
        }
        var result = ReceivedSpf.Name(outcome.Result);
        var why = outcome.Problem ?? (outcome.Mechanism is { } mechanism ? $"by {mechanism}" : "nothing to evaluate");
        var explanation = outcome.Explanation is { } text ? $"; the domain says: {text}" : "";
        await writer.WriteAsync(
            $"{result}: {why} ({outcome.Terms} of 10 terms with look-ups){explanation}",
            ("result", result), ("domain", request.Domain), ("client", request.Client), ("mechanism", outcome.Mechanism),
            ("problem", outcome.Problem), ("explanation", outcome.Explanation), ("terms", outcome.Terms));
        return outcome.Result == SpfResult.Pass ? ExitCode.Fine : ExitCode.FoundWanting;
    }

    private static string? Read(CommandCall call, out SpfRequest request)
    {
        request = null!;
        if (call.Arguments.Count < 2)
            return "needs an address and a MAIL FROM; see `homemail spf --help`";
        var ip = call.Arguments[0];
        if (!IPAddress.TryParse(ip, out var client))
            return $"'{ip}' is no IP address";
        var mailFrom = call.Arguments[1].Trim('<', '>');
        var at = mailFrom.LastIndexOf('@');
        var domain = mailFrom[(at + 1)..];
        var helo = call.Arguments.Count > 2 ? call.Arguments[2] : domain;
        if (helo.Length == 0)
            return "with a null MAIL FROM the HELO name is checked, and none is given";
        request = SpfRequest.ForMailFrom(client, at < 0 ? null : mailFrom[..at], mailFrom.Length == 0 ? null : domain, helo)
            with
        { WantTrace = true, WantExplanation = true };
        return null;
    }
}
