using System.Text;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Cli;

/// <summary>A password that is being chosen: a terminal is asked twice, without echo; a pipe gives one line, or the same line twice.</summary>
internal static class NewPassword
{
    /// <summary>Asks for it.</summary>
    /// <param name="streams">Where.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The password; or null, and what is wrong.</returns>
    public static async Task<(string? Password, string Why)> ReadAsync(Streams streams, CancellationToken cancel)
    {
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
            return (null, "no password was given");
        if (again != password)
            return (null, "the two are not the same");
        return SaslPrep.TryPrepare(Encoding.UTF8.GetBytes(password), out var prepared) && prepared.Length > 0
            ? (password, "")
            : (null, "the password has a control character, or another that cannot be typed everywhere (RFC 4013 2.3)");
    }
}
