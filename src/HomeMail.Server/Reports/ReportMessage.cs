using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Reports;

/// <summary>As whom reports are sent.</summary>
/// <param name="Hostname">The name of this receiver, which stands in subjects and file names.</param>
/// <param name="From">The address in From; of a domain whose keys sign, so that the report passes DMARC itself (RFC 9990 3.5.2).</param>
public sealed record ReportIdentity(string Hostname, Address From);

/// <summary>Writes the mail that carries an aggregate report (RFC 9990 3.5.2). The same day makes the same report: what comes twice is seen to be one.</summary>
public static class ReportMessage
{
    private const string Boundary = "=_dmarc-aggregate-report";

    /// <summary>Composes a message.</summary>
    /// <param name="day">What is to be reported.</param>
    /// <param name="identity">As whom.</param>
    /// <param name="to">Whom to.</param>
    /// <param name="now">For Date.</param>
    /// <param name="generator">The name and version of this program.</param>
    /// <returns>The message in CRLF form.</returns>
    public static byte[] Compose(ReportDay day, ReportIdentity identity, Address to, DateTimeOffset now, string generator)
    {
        ArgumentNullException.ThrowIfNull(day);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(to);
        var begin = new DateTimeOffset(day.Day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeSeconds();
        var end = begin + 86_399;
        // RFC 9990 3.5.1: dot-atoms on both sides.
        var id = string.Create(CultureInfo.InvariantCulture, $"{day.Day:yyyy-MM-dd}.{day.Domain}@{identity.Hostname}");
        var report = new AggregateReport
        {
            Organization = identity.Hostname,
            Email = identity.From.ToString(),
            Id = id,
            Begin = begin,
            End = end,
            Domain = day.Domain,
            Generator = generator,
        };
        var xml = AggregateReportWriter.Write(report, day.Record, [.. day.Records]);
        var file = string.Create(CultureInfo.InvariantCulture, $"{identity.Hostname}!{day.Domain}!{begin}!{end}.xml.gz");
        var output = new ArrayBufferWriter<byte>(4096);
        Lines(
            output,
            $"From: <{identity.From}>",
            $"To: <{to}>",
            $"Subject: Report Domain: {day.Domain}",
            $" Submitter: {identity.Hostname}",
            $" Report-ID: <{id}>",
            $"Date: {now.UtcDateTime.ToString("ddd, d MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture)} +0000",
            $"Message-ID: <{id}>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            $"Content-Type: multipart/mixed; boundary=\"{Boundary}\"",
            "",
            $"--{Boundary}",
            "Content-Type: text/plain; charset=us-ascii",
            "",
            string.Create(CultureInfo.InvariantCulture, $"This is a DMARC aggregate report about {day.Domain} for {day.Day:yyyy-MM-dd} (UTC)"),
            $"by {identity.Hostname}. It is sent because the domain's DMARC record asks for it.",
            "",
            $"--{Boundary}",
            "Content-Type: application/gzip;",
            $" name=\"{file}\"",
            "Content-Disposition: attachment;",
            $" filename=\"{file}\"",
            "Content-Transfer-Encoding: base64",
            "",
            Convert.ToBase64String(Pack(xml), Base64FormattingOptions.InsertLineBreaks),
            $"--{Boundary}--");
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Pack(byte[] xml)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(xml);
        return packed.ToArray();
    }

    private static void Lines(ArrayBufferWriter<byte> output, params ReadOnlySpan<string> lines)
    {
        foreach (var line in lines)
        {
            Encoding.ASCII.GetBytes(line.AsSpan(), output);
            output.Write("\r\n"u8);
        }
    }
}
