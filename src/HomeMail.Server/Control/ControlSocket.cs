using System.Net.Sockets;
using System.Text;

namespace HomeMail.Server.Control;

/// <summary>Where the control socket is, for whoever listens and whoever calls.</summary>
public static class ControlSocket
{
    /// <summary>Octets of the longest path: what <c>sun_path</c> holds besides its final NUL (unix(7)).</summary>
    public const int LongestPath = 107;

    /// <summary>Where it is if nothing else is said.</summary>
    public const string DefaultPath = "/run/homemail/control";

    /// <summary>The paths at which the server of a configuration can be, in the order in which it tries them.</summary>
    /// <param name="configured">The <c>[server] socket</c> setting, or null.</param>
    /// <param name="data">The data folder.</param>
    public static IReadOnlyList<string> Candidates(string? configured, string data) =>
        configured is not null ? [configured] : [DefaultPath, Path.Combine(data, "control")];

    /// <summary>What is wrong with a path as a socket's, or null.</summary>
    /// <param name="path">The path.</param>
    public static string? Problem(string path) =>
        Encoding.UTF8.GetByteCount(path) > LongestPath ? $"a socket's path has {LongestPath} octets at most" : null;

    /// <summary>Connects to a socket.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The connection; null where nobody listens.</returns>
    /// <exception cref="SocketException">It is there and cannot be reached: <see cref="SocketError.AccessDenied"/>.</exception>
    public static async Task<Stream?> ConnectAsync(string path, CancellationToken cancel)
    {
        if (Problem(path) is not null || !File.Exists(path))
            return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException error) when (error.SocketErrorCode != SocketError.AccessDenied)
        {
            // A file that is left over, or goes at this moment.
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
