using HomeMail.Protocol.Sasl;

namespace HomeMail.Cli;

/// <summary><c>homemail passwd</c>: turns a password into the line for an account's section.</summary>
internal static class PasswdCommand
{
    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var (password, why) = await NewPassword.ReadAsync(call.Streams, cancel);
        if (password is null)
        {
            await call.Streams.Error.WriteLineAsync($"homemail passwd: {why}");
            return ExitCode.Misuse;
        }
        await call.Streams.Out.WriteLineAsync($"password = {ScramCredential.Create(password)}");
        return ExitCode.Fine;
    }
}
