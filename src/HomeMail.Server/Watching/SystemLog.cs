using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace HomeMail.Server.Watching;

/// <summary>
/// Writes lines of the log to the system's log (RFC 3164 by way of a Unix datagram socket, as syslog(3) does): <c>logread</c> on OpenWrt, the journal elsewhere.
/// The time stamp is left to it. Where nobody listens a line goes to another writer.
/// </summary>
/// <param name="otherwise">Where lines go while there is no system log.</param>
/// <param name="path">The socket.</param>
public sealed class SystemLog(TextWriter otherwise, string path = "/dev/log") : TextWriter
{
    // The facility of mail (RFC 3164 4.1.1), times eight.
    private const int Mail = 2 * 8;

    // What a datagram of this kind may have everywhere.
    private const int LongestLine = 8 * 1024;

    private readonly StringBuilder _line = new();
    private Socket? _socket;

    /// <inheritdoc/>
    public override Encoding Encoding => Encoding.UTF8;

    /// <inheritdoc/>
    public override void Write(char value) => _line.Append(value);

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<char> buffer) => _line.Append(buffer);

    /// <summary>Sends the line that was gathered.</summary>
    public override void Flush()
    {
        if (_line.Length == 0)
            return;
        var line = _line.ToString();
        _line.Clear();
        var message = Encoding.UTF8.GetBytes(Message(line));
        // The socket's other end may have been restarted.
        if (!TrySend(message) && !TrySend(message))
        {
            otherwise.Write(line);
            otherwise.Flush();
        }
    }

    /// <summary>A line of the log as a message.</summary>
    /// <param name="line">Time stamp, level and the rest, with its line feed.</param>
    public static string Message(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var rest = line.TrimEnd('\n');
        if (rest.IndexOf(' ', StringComparison.Ordinal) is >= 0 and var space)
            rest = rest[(space + 1)..];
        var severity = rest.StartsWith("error ", StringComparison.Ordinal) ? 3 : rest.StartsWith("debug ", StringComparison.Ordinal) ? 7 : 6;
        if (rest.Length > LongestLine)
            rest = rest[..LongestLine];
        return string.Create(CultureInfo.InvariantCulture, $"<{Mail + severity}>homemail[{Environment.ProcessId}]: {rest}");
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Leave();
        base.Dispose(disposing);
    }

    private bool TrySend(byte[] message)
    {
        try
        {
            if (_socket is null)
            {
                _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
                _socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            return _socket.Send(message) == message.Length;
        }
        catch (SocketException)
        {
            Leave();
            return false;
        }
    }

    private void Leave()
    {
        _socket?.Dispose();
        _socket = null;
    }
}
