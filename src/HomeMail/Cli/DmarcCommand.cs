using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Authentication;

namespace HomeMail.Cli;

/// <summary><c>homemail dmarc DOMAIN</c>: tells what policy applies to mail from a domain. The result is that of a message which the domain itself has signed.</summary>
internal static class DmarcCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Options.ContainsKey("--reports"))
            return await DmarcReportsCommand.RunAsync(call, cancel);
        string? problem = null;
        var domain = "";
        if (call.Arguments.Count == 0)
            problem = "needs a domain; see `homemail dmarc --help`";
        else if (!InternationalName.TryToAscii(call.Arguments[0], out domain) || !DnsName.IsValid(domain))
            problem = $"'{call.Arguments[0]}' is no domain";
        if (problem is not null || !ResolverChoice.TryMake(call, out var resolver, out problem))
        {
            await call.Streams.Error.WriteLineAsync($"homemail dmarc: {problem}");
            return ExitCode.Misuse;
        }
        var outcome = await new DmarcChecker(resolver).CheckAsync(new DmarcRequest(domain, [domain], null, FindOrganization: true), cancel);
        var writer = new ResultWriter(call);
        if (outcome.Record is { } record)
        {
            await writer.WriteAsync(
                $"record at _dmarc.{outcome.PolicyDomain}: {record.Text}", ("record", record.Text), ("policy-domain", outcome.PolicyDomain));
            if (outcome.OrganizationalDomain is { } organization)
                await writer.WriteAsync($"organizational domain: {organization}", ("organizational-domain", organization));
            await writer.WriteAsync(
                $"alignment: DKIM {(record.StrictDkim ? "strict" : "relaxed")}, SPF {(record.StrictSpf ? "strict" : "relaxed")}",
                ("adkim", record.StrictDkim ? "s" : "r"), ("aspf", record.StrictSpf ? "s" : "r"));
            if (record.Testing)
                await writer.WriteAsync("the owner is testing: the policy is a level less severe than it says", ("testing", true));
        }
        var result = ResultsField.Name(outcome.Result);
        await writer.WriteAsync(
            outcome.Record is null ? $"{result}: {outcome.Problem ?? "no policy applies"}"
                : $"{result}: mail that fails is to be treated by p={ResultsField.Name(outcome.Policy)}",
            ("result", result), ("domain", domain), ("policy", outcome.Record is null ? null : ResultsField.Name(outcome.Policy)),
            ("problem", outcome.Problem));
        return outcome.Result == DmarcResult.Pass ? ExitCode.Fine : ExitCode.FoundWanting;
    }
}
