using System.Net.Sockets;

namespace HomeMail.Server.Control;

/// <summary>
/// The control socket: a Unix socket on which root and the server's own user, by the kernel's word, can ask for everything, and anybody else for what
/// <see cref="Others"/> answers. Where nobody else is answered the file's mode keeps them out already.
/// </summary>
public sealed class ControlListener : IDisposable
{
    // More callers than this at once are no people.
    private const int MaxConnections = 16;

    // Of these, others may have so many: whoever floods it must not keep root out.
    private const int MaxOthers = 8;

    private const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
    private const UnixFileMode OpenMode = SocketMode | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly Socket _socket;
    private readonly ControlSession _session;
    private readonly Log _log;
    private readonly SemaphoreSlim _places = new(MaxConnections);
    private int _others;

    private ControlListener(Socket socket, string path, ControlSession session, Log log)
    {
        _socket = socket;
        Path = path;
        _session = session;
        _log = log;
    }

    /// <summary>Where it listens.</summary>
    public string Path { get; }

    /// <summary>Answers users of this machine who are neither root nor the server's own; null where they are turned away.</summary>
    public ControlSession? Others { get; private init; }

    /// <summary>
    /// Listens at the configured path; without one at the first of <see cref="ControlSocket.Candidates"/> that can be had. What a server that was killed has left
    /// there is replaced, but only if nobody answers.
    /// </summary>
    /// <param name="configured">The <c>[server] socket</c> setting, or null.</param>
    /// <param name="data">The data folder.</param>
    /// <param name="session">Answers.</param>
    /// <param name="log">The log.</param>
    /// <param name="others">Answers everybody else, or null.</param>
    /// <exception cref="IOException">None can be had; the message says why for each.</exception>
    public static async Task<ControlListener> OpenAsync(string? configured, string data, ControlSession session, Log log, ControlSession? others = null)
    {
        var problems = new List<string>();
        foreach (var path in ControlSocket.Candidates(configured, data))
        {
            if (await TryBindAsync(path, others is null ? SocketMode : OpenMode, problems).ConfigureAwait(false) is { } socket)
                return new ControlListener(socket, path, session, log) { Others = others };
        }
        throw new IOException($"[server] socket: {string.Join("; ", problems)}");
    }

    /// <summary>Serves callers until cancelled, and ends when the last one has been let go.</summary>
    /// <param name="cancel">The end.</param>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await _places.WaitAsync(cancel).ConfigureAwait(false);
                Socket connection;
                try
                {
                    connection = await _socket.AcceptAsync(cancel).ConfigureAwait(false);
                }
                catch
                {
                    _places.Release();
                    throw;
                }
                _ = ServeAsync(connection, cancel);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (ObjectDisposedException)
            {
                break;
            }
            catch (SocketException error)
            {
                // Out of descriptors, say: others end, and then it works again.
                _log.Error("control-accept", ("what", error.SocketErrorCode.ToString()));
                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None).ConfigureAwait(false);
            }
        }
        for (var i = 0; i < MaxConnections; i++)
            await _places.WaitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Stops listening; the file goes.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        try
        {
            File.Delete(Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The next start finds that nobody answers there.
        }
    }

    private async Task ServeAsync(Socket connection, CancellationToken cancel)
    {
        try
        {
            if (PeerCredentials.UserOf(connection) is not { } user || (user != 0 && user != PeerCredentials.OwnUser && Others is null))
            {
                _log.Error("control-refused", ("uid", PeerCredentials.UserOf(connection)?.ToString(System.Globalization.CultureInfo.InvariantCulture)));
                connection.Dispose();
                return;
            }
            if (user != 0 && user != PeerCredentials.OwnUser)
            {
                await ServeOtherAsync(connection, user, cancel).ConfigureAwait(false);
                return;
            }
            await _session.RunAsync(new NetworkStream(connection, ownsSocket: true), user, cancel).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            _log.Error("control-bug", ("what", error.ToString()));
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task ServeOtherAsync(Socket connection, uint user, CancellationToken cancel)
    {
        try
        {
            if (Interlocked.Increment(ref _others) <= MaxOthers)
                await Others!.RunAsync(new NetworkStream(connection, ownsSocket: true), user, cancel).ConfigureAwait(false);
            else
                connection.Dispose();
        }
        finally
        {
            Interlocked.Decrement(ref _others);
        }
    }

    private static async Task<Socket?> TryBindAsync(string path, UnixFileMode mode, List<string> problems)
    {
        if (ControlSocket.Problem(path) is { } problem)
        {
            problems.Add($"{path}: {problem}");
            return null;
        }
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            MakeFolder(path);
            if (await IsAnsweredAsync(path).ConfigureAwait(false))
            {
                problems.Add($"{path}: another server answers there");
                socket.Dispose();
                return null;
            }
            if (IsEmpty(path))
                File.Delete(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            // Until here the umask has kept others out, who would need to write to it.
            File.SetUnixFileMode(path, mode);
            socket.Listen(MaxConnections);
            return socket;
        }
        catch (Exception error) when (error is SocketException or IOException or UnauthorizedAccessException)
        {
            problems.Add($"{path}: {Words(error)}");
            socket.Dispose();
            return null;
        }
    }

    private static void MakeFolder(string path)
    {
        if (System.IO.Path.GetDirectoryName(path) is { Length: > 0 } folder && !Directory.Exists(folder))
        {
            // The umask is the server's, and this folder is for everybody to find the socket in.
            Directory.CreateDirectory(folder);
            File.SetUnixFileMode(folder, FolderMode);
        }
    }

    private static async Task<bool> IsAnsweredAsync(string path)
    {
        try
        {
            await using var connection = await ControlSocket.ConnectAsync(path, CancellationToken.None).ConfigureAwait(false);
            return connection is not null;
        }
        catch (SocketException)
        {
            // Somebody else's that we may not reach: whether anybody listens or not, it is not ours to replace.
            return true;
        }
    }

    // A path that was mistyped must not cost a file: a socket has no content, and what has some stays.
    private static bool IsEmpty(string path) => new FileInfo(path) is { Exists: true, Length: 0, LinkTarget: null };

    private static string Words(Exception error) => error switch
    {
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => "there is a file of that name which is no socket",
        SocketException { SocketErrorCode: SocketError.AccessDenied } or UnauthorizedAccessException => "this user may not make it there",
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } or DirectoryNotFoundException => "there is no such folder",
        SocketException socket => socket.SocketErrorCode.ToString(),
        _ => error.Message,
    };
}
