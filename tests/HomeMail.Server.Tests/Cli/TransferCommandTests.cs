using HomeMail.Cli;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary>Commands on a data folder while no server runs.</summary>
public sealed class TransferCommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hm-cli").FullName;
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    public TransferCommandTests()
    {
        Directory.CreateDirectory(_root + "/data");
        File.WriteAllText(_root + "/h.ini", $"""
            [server]
            hostname = mail.home.example
            data = {_root}/data
            socket = {_root}/control
            [domain:home.example]
            [account:alice]
            addresses = alice@home.example
            """);
        foreach (var folder in (string[])["cur", "new", "tmp", ".Old/cur"])
            Directory.CreateDirectory($"{_root}/in/{folder}");
        File.WriteAllText(_root + "/in/cur/1.a:2,S", "Subject: a\n\nx\n");
        File.WriteAllText(_root + "/in/.Old/cur/2.b:2,RP", "Subject: b\n\ny\n");
    }

    public void Dispose() => Directory.Delete(_root, true);

    private async Task<(int Code, string Out, string Error)> Run(params string[] words)
    {
        _out.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
        var code = await CommandLine.RunAsync([words[0], "--config", _root + "/h.ini", .. words[1..]], new Streams(TextReader.Null, _out, _error, null), TestContext.Current.CancellationToken);
        return (code, _out.ToString(), _error.ToString());
    }

    [Fact]
    public async Task In_out_and_copied()
    {
        var run = await Run("import", "alice", _root + "/in");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith("2 messages imported; ", run.Out, StringComparison.Ordinal);
        run = await Run("import", "alice", _root + "/in");
        Assert.StartsWith("0 messages imported, 2 there already; ", run.Out, StringComparison.Ordinal);

        File.WriteAllText(_root + "/box", "From a@b Tue Nov 25 10:20:30 2025\nSubject: c\n\nz\n");
        run = await Run("import", "alice", "--mailbox", "Work/Box", _root + "/box");
        Assert.StartsWith("1 message imported; ", run.Out, StringComparison.Ordinal);

        run = await Run("account", "show", "alice");
        Assert.Matches("(?s)^alice +\\d+ .*alice@home.example.*INBOX +1 message, 0 unseen.*Old +1 message, 1 unseen.*Work +0 messages.*Work/Box +1 message", run.Out);
        run = await Run("account", "list", "--json");
        Assert.EndsWith("{\"result\":\"ok\",\"accounts\":1}\n", run.Out, StringComparison.Ordinal);

        run = await Run("export", "alice", _root + "/out");
        Assert.StartsWith("3 messages exported; ", run.Out, StringComparison.Ordinal);
        Assert.Equal("Subject: b\n\ny\n", File.ReadAllText(Directory.GetFiles(_root + "/out/.Old/cur", "*:2,PR").Single()));
        Assert.Single(Directory.GetFiles(_root + "/out/.Work.Box/cur"));

        run = await Run("backup", _root + "/backup");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith("3 messages; 3 files linked, ", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("queue list", 1, "the server does not run: nobody answers at {root}/control for the data folder {root}/data")]
    [InlineData("status", 1, "the server does not run")]
    [InlineData("queue dance", 2, "there is no 'dance'; allowed: list, show, retry, hold, release, drop")]
    [InlineData("queue show", 2, "show needs the id of a message")]
    [InlineData("queue retry", 2, "retry needs")]
    [InlineData("queue list all", 2, "'all' is too much")]
    [InlineData("account show", 2, "show needs the name")]
    [InlineData("account show dave", 1, "there is no account 'dave'")]
    [InlineData("import alice", 2, "an account and the path")]
    [InlineData("import alice {root}/nowhere", 1, "is not there")]
    [InlineData("import alice {root}/data", 1, "is no Maildir")]
    [InlineData("import alice {root}/h.ini", 1, "is no mbox")]
    [InlineData("import dave {root}/in", 1, "there is no [account:dave]")]
    [InlineData("import alice {root}/in --mailbox a//b", 2, "no mailbox can be called 'a//b'")]
    [InlineData("export alice {root}/out", 1, "there is no mail of an account 'alice'")]
    [InlineData("export alice", 2, "an account and the path")]
    [InlineData("export alice {root}/no/out", 1, "the folder that {root}/no/out is to be in is not there")]
    [InlineData("backup {root}/no/backup", 1, "the folder that {root}/no/backup is to be in is not there")]
    [InlineData("backup", 2, "the path of the backup")]
    [InlineData("backup {root}/data/backup", 1, "beside the data folder")]
    [InlineData("backup {root}/in", 1, "that is no backup")]
    public async Task Errors_say_what_and_where(string line, int code, string error)
    {
        var run = await Run([.. line.Split(' ').Select(word => word.Replace("{root}", _root, StringComparison.Ordinal))]);
        Assert.Equal(code, run.Code);
        Assert.StartsWith($"homemail {line.Split(' ')[0]}: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(error.Replace("{root}", _root, StringComparison.Ordinal), run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Out);
    }
}
