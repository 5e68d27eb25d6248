using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Imap;
using HomeMail.Server.Tests.Transcripts;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>A server that dialogues over IMAP are played against.</summary>
internal interface IImapPlace
{
    /// <summary>Opens a connection, in plain text as yet.</summary>
    Task<Connection> ConnectAsync(ImapRole role, string? peer);

    /// <summary>The name that an account has there.</summary>
    string NameOf(string account);

    /// <summary>A message comes in.</summary>
    Task DeliverAsync(string account, string mailbox, string message);

    /// <summary>Lets time pass, once the server has taken all that was sent.</summary>
    Task WaitAsync(Connection connection, TimeSpan span);

    /// <summary>What was learned of junk; null if this place cannot tell.</summary>
    IReadOnlyList<string>? Learned { get; }
}

/// <summary>Plays a dialogue of <c>tests/transcripts/imap</c>, with any number of sessions in it. The README there tells the format.</summary>
internal sealed partial class ImapDialogue(string name, IReadOnlyList<string> lines, Cut cut)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, ImapSide> _sides = [];
    private readonly StringBuilder _talk = new();
    private int _at;
    private int _sent;

    public async Task PlayAsync(IImapPlace place)
    {
        try
        {
            for (_at = 0; _at < lines.Count; _at++)
                if (lines[_at].Length > 0 && lines[_at][0] != '#')
                    await TakeAsync(place, lines[_at]);
            foreach (var (letter, side) in _sides)
            {
                await side.WrittenAsync().WaitAsync(Patience);
                await side.Connection.EndOutputAsync();
                var more = await ReadAsync(letter, side);
                Assert.True(more is null, Where($"{letter} was told more than the dialogue has: {more}"));
            }
        }
        finally
        {
            foreach (var side in _sides.Values)
                await side.Connection.DisposeAsync();
        }
    }

    private async Task TakeAsync(IImapPlace place, string line)
    {
        var words = line.Split(' ', 4);
        switch (words[0])
        {
            case "deliver":
                await place.DeliverAsync(words[1], words[2], Unescape(words[3]));
                return;
            case "learned" when place.Learned is { } learned:
                Assert.True(learned.Contains(line["learned ".Length..]), Where("learned was: " + string.Join("; ", learned)));
                return;
            case "learned" or "only" or "set":
                return;
            case "wait":
                foreach (var side in _sides.Values)
                    await place.WaitAsync(side.Connection, TimeSpan.Zero);
                await place.WaitAsync(_sides.Values.First().Connection, Transcript.Span(words[1]));
                return;
        }
        var match = Form().Match(line);
        Assert.True(match.Success, Where("not a line of a dialogue: " + line));
        var (letter, sign, text) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
        switch (sign)
        {
            case ":":
                await DirectAsync(place, letter, text);
                break;
            case ">" or ">|":
                await SendAsync(letter, match);
                break;
            case "+":
                var passed = new StringBuilder();
                string? one;
                do
                    passed.AppendLine(one = await ReadAsync(letter, _sides[letter]));
                while (one is not null && !Matches(Unescape(text), one));
                Assert.True(one is not null, Where($"{letter} expected {text}\n  but got  {passed}"));
                break;
            default:
                var got = await ReadAsync(letter, _sides[letter]);
                Assert.True(got is not null && Matches(Unescape(text), got), Where($"{letter} expected {text}\n  but got  {got ?? "the end"}"));
                break;
        }
    }

    private async Task SendAsync(string letter, Match match)
    {
        if (_at < _sent)
            return;
        var all = Octets(match);
        // All that this side says until something else happens goes out at once.
        for (_sent = _at + 1; cut == Cut.Whole && _sent < lines.Count; _sent++)
        {
            var next = Form().Match(lines[_sent]);
            if (!next.Success || next.Groups[1].Value != letter || next.Groups[2].Value == ":")
                break;
            if (next.Groups[2].Value[0] == '>')
                all += Octets(next);
        }
        _talk.AppendLine($"{letter}> {all}");
        var side = _sides[letter];
        await side.WrittenAsync().WaitAsync(Patience);
        side.Write(Encoding.Latin1.GetBytes(all), cut != Cut.Octet ? int.MaxValue : all.Length > 20_000 ? 997 : 1);
    }

    private static string Octets(Match match) => Unescape(match.Groups[3].Value) + (match.Groups[2].Value == ">" ? "\r\n" : "");

    private async Task DirectAsync(IImapPlace place, string letter, string text)
    {
        var words = text.Split(' ');
        if (words[0] is not ("connect" or "login"))
            await _sides[letter].WrittenAsync().WaitAsync(Patience);
        switch (words[0])
        {
            case "connect":
                var isPlain = words.Contains("plain");
                _sides[letter] = new ImapSide(await place.ConnectAsync(isPlain ? ImapRole.Imap : ImapRole.Imaps, words is [.., "from", var peer] ? peer : null));
                if (!isPlain)
                    await _sides[letter].SecureAsync();
                break;
            case "login":
                await DirectAsync(place, letter, "connect");
                var side = _sides[letter];
                side.Write(Encoding.ASCII.GetBytes($"l LOGIN {place.NameOf(words[1])} {Smtp.TestHouse.Password}\r\n"), int.MaxValue);
                Assert.StartsWith("* OK ", await ReadAsync(letter, side), StringComparison.Ordinal);
                Assert.StartsWith("l OK ", await ReadAsync(letter, side), StringComparison.Ordinal);
                break;
            case "starttls":
                Assert.True(_sides[letter].IsEmpty, Where("something is waiting at the handshake"));
                await _sides[letter].SecureAsync();
                break;
            case "compress":
                Assert.True(_sides[letter].IsEmpty, Where("something is waiting where compression begins"));
                _sides[letter].Compress();
                break;
            case "sync":
                break;
            case "hang-up":
                await _sides[letter].Connection.EndOutputAsync();
                break;
            case "end":
                var more = await ReadAsync(letter, _sides[letter]);
                Assert.True(more is null, Where("the server should have closed, and said " + more));
                await _sides[letter].Connection.DisposeAsync();
                _sides.Remove(letter);
                break;
            default:
                Assert.Fail(Where("no such step: " + text));
                break;
        }
    }

    private async Task<string?> ReadAsync(string letter, ImapSide side)
    {
        try
        {
            var line = await side.ReadLineAsync().WaitAsync(Patience);
            _talk.AppendLine($"{letter}< {line ?? "(closed)"}");
            return line;
        }
        catch (TimeoutException)
        {
            throw new Xunit.Sdk.XunitException(Where("the server says nothing"));
        }
    }

    private string Where(string what)
    {
        var talk = _talk.ToString();
        return $"{name}, line {Math.Min(_at, lines.Count - 1) + 1} ({cut}): {what}\n--\n{(talk.Length > 4000 ? talk[^4000..] : talk)}";
    }

    private static bool Matches(string pattern, string line) =>
        Regex.IsMatch(line, "^" + string.Join(".*", pattern.Split("...").Select(Regex.Escape)) + "$", RegexOptions.Singleline);

    private static string Unescape(string text) => Escape().Replace(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text)), static match => match.Value switch
    {
        "\\r" => "\r",
        "\\n" => "\n",
        "\\0" => "\0",
        "\\t" => "\t",
        "\\\\" => "\\",
        ['\\', ..] => ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString(),
        _ => new StringBuilder().Insert(0, Unescape(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(match.Groups[3].Value))), int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)).ToString(),
    });

    [GeneratedRegex(@"^([A-Z])(:|>\||>|<|\+) ?(.*)$", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex(@"\\[rn0t\\]|\\x([0-9a-fA-F]{2})|\{(\d+)\*([^}]+)\}")]
    private static partial Regex Escape();
}
