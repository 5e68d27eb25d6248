using HomeMail.Server.Intake;
using HomeMail.Storage;

namespace HomeMail.Server.Control;

/// <summary>The commands that need the data folder and nothing that runs: the server has them, and so has a command line that finds no server.</summary>
public static class DataCommands
{
    /// <summary>The commands.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="names">Who is hosted here.</param>
    /// <param name="clock">Time.</param>
    public static IReadOnlyList<ControlCommand> Table(DataFolder data, Func<HostedNames> names, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(data);
        return
        [
            new("ping", static (_, _) => Task.FromResult(ControlResult.Ok)),
            .. new AccountCommands(names, data.Mail).Table,
            .. new ImportCommand(data, names, clock).Table,
            .. new ExportCommands(data.Mail).Table,
            .. new PauseCommand(data).Table,
        ];
    }
}
