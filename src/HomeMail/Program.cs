using System.Text;
using HomeMail.Cli;

namespace HomeMail;

/// <summary>The program: a command line, and the server behind one of its commands.</summary>
public static partial class Program
{
    /// <summary>Runs a command; see <c>homemail --help</c>. Called as <c>sendmail</c>, <c>mailq</c> or <c>newaliases</c> it is that program.</summary>
    /// <param name="args">The words of the command line.</param>
    /// <returns>0 fine, 1 found wanting, 2 misuse; of those programs the codes of sysexits(3).</returns>
    public static Task<int> Main(string[] args)
    {
        var name = CalledAs();
        return SendmailCommand.IsName(name) ? SendmailCommand.RunAsync(name, args, Terminal.Open(), default) : CommandLine.RunAsync(args, Terminal.Open());
    }

    // The kernel's word: what the runtime gives is the program's file.
    private static string CalledAs()
    {
        try
        {
            var line = File.ReadAllBytes("/proc/self/cmdline");
            return Path.GetFileName(Encoding.UTF8.GetString(line.AsSpan(0, Math.Max(0, line.AsSpan().IndexOf((byte)0)))));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
