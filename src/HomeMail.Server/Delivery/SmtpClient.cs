using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.House;

namespace HomeMail.Server.Delivery;

/// <summary>
/// One session as an SMTP client (RFC 5321), over any stream: greeting, EHLO, STARTTLS, AUTH, then transactions one after the other.
/// What a server says or fails to do comes back as a value; after a fault the session may be of no use (<see cref="IsUsable"/>).
/// Implements RFC 5321, 1870 (SIZE), 2034, 2920 (PIPELINING), 3030 (CHUNKING), 3207 (STARTTLS), 3461 (DSN), 4954 (AUTH), 6152 (8BITMIME),
/// 6531 (SMTPUTF8), 8689 (REQUIRETLS), 9422 (LIMITS).
/// </summary>
public sealed partial class SmtpClient : IAsyncDisposable
{
    private static readonly EnhancedStatusCode BadConnection = new(4, 4, 2);
    private static readonly EnhancedStatusCode NotSmtp = new(4, 5, 0);
    private static readonly EnhancedStatusCode CryptographicFailure = new(4, 7, 5);

    private readonly SmtpChannel _channel;
    private readonly DeliveryOptions _options;
    private readonly Log _log;
    private bool _lost;
    private bool _quit;
    private bool _needsReset;

    /// <summary>Takes a connection.</summary>
    /// <param name="stream">The connection; closed with the session.</param>
    /// <param name="host">The server's name: of certificates, of logs, of diagnostics.</param>
    /// <param name="options">This server's name, and limits.</param>
    /// <param name="clock">Measures time limits.</param>
    /// <param name="log">Dialogues at level debug.</param>
    /// <param name="lifetime">Breaks the session off, by <see cref="OperationCanceledException"/>.</param>
    public SmtpClient(Stream stream, string host, DeliveryOptions options, TimeProvider clock, Log log, CancellationToken lifetime)
    {
        ArgumentNullException.ThrowIfNull(options);
        _channel = new SmtpChannel(stream, clock, lifetime);
        Host = host;
        _options = options;
        _log = log;
    }

    /// <summary>The server's name.</summary>
    public string Host { get; }

    /// <summary>Where transactions are entered while they last, if the server may be ourselves; else null.</summary>
    public OpenDeliveries? OpenDeliveries { get; init; }

    /// <summary>Whether the other end is in this process, so that nobody can listen and nothing has to be proven.</summary>
    public bool IsInProcess { get; init; }

    /// <summary>What the server offers now.</summary>
    public EhloCapabilities Offer { get; private set; } = EhloCapabilities.None;

    /// <summary>Whether the connection is encrypted.</summary>
    public bool IsEncrypted { get; private set; }

    /// <summary>Whether a trusted root vouches for the server's name, asked for or not, or DANE does.</summary>
    public bool IsVerified { get; private set; }

    /// <summary>How the session is encrypted, in a few words such as <c>TLS 1.3, DANE</c>.</summary>
    public string Security { get; private set; } = "in clear";

    /// <summary>What would have been refused if the policy were in force (<see cref="TlsDemand.Watch"/>), or null.</summary>
    public CertificateRefusal? Watched { get; private set; }

    /// <summary>Whether the greeting was that of a session of this process.</summary>
    public bool IsSelf { get; private set; }

    /// <summary>Transactions begun.</summary>
    public int Transactions { get; private set; }

    /// <summary>Whether another transaction may be tried.</summary>
    public bool IsUsable => !_lost && Transactions < Math.Min(_options.MaxTransactions, Offer.MaxTransactions ?? int.MaxValue);

    /// <summary>Waits for the greeting (RFC 5321 3.1), after the handshake where TLS comes first.</summary>
    /// <param name="tls">What is asked of the encryption.</param>
    /// <returns>Null if the server is willing.</returns>
    public async ValueTask<SessionFault?> GreetAsync(TlsDemand tls)
    {
        ArgumentNullException.ThrowIfNull(tls);
        try
        {
            if (tls.FromStart && await HandshakeAsync(tls).ConfigureAwait(false) is { } fault)
                return fault;
            var greeting = await ReadAsync(_options.Timeouts.Greeting).ConfigureAwait(false);
            if (!greeting.IsPositive)
                return Refused(greeting);
            IsSelf = _options.IsOwnGreeting(greeting.Text);
            return null;
        }
        catch (PeerException e)
        {
            return Broken(e, "waiting for the greeting");
        }
    }

