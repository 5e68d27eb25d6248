using HomeMail.Protocol.Message;
using HomeMail.Server.Intake;
using HomeMail.Server.Web;

namespace HomeMail.Server.ClientSetup;

/// <summary>
/// The site of <c>[listen] autoconfig</c>: what mail programs ask for to set an account up, and the MTA-STS policy. Whoever asks hears the same of every local
/// part, and of the domains of one tenant only: those of the tenant whose host was asked for.
/// </summary>
/// <param name="names">Who is hosted here.</param>
/// <param name="services">Where mail is read and sent.</param>
/// <param name="stsPolicy">The MTA-STS policy (RFC 8461 3.2).</param>
/// <param name="clock">Time.</param>
public sealed class ClientSetupSite(Func<HostedNames> names, Func<MailServices> services, Func<string> stsPolicy, TimeProvider clock)
{
    private static readonly string[] Labels = ["autoconfig.", "autodiscover.", "mta-sts."];

    /// <summary>Answers a request.</summary>
    /// <param name="request">The request.</param>
    public WebReply Answer(WebRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var isReading = request.Method is "GET" or "HEAD";
        switch (request.Path.ToLowerInvariant())
        {
            case "/mail/config-v1.1.xml" or "/.well-known/autoconfig/mail/config-v1.1.xml":
                if (!isReading)
                    return NotAllowed("GET, HEAD");
                return Asked(request, request.Parameter("emailaddress")) is { } asked ? new WebReply(200, Autoconfig.ContentType, Autoconfig.Compose(asked.Domain.Name, services())) : NotFound();
            case "/autodiscover/autodiscover.xml":
                return isReading ? Redirect(request) : request.Method == "POST" ? Discover(request) : NotAllowed("GET, HEAD, POST");
            case var path when path == "/autodiscover/autodiscover.json" || path.StartsWith("/autodiscover/autodiscover.json/", StringComparison.Ordinal):
                if (!isReading)
                    return NotAllowed("GET, HEAD");
                return Autodiscover.Point(request.Parameter("protocol"), services().Host) is { } json
                    ? new WebReply(200, "application/json; charset=utf-8", json)
                    : new WebReply(400, "application/json; charset=utf-8", "{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":\"Only AutodiscoverV1 is served here.\"}\n");
            case "/email.mobileconfig":
                return isReading ? Profile(request) : NotAllowed("GET, HEAD");
            case "/.well-known/mta-sts.txt":
                if (!isReading)
                    return NotAllowed("GET, HEAD");
                return request.Host.StartsWith("mta-sts.", StringComparison.Ordinal) && names().Domain(request.Host["mta-sts.".Length..]) is not null
                    ? new WebReply(200, "text/plain; charset=utf-8", stsPolicy()) : NotFound();
            default:
                return NotFound();
        }
    }

    private WebReply Profile(WebRequest request)
    {
        var all = services();
        return all.Reading.Count > 0 && all.Sending.Count > 0 && Asked(request, request.Parameter("email")) is { } asked
            ? new WebReply(200, AppleProfile.ContentType, AppleProfile.Compose(asked.Email, asked.Domain.Name, all)) { FileName = "email.mobileconfig" }
            : NotFound();
    }

    // Outlook looks by plain HTTP for where to go by HTTPS; what it is told over plain text it asks the user about.
    private WebReply Redirect(WebRequest request) => request.IsTls
        ? new WebReply(200, Autodiscover.ContentType, Autodiscover.Compose(Autodiscover.Refusal.InvalidRequest, clock.GetUtcNow()))
        : WebReply.Plain(302, "It is served over HTTPS.") with { Location = $"https://{services().Host}/autodiscover/autodiscover.xml" };

    private WebReply Discover(WebRequest request)
    {
        if (!Autodiscover.TryRead(request.Body, out var email, out var refusal) || email is null)
            return new WebReply(200, Autodiscover.ContentType, Autodiscover.Compose(refusal, clock.GetUtcNow()));
        return Asked(request, email.ToString()) is { Email: { } address }
            ? new WebReply(200, Autodiscover.ContentType, Autodiscover.Compose(address, services()))
            : new WebReply(200, Autodiscover.ContentType, Autodiscover.Compose(Autodiscover.Refusal.NoProvider, clock.GetUtcNow()));
    }

    /// <summary>The domain that is asked about: the address's, or without one the host's. Null if it is not to be told of.</summary>
    private (HostedDomain Domain, Address? Email)? Asked(WebRequest request, string? emailAddress)
    {
        var hosted = names();
        var ofHost = OfHost(hosted, request.Host);
        // Some programs ask before they know the local part, and send their placeholder as it is.
        if (string.IsNullOrEmpty(emailAddress) || emailAddress.Contains('%', StringComparison.Ordinal))
            return ofHost is null ? null : (ofHost, null);
        if (!AddressSyntax.TryParseMailbox(emailAddress, true, out var email) || hosted.Domain(email!.Domain) is not { } domain)
            return null;
        return ofHost is not null && !ofHost.Tenant.Equals(domain.Tenant, StringComparison.OrdinalIgnoreCase) ? null : (domain, email);
    }

    private static HostedDomain? OfHost(HostedNames hosted, string host)
    {
        foreach (var label in Labels)
            if (host.StartsWith(label, StringComparison.Ordinal) && hosted.Domain(host[label.Length..]) is { } domain)
                return domain;
        return hosted.Domain(host);
    }

    private static WebReply NotFound() => WebReply.Plain(404, "There is nothing here.");

    private static WebReply NotAllowed(string methods) => WebReply.Plain(405, "Not by this method.") with { Allow = methods };
}
