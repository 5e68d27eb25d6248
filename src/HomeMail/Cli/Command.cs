using System.Text;
using HomeMail.Config;

namespace HomeMail.Cli;

/// <summary>What a command's exit code says.</summary>
internal static class ExitCode
{
    /// <summary>All is fine.</summary>
    public const int Fine = 0;

    /// <summary>The command ran, and what it looked at is not as it should be.</summary>
    public const int FoundWanting = 1;

    /// <summary>The command was called wrongly, or does not exist in this version.</summary>
    public const int Misuse = 2;
}

/// <summary>One call of a command, with the streams it talks through.</summary>
internal sealed class CommandCall
{
    /// <summary>The command's name.</summary>
    public string Command { get; init; } = "";

    /// <summary>What stands behind the command, options taken out.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The options with their values; a flag has an empty one.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The program's streams.</summary>
    public required Streams Streams { get; init; }

    /// <summary>The configuration file to use.</summary>
    public string ConfigPath => Options.GetValueOrDefault("--config", SettingsFile.DefaultPath);
}

/// <summary>Where a command reads and writes.</summary>
/// <param name="In">Standard input.</param>
/// <param name="Out">Standard output: what was asked for.</param>
/// <param name="Error">Standard error: what went wrong.</param>
/// <param name="AskSecret">Shows a prompt on the terminal and reads a line without showing it; null where standard input is no terminal.</param>
internal sealed record Streams(TextReader In, TextWriter Out, TextWriter Error, Func<string, string?>? AskSecret)
{
    /// <summary>Standard input as it is, for what is no text.</summary>
    public Stream RawIn { get; init; } = Stream.Null;

    /// <summary>Standard output as it is.</summary>
    public Stream RawOut { get; init; } = Stream.Null;

    /// <summary>Whether a person watches standard error.</summary>
    public bool ErrorIsTerminal { get; init; }
}

/// <summary>An option of a command besides <c>--config</c> and <c>--help</c>, which all have.</summary>
/// <param name="Name">Its name with the dashes.</param>
/// <param name="Value">What its value is, in capitals, or null for a flag.</param>
/// <param name="Help">What it does.</param>
internal sealed record CommandOption(string Name, string? Value, string Help);

/// <summary>One line of the command table.</summary>
/// <param name="Name">The word on the command line.</param>
/// <param name="Usage">What stands behind it: <c>IP MAIL-FROM [HELO]</c>.</param>
/// <param name="Summary">What it does, in a few words.</param>
/// <param name="Options">Its options.</param>
/// <param name="MostArguments">How many arguments it takes at most.</param>
/// <param name="RunAsync">What runs it, giving the exit code; null while this version does not have it.</param>
internal sealed record Command(
    string Name, string Usage, string Summary, CommandOption[] Options, int MostArguments, Func<CommandCall, CancellationToken, Task<int>>? RunAsync)
{
    /// <summary>What else is to be said, a line each.</summary>
    public string[] Notes { get; init; } = [];

    /// <summary>The text for <c>--help</c>.</summary>
    public string Help()
    {
        var help = new StringBuilder();
        help.Append("usage: homemail ").Append(Name).Append(" [OPTIONS]").Append(Usage.Length > 0 ? " " : "").Append(Usage).Append('\n');
        help.Append(Summary).Append(".\n");
        foreach (var note in Notes)
            help.Append(note).Append('\n');
        if (RunAsync is null)
            help.Append("Not yet in this version.\n");
        help.Append('\n');
        foreach (var option in Options.Append(CommandTable.Config).Append(CommandTable.Help))
            help.Append(System.Globalization.CultureInfo.InvariantCulture, $"  {option.Name + (option.Value is null ? "" : " " + option.Value),-22} {option.Help}\n");
        return help.Append("\nExit code: 0 fine, 1 found wanting, 2 misuse.\n").ToString();
    }
}
