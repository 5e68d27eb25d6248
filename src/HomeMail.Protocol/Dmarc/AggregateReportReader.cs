using System.Globalization;
using System.Text;
using System.Xml;

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

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
        CloseInput = false,
        MaxCharactersFromEntities = 1024,
    };

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
        try
        {
            using var xml = XmlReader.Create(document, Settings);
            return ReadFeedback(xml, record);
        }
        catch (XmlException e)
        {
            throw new FormatException("not well-formed XML", e);
        }
        catch (Exception e) when (e is ArgumentException or DecoderFallbackException or NotSupportedException or InvalidOperationException)
        {
            throw new FormatException("in an encoding that cannot be read", e); // what the reader throws for a made-up encoding
        }
    }

    private static AggregateReport ReadFeedback(XmlReader xml, Action<ReportedRecord> record)
    {
        var buffer = new char[MaxText];
        var header = new Dictionary<string, string>(StringComparer.Ordinal);
        var current = default(Building);
        var path = new List<string>();
        var records = 0;
        while (xml.Read())
        {
            if (xml.NodeType == XmlNodeType.Element)
            {
                if (path.Count >= MaxDepth)
                    throw new FormatException("too deep");
                if (path.Count == 0 && xml.LocalName != "feedback")
                    throw new FormatException("not a DMARC report");
                path.Add(xml.LocalName);
                if (Is(path, "feedback", "record"))
                    current = new Building();
                else if (Is(path, "feedback", "record", "auth_results", "dkim") && current is not null)
                    current.Dkim.Add([]);
                if (!xml.IsEmptyElement)
                    continue;
                Take(path, "", header, current);
            }
            else if (xml.NodeType is XmlNodeType.Text or XmlNodeType.CDATA)
            {
                Take(path, Text(xml, buffer), header, current);
                continue;
            }
            else if (xml.NodeType != XmlNodeType.EndElement)
            {
                continue;
            }
            if (Is(path, "feedback", "record") && current is not null)
            {
                if (++records > MaxRecords)
                    throw new FormatException("too many records");
                record(current.Finish());
                current = null;
            }
            path.RemoveAt(path.Count - 1);
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

    // Long text is cut, and never held whole.
    private static string Text(XmlReader xml, char[] buffer)
    {
        var length = 0;
        if (xml.CanReadValueChunk)
        {
            int read;
            while (length < buffer.Length && (read = xml.ReadValueChunk(buffer, length, buffer.Length - length)) > 0)
                length += read;
        }
        else
        {
            var value = xml.Value;
            length = Math.Min(value.Length, buffer.Length);
            value.CopyTo(0, buffer, 0, length);
        }
        // For people and logs: one line without anything that steers a terminal.
        for (var i = 0; i < length; i++)
            if (char.IsControl(buffer[i]))
                buffer[i] = ' ';
        return new string(buffer, 0, length).Trim();
    }

    private static void Take(List<string> path, string text, Dictionary<string, string> header, Building? current)
    {
        if (path.Count < 3 || path[0] != "feedback")
            return;
        if (path[1] == "record" && current is not null)
        {
            var last = path[^1];
            if (path.Count == 5 && path[2] == "auth_results" && path[3] == "dkim" && current.Dkim.Count > 0)
                current.Dkim[^1].TryAdd(last, text);
            else
                current.Values.TryAdd(string.Join('/', path.Skip(2)), text);
        }
        else if (path[1] is "report_metadata" or "policy_published")
        {
            header.TryAdd(string.Join('/', path.Skip(1)), text);
        }
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 0 and < 253_402_300_800 ? number : null;

    /// <summary>A record whose elements are coming in.</summary>
    private sealed class Building
    {
        public Dictionary<string, string> Values { get; } = new(StringComparer.Ordinal);

        public List<Dictionary<string, string>> Dkim { get; } = [];

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
            Dkim = [.. Dkim.Take(MaxDkim).Select(d => new ReportedDkim(
                d.GetValueOrDefault("domain") ?? "", d.GetValueOrDefault("selector") ?? "", d.GetValueOrDefault("result") ?? "none"))],
            SpfDomain = this["auth_results/spf/domain"],
            SpfResult = this["auth_results/spf/result"] ?? "none",
        };

        private string? this[string path] => Values.GetValueOrDefault(path);
    }
}
