using System.Globalization;
using HomeMail.Protocol.Text;

namespace HomeMail.Protocol.Dmarc;

/// <summary>
/// Reads aggregate reports (RFC 9990 3.1.1, and those that RFC 7489 had before it: other namespaces, another order, elements left out). A report is
/// input from strangers: no DTD, no entities, nothing fetched; depth, text and number of records are bounded. How long the document may be is the
/// stream's business.
/// </summary>
public static class AggregateReportReader
{
    /// <summary>The most records that are read; a report with more is refused.</summary>
    public const int MaxRecords = 20_000;

    private const int MaxText = 512;
    private const int MaxDepth = 16;
    private const int MaxDkim = 20;

    // A header or a record has a dozen values.
    private const int MaxValues = 100;

    /// <summary>Reads a report.</summary>
    /// <param name="document">The document; read synchronously, to its end.</param>
    /// <param name="record">Takes each record as it comes. What was given stands only if the report is whole.</param>
    /// <returns>What the report says of itself.</returns>
    /// <exception cref="FormatException">It is no aggregate report, or not a whole one.</exception>
    /// <exception cref="IOException">The stream's own limits.</exception>
    public static AggregateReport Read(Stream document, Action<ReportedRecord> record)
    {
        ArgumentNullException.ThrowIfNull(document);
        ArgumentNullException.ThrowIfNull(record);
        return ReadFeedback(new XmlScanner(document, MaxText), record);
    }

    private static AggregateReport ReadFeedback(XmlScanner xml, Action<ReportedRecord> record)
    {
        var header = new Dictionary<string, string>(StringComparer.Ordinal);
        var current = default(Building);
        var path = new List<string>();
        var records = 0;
        for (var node = xml.Read(); node != XmlNode.End; node = xml.Read())
        {
            switch (node)
            {
                case XmlNode.StartTag:
                    if (path.Count >= MaxDepth)
                        throw new FormatException("too deep");
                    if (path.Count == 0 && xml.LocalName != "feedback")
                        throw new FormatException("not a DMARC report");
                    path.Add(xml.LocalName);
                    if (Is(path, "feedback", "record"))
                        current = new Building();
                    else if (Is(path, "feedback", "record", "auth_results", "dkim") && current is not null)
                    {
                        // More are not kept, and what they say is not taken for the last one's.
                        if (++current.Signatures <= MaxDkim)
                            current.Dkim.Add([]);
                    }
                    break;
                case XmlNode.CharacterData:
                    Take(path, Line(xml.Text), header, current);
                    break;
                case XmlNode.EndTag:
                    if (Is(path, "feedback", "record") && current is not null)
                    {
                        if (++records > MaxRecords)
                            throw new FormatException("too many records");
                        record(current.Finish());
                        current = null;
                    }
                    path.RemoveAt(path.Count - 1);
                    break;
            }
        }
        if (records == 0)
            throw new FormatException("no records");
        return new AggregateReport
        {
            Organization = header.GetValueOrDefault("report_metadata/org_name") ?? "",
            Email = header.GetValueOrDefault("report_metadata/email") ?? "",
            Id = header.GetValueOrDefault("report_metadata/report_id") ?? "",
            Begin = Number(header.GetValueOrDefault("report_metadata/date_range/begin")) ?? throw new FormatException("no period"),
            End = Number(header.GetValueOrDefault("report_metadata/date_range/end")) ?? throw new FormatException("no period"),
            Domain = header.GetValueOrDefault("policy_published/domain")?.TrimEnd('.').ToLowerInvariant() is { Length: > 0 } domain
                ? domain : throw new FormatException("no domain"),
            Policy = header.GetValueOrDefault("policy_published/p") ?? "none",
            Generator = header.GetValueOrDefault("report_metadata/generator"),
        };
    }

    private static bool Is(List<string> path, params ReadOnlySpan<string> names)
    {
        if (path.Count != names.Length)
            return false;
        for (var i = 0; i < names.Length; i++)
            if (path[i] != names[i])
                return false;
        return true;
    }

    // For people and logs: one line without anything that steers a terminal.
    private static string Line(Span<char> text)
    {
        foreach (ref var character in text)
            if (char.IsControl(character))
                character = ' ';
        return text.Trim().ToString();
    }

    private static void Take(List<string> path, string text, Dictionary<string, string> header, Building? current)
    {
        if (path.Count < 3 || path[0] != "feedback")
            return;
        if (path[1] == "record" && current is not null)
        {
            if (path.Count != 5 || path[2] != "auth_results" || path[3] != "dkim")
                Keep(current.Values, string.Join('/', path.Skip(2)), text);
            else if (current.Signatures <= MaxDkim)
                Keep(current.Dkim[^1], path[^1], text);
        }
        else if (path[1] is "report_metadata" or "policy_published")
        {
            Keep(header, string.Join('/', path.Skip(1)), text);
        }
    }

    // A stranger's report may be much larger than it came: what is kept of it has to have an end.
    private static void Keep(Dictionary<string, string> values, string name, string text)
    {
        if (values.TryAdd(name, text) && values.Count > MaxValues)
            throw new FormatException("too many values");
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 253_402_300_800 ? number : null;

    /// <summary>A record whose elements are coming in.</summary>
    private sealed class Building
    {
        public Dictionary<string, string> Values { get; } = new(StringComparer.Ordinal);

        public List<Dictionary<string, string>> Dkim { get; } = [];

        /// <summary>How many elements of signatures there were.</summary>
        public int Signatures { get; set; }

        public ReportedRecord Finish() => new()
        {
            Source = System.Net.IPAddress.TryParse(this["row/source_ip"], out var address) ? address.ToString() : throw new FormatException("no source address"),
            Count = Number(this["row/count"]) ?? throw new FormatException("no count"),
            Disposition = this["row/policy_evaluated/disposition"] ?? "none",
            DkimAligned = this["row/policy_evaluated/dkim"] == "pass",
            SpfAligned = this["row/policy_evaluated/spf"] == "pass",
            Reason = this["row/policy_evaluated/reason/type"],
            HeaderFrom = this["identifiers/header_from"] ?? "",
            EnvelopeFrom = this["identifiers/envelope_from"],
            EnvelopeTo = this["identifiers/envelope_to"],
            Dkim = [.. Dkim.Select(d => new ReportedDkim(
                d.GetValueOrDefault("domain") ?? "", d.GetValueOrDefault("selector") ?? "", d.GetValueOrDefault("result") ?? "none"))],
            SpfDomain = this["auth_results/spf/domain"],
            SpfResult = this["auth_results/spf/result"] ?? "none",
        };

        private string? this[string path] => Values.GetValueOrDefault(path);
    }
}
