using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace HomeMail.Cli.Doctor;

/// <summary>How a look at a mail host's port ended.</summary>
internal enum GlanceOutcome
{
    /// <summary>It greeted (220).</summary>
    Greeted,

    /// <summary>It took the connection and did not greet as a mail host does.</summary>
    Mute,

    /// <summary>Nothing came back in time.</summary>
    TimedOut,

    /// <summary>The connection was refused.</summary>
    Refused,

    /// <summary>There is no way there.</summary>
    NoWay,
}

/// <summary>A short look at a mail host: connect, greeting, at most EHLO, QUIT. No mail is ever begun.</summary>
internal sealed class SmtpGlance : IAsyncDisposable
{
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan ReplyTime = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan PartingTime = TimeSpan.FromSeconds(0.5);

    private const int LongestReply = 8 * 1024;

    private readonly Socket _socket;
    private readonly StringBuilder _unread = new();

    private SmtpGlance(IPAddress to, Socket socket)
    {
        To = to;
        _socket = socket;
    }

    /// <summary>The address that was looked at.</summary>
    public IPAddress To { get; }

    /// <summary>How it ended.</summary>
    public GlanceOutcome Outcome { get; private set; }

    /// <summary>The greeting behind its code, or what came instead.</summary>
    public string Greeting { get; private set; } = "";

    /// <summary>Looks.</summary>
    /// <param name="to">The host.</param>
    /// <param name="port">The port.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The look, which is held open until it is disposed of.</returns>
    public static async Task<SmtpGlance> AtAsync(IPAddress to, int port, CancellationToken cancel)
    {
        var glance = new SmtpGlance(to, new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timer.CancelAfter(ConnectTime);
            await glance._socket.ConnectAsync(new IPEndPoint(to, port), timer.Token);
        }
        catch (OperationCanceledException)
        {
            glance.Outcome = GlanceOutcome.TimedOut;
            return glance;
        }
        catch (SocketException error)
        {
            glance.Outcome = error.SocketErrorCode switch
            {
                SocketError.ConnectionRefused or SocketError.ConnectionReset => GlanceOutcome.Refused,
                SocketError.TimedOut => GlanceOutcome.TimedOut,
                _ => GlanceOutcome.NoWay,
            };
            return glance;
        }
        var reply = await glance.ReplyAsync(cancel);
        glance.Outcome = reply.StartsWith("220", StringComparison.Ordinal) ? GlanceOutcome.Greeted : GlanceOutcome.Mute;
        glance.Greeting = FirstLine(reply);
        return glance;
    }

    /// <summary>Says EHLO, to see under which address the host sees us: many say so in the first line of their answer.</summary>
    /// <param name="hostname">Our name.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The address, or null if it does not say.</returns>
    public async Task<IPAddress?> SeenAsAsync(string hostname, CancellationToken cancel)
    {
        if (Outcome != GlanceOutcome.Greeted || !await SendAsync($"EHLO {hostname}\r\n", cancel))
            return null;
        var line = FirstLine(await ReplyAsync(cancel));
        var begin = line.IndexOf('[', StringComparison.Ordinal);
        var end = begin < 0 ? -1 : line.IndexOf(']', begin);
        return end > 0 && IPAddress.TryParse(line[(begin + 1)..end].Replace("IPv6:", "", StringComparison.OrdinalIgnoreCase), out var address) ? address : null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // RFC 5321 4.1.1.10: who leaves says so.
        if (Outcome == GlanceOutcome.Greeted && await SendAsync("QUIT\r\n", CancellationToken.None))
        {
            using var timer = new CancellationTokenSource(PartingTime);
            await ReplyAsync(timer.Token);
        }
        _socket.Dispose();
    }

    private async Task<bool> SendAsync(string line, CancellationToken cancel)
    {
        try
        {
            await _socket.SendAsync(Encoding.ASCII.GetBytes(line), cancel);
            return true;
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    // A reply to its last line (RFC 5321 4.2.1), or what of it has come.
    private async Task<string> ReplyAsync(CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(ReplyTime);
        var buffer = new byte[1024];
        try
        {
            while (_unread.Length < LongestReply)
            {
                if (EndOfReply(_unread.ToString()) is > 0 and var length)
                {
                    var reply = _unread.ToString(0, length);
                    _unread.Remove(0, length);
                    return reply;
                }
                var read = await _socket.ReceiveAsync(buffer, timer.Token);
                if (read == 0)
                    break;
                _unread.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            // What has come is all there is.
        }
        return _unread.ToString();
    }

    private static int EndOfReply(string text)
    {
        for (var at = 0; text.IndexOf('\n', at) is >= 0 and var end; at = end + 1)
            if (end - at < 4 || text[at + 3] != '-')
                return end + 1;
        return 0;
    }

    private static string FirstLine(string reply)
    {
        var line = reply.AsSpan();
        if (line.IndexOfAny('\r', '\n') is >= 0 and var end)
            line = line[..end];
        return Words.Printable(line.Length > 4 && int.TryParse(line[..3], NumberStyles.None, CultureInfo.InvariantCulture, out _) ? line[4..].ToString() : line.ToString());
    }
}
