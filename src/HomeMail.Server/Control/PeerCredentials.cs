using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace HomeMail.Server.Control;

/// <summary>Who is at the other end of a Unix socket: the kernel's word, not the peer's (unix(7), SO_PEERCRED).</summary>
public static partial class PeerCredentials
{
    private const int SocketLevel = 1;
    private const int PeerCredentialsOption = 17;

    // struct ucred: pid, uid, gid, 32 bits each.
    private const int Size = 12;
    private const int UserOffset = 4;

    /// <summary>The user id of this process.</summary>
    public static uint OwnUser => GetEffectiveUser();

    /// <summary>The user id of the process that made the connection; null where the kernel does not say.</summary>
    /// <param name="connection">The accepted socket.</param>
    public static uint? UserOf(Socket connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Span<byte> credentials = stackalloc byte[Size];
        try
        {
            return connection.GetRawSocketOption(SocketLevel, PeerCredentialsOption, credentials) == Size ? MemoryMarshal.Read<uint>(credentials[UserOffset..]) : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();
}
