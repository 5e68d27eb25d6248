using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>What a line of a dialogue is about.</summary>
internal enum StepKind
{
    /// <summary>The client sends octets.</summary>
    Send,

    /// <summary>The server's next line is this.</summary>
    Line,

    /// <summary>The server's next reply, of one line or more, ends in this line.</summary>
    Reply,

    /// <summary>The client's side of a TLS handshake.</summary>
    Tls,

    /// <summary>The client's side of a SASL exchange.</summary>
    Auth,

    /// <summary>Time passes.</summary>
    Wait,

    /// <summary>The client waits until it has seen what was answered.</summary>
    Sync,

    /// <summary>The client hangs up.</summary>
    HangUp,

    /// <summary>The server closes.</summary>
    End,

    /// <summary>Another connection.</summary>
    Connect,
}

/// <summary>One step, and where it stands.</summary>
internal sealed record Step(StepKind Kind, int LineNumber, string Text = "", SmtpRole Service = SmtpRole.Mta, string? Peer = null);

/// <summary>A message that an account must have in the end; null lines are any content, a null line is any number of lines.</summary>
internal sealed record StoredExpectation(int LineNumber, string Account, List<string?>? Lines);

/// <summary>A message that must be queued in the end.</summary>
internal sealed record QueuedExpectation(int LineNumber, string Pattern);

/// <summary>A line that the log must have, or must not.</summary>
internal sealed record LogExpectation(int LineNumber, string Pattern, bool Wanted);

/// <summary>A dialogue of <c>tests/transcripts</c>; the README there tells the format.</summary>
internal sealed partial class Transcript
{
    // Where the scanner of the house is.
    private const string Scanner = "127.78.0.1";

    private Transcript(string name) => Name = name;

    /// <summary>Folder and file name.</summary>
    public string Name { get; }

    /// <summary>Why it cannot be played against the binary, or null.</summary>
    public string? OnlyInProcess { get; private set; }

    /// <summary>Settings of the server, <c>section.key</c> to value.</summary>
    public SortedDictionary<string, string> Settings { get; } = new(StringComparer.Ordinal);

    /// <summary>What happens.</summary>
    public List<Step> Steps { get; } = [];

    /// <summary>What must be in the mailboxes in the end, and nothing else.</summary>
    public List<StoredExpectation> Stored { get; } = [];

    /// <summary>What must be in the queue in the end, and nothing else.</summary>
    public List<QueuedExpectation> Queued { get; } = [];

    /// <summary>What must be in the log, or must not.</summary>
    public List<LogExpectation> Logged { get; } = [];

    /// <summary>Texts in Base64 that the client sends: secrets, which no log may show.</summary>
    public List<string> Secrets { get; } = [];

    /// <summary>Reads a dialogue.</summary>
    public static Transcript Load(string folder, string name)
    {
        var transcript = new Transcript(name);
        var first = name.StartsWith("submission/", StringComparison.Ordinal) ? SmtpRole.Submission : name.StartsWith("lan/", StringComparison.Ordinal) ? SmtpRole.Lan : SmtpRole.Mta;
        var service = first;
        var number = 0;
        foreach (var line in File.ReadAllText(Path.Combine(folder, name + ".txt"), Encoding.UTF8).Split('\n'))
        {
            number++;
            try
            {
                transcript.Take(line, number, ref service);
            }
            catch (FormatException error)
            {
                throw new FormatException($"{name}.txt:{number}: {error.Message}", error);
            }
        }
        if (transcript.Steps is not [{ Kind: StepKind.Connect }, ..])
            transcript.Steps.Insert(0, new Step(StepKind.Connect, 0, Service: first, Peer: first == SmtpRole.Lan ? Scanner : null));
        return transcript;
    }

