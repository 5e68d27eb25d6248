using System.Net;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Sendmail;

/// <summary>SMTP for users of this machine: the same session as everybody's, whose client the kernel has named.</summary>
/// <param name="context">What all sessions share.</param>
public sealed class LocalSessions(SmtpListenerContext context)
{
    /// <summary>Runs a session to its end.</summary>
    /// <param name="connection">The connection; disposed here.</param>
    /// <param name="user">The user at its other end.</param>
    /// <param name="stop">The server stops.</param>
    public async Task ServeAsync(Stream connection, string user, CancellationToken stop)
    {
        var session = new SmtpSession(
            new Transport(connection), SmtpRole.Sendmail, new IPEndPoint(IPAddress.Loopback, 0), context.Options(), context.Intake, context.Guard, context.Clock, context.Log,
            stop)
        {
            User = user,
        };
        context.Heartbeat.Add(session);
        context.Sessions.Add(session.Id, IPAddress.Loopback);
        try
        {
            await session.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            context.Heartbeat.Remove(session);
            context.Sessions.Remove(session.Id);
        }
    }

    /// <summary>Opens a session within this process.</summary>
    /// <param name="user">Its client.</param>
    /// <param name="stop">The server stops.</param>
    /// <returns>The client's end of the connection, and the session's.</returns>
    public (Stream Client, Task Session) Open(string user, CancellationToken stop)
    {
        var (client, server) = StreamPair.Create();
        return (client, ServeAsync(server, user, stop));
    }
}
