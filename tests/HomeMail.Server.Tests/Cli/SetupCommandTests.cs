using HomeMail.Cli;
using HomeMail.Config;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

public sealed class SetupCommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    public void Dispose() => Directory.Delete(_root, true);

    private string Ini => Path.Combine(_root, "etc", "homemail.ini");

    private Task<int> Run(string input, Func<string, string?>? ask, params string[] words) => CommandLine.RunAsync(
        ["setup", "--config", Ini, "--resolver", "127.0.0.1:1", "--data", Path.Combine(_root, "data"), .. words], new Streams(new StringReader(input), _out, _error, ask), TestContext.Current.CancellationToken);

    [Fact]
    public async Task Options_and_a_password_from_a_pipe_make_a_house()
    {
        Assert.Equal(ExitCode.Fine, await Run("open sesame\n", null, "--hostname", "Mail.Example.org", "--account", "alice"));
        Assert.Equal("", _error.ToString());
        var load = SettingsFile.Load(Ini);
        Assert.Empty(load.Errors);
        Assert.Empty(load.Notes);
        Assert.Equal("mail.example.org", load.Settings!.Server.Hostname);
        Assert.Equal("alice@example.org", Assert.Single(load.Settings.Accounts["alice"].Addresses).ToString());
        Assert.Contains("example.org", load.Settings.Domains.Keys);
        Assert.True((File.GetUnixFileMode(Ini) & UnixFileMode.OtherRead) == 0);
        Assert.True(File.Exists(Path.Combine(_root, "data", "dkim", "example.org", "hm1.pem")));
        Assert.True(File.Exists(Path.Combine(_root, "data", "tls", "self-signed.crt")));
        var told = _out.ToString();
        Assert.Matches("example\\.org +MX +10 mail\\.example\\.org", told);
        Assert.Matches("hm1\\._domainkey\\.example\\.org +TXT +\"?v=DKIM1", told);
    }

    [Fact]
    public async Task A_terminal_is_asked_for_what_is_missing()
    {
        Assert.Equal(ExitCode.Fine, await Run("mail.example.org\n\nbob\n", _ => "open sesame"));
        Assert.Equal("bob@example.org", Assert.Single(SettingsFile.Load(Ini).Settings!.Accounts["bob"].Addresses).ToString());
        Assert.Contains("[example.org]", _error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_configuration_that_is_there_is_not_touched()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Ini)!);
        await File.WriteAllTextAsync(Ini, "mine", TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.FoundWanting, await Run("open sesame\n", null, "--hostname", "mail.example.org", "--account", "alice"));
        Assert.Equal("mine", await File.ReadAllTextAsync(Ini, TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(Path.Combine(_root, "data")));
    }

    [Theory]
    [InlineData("--hostname mail --account alice", "--hostname: 'mail'")]
    [InlineData("--hostname mail.example.org --domain a..b --account alice", "--domain: 'a..b'")]
    [InlineData("--hostname mail.example.org", "--account is needed")]
    [InlineData("--hostname mail.example.org --account al/ice", "--account: 'al/ice'")]
    public async Task What_is_wrong_is_said_and_nothing_is_made(string words, string expected)
    {
        Assert.Equal(ExitCode.Misuse, await Run("open sesame\n", null, words.Split(' ')));
        Assert.Contains(expected, _error.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Ini));
        Assert.False(Directory.Exists(Path.Combine(_root, "data")));
    }

    [Fact]
    public async Task What_the_doctor_finds_and_how_to_start_is_told()
    {
        Assert.Equal(ExitCode.Fine, await Run("open sesame\n", null, "--hostname", "mail.example.org", "--account", "alice"));
        var told = _out.ToString();
        Assert.Contains($"Start it: homemail run --config {Ini}", told, StringComparison.Ordinal);
        Assert.Contains("port 993", told, StringComparison.Ordinal);
        Assert.True(told.LastIndexOf("homemail doctor", StringComparison.Ordinal) > told.IndexOf("MX ", StringComparison.Ordinal));
        Assert.Matches("(?m)^(ok|attention|trouble) ", told[told.IndexOf("What the doctor finds", StringComparison.Ordinal)..]);
    }

    [Fact]
    public async Task The_paths_of_a_server_are_told_to_who_makes_a_jail()
    {
        Assert.Equal(ExitCode.Fine, await Run("open sesame\n", null, "--hostname", "mail.example.org", "--account", "alice"));
        _out.GetStringBuilder().Clear();
        Assert.Equal(ExitCode.Fine, await CommandLine.RunAsync(["check", "--paths", "--config", Ini], new Streams(TextReader.Null, _out, _error, null), TestContext.Current.CancellationToken));
        var paths = _out.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains($"keep {Path.Combine(_root, "data")}", paths);
        Assert.Contains($"read {Path.GetDirectoryName(Ini)}", paths);
        Assert.Contains("device /dev/urandom", paths);
        Assert.All(paths, line => Assert.Matches("^(keep|read|device|execute) /", line));
    }
}
