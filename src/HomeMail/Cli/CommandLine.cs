using System.Globalization;
using System.Text;

namespace HomeMail.Cli;

/// <summary>From the words of the command line to a command's exit code.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line.</summary>
    /// <param name="words">The words behind the program's name.</param>
    /// <param name="streams">Where to read and write.</param>
    /// <param name="cancel">Ends a command that runs on.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> words, Streams streams, CancellationToken cancel = default)
    {
        if (words.Count == 0)
        {
            await streams.Error.WriteAsync(Overview());
            return ExitCode.Misuse;
        }
        switch (words[0])
        {
            case "--help" or "-h" or "help" when words.Count == 1:
                await streams.Out.WriteAsync(Overview());
                return ExitCode.Fine;
            case "--version" when words.Count == 1:
                return await VersionCommand.RunAsync(new CommandCall { Arguments = [], Options = new Dictionary<string, string>(), Streams = streams }, cancel);
        }
        if (CommandTable.Find(words[0]) is not { } command)
        {
            await streams.Error.WriteLineAsync($"homemail: there is no command '{words[0]}'; allowed: {string.Join(", ", CommandTable.All.Select(known => known.Name))}");
            return ExitCode.Misuse;
        }

        // Its command line is the one that programs know.
        if (SendmailCommand.IsName(words[0]) && !(words.Count == 2 && words[1] is "--help" or "-h"))
            return await SendmailCommand.RunAsync(words[0], [.. words.Skip(1)], streams, cancel);

        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var arguments = new List<string>();
        // A command that is not there takes anything: its arguments are no matter of this version.
        if (TryParse(command, words.Skip(1), options, arguments) is { } problem && command.RunAsync is not null && !options.ContainsKey("--help"))
        {
            await streams.Error.WriteLineAsync($"homemail {command.Name}: {problem}; see `homemail {command.Name} --help`");
            return ExitCode.Misuse;
        }
        if (options.ContainsKey("--help"))
        {
            await streams.Out.WriteAsync(command.Help());
            return ExitCode.Fine;
        }
        if (command.RunAsync is null)
        {
            await streams.Error.WriteLineAsync($"homemail {command.Name}: not yet in this version");
            return ExitCode.Misuse;
        }
        return await command.RunAsync(new CommandCall { Command = command.Name, Arguments = arguments, Options = options, Streams = streams }, cancel);
    }

    /// <summary>Takes options and arguments apart.</summary>
    /// <returns>What is wrong with them, or null.</returns>
    private static string? TryParse(Command command, IEnumerable<string> words, Dictionary<string, string> options, List<string> arguments)
    {
        string? problem = null;
        CommandOption? awaiting = null;
        var onlyArguments = false;
        foreach (var word in words)
        {
            if (awaiting is not null)
            {
                options[awaiting.Name] = word;
                awaiting = null;
            }
            else if (onlyArguments || word.Length < 2 || word[0] != '-')
            {
                arguments.Add(word);
            }
            else if (word == "--")
            {
                onlyArguments = true;
            }
            else
            {
                var equals = word.IndexOf('=', StringComparison.Ordinal);
                var name = word == "-h" ? "--help" : equals < 0 ? word : word[..equals];
                var option = command.Options.Append(CommandTable.Config).Append(CommandTable.Help).FirstOrDefault(option => option.Name == name);
                if (option is null)
                    problem ??= $"there is no option '{name}'";
                else if (options.ContainsKey(name))
                    problem ??= $"{name} is there twice";
                else if (option.Value is null && equals >= 0)
                    problem ??= $"{name} takes no value";
                else if (option.Value is null)
                    options[name] = "";
                else if (equals >= 0)
                    options[name] = word[(equals + 1)..];
                else
                    awaiting = option;
            }
        }
        if (awaiting is not null)
            problem ??= $"{awaiting.Name} needs a value ({awaiting.Value})";
        foreach (var (name, value) in options)
            if (value.Length == 0 && name == "--config")
                problem ??= "--config needs a value (FILE)";
        if (arguments.Count > command.MostArguments)
            problem ??= $"'{arguments[command.MostArguments]}' is too much";
        return problem;
    }

    private static string Overview()
    {
        var text = new StringBuilder("usage: homemail COMMAND [--config FILE] [--help] ...\n\n");
        foreach (var command in CommandTable.All)
            text.Append(CultureInfo.InvariantCulture, $"  {command.Name,-9} {command.Summary}{(command.RunAsync is null ? " (not yet in this version)" : "")}\n");
        return text.Append("\nExit code: 0 fine, 1 found wanting, 2 misuse.\n").ToString();
    }
}
