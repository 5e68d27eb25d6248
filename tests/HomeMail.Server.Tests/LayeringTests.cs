using Xunit;

namespace HomeMail.Server.Tests;

/// <summary>The rules of <see cref="SourceRules"/>, held against this repository and against made-up offenders.</summary>
public class LayeringTests
{
    private static readonly string Root = FindRoot();

    public static TheoryData<string> Projects =>
        new(Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(p => Path.GetFileNameWithoutExtension(p)).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_its_layer_may(string project) =>
        NothingFound(SourceRules.CheckProject(project, File.ReadAllText(Path.Combine(Root, "src", project, project + ".csproj"))));

    [Theory, MemberData(nameof(Projects))]
    public void The_sources_of_a_project_obey_the_rules(string project)
    {
        var files = SourceFiles(Path.Combine(Root, "src", project));
        Assert.NotEmpty(files);
        NothingFound(files.SelectMany(f => SourceRules.CheckSource(Path.GetRelativePath(Root, f), File.ReadAllText(f))));
    }

    [Fact]
    public void All_four_layers_are_looked_at() =>
        Assert.Equal(["HomeMail", "HomeMail.Protocol", "HomeMail.Server", "HomeMail.Storage"], Projects.Select(p => p.Data));

    [Theory]
    [InlineData("HomeMail.Protocol", "<ProjectReference Include=\"../HomeMail.Storage/HomeMail.Storage.csproj\" />")]
    [InlineData("HomeMail.Protocol", "<PackageReference Include=\"MimeKit\" />")]
    [InlineData("HomeMail.Storage", "<ProjectReference Include=\"..\\HomeMail.Server\\HomeMail.Server.csproj\" />")]
    [InlineData("HomeMail.Server", "<ProjectReference Include=\"../HomeMail/HomeMail.csproj\" />")]
    [InlineData("HomeMail", "<PackageReference Include=\"Microsoft.Extensions.Hosting\" />")]
    [InlineData("HomeMail.Extra", "")]
    public void A_reference_across_the_layers_is_found(string project, string text) =>
        Assert.Single(SourceRules.CheckProject(project, text));

    [Theory]
    [InlineData("HomeMail.Protocol/Smtp", "using var socket = new Socket(family, type, protocol);")]
    [InlineData("HomeMail.Protocol/Smtp", "var text = File.ReadAllText(path);")]
    [InlineData("HomeMail.Protocol/Smtp", "public async void Read() { }")]
    [InlineData("HomeMail.Protocol/Smtp", "var now = DateTimeOffset.UtcNow;")]
    [InlineData("HomeMail.Storage", "private TcpClient _client;")]
    [InlineData("HomeMail.Server/Policy", "System.Net.Sockets.Socket socket;")]
    [InlineData("HomeMail.Server/Policy", "private readonly Net.Listener _listener;")]
    [InlineData("HomeMail.Server/Smtp", "using HomeMail.Server.Imap;")]
    [InlineData("HomeMail.Server/Smtp", "using static HomeMail.Server.Queue.Schedule;")]
    [InlineData("HomeMail.Server/Smtp", "private readonly Delivery.SmtpClient _client;")]
    [InlineData("HomeMail.Server/Smtp", "var runner = new global::HomeMail.Server.Queue.QueueRunner();")]
    [InlineData("HomeMail.Server/Imap", "Server.Smtp.SmtpSession session;")]
    [InlineData("HomeMail.Server/House", "using System.Reflection;")]
    [InlineData("HomeMail.Server/House", "var field = stream.GetType().GetField(name);")]
    [InlineData("HomeMail.Server/House", "var method = typeof(List<(int, int)>).GetMethod(name);")]
    [InlineData("HomeMail.Server/House", "var made = Activator.CreateInstance(type);")]
    [InlineData("HomeMail.Server/House", "dynamic value = other;")]
    [InlineData("HomeMail.Server/House", "var address = Dns.GetHostAddresses(name);")]
    [InlineData("HomeMail.Server/House", "var today = DateTime.Now;")]
    [InlineData("HomeMail/Cli", "var user = Environment.UserName;")]
    [InlineData("HomeMail/Cli", "throw new NotImplementedException();")]
    [InlineData("HomeMail/Cli", "internal sealed class MailManager { }")]
    [InlineData("HomeMail.Server/Delivery", "var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck }; DisableCertificateDownloads = true;")]
    [InlineData("HomeMail.Server/Delivery", "using var chain = new X509Chain();")]
    [InlineData("HomeMail.Server/Delivery", "var options = new SslClientAuthenticationOptions { TargetHost = host };")]
    [InlineData("HomeMail.Server/Net", "var context = SslStreamCertificateContext.Create(certificate, chain);")]
    [InlineData("HomeMail.Server/Reports", "using System.Xml;")]
    [InlineData("HomeMail.Server/Delivery", "using var client = new HttpClient();")]
    [InlineData("HomeMail/Cli", "namespace HomeMail.Config;")]
    [InlineData("HomeMail.Server/Smtp", "namespace HomeMail.Server;")]
    public void An_offender_is_found(string folder, string line)
    {
        var finding = Assert.Single(SourceRules.CheckSource($"src/{folder}/Made.cs", $"// line one\n{line}\n"));
        Assert.StartsWith($"src/{folder}/Made.cs", finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HomeMail.Protocol/Smtp", "using System.Net.Sockets; // AddressFamily is a value")]
    [InlineData("HomeMail.Protocol/Message", "/// <summary>Not a Task, not a Socket.</summary>")]
    [InlineData("HomeMail.Server/Smtp", "using HomeMail.Protocol.Imap;")]
    [InlineData("HomeMail.Server/Smtp", "var reply = \"the Queue.Runner is late\"; /* Delivery.Now */")]
    [InlineData("HomeMail.Server/Smtp", "var path = @\"a\"\"Imap.Mailbox\"; var c = '\"'; var d = \"\\\"Queue.X\";")]
    [InlineData("HomeMail.Server/Smtp", "var json = \"\"\"\n\"Queue.Runner\"\n\"\"\";")]
    [InlineData("HomeMail.Server/Smtp", "private readonly Queue<int> _waiting = new();")]
    [InlineData("HomeMail.Server/Imap", "using var stream = typeof(ImapSession).Assembly.GetManifestResourceStream(name);")]
    [InlineData("HomeMail.Server/Dns", "var now = clock.GetUtcNow();")]
    [InlineData("HomeMail.Server/Delivery", "var policy = new X509ChainPolicy { RevocationMode = mode,\nDisableCertificateDownloads = true };")]
    [InlineData("HomeMail.Storage", "using HomeMail.Protocol.Smtp;")]
    [InlineData("HomeMail.Storage/Queue", "namespace HomeMail.Storage;")]
    public void What_only_looks_like_one_is_not(string folder, string text) =>
        Assert.Empty(SourceRules.CheckSource($"src/{folder}/Made.cs", text + "\n"));

    [Fact]
    public void One_file_alone_may_reflect()
    {
        const string Text = "var field = typeof(SslStream).GetField(name);\n";
        Assert.Empty(SourceRules.CheckSource("src/HomeMail.Server/Net/TlsBindings.cs", Text));
        Assert.Single(SourceRules.CheckSource("src/HomeMail.Server/Net/TlsBindingsToo.cs", Text));
    }

    [Fact]
    public void A_finding_names_the_line() =>
        Assert.StartsWith("src/HomeMail.Server/Smtp/Made.cs:4:", Assert.Single(SourceRules.CheckSource(
            "src/HomeMail.Server/Smtp/Made.cs", "/* one\n two */\nvar s = \"Queue.X\";\nusing HomeMail.Server.Queue;\n")), StringComparison.Ordinal);

    [Fact]
    public void A_file_of_more_lines_than_allowed_is_found()
    {
        var most = string.Concat(Enumerable.Repeat("\n", SourceRules.MostLines));
        Assert.Empty(SourceRules.CheckSource("src/HomeMail/Long.cs", most));
        Assert.Single(SourceRules.CheckSource("src/HomeMail/Long.cs", most + "\n"));
    }

    // All findings whole, where a collection's would be cut short.
    private static void NothingFound(IEnumerable<string> findings)
    {
        if (string.Join('\n', findings) is { Length: > 0 } all)
            Assert.Fail(all);
    }

    private static string[] SourceFiles(string project) =>
        [.. Directory.GetFiles(project, "*.cs", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(project, f).Split('/').Any(part => part is "bin" or "obj"))];

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "HomeMail.sln")))
                return folder;
        }
        throw new InvalidOperationException("the tests run outside the repository");
    }
}
