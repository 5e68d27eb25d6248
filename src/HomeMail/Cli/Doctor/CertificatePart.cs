using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the certificate is in order: there, of our name, valid now and for a while, and of somebody whom mail programs know.</summary>
internal static class CertificatePart
{
    private const string Subject = "certificate";

    // Automatic renewal comes a month before the end; two weeks before, it has failed.
    private static readonly TimeSpan Soon = TimeSpan.FromDays(14);

    /// <summary>What is judged.</summary>
    /// <param name="Path">Where it is.</param>
    /// <param name="Fault">Why it cannot be read, or null.</param>
    /// <param name="Hostname">Our name.</param>
    /// <param name="CoversHost">Whether it is for our name.</param>
    /// <param name="Names">Whom it is for, in words.</param>
    /// <param name="From">From when it holds.</param>
    /// <param name="Until">Until when it holds.</param>
    /// <param name="IsSelfSigned">Nobody else vouches for it.</param>
    /// <param name="Now">The time.</param>
    internal sealed record Facts(
        string Path, string? Fault, string Hostname, bool CoversHost, string Names, DateTimeOffset From, DateTimeOffset Until, bool IsSelfSigned, DateTimeOffset Now);

    public static Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var settings = scene.Settings;
        // Only the public half: the key is for the server's eyes.
        var path = settings.Tls.Certificate ?? System.IO.Path.Combine(settings.Server.Data, "tls", "self-signed.crt");
        return Task.FromResult<IReadOnlyList<DoctorFinding>>([Judge(Read(path, settings.Server.Hostname, scene.Clock.GetUtcNow()), settings.Tls.Certificate is null)]);
    }

    /// <summary>Reads a certificate.</summary>
    /// <param name="path">The PEM file.</param>
    /// <param name="hostname">Our name.</param>
    /// <param name="now">The time.</param>
    public static Facts Read(string path, string hostname, DateTimeOffset now)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(static e => e.EnumerateDnsNames()).ToList();
            return new Facts(
                path, null, hostname, certificate.MatchesHostname(hostname), names.Count > 0 ? string.Join(", ", names) : certificate.Subject,
                certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime(),
                certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData), now);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return new Facts(path, "it is not there", hostname, false, "", default, default, false, now);
        }
        catch (UnauthorizedAccessException)
        {
            return new Facts(path, "this user may not read it", hostname, false, "", default, default, false, now);
        }
        catch (Exception error) when (error is IOException or CryptographicException)
        {
            return new Facts(path, "it holds no certificate that can be read", hostname, false, "", default, default, false, now);
        }
    }

    public static DoctorFinding Judge(Facts facts, bool isOwn)
    {
        var until = Words.Time(facts.Until);
        if (facts.Fault is { } fault)
        {
            return isOwn ? DoctorFinding.Unknown(Subject, $"{facts.Path}: {fault}", "start the server once: it makes one")
                : DoctorFinding.Trouble(Subject, "unreadable", $"{facts.Path}: {fault}", "correct [tls] certificate; the server's user must be able to read it");
        }
        if (facts.Now > facts.Until)
            return DoctorFinding.Trouble(Subject, "expired", $"it has expired at {until}: mail programs refuse it", "renew it; a new file is taken up within seconds, without a restart");
        if (facts.Now < facts.From)
            return DoctorFinding.Trouble(Subject, "too-early", $"it holds only from {Words.Time(facts.From)} on", "look at this machine's clock first");
        if (!facts.CoversHost)
            return DoctorFinding.Trouble(Subject, "other-name", $"it is for {facts.Names} and not for {facts.Hostname}", $"get one for {facts.Hostname}");
        if (facts.IsSelfSigned)
        {
            return DoctorFinding.Attention(
                Subject, "self-signed", "nobody vouches for it: mail comes in and goes out all the same, and mail programs warn of it", "get one (from Let's Encrypt, for example), and set [tls] certificate and key");
        }
        return facts.Until - facts.Now < Soon
            ? DoctorFinding.Attention(Subject, "ends-soon", $"it ends at {until}, in {Words.Span(facts.Until - facts.Now)}", "see why it is not renewed by itself")
            : DoctorFinding.Ok(Subject, $"for {facts.Names}, until {until}");
    }
}
