using System.Net;
using HomeMail.Server.Delivery;
using HomeMail.Server.Net;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Intake;

/// <summary>
/// Port 25 over a pair of pipes: for mail between domains hosted here that is to go by SMTP where this house cannot reach itself (no hairpin, no network, no
/// DNS). It is the same session with the same judgement; its client has our public address, as it would have had outside.
/// </summary>
/// <param name="isHosted">Whether a domain is hosted here.</param>
/// <param name="publicAddress">Our public address, or null while it is not known: then the client is this machine, of which nothing is proven.</param>
public sealed class InProcessRoute(Func<string, bool> isHosted, Func<IPAddress?> publicAddress) : ILocalRoute
{
    private SmtpListenerContext? _context;
    private CancellationToken _stop;

    /// <summary>From now on sessions are served.</summary>
    /// <param name="context">What all sessions share.</param>
    /// <param name="stop">The server stops.</param>
    public void Begin(SmtpListenerContext context, CancellationToken stop)
    {
        _stop = stop;
        _context = context;
    }

    /// <inheritdoc/>
    public Stream? Open(string domain)
    {
        if (_context is not { } context || _stop.IsCancellationRequested || !isHosted(domain))
            return null;
        var (client, server) = StreamPair.Create();
        var peer = new IPEndPoint(publicAddress() ?? IPAddress.Loopback, 0);
        var session = new SmtpSession(
            new Transport(server), SmtpRole.Mta, peer, context.Options(), context.Intake, context.Guard, context.Clock,
            context.Log, _stop);
        _ = ServeAsync(context, session, peer.Address);
        return client;
    }

    private static async Task ServeAsync(SmtpListenerContext context, SmtpSession session, IPAddress client)
    {
        context.Heartbeat.Add(session);
        context.Sessions.Add(session.Id, client);
        try
        {
            await session.RunAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // One session's fault must not end the process.
        catch (Exception error)
#pragma warning restore CA1031
        {
            context.Log.Error("fault", ("what", error.ToString()));
        }
        finally
        {
            context.Heartbeat.Remove(session);
            context.Sessions.Remove(session.Id);
        }
    }
}