    /// <summary>Says hello, encrypts and logs in.</summary>
    /// <param name="tls">What is asked of the encryption.</param>
    /// <param name="logIn">Whom to log in as, or null.</param>
    /// <returns>Null if a transaction may follow.</returns>
    public async ValueTask<SessionFault?> BeginAsync(TlsDemand tls, LogIn? logIn)
    {
        ArgumentNullException.ThrowIfNull(tls);
        try
        {
            return await HelloAsync().ConfigureAwait(false)
                ?? await TryEncryptAsync(tls).ConfigureAwait(false)
                ?? (logIn is null ? null : await LogInAsync(logIn).ConfigureAwait(false));
        }
        catch (PeerException e)
        {
            return Broken(e, "opening the session");
        }
    }

    /// <summary>Breaks off whatever is under way: the session is of no use any more.</summary>
    public void Abandon()
    {
        _lost = true;
        _channel.Abandon();
    }

    /// <summary>Ends the session politely where it is whole, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_lost && !_quit)
        {
            _quit = true;
            try
            {
                await CommandAsync("QUIT", _options.Timeouts.Quit).ConfigureAwait(false);
            }
            catch (Exception e) when (e is PeerException or OperationCanceledException)
            {
                // Whoever goes does not wait for the last word.
            }
        }
        _lost = true;
        await _channel.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<SessionFault?> HelloAsync()
    {
        var reply = await CommandAsync("EHLO " + _options.Hostname, _options.Timeouts.Hello).ConfigureAwait(false);
        if (reply.IsPositive)
        {
            Offer = EhloCapabilities.Parse(reply);
            return null;
        }
        if (!reply.IsPermanent)
            return Refused(reply);
        // A server from before RFC 1869, or one behind a meddling firewall (RFC 5321 3.2).
        reply = await CommandAsync("HELO " + _options.Hostname, _options.Timeouts.Hello).ConfigureAwait(false);
        Offer = EhloCapabilities.None;
        return reply.IsPositive ? null : Refused(reply);
    }

    // Servers that hang up at STARTTLS, or at the first word under TLS, still take mail in clear.
    private async ValueTask<SessionFault?> TryEncryptAsync(TlsDemand tls)
    {
        try
        {
            return await EncryptAsync(tls).ConfigureAwait(false);
        }
        catch (PeerException e) when (tls is { Use: TlsUse.IfOffered, FromStart: false })
        {
            return Broken(e, "encrypting the session") with { InClear = true, IsPermanent = false, Tls = TlsResult.ValidationFailure };
        }
    }

    private async ValueTask<SessionFault?> EncryptAsync(TlsDemand tls)
    {
        if (tls.Use == TlsUse.Never || IsEncrypted)
            return null;
        if (!Offer.Has(EhloKeywords.StartTls))
        {
            return tls.Use == TlsUse.IfOffered
                ? null
                : new SessionFault(Diagnostic.Of(Host, new EnhancedStatusCode(4, 7, 10), "the host does not offer encryption, and it is asked for" + tls.Because),
                    Tls: TlsResult.StartTlsNotSupported);
        }
        var reply = await CommandAsync("STARTTLS", _options.Timeouts.Hello).ConfigureAwait(false);
        if (reply.Code != 220)
        {
            // Refused, the session goes on as it was (RFC 3207 4.1).
            return tls.Use == TlsUse.IfOffered
                ? null
                : new SessionFault(Diagnostic.Of(Host, reply) with { Status = CryptographicFailure }, Tls: TlsResult.StartTlsNotSupported);
        }
        var early = _channel.DiscardInput();
        if (early > 0)
            _log.Error("injected-reply", ("host", Host), ("octets", early));
        if (await HandshakeAsync(tls).ConfigureAwait(false) is { } fault)
            return fault;
        // What was offered in clear is forgotten (RFC 3207 4.2).
        Offer = EhloCapabilities.None;
        return await HelloAsync().ConfigureAwait(false);
    }

