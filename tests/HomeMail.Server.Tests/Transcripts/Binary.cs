using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using HomeMail.Protocol.Sasl;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>The published programs that dialogues are played against: one process for each set of settings, on loopback, with a data folder of its own.</summary>
public sealed class Binaries : IAsyncDisposable
{
    private static readonly string Program = Path.Combine(
        Repository.Root, "out", RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64", "homemail");

    private readonly Dictionary<string, Binary> _running = new(StringComparer.Ordinal);
    private int _peers;

    /// <summary>Skips the test where nothing is published, or fails it if <c>CI=true</c>.</summary>
    internal static void RequireProgram()
    {
        if (File.Exists(Program))
            return;
        Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") != "true", $"{Program} is not there; make build makes it");
        Assert.Fail($"{Program} is not there, and CI=true");
    }

    /// <summary>Starts a process with these settings; the caller ends it.</summary>
    internal static Task<Binary> StartAsync(IReadOnlyDictionary<string, string> settings) => Binary.StartAsync(Program, settings);

    /// <summary>The process with these settings.</summary>
    internal async Task<Binary> RunningAsync(IReadOnlyDictionary<string, string> settings)
    {
        var key = string.Join('\n', settings.Select(static s => s.Key + "=" + s.Value));
        if (!_running.TryGetValue(key, out var binary))
            _running.Add(key, binary = await Binary.StartAsync(Program, settings));
        return binary;
    }

    /// <summary>The place for a dialogue with these settings, as it is now.</summary>
    internal async Task<IPlace> PlaceAsync(IReadOnlyDictionary<string, string> settings)
    {
        var binary = await RunningAsync(settings);
        // Each dialogue comes from an address of its own, so that what one of them did to its address is nothing to the next.
        var peer = Interlocked.Increment(ref _peers);
        return new BinaryPlace(binary, new IPAddress([127, 77, (byte)(peer >> 8), (byte)peer]));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var binary in _running.Values)
            await binary.DisposeAsync();
    }
}

/// <summary>One process of the published program.</summary>
internal sealed class Binary : IAsyncDisposable
{
    private static readonly ScramCredential Credential = ScramCredential.Create(TestHouse.Password, ScramCredential.MinimumIterations);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _log = new();

    private Binary(Process process, string folder, int firstPort)
    {
        _process = process;
        Folder = folder;
        FirstPort = firstPort;
    }

    public string Folder { get; }

    public string Data => Path.Combine(Folder, "data");

    public int FirstPort { get; }

    /// <summary>Octets of memory that it has resident now.</summary>
    public long ResidentOctets
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").First(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(line["VmRSS:".Length..^"kB".Length].Trim()) * 1024;
        }
    }

    /// <summary>What it has written so far.</summary>
    public string Log => string.Join('\n', _log);

    public static async Task<Binary> StartAsync(string program, IReadOnlyDictionary<string, string> settings)
    {
        var folder = Directory.CreateTempSubdirectory("homemail-binary-").FullName;
        var port = FreePorts(7);
        var file = Path.Combine(folder, "homemail.ini");
        await File.WriteAllTextAsync(file, Ini(folder, port, settings));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var process = Process.Start(new ProcessStartInfo(program, ["run", "--config", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;
        var binary = new Binary(process, folder, port);
        process.OutputDataReceived += (_, line) => binary._log.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => binary._log.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await binary.ReadyAsync();
            return binary;
        }
        catch
        {
            await binary.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        Directory.Delete(Folder, true);
    }

    // All ports answer once the last of them does.
    private async Task ReadyAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"the program ended with {_process.ExitCode}:\n{Log}");
            try
            {
                using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(IPAddress.Parse("127.77.255.1"), 0));
                await probe.ConnectAsync(IPAddress.Loopback, FirstPort + 2, deadline.Token);
                return;
            }
            catch (SocketException)
            {
                deadline.Token.ThrowIfCancellationRequested();
                await Task.Delay(20, deadline.Token);
            }
        }
    }

    private static string Ini(string folder, int port, IReadOnlyDictionary<string, string> settings)
    {
        var sections = new SortedDictionary<string, StringBuilder>(StringComparer.Ordinal);
        void Set(string section, string line)
        {
            if (!sections.TryGetValue(section, out var lines))
                sections.Add(section, lines = new StringBuilder());
            lines.Append(line).Append('\n');
        }
        var password = $"password = $scram-sha-256${Credential.Iterations}${Convert.ToBase64String(Credential.Salt)}${Convert.ToBase64String(Credential.StoredKey)}${Convert.ToBase64String(Credential.ServerKey)}";
        Set("server", "hostname = mail.example.org");
        Set("server", $"data = {folder}/data");
        Set("server", $"socket = {folder}/control");
        Set("server", $"user = {Environment.UserName}");
        // Nothing listens there: whatever is looked up fails at once, and what is queued stays.
        Set("server", $"resolver = 127.0.0.1:{port + 3}");
        Set("listen", $"smtp = 127.0.0.1:{port}");
        Set("listen", $"submission = 127.0.0.1:{port + 1}");
        Set("listen", $"submissions = 127.0.0.1:{port + 2}");
        Set("listen", $"lan = 127.0.0.1:{port + 4}");
        Set("device:scanner", "address = 127.78.0.1\nfrom = scanner@example.org\nrecipients = alice@example.org, aunt@example.net, family@example.org");
        Set("device:camera", "address = 127.78.0.2\nfrom = camera@example.org");
        Set("device:nas", $"address = 127.78.0.3\nfrom = nas@example.org\nrecipients = any\n{password}");
        Set("device:plug", "address = 127.78.0.4\nfrom = plug@example.org\nper-day = 2");
        if (settings.TryGetValue("imap.accounts", out var accounts))
        {
            Set("listen", $"imap = 127.0.0.1:{port + 5}");
            Set("listen", $"imaps = 127.0.0.1:{port + 6}");
            Set("server", "max-message-size = 2000000");
            for (var i = 1; i <= int.Parse(accounts); i++)
                foreach (var (name, quota) in ((string, string)[])[($"a{i}", "quota = off\n"), ($"b{i}", "quota = 1M\n")])
                    Set($"account:{name}", $"addresses = {name}@example.org\n{quota}{password}");
        }
        else
        {
            Set("listen", "imaps = off");
        }
        Set("domain:example.org", "tenant = home");
        Set("domain:xn--bcher-kva.example", "tenant = home");
        Set("account:alice", "addresses = alice@example.org, a.smith@example.org");
        Set("account:alice", password);
        Set("account:alice", "quota = off");
        Set("account:bob", "addresses = bob@example.org");
        Set("account:bob", password);
        Set("alias:family@example.org", "members = alice@example.org, bob@example.org, aunt@example.net");
        Set("policy", "greylist = off");
        foreach (var (key, value) in settings)
        {
            var dot = key.IndexOf('.', StringComparison.Ordinal);
            if (key is not ("tls.certificate" or "imap.accounts"))
                Set(key[..dot], $"{key[(dot + 1)..]} = {value}");
        }
        if (settings.ContainsKey("tls.certificate"))
        {
            Set("tls", "certificate = " + TestCertificate.VerifiableFiles.Certificate);
            Set("tls", "key = " + TestCertificate.VerifiableFiles.Key);
        }
        return string.Concat(sections.Select(static s => $"[{s.Key}]\n{s.Value}\n"));
    }

    private static int FreePorts(int count)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var first = Random.Shared.Next(20_000, 30_000);
            var taken = new List<Socket>();
            try
            {
                for (var port = first; port < first + count; port++)
                {
                    var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    taken.Add(socket);
                    socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                }
                return first;
            }
            catch (SocketException)
            {
                // One of them is in use.
            }
            finally
            {
                taken.ForEach(static s => s.Dispose());
            }
        }
        throw new InvalidOperationException("no free ports");
    }
}

