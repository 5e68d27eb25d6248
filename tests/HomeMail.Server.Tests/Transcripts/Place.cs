using System.Net.Security;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>A connection to a server, as a client has it.</summary>
internal abstract class Connection : IAsyncDisposable
{
    /// <summary>The stream as it is now: plain, or TLS.</summary>
    public abstract Stream Stream { get; protected set; }

    /// <summary>The TLS stream, or null.</summary>
    public SslStream? Tls => Stream as SslStream;

    /// <summary>Closes the client's direction of the connection below TLS.</summary>
    protected abstract void EndPlainOutput();

    /// <summary>The client says no more.</summary>
    public async Task EndOutputAsync()
    {
        try
        {
            if (Tls is { } tls)
                await tls.ShutdownAsync();
            EndPlainOutput();
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The server was quicker.
        }
    }

    /// <summary>The client's side of the handshake. Whoever the server is: it is not the certificate that is tested here.</summary>
    public async Task SecureAsync()
    {
        var tls = new SslStream(Stream, false);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "mail.example.org",
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        }).WaitAsync(TimeSpan.FromSeconds(20));
        Stream = tls;
    }

    public virtual async ValueTask DisposeAsync() => await Stream.DisposeAsync();
}

/// <summary>A server that dialogues are played against.</summary>
internal interface IPlace
{
    /// <summary>Opens a connection.</summary>
    /// <param name="service">The listener.</param>
    /// <param name="peer">The client's address; null is the usual one.</param>
    Task<Connection> ConnectAsync(SmtpRole service, string? peer);

    /// <summary>Lets time pass.</summary>
    Task WaitAsync(Connection connection, TimeSpan span);

    /// <summary>Returns when the sessions of all connections that were opened have ended, where this place can tell.</summary>
    Task EndedAsync();

    /// <summary>The messages that came into an account's inbox during this dialogue.</summary>
    IReadOnlyList<string> Mailbox(string account);

    /// <summary>The messages that came into the queue during this dialogue, as text; null if this place cannot tell.</summary>
    IReadOnlyList<string>? Queue();

    /// <summary>The log, or null if this place cannot tell.</summary>
    string? Log { get; }
}