    private async ValueTask<SessionFault?> HandshakeAsync(TlsDemand tls)
    {
        CertificateRefusal? refusal = null;
        CertificateRefusal? watched = null;
        var verified = false;
        var chain = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (_options.TrustAnchors is { } anchors)
        {
            chain.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.CustomTrustStore.AddRange(anchors);
        }
        var handshake = new SslClientAuthenticationOptions
        {
            TargetHost = tls.ServerName ?? Host,
            CertificateChainPolicy = chain,
            RemoteCertificateValidationCallback = (_, certificate, built, errors) =>
            {
                refusal = tls.Certificate.Refuse(certificate as X509Certificate2, built, errors, _options.ClockIsSane());
                watched = tls.Watch?.Refuse(certificate as X509Certificate2, built, errors, _options.ClockIsSane());
                verified = refusal is null && (errors == SslPolicyErrors.None || tls.Certificate.IsProof);
                return refusal is null;
            },
        };
        try
        {
            var stream = await _channel.StartTlsAsync(handshake, _options.Timeouts.Handshake).ConfigureAwait(false);
            IsEncrypted = true;
            IsVerified = verified;
            Watched = watched;
            Security = $"{Version(stream.SslProtocol)}, {Trust(tls, verified)}";
            if (_log.IsOn(LogLevel.Debug))
                _log.Debug("tls-out", ("host", Host), ("version", stream.SslProtocol.ToString()), ("cipher", stream.NegotiatedCipherSuite.ToString()), ("verified", verified ? "yes" : "no"));
            return null;
        }
        catch (PeerException e)
        {
            _lost = true;
            return new SessionFault(
                Diagnostic.Of(Host, CryptographicFailure, (refusal?.Words ?? e.Message) + tls.Because), InClear: tls.Use == TlsUse.IfOffered && !tls.FromStart,
                Tls: refusal?.Kind ?? TlsResult.ValidationFailure);
        }
    }

    private static string Version(SslProtocols version) => version switch
    {
        SslProtocols.Tls13 => "TLS 1.3",
        SslProtocols.Tls12 => "TLS 1.2",
        _ => "old TLS",
    };

    private static string Trust(TlsDemand tls, bool verified) => tls.Policy switch
    {
        TlsPolicyKind.Dane => "DANE",
        TlsPolicyKind.DaneWithoutName => "DANE without a usable record",
        TlsPolicyKind.Sts => "MTA-STS",
        TlsPolicyKind.StsTesting => verified ? "verified, MTA-STS in testing" : "not verified, MTA-STS in testing",
        _ => verified ? "verified" : "not verified",
    };

    private async ValueTask<RemoteReply> CommandAsync(string line, TimeSpan limit)
    {
        Append(line);
        await _channel.FlushAsync(limit).ConfigureAwait(false);
        return await ReadAsync(limit).ConfigureAwait(false);
    }

    private void Append(string line)
    {
        // No address and no parameter gets this far with a line end in it; if one did, it would speak for us.
        if (line.AsSpan().ContainsAny('\r', '\n', '\0'))
            throw new InvalidOperationException("a command holds a line end");
        _log.Debug("smtp-out", ("host", Host), ("c", line));
        _channel.Append(line);
        _channel.Append("\r\n");
    }

    // 421 may answer anything and ends the session (RFC 5321 3.8), so it is treated as the broken connection that it announces.
    private async ValueTask<RemoteReply> ReadAsync(TimeSpan limit)
    {
        var reply = await _channel.ReadReplyAsync(limit).ConfigureAwait(false);
        Heard(reply);
        return reply.IsClosing ? throw new PeerException(reply) : reply;
    }

    private void Heard(RemoteReply reply)
    {
        if (_log.IsOn(LogLevel.Debug))
            _log.Debug("smtp-out", ("host", Host), ("s", reply.ToString()));
    }

    private SessionFault Refused(RemoteReply reply) => new(Diagnostic.Of(Host, reply), IsPermanent: reply.IsPermanent);

    private SessionFault Broken(PeerException e, string during)
    {
        _lost = true;
        if (e.Reply is not null)
            return Refused(e.Reply);
        return new SessionFault(Diagnostic.Of(Host, e.Fault == PeerFault.NotSmtp ? NotSmtp : BadConnection, $"{e.Message} while {during}"));
    }
}
