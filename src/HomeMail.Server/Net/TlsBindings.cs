using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Server.Net;

/// <summary>
/// The channel bindings of a TLS connection: what ties a log-in to it (RFC 5929 4 tls-server-end-point, RFC 9266 tls-exporter).
/// </summary>
/// <remarks>
/// The platform has no call for exported keying material, so the connection's OpenSSL handle is taken from a private field of SslStream. If that field goes,
/// a test fails, and at run time -PLUS is not offered, since SASL cannot negotiate which type a client uses.
/// </remarks>
public static partial class TlsBindings
{
    private const int ExporterLength = 32;

    /// <summary>Both bindings of a connection, or null if either cannot be had.</summary>
    /// <param name="tls">The connection, after its handshake.</param>
    /// <param name="identity">Whose certificate it shows.</param>
    public static ChannelBindings? Of(SslStream tls, TlsIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(tls);
        ArgumentNullException.ThrowIfNull(identity);
        try
        {
            return ServerEndPoint(identity.Certificate) is { } endPoint && Exporter(tls) is { } exported ? new ChannelBindings(endPoint, exported) : null;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException or InvalidCastException)
        {
            return null;
        }
    }

    /// <summary>The hash of a certificate by its own signature's hash, MD5 and SHA-1 replaced by SHA-256 (RFC 5929 4.1); null where that is not defined.</summary>
    private static byte[]? ServerEndPoint(X509Certificate2 certificate) => certificate.SignatureAlgorithm.Value switch
    {
        // RSA and ECDSA with SHA-384.
        "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => SHA384.HashData(certificate.RawDataMemory.Span),
        // RSA and ECDSA with SHA-512.
        "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => SHA512.HashData(certificate.RawDataMemory.Span),
        // RSA and ECDSA with SHA-256, and with the MD5 and SHA-1 of old.
        "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" or "1.2.840.113549.1.1.5" or "1.2.840.113549.1.1.4" or "1.2.840.10045.4.1" =>
            SHA256.HashData(certificate.RawDataMemory.Span),
        _ => null,
    };

    private static byte[]? Exporter(SslStream tls)
    {
        if (SecurityContext(tls) is not SafeHandle handle)
            return null;
        var material = new byte[ExporterLength];
        var label = "EXPORTER-Channel-Binding"u8;
        var added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            return ExportKeyingMaterial(handle.DangerousGetHandle(), material, (nuint)material.Length, label, (nuint)label.Length, [], 0, 0) == 1 ? material : null;
        }
        finally
        {
            if (added)
                handle.DangerousRelease();
        }
    }

    // The one use of reflection in this program; the trimmer reads the two constants and keeps the field.
    private static object? SecurityContext(SslStream tls) =>
        typeof(SslStream).GetField("_securityContext", BindingFlags.NonPublic | BindingFlags.Instance)?.GetValue(tls);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_export_keying_material")]
    private static partial int ExportKeyingMaterial(
        nint ssl, Span<byte> output, nuint outputLength, ReadOnlySpan<byte> label, nuint labelLength, ReadOnlySpan<byte> context, nuint contextLength, int useContext);
}
