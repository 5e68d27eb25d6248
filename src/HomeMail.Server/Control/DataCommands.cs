using HomeMail.Server.ClientSetup;
using HomeMail.Server.Intake;
using HomeMail.Server.Reports;
using HomeMail.Storage;
using HomeMail.Storage.State;

namespace HomeMail.Server.Control;

/// <summary>The commands that need the data folder and nothing that runs: the server has them, and so has a command line that finds no server.</summary>
public static class DataCommands
{
    /// <summary>The folder of the delivery history, in the data folder.</summary>
    public const string HistoryFolder = "history";

    /// <summary>The file of what is learned, in the data folder.</summary>
    public const string StateFile = "state.db";

    /// <summary>The commands.</summary>
    /// <param name="data">The data folder.</param>
    /// <param name="history">What became of messages.</param>
    /// <param name="state">What is learned.</param>
    /// <param name="names">Who is hosted here.</param>
    /// <param name="services">Where mail programs read and send.</param>
    /// <param name="clock">Time.</param>
    public static IReadOnlyList<ControlCommand> Table(
        DataFolder data, DeliveryHistory history, StateStore state, Func<HostedNames> names, Func<MailServices> services, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(data);
        return
        [
            new("ping", static (_, _) => Task.FromResult(ControlResult.Ok)),
            .. new AccountCommands(names, data.Mail, services).Table,
            .. new HistoryCommand(history).Table,
            .. new ExplainCommand(history, data.Mail).Table,
            .. new ImportCommand(data, names, clock).Table,
            .. new ExportCommands(data.Mail).Table,
            .. new PauseCommand(data).Table,
            .. new ReportsCommand(new ReceivedReports(state, clock)).Table,
        ];
    }
}
