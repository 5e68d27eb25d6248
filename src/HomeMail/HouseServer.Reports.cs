using HomeMail.Protocol.Message;
using HomeMail.Server.Reports;

namespace HomeMail;

/// <summary>As whom this house reports.</summary>
internal sealed partial class HouseServer
{
    /// <summary>Null while no reports are sent, or while they could not be signed: a report has to pass DMARC itself (RFC 9990 3.5.2).</summary>
    private ReportIdentity? ReportsAs()
    {
        var settings = _running.Settings;
        var names = _running.Intake.Names;
        if (settings.Policy.DmarcReports == ReportScope.Off || names.DomainOf(settings.Server.Hostname) is not { } domain)
            return null;
        var from = settings.Policy.ReportFrom
            ?? new Address("postmaster", names.DomainAbove(settings.Server.Hostname) is null ? domain.Name : settings.Server.Hostname);
        return names.DomainAbove(from.Domain) is { } signer && _dkimKeys.For(signer.Name).Count > 0 ? new ReportIdentity(settings.Server.Hostname, from) : null;
    }
}
