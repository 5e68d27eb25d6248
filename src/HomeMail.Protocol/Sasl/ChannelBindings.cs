namespace HomeMail.Protocol.Sasl;

/// <summary>
/// What binds a log-in to the TLS connection it is made over (RFC 5056). Its presence means that SCRAM-SHA-256-PLUS is offered; since SASL
/// cannot negotiate the type, it is made only where both can be had.
/// </summary>
/// <param name="TlsServerEndPoint">The hash of the server's certificate (RFC 5929 4).</param>
/// <param name="TlsExporter">32 octets of exported keying material, label <c>EXPORTER-Channel-Binding</c> (RFC 9266).</param>
public sealed record ChannelBindings(ReadOnlyMemory<byte> TlsServerEndPoint, ReadOnlyMemory<byte> TlsExporter)
{
    /// <summary>The data of a binding type by its registered name; empty if the type is none of ours.</summary>
    /// <param name="type">The name, compared octet by octet (RFC 5056 7).</param>
    public ReadOnlyMemory<byte> Find(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("tls-exporter"u8) ? TlsExporter
        : type.SequenceEqual("tls-server-end-point"u8) ? TlsServerEndPoint
        : default;
}
