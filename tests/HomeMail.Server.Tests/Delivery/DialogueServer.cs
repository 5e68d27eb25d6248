using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>
/// A remote server that plays a dialogue from text. <c>C: line</c> is what it must hear (a <c>*</c> at the end stands for any rest),
/// <c>S: line</c> what it says. <c>data</c> reads a message to its dot, <c>chunk</c> reads one BDAT command and its octets, <c>tls</c>
/// shakes hands, <c>tls!</c> does so in vain, <c>raw text</c> says octets as they are (\r and \n escaped), <c>swallow N</c> reads N octets, <c>close</c> hangs up,
/// <c>wait</c> reads until the client goes, <c>stall</c> does not even read.
/// <c>chunks</c> reads all chunks and answers all but the last, <c>tail</c> reads what there is until the end of the connection. After the last line the client must go: with QUIT, or without.
/// </summary>
internal sealed class DialogueServer(DuplexStream connection, string script, X509Certificate2? certificate = null)
{
    private readonly DuplexStream _connection = connection;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private Stream? _tls;
    private readonly TaskCompletionSource _stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _start;
    private int _end;

    private Stream Stream => _tls ?? _connection;

    /// <summary>The messages as they came: dots still doubled, the final dot left off; chunks joined.</summary>
    public List<string> Messages { get; } = [];

    /// <summary>The command lines of BDAT.</summary>
    public List<string> Chunks { get; } = [];

    /// <summary>Whether the client said QUIT at the end.</summary>
    public bool SaidQuit { get; private set; }

    /// <summary>Ends when the server has come to the point where it says no more.</summary>
    public Task Stalled => _stalled.Task;

    /// <summary>Plays the dialogue.</summary>
    public async Task RunAsync()
    {
        var chunks = new StringBuilder();
        foreach (var raw in script.ReplaceLineEndings("\n").Split('\n'))
        {
            var line = raw.Trim();
            if (line.Length == 0)
                continue;
            if (line.StartsWith("S: ", StringComparison.Ordinal))
                await SayAsync(line[3..] + "\r\n");
            else if (line.StartsWith("raw ", StringComparison.Ordinal))
                await SayAsync(line[4..].Replace("\\r", "\r", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal));
            else if (line.StartsWith("C: ", StringComparison.Ordinal))
                await HearAsync(line[3..]);
            else if (line.StartsWith("swallow ", StringComparison.Ordinal))
                await OctetsAsync(int.Parse(line[8..], System.Globalization.CultureInfo.InvariantCulture));
            else if (line == "data")
                Messages.Add(await DataAsync());
            else if (line == "chunk")
                await ChunkAsync(chunks);
            else if (line == "chunks")
            {
                while (await ChunkAsync(chunks))
                    await SayAsync("250 more\r\n");
            }
            else if (line == "tail")
            {
                var tail = new StringBuilder();
                while (await LineAsync() is { } part)
                    tail.Append(part).Append("\r\n");
                Messages.Add(tail.ToString());
                return;
            }
            else if (line == "stall")
            {
                // Open, but nobody reads or says anything: until the client has gone.
                _stalled.SetResult();
                await _connection.PeerClosed;
                return;
            }
            else if (line == "tls")
                await ShakeHandsAsync();
            else if (line == "tls!")
            {
                await Assert.ThrowsAnyAsync<Exception>(async () =>
                {
                    await ShakeHandsAsync();
                    // TLS 1.3: the server may think it is done before the client has judged the certificate.
                    if (await LineAsync() is null)
                        throw new IOException("the client has gone");
                });
                return;
            }
            else if (line == "close")
            {
                await Stream.DisposeAsync();
                return;
            }
            else if (line == "wait")
            {
                while (await FillAsync())
                {
                }
                return;
            }
            else
                Assert.Fail("no such step: " + line);
        }
        var last = await LineAsync();
        Assert.True(last is null or "QUIT", "unexpected after the dialogue: " + last);
        SaidQuit = last is not null;
        if (SaidQuit)
            await SayAsync("221 bye\r\n");
        await Stream.DisposeAsync();
    }

    private async Task HearAsync(string expected)
    {
        var line = await LineAsync();
        if (expected.EndsWith('*'))
            Assert.StartsWith(expected[..^1], line, StringComparison.Ordinal);
        else
            Assert.Equal(expected, line);
    }

    private async Task SayAsync(string text)
    {
        await Stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        await Stream.FlushAsync();
    }

    private async Task<string> DataAsync()
    {
        var message = new StringBuilder();
        while (await LineAsync() is { } line)
        {
            if (line == ".")
                return message.ToString();
            message.Append(line).Append("\r\n");
        }
        throw new InvalidOperationException("the client has gone inside the message");
    }

    private async Task<bool> ChunkAsync(StringBuilder message)
    {
        var line = await LineAsync();
        Assert.NotNull(line);
        Assert.StartsWith("BDAT ", line, StringComparison.Ordinal);
        Chunks.Add(line);
        message.Append(await OctetsAsync(int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)));
        if (!line.EndsWith(" LAST", StringComparison.Ordinal))
            return true;
        Messages.Add(message.ToString());
        message.Clear();
        return false;
    }

    private async Task ShakeHandsAsync()
    {
        Assert.NotNull(certificate);
        Assert.Equal(_start, _end);
        var tls = new SslStream(_connection);
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
        _tls = tls;
    }

    private async Task<string?> LineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            var end = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var length = end < 0 ? _end - _start : end + 1;
            line.Append(Encoding.Latin1.GetString(_buffer, _start, length));
            _start += length;
            if (end >= 0)
            {
                var text = line.ToString();
                Assert.EndsWith("\r\n", text, StringComparison.Ordinal);
                return text[..^2];
            }
            if (!await FillAsync())
                return line.Length == 0 ? null : line.ToString();
        }
    }

    private async Task<string> OctetsAsync(int count)
    {
        var octets = new StringBuilder();
        while (count > 0)
        {
            if (_start == _end && !await FillAsync())
                throw new InvalidOperationException("the client has gone inside a chunk");
            var length = Math.Min(count, _end - _start);
            octets.Append(Encoding.Latin1.GetString(_buffer, _start, length));
            _start += length;
            count -= length;
        }
        return octets.ToString();
    }

    private async Task<bool> FillAsync()
    {
        try
        {
            (_start, _end) = (0, await Stream.ReadAsync(_buffer));
            return _end > 0;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _end = 0;
            return false;
        }
    }
}
