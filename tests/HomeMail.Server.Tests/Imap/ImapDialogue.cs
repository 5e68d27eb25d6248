using System.Net.Security;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Imap;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>
/// Plays a dialogue of <c>tests/transcripts/imap</c>, with any number of sessions in it. A line is one of
/// <c>A: login alice</c> (connects over TLS and logs in), <c>A: connect</c> (over TLS), <c>A: connect plain</c>, <c>A: starttls</c>, <c>A: end</c> (the
/// server closes), <c>deliver alice INBOX TEXT</c>, <c>learned LINE</c>, <c>A&gt; TEXT</c> (the client's line), <c>A&gt;| TEXT</c> (without a line ending), <c>A&lt; TEXT</c> (the server's
/// next line, where <c>...</c> stands for anything). In texts, \r \n \0 \t and \xHH are escapes, and <c>{N*c}</c> is the character c N times.
/// </summary>
internal sealed partial class ImapDialogue(string name, IEnumerable<string> lines)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, Side> _sides = [];
    private readonly StringBuilder _talk = new();
    private int _number;

    public async Task PlayAsync(ImapHouse house)
    {
        foreach (var line in lines)
        {
            _number++;
            if (line.Length > 0 && line[0] != '#')
                await TakeAsync(house, line);
        }
        foreach (var (side, one) in _sides)
        {
            await one.Stream.DisposeWriterAsync();
            var more = await ReadAsync(one);
            Assert.True(more is null, Where($"{side} was told more than the dialogue has: {more}"));
        }
    }

    private async Task TakeAsync(ImapHouse house, string line)
    {
        if (line.StartsWith("deliver ", StringComparison.Ordinal))
        {
            var words = line.Split(' ', 4);
            await house.DeliverAsync(words[1], words[2], Unescape(words[3]));
            return;
        }
        if (line.StartsWith("learned ", StringComparison.Ordinal))
        {
            Assert.True(house.Learning.Lines.Contains(line["learned ".Length..]), Where("learned was: " + string.Join("; ", house.Learning.Lines)));
            return;
        }
        var match = Form().Match(line);
        Assert.True(match.Success, Where("not a line of a dialogue: " + line));
        var (side, sign, text) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
        switch (sign)
        {
            case ":":
                await DirectAsync(house, side, text);
                break;
            case ">" or ">|":
                _talk.AppendLine($"{side}> {text}");
                await _sides[side].Stream.Current.WriteAsync(Encoding.Latin1.GetBytes(Unescape(text) + (sign == ">" ? "\r\n" : "")));
                break;
            default:
                var got = await ReadAsync(_sides[side]);
                Assert.True(got is not null && Matches(Unescape(text), got), Where($"{side} expected {text}\n  but got  {got ?? "the end"}"));
                break;
        }
    }

    private async Task DirectAsync(ImapHouse house, string side, string text)
    {
        switch (text)
        {
            case "connect plain":
                _sides[side] = new Side(new Ends(house.Connect(ImapRole.Imap)));
                break;
            case "connect":
                _sides[side] = new Side(new Ends(house.Connect(ImapRole.Imaps)));
                await _sides[side].Stream.SecureAsync();
                break;
            case "starttls":
                Assert.True(_sides[side].IsEmpty, Where("something is waiting at the handshake"));
                await _sides[side].Stream.SecureAsync();
                break;
            case "end":
                var more = await ReadAsync(_sides[side]);
                Assert.True(more is null, Where("the server should have closed, and said " + more));
                _sides.Remove(side);
                break;
            default:
                await DirectAsync(house, side, "connect");
                var account = text.Split(' ')[1];
                await _sides[side].Stream.Current.WriteAsync(Encoding.ASCII.GetBytes($"l LOGIN {account} {TestHouse.Password}\r\n"));
                Assert.StartsWith("* OK ", await ReadAsync(_sides[side]), StringComparison.Ordinal);
                Assert.StartsWith("l OK ", await ReadAsync(_sides[side]), StringComparison.Ordinal);
                break;
        }
    }

    private async Task<string?> ReadAsync(Side side)
    {
        try
        {
            var line = await side.ReadLineAsync().WaitAsync(Patience);
            _talk.AppendLine("< " + line);
            return line;
        }
        catch (TimeoutException)
        {
            throw new Xunit.Sdk.XunitException(Where("the server says nothing"));
        }
    }

    private string Where(string what) => $"{name}.txt:{_number}: {what}\n--\n{_talk}";

    public static bool Matches(string pattern, string line) =>
        Regex.IsMatch(line, "^" + string.Join(".*", pattern.Split("...").Select(Regex.Escape)) + "$", RegexOptions.Singleline);

    private static string Unescape(string text) => Escape().Replace(text, static match => match.Value switch
    {
        "\\r" => "\r",
        "\\n" => "\n",
        "\\0" => "\0",
        "\\t" => "\t",
        "\\\\" => "\\",
        ['\\', ..] => ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString(),
        _ => new string(match.Groups[3].Value[0], int.Parse(match.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture)),
    });

    [GeneratedRegex(@"^([A-Z])(:|>\||>|<) ?(.*)$", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex(@"\\[rn0t]|\\x([0-9a-fA-F]{2})|\{(\d+)\*(.)\}")]
    private static partial Regex Escape();

    /// <summary>The client's end, in plain text or TLS.</summary>
    internal sealed class Ends(Stream stream)
    {
        public Stream Current { get; private set; } = stream;

        public async Task SecureAsync() => Current = await TestHouse.SecureAsync(Current);

        public async Task DisposeWriterAsync()
        {
            if (Current is SslStream tls)
                await tls.ShutdownAsync();
            else
                await Current.DisposeAsync();
        }
    }

    internal sealed class Side(Ends stream)
    {
        private readonly byte[] _buffer = new byte[4096];
        private int _start;
        private int _end;

        public Ends Stream => stream;

        public bool IsEmpty => _start == _end;

        public async Task<string?> ReadLineAsync()
        {
            var line = new StringBuilder();
            while (true)
            {
                while (_start < _end)
                {
                    var c = (char)_buffer[_start++];
                    line.Append(c);
                    if (c == '\n' && line.Length > 1 && line[^2] == '\r')
                        return line.ToString(0, line.Length - 2);
                }
                _start = 0;
                try
                {
                    _end = await stream.Current.ReadAsync(_buffer);
                }
                catch (Exception error) when (error is IOException or ObjectDisposedException)
                {
                    _end = 0;
                }
                if (_end == 0)
                    return line.Length == 0 ? null : "(cut off) " + line;
            }
        }
    }
}
