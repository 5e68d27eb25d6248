using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Authentication;

namespace HomeMail.Cli;

/// <summary><c>homemail dkim FILE</c>: tells the fate of each signature of a message.</summary>
internal static class DkimCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Arguments is [_, _])
        {
            if (call.Arguments[0] == "rotate")
                return await DkimRotateCommand.RunAsync(call, cancel);
            await call.Streams.Error.WriteLineAsync($"homemail dkim: '{call.Arguments[1]}' is too much; see `homemail dkim --help`");
            return ExitCode.Misuse;
        }
        var problem = call.Arguments.Count == 0 ? "needs a file; see `homemail dkim --help`" : null;
        if (problem is not null || !ResolverChoice.TryMake(call, out var resolver, out problem))
        {
            await call.Streams.Error.WriteLineAsync($"homemail dkim: {problem}");
            return ExitCode.Misuse;
        }
        try
        {
            using var file = new MessageFile(call.Arguments[0]);
            var author = AuthorDomain.Of(file.Header.Span);
            var verdicts = await new DkimVerifier(resolver, TimeProvider.System)
                .VerifyAsync(file.Header, file.OpenBody, author.Domain.Length > 0 ? author.Domain : null, cancel);
            return await TellAsync(new ResultWriter(call), verdicts);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await call.Streams.Error.WriteLineAsync($"homemail dkim: {e.Message}");
            return ExitCode.Misuse;
        }
    }

    private static async Task<int> TellAsync(ResultWriter writer, IReadOnlyList<DkimVerdict> verdicts)
    {
        foreach (var verdict in verdicts)
        {
            var signature = verdict.Signature;
            var algorithm = signature?.Algorithm switch
            {
                null => null,
                DkimAlgorithm.RsaSha256 => "rsa-sha256",
                _ => "ed25519-sha256",
            };
            var what = signature is null ? "a signature" : $"d={signature.Domain} s={signature.Selector} a={algorithm} b={signature.SignaturePrefix}";
            var bits = verdict.KeyBits > 0 ? $", {verdict.KeyBits} bits" : "";
            var testing = verdict.Testing ? ", key for testing" : "";
            var why = verdict.Reason is { } reason ? $": {reason}" : "";
            await writer.WriteAsync(
                $"{what}{bits}{testing}: {ResultsField.Name(verdict.Result)}{why}",
                ("signature", ResultsField.Name(verdict.Result)), ("domain", signature?.Domain), ("selector", signature?.Selector),
                ("algorithm", algorithm), ("bits", verdict.KeyBits > 0 ? verdict.KeyBits : null), ("reason", verdict.Reason),
                ("testing", verdict.Testing ? true : null));
        }
        var passed = verdicts.Count(v => v.Result == DkimResult.Pass);
        var result = verdicts.Count == 0 ? "none" : passed > 0 ? "pass" : ResultsField.Name(verdicts[0].Result);
        await writer.WriteAsync(
            verdicts.Count == 0 ? "none: the message is not signed" : $"{result}: {passed} of {verdicts.Count} signatures pass",
            ("result", result), ("signatures", verdicts.Count), ("passed", passed));
        return result == "pass" ? ExitCode.Fine : ExitCode.FoundWanting;
    }
}
