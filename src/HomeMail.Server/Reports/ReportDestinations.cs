using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Reports;

/// <summary>
/// Where reports about a domain may go (RFC 9990 3.5, 4): anybody can publish somebody else's address as a destination, so one outside of the domain's
/// own organization counts only if its own domain says so in DNS.
/// </summary>
/// <param name="resolver">Where look-ups go.</param>
public sealed class ReportDestinations(IMailResolver resolver)
{
    private readonly DmarcChecker _dmarc = new(resolver);

    /// <summary>Finds the destinations.</summary>
    /// <param name="domain">The domain at which the policy was found.</param>
    /// <param name="record">Its record.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The addresses, each once; null if DNS does not tell now.</returns>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<IReadOnlyList<Address>?> FindAsync(string domain, DmarcRecord record, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(record);
        var found = new List<Address>();
        foreach (var text in record.ReportAddresses)
        {
            if (Parse(text) is not { } address)
                continue;
            switch (await IsWithinAsync(domain, address.Domain, cancel).ConfigureAwait(false))
            {
                case null:
                    return null;
                case true:
                    Add(found, address);
                    continue;
            }
            var name = $"{domain}._report._dmarc.{address.Domain}";
            if (!DnsName.IsValid(name))
                continue; // step 4: no determination can be made
            var answer = await resolver.TxtAsync(name, cancel).ConfigureAwait(false);
            if (answer.Status == DnsStatus.TemporaryFailure)
                return null;
            if (answer.Status == DnsStatus.Found)
                AddConfirmed(found, address, answer.Records);
        }
        return found;
    }

    // Steps 6 to 9: a record there confirms; an address in it stands for the one asked about, if it is at the same host.
    private static void AddConfirmed(List<Address> found, Address address, IReadOnlyList<string> records)
    {
        var isConfirmed = false;
        var instead = new List<Address>();
        foreach (var text in records)
        {
            if (!DmarcRecord.TryParse(text, out var confirmation))
                continue;
            isConfirmed = true;
            foreach (var other in confirmation.ReportAddresses)
            {
                if (Parse(other) is not { } replacement || !DnsName.Same(replacement.Domain, address.Domain))
                    return; // neither address then
                instead.Add(replacement);
            }
        }
        if (!isConfirmed)
            return;
        if (instead.Count == 0)
            Add(found, address);
        foreach (var replacement in instead)
            Add(found, replacement);
    }

    private async ValueTask<bool?> IsWithinAsync(string domain, string host, CancellationToken cancel)
    {
        if (DnsName.Same(domain, host))
            return true;
        // Two names of one organization have a suffix in common; the last label alone is none.
        if (!ShareSuffix(domain, host))
            return false;
        var ours = await OrganizationAsync(domain, cancel).ConfigureAwait(false);
        var theirs = await OrganizationAsync(host, cancel).ConfigureAwait(false);
        if (ours.Failed || theirs.Failed)
            return null;
        return ours.Domain is not null && theirs.Domain is not null && DnsName.Same(ours.Domain, theirs.Domain);
    }

    private async ValueTask<(string? Domain, bool Failed)> OrganizationAsync(string domain, CancellationToken cancel)
    {
        var outcome = await _dmarc.CheckAsync(new DmarcRequest(domain, [domain], null, FindOrganization: true), cancel).ConfigureAwait(false);
        return (outcome.OrganizationalDomain, outcome.Result == DmarcResult.TempError);
    }

    private static bool ShareSuffix(string a, string b)
    {
        var (x, y) = (a.Split('.'), b.Split('.'));
        return x.Length > 1 && y.Length > 1 && DnsName.Same(x[^1], y[^1]) && DnsName.Same(x[^2], y[^2]);
    }

    private static void Add(List<Address> found, Address address)
    {
        if (!found.Exists(a => a.Key == address.Key))
            found.Add(address);
    }

    private static Address? Parse(string text) =>
        AddressSyntax.TryParseMailbox(text, false, out var address) && !address!.IsLiteral && DnsName.IsValid(address.Domain) ? address : null;
}
