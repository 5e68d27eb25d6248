using HomeMail.Cli;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

public class CommandLineTests
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    private Task<int> Run(string line, string input = "", Func<string, string?>? ask = null) => CommandLine.RunAsync(
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries), new Streams(new StringReader(input), _out, _error, ask), TestContext.Current.CancellationToken);

    private static string Example => Path.Combine(AppContext.BaseDirectory, "homemail.ini");

    [Theory]
    [InlineData("", 2)]
    [InlineData("--help", 0)]
    [InlineData("-h", 0)]
    [InlineData("help", 0)]
    [InlineData("version", 0)]
    [InlineData("--version", 0)]
    [InlineData("versions", 2)]
    [InlineData("--config /x check", 2)]
    [InlineData("version --config", 2)]
    [InlineData("version --config=", 2)]
    [InlineData("version --config /a --config /b", 2)]
    [InlineData("version --colour", 2)]
    [InlineData("version --help=yes --x", 2)]
    [InlineData("version now", 2)]
    [InlineData("check --help", 0)]
    [InlineData("check --bad --help", 0)]
    [InlineData("check --config /nowhere/homemail.ini", 1)]
    [InlineData("run --config=/nowhere/homemail.ini", 1)]
    [InlineData("queue dance", 2)]
    [InlineData("setup --config /nowhere/x", 2)]
    [InlineData("queue --help", 0)]
    [InlineData("sendmail -t -i --odd", 64)]
    public async Task Exit_codes(string line, int code)
    {
        Assert.Equal(code, await Run(line));
        // What was asked for goes to standard output, what went wrong to standard error.
        Assert.Equal(code is 2 or 64 || line.StartsWith("run", StringComparison.Ordinal), _error.ToString().Length > 0);
        Assert.Equal(_error.ToString().Length == 0, _out.ToString().Length > 0);
    }

    [Fact]
    public void Every_command_of_the_design_is_there()
    {
        const string Design = "run check setup status dns doctor passwd account queue log explain spf dkim dmarc import export backup sendmail version";
        Assert.Equal(Design.Split(' ').Order(), CommandTable.All.Select(command => command.Name).Order());
    }

    [Fact]
    public async Task Every_command_explains_itself()
    {
        foreach (var command in CommandTable.All)
        {
            _out.GetStringBuilder().Clear();
            Assert.Equal(0, await Run(command.Name + " --help"));
            Assert.StartsWith($"usage: homemail {command.Name} ", _out.ToString(), StringComparison.Ordinal);
            Assert.Contains("--config FILE", _out.ToString(), StringComparison.Ordinal);
            Assert.Equal(command.RunAsync is null, _out.ToString().Contains("Not yet in this version", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Commands_that_are_not_there_say_so()
    {
        foreach (var command in CommandTable.All.Where(command => command.RunAsync is null))
        {
            _error.GetStringBuilder().Clear();
            Assert.Equal(2, await Run(command.Name));
            Assert.Equal($"homemail {command.Name}: not yet in this version\n", _error.ToString());
        }
    }

    [Fact]
    public async Task Version_is_one_line()
    {
        await Run("version");
        Assert.Matches("^homemail [0-9]+\\.[0-9]+\\.[0-9]+\n$", _out.ToString());
    }

    [Fact]
    public async Task Check_finds_the_example_fine()
    {
        Assert.Equal(0, await Run($"check --config {Example}"));
        Assert.EndsWith($"{Example}: fine\n", _out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_tells_every_error()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "[server]\nhostname = mail\nlog = loud\n", TestContext.Current.CancellationToken);
            Assert.Equal(1, await Run($"check --config {file}"));
            Assert.Equal(
                $"{file}:2: [server] hostname: 'mail' is not allowed; allowed: the full name of this host, such as mail.example.org\n" +
                $"{file}:3: [server] log: 'loud' is not allowed; allowed: error, info, debug\n{file}: 2 errors\n",
                _out.ToString());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("pencil\n")]
    [InlineData("pencil")]
    [InlineData("pencil\r\n")]
    [InlineData("pencil\npencil\n")]
    public async Task Passwd_takes_a_pipe(string input)
    {
        Assert.Equal(0, await Run("passwd", input));
        var line = _out.ToString();
        Assert.StartsWith("password = $scram-sha-256$", line, StringComparison.Ordinal);
        Assert.True(ScramCredential.Parse(line["password = ".Length..].TrimEnd('\n')).Verify("pencil"u8));
        Assert.DoesNotContain("pencil", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("pencil\npencils\n")]
    [InlineData("pencil\n\n")]
    [InlineData("pen\tcil\n")]
    [InlineData("pen\ufffdcil\n")]
    [InlineData("\u00ad\n")]
    public async Task Passwd_refuses(string input)
    {
        Assert.Equal(2, await Run("passwd", input));
        Assert.Empty(_out.ToString());
        Assert.StartsWith("homemail passwd: ", _error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pencil", "pencil", 0)]
    [InlineData("pencil", "pencils", 2)]
    [InlineData("pencil", null, 2)]
    [InlineData("", "", 2)]
    [InlineData(null, null, 2)]
    public async Task Passwd_asks_a_terminal_twice(string? first, string? second, int code)
    {
        var asked = new List<string>();
        Assert.Equal(code, await Run("passwd", "not read", prompt =>
        {
            asked.Add(prompt);
            return asked.Count == 1 ? first : second;
        }));
        Assert.Equal(string.IsNullOrEmpty(first) ? ["Password: "] : ["Password: ", "Again: "], asked);
    }
}
