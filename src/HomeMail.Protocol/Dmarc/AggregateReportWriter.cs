using System.Globalization;
using System.Text;

namespace HomeMail.Protocol.Dmarc;

/// <summary>Writes aggregate reports as XML (RFC 9990 3.1.1 and Appendix A).</summary>
public static class AggregateReportWriter
{
    private const int MaxValue = 255;

    /// <summary>Writes a report.</summary>
    /// <param name="report">What it says of itself.</param>
    /// <param name="policy">The policy record as it was last seen in the period (RFC 9990 3.1).</param>
    /// <param name="records">Its records; at least one.</param>
    /// <returns>The document in UTF-8.</returns>
    /// <exception cref="ArgumentException">There are no records.</exception>
    public static byte[] Write(AggregateReport report, DmarcRecord policy, IReadOnlyCollection<ReportedRecord> records)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0)
            throw new ArgumentException("a report has a record at least", nameof(records));
        var xml = new StringBuilder(1024 + (records.Count * 700));
        xml.Append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n");
        Element(xml, 1, "version", "1.0");
        Open(xml, 1, "report_metadata");
        Element(xml, 2, "org_name", report.Organization);
        Element(xml, 2, "email", report.Email);
        Element(xml, 2, "report_id", report.Id);
        Open(xml, 2, "date_range");
        Element(xml, 3, "begin", Number(report.Begin));
        Element(xml, 3, "end", Number(report.End));
        Close(xml, 2, "date_range");
        Optional(xml, 2, "generator", report.Generator);
        Close(xml, 1, "report_metadata");

        Open(xml, 1, "policy_published");
        Element(xml, 2, "domain", report.Domain);
        Element(xml, 2, "p", Name(policy.Policy));
        Optional(xml, 2, "sp", policy.SubdomainPolicy is { } subdomains ? Name(subdomains) : null);
        Optional(xml, 2, "np", policy.NonExistentPolicy is { } missing ? Name(missing) : null);
        Element(xml, 2, "adkim", policy.StrictDkim ? "s" : "r");
        Element(xml, 2, "aspf", policy.StrictSpf ? "s" : "r");
        Element(xml, 2, "discovery_method", "treewalk");
        Element(xml, 2, "testing", policy.Testing ? "y" : "n");
        Close(xml, 1, "policy_published");

        foreach (var record in records)
            Write(xml, record);
        xml.Append("</feedback>\n");
        return Encoding.UTF8.GetBytes(xml.ToString());
    }

    /// <summary>The policy's name in records and reports.</summary>
    /// <param name="policy">The policy.</param>
    public static string Name(DmarcPolicy policy) => policy switch
    {
        DmarcPolicy.Reject => "reject",
        DmarcPolicy.Quarantine => "quarantine",
        _ => "none",
    };

    private static void Write(StringBuilder xml, ReportedRecord record)
    {
        Open(xml, 1, "record");
        Open(xml, 2, "row");
        Element(xml, 3, "source_ip", record.Source);
        Element(xml, 3, "count", Number(record.Count));
        Open(xml, 3, "policy_evaluated");
        Element(xml, 4, "disposition", record.Disposition);
        Element(xml, 4, "dkim", record.DkimAligned ? "pass" : "fail");
        Element(xml, 4, "spf", record.SpfAligned ? "pass" : "fail");
        if (record.Reason is { } reason)
        {
            Open(xml, 4, "reason");
            Element(xml, 5, "type", reason);
            Close(xml, 4, "reason");
        }
        Close(xml, 3, "policy_evaluated");
        Close(xml, 2, "row");

        Open(xml, 2, "identifiers");
        Element(xml, 3, "header_from", record.HeaderFrom);
        Optional(xml, 3, "envelope_from", record.EnvelopeFrom);
        Optional(xml, 3, "envelope_to", record.EnvelopeTo);
        Close(xml, 2, "identifiers");

        Open(xml, 2, "auth_results");
        foreach (var dkim in record.Dkim)
        {
            Open(xml, 3, "dkim");
            Element(xml, 4, "domain", dkim.Domain);
            Element(xml, 4, "selector", dkim.Selector);
            Element(xml, 4, "result", dkim.Result);
            Close(xml, 3, "dkim");
        }
        if (record.SpfDomain is { } domain)
        {
            Open(xml, 3, "spf");
            Element(xml, 4, "domain", domain);
            Element(xml, 4, "scope", "mfrom");
            Element(xml, 4, "result", record.SpfResult);
            Close(xml, 3, "spf");
        }
        Close(xml, 2, "auth_results");
        Close(xml, 1, "record");
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Open(StringBuilder xml, int depth, string name) => xml.Append(' ', 2 * depth).Append('<').Append(name).Append(">\n");

    private static void Close(StringBuilder xml, int depth, string name) => xml.Append(' ', 2 * depth).Append("</").Append(name).Append(">\n");

    private static void Optional(StringBuilder xml, int depth, string name, string? text)
    {
        if (text is not null)
            Element(xml, depth, name, text);
    }

    private static void Element(StringBuilder xml, int depth, string name, string text)
    {
        xml.Append(' ', 2 * depth).Append('<').Append(name).Append('>');
        // What stands in a report came from strangers: nothing of it may end an element, or be a character that XML does not have.
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, MaxValue)))
        {
            _ = c switch
            {
                '<' => xml.Append("&lt;"),
                '>' => xml.Append("&gt;"),
                '&' => xml.Append("&amp;"),
                '"' => xml.Append("&quot;"),
                '\'' => xml.Append("&apos;"),
                _ => xml.Append(c < ' ' || c == '\x7f' || char.IsSurrogate(c) || c >= '\ufffe' ? '?' : c),
            };
        }
        xml.Append("</").Append(name).Append(">\n");
    }
}
