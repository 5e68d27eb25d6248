using HomeMail.Cli;

namespace HomeMail;

/// <summary>The program: a command line, and the server behind one of its commands.</summary>
public static partial class Program
{
    /// <summary>Runs a command; see <c>homemail --help</c>.</summary>
    /// <param name="args">The words of the command line.</param>
    /// <returns>0 fine, 1 found wanting, 2 misuse.</returns>
    public static Task<int> Main(string[] args) => CommandLine.RunAsync(args, Terminal.Open());
}