/// <summary>A running program as one dialogue sees it: from an address of its own, and with an eye only for what has come in since.</summary>
internal sealed class BinaryPlace : IPlace
{
    private readonly Binary _binary;
    private readonly IPAddress _peer;
    private readonly Dictionary<string, int> _before = [];
    private readonly HashSet<string> _queuedBefore;

    public BinaryPlace(Binary binary, IPAddress peer)
    {
        _binary = binary;
        _peer = peer;
        foreach (var account in (string[])["alice", "bob"])
            _before.Add(account, Messages(account).Count);
        _queuedBefore = [.. Envelopes()];
    }

    // Its log is on its way through a pipe; what a dialogue has to say of it is asked of the server in process.
    public string? Log => null;

    public async Task<Connection> ConnectAsync(SmtpRole service, string? peer)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(peer is null ? _peer : IPAddress.Parse(peer), 0));
        await socket.ConnectAsync(IPAddress.Loopback, _binary.FirstPort + service switch { SmtpRole.Mta => 0, SmtpRole.Submission => 1, SmtpRole.Lan => 4, _ => 2 });
        return new SocketConnection(socket);
    }

    public Task WaitAsync(Connection connection, TimeSpan span) => throw new InvalidOperationException("time cannot be made to pass here; say 'only in-process'");

    public Task EndedAsync() => Task.CompletedTask;

    public IReadOnlyList<string> Mailbox(string account) =>
        [.. Messages(account).Skip(_before[account]).Select(static f => File.ReadAllText(f, Encoding.Latin1))];

    public IReadOnlyList<string> Queue()
    {
        // The folder is the program's; what is in it is read in a copy.
        var copy = Directory.CreateTempSubdirectory("homemail-queue-").FullName;
        try
        {
            var folder = DataFolder.Open(copy, TimeProvider.System);
            var queue = new List<string>();
            foreach (var name in Envelopes().Where(name => !_queuedBefore.Contains(name)))
            {
                File.Copy(Path.Combine(_binary.Data, "spool", "env", name), Path.Combine(copy, "spool", "env", name));
                queue.Add(InProcess.Describe(folder.Spool.LoadEnvelope(new MessageId(name)) ?? throw new InvalidDataException($"the envelope {name} cannot be read")));
            }
            folder.DisposeAsync().AsTask().GetAwaiter().GetResult();
            return queue;
        }
        finally
        {
            Directory.Delete(copy, true);
        }
    }

    private List<string> Envelopes() =>
        [.. Directory.GetFiles(Path.Combine(_binary.Data, "spool", "env")).Select(static f => Path.GetFileName(f)).Where(static n => MessageId.IsValid(n)).Order(StringComparer.Ordinal)];

    private List<string> Messages(string account)
    {
        var folder = Path.Combine(_binary.Data, "mail", account, "INBOX");
        return !Directory.Exists(folder) ? []
            : [.. Directory.GetFiles(folder, "*.eml").OrderBy(static f => int.Parse(Path.GetFileNameWithoutExtension(f)))];
    }

    internal sealed class SocketConnection(Socket socket) : Connection
    {
        public override Stream Stream { get; protected set; } = new NetworkStream(socket, ownsSocket: true);

        protected override void EndPlainOutput()
        {
            try
            {
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The server was quicker.
            }
        }
    }
}