    private void Take(string line, int number, ref SmtpRole service)
    {
        if (line.Length == 0 || line[0] == '#')
            return;
        if (line[0] == '|')
        {
            if (Stored.Count == 0)
                throw new FormatException("a line of a message without 'stored' before it");
            var last = Stored[^1];
            if (last.Lines is null)
                Stored[^1] = last = last with { Lines = [] };
            last.Lines!.Add(line == "| ..." ? null : TranscriptText.Glob(line.Length > 2 ? line[2..] : ""));
            return;
        }
        foreach (Match match in Base64Escape().Matches(line))
            Secrets.Add(TranscriptText.Octets(match.Value));
        if (line.StartsWith("C:", StringComparison.Ordinal))
            Steps.Add(new Step(StepKind.Send, number, TranscriptText.Octets(Rest(line)) + "\r\n"));
        else if (line.StartsWith("C>", StringComparison.Ordinal))
            Steps.Add(new Step(StepKind.Send, number, TranscriptText.Octets(Rest(line))));
        else if (line.StartsWith("S:", StringComparison.Ordinal))
            Steps.Add(new Step(StepKind.Line, number, TranscriptText.Glob(Rest(line))));
        else if (line.StartsWith("S+", StringComparison.Ordinal))
            Steps.Add(new Step(StepKind.Reply, number, TranscriptText.Glob(Rest(line))));
        else
            TakeWord(line, number, ref service);
    }

    private void TakeWord(string line, int number, ref SmtpRole service)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var word = space < 0 ? line : line[..space];
        var rest = space < 0 ? "" : line[(space + 1)..];
        switch (word)
        {
            case "only" when rest.StartsWith("in-process: ", StringComparison.Ordinal):
                OnlyInProcess = rest[12..];
                break;
            case "set":
                var parts = rest.Split(" = ", 2);
                Settings.Add(parts[0], parts.Length == 2 ? parts[1] : throw new FormatException("set section.key = value"));
                break;
            case "connect":
                var words = rest.Split(' ');
                service = Role(words[0]);
                Steps.Add(new Step(StepKind.Connect, number, Service: service, Peer: words is [_, "from", var peer] ? peer : service == SmtpRole.Lan ? Scanner : null));
                break;
            case "tls": Steps.Add(new Step(StepKind.Tls, number)); break;
            case "auth": Steps.Add(new Step(StepKind.Auth, number, rest)); break;
            case "wait": Steps.Add(new Step(StepKind.Wait, number, rest)); break;
            case "sync": Steps.Add(new Step(StepKind.Sync, number)); break;
            case "hang-up": Steps.Add(new Step(StepKind.HangUp, number)); break;
            case "end": Steps.Add(new Step(StepKind.End, number)); break;
            case "stored": Stored.Add(new StoredExpectation(number, rest, null)); break;
            case "queued": Queued.Add(new QueuedExpectation(number, TranscriptText.Glob(rest))); break;
            case "log": Logged.Add(new LogExpectation(number, TranscriptText.Glob("*" + rest + "*"), true)); break;
            case "no-log": Logged.Add(new LogExpectation(number, TranscriptText.Glob("*" + rest + "*"), false)); break;
            default: throw new FormatException($"no such step: {word}");
        }
    }

    /// <summary>A span of time such as <c>5m</c> or <c>90s</c>.</summary>
    public static TimeSpan Span(string text)
    {
        var number = double.Parse(text.AsSpan(0, text.Length - 1), CultureInfo.InvariantCulture);
        return text[^1] switch
        {
            's' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            _ => throw new FormatException($"no span of time: {text}"),
        };
    }

    private static SmtpRole Role(string word) => word switch
    {
        "smtp" => SmtpRole.Mta,
        "submission" => SmtpRole.Submission,
        "submissions" => SmtpRole.Submissions,
        "lan" => SmtpRole.Lan,
        _ => throw new FormatException($"no listener: {word}"),
    };

    private static string Rest(string line) => line.Length > 3 ? line[3..] : "";

    [GeneratedRegex(@"\\\{base64 [^}]*\}")]
    private static partial Regex Base64Escape();
}
