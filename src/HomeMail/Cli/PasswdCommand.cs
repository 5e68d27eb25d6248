using System.Text;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Cli;

/// <summary>
/// <c>homemail passwd</c>: turns a password into the line for an account's section. A terminal is asked twice, without echo; a pipe gives one
/// line, or the same line twice.
/// </summary>
internal static class PasswdCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var streams = call.Streams;
        string? password;
        string? again;
        if (streams.AskSecret is { } ask)
        {
            password = ask("Password: ");
            again = string.IsNullOrEmpty(password) ? password : ask("Again: ") ?? "";
        }
        else
        {
            password = await streams.In.ReadLineAsync(cancel);
            again = await streams.In.ReadLineAsync(cancel) ?? password;
        }

        if (string.IsNullOrEmpty(password))
            return await RefuseAsync("no password was given");
        if (again != password)
            return await RefuseAsync("the two are not the same");
        if (!SaslPrep.TryPrepare(Encoding.UTF8.GetBytes(password), out var prepared) || prepared.Length == 0)
            return await RefuseAsync("the password has a control character, or another that cannot be typed everywhere (RFC 4013 2.3)");
        await streams.Out.WriteLineAsync($"password = {ScramCredential.Create(password)}");
        return ExitCode.Fine;

        async Task<int> RefuseAsync(string why)
        {
            await streams.Error.WriteLineAsync($"homemail passwd: {why}");
            return ExitCode.Misuse;
        }
    }
}
