using System.IO.Compression;
using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Server.Reports;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;

namespace HomeMail.Fuzz.Targets;

/// <summary>What others report, and what they say that they found.</summary>
public static class ReportTargets
{
    private const string Report =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"><report_metadata><org_name>a</org_name><email>b@c.example</email><report_id>1</report_id>"
        + "<date_range><begin>1</begin><end>2</end></date_range></report_metadata><policy_published><domain>d.example</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.1</source_ip>"
        + "<count>1</count><policy_evaluated><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><auth_results><dkim><domain>d.example</domain></dkim><spf><result>fail</result></spf></auth_results></record></feedback>";

    private static readonly string[] Tags =
        ["<record>", "</record>", "<row>", "</row>", "<source_ip>", "</source_ip>", "<count>", "</count>", "<feedback>", "</feedback>", "<dkim>", "</dkim>", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE a [", "<!ENTITY a \"b\">]>", "&a;", "&#x41;", "&amp;", "<?", "?>", "/>", "=\"", "xmlns:x=", "\0", "\xff\xfe"];

    /// <summary>Authentication-Results fields.</summary>
    public static FuzzTarget Results { get; } = new(
        "results", RunResults, [" a.example 1; dkim=pass (c) reason=\"x\\\"y\" header.d=b.example; spf=none", "a; none"], ["; ", "=", "(", ")", "\"", "\\", "none", "pass", "header.from", ".", "@", "/1", "\r\n ", "\xff"]);

    /// <summary>The XML of aggregate reports.</summary>
    public static FuzzTarget Xml { get; } = new("report-xml", RunXml, [Report], Tags);

    /// <summary>What carries them.</summary>
    public static FuzzTarget Packed { get; } = new("report-packed", RunPacked, [Gzip(), Zip(CompressionLevel.Optimal), Zip(CompressionLevel.NoCompression), Report], ["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "\x1f\x8b\x08", "\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x01\x00"]);

    /// <summary>Whole messages with one.</summary>
    public static FuzzTarget Mail { get; } = new(
        "report-mail", RunMail,
        ["Subject: Report Domain: d.example Submitter: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Convert.ToBase64String(Encoding.Latin1.GetBytes(Gzip())) + "\r\n--b--\r\n"],
        ["--b\r\n", "--b--\r\n", "Content-Type: text/xml\r\n", "Content-Type: message/rfc822\r\n", "Content-Type: multipart/mixed; boundary=c\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "\r\n\r\n", "filename*0=", "name=\"x.gz\"", "=3D", "=", "\0"]);

    private static void RunResults(ReadOnlySpan<byte> input)
    {
        if (AuthenticationResultsReader.TryRead(input, out var id, out var results))
            FuzzException.Check(id.Length > 0 && results.All(r => r.Method.Length > 0), "a result without a name");
    }

    private static void RunXml(ReadOnlySpan<byte> input)
    {
        try
        {
            var records = 0;
            var report = AggregateReportReader.Read(new MemoryStream(input.ToArray()), _ => records++);
            FuzzException.Check(records > 0 && report.Domain.Length > 0, "a report about nothing");
        }
        catch (FormatException)
        {
            // What it says of what is none.
        }
    }

    private static void RunPacked(ReadOnlySpan<byte> input)
    {
        try
        {
            using var stream = ReportUnpacking.Open(input.ToArray());
            var block = new byte[4096];
            var all = 0L;
            int read;
            while ((read = stream.Read(block)) > 0)
                all += read;
            FuzzException.Check(all <= ReportUnpacking.MaxUnpacked, "more than may come out");
        }
        catch (Exception e) when (e is FormatException or IOException or InvalidDataException)
        {
            // What it says of what is none.
        }
    }

    private static void RunMail(ReadOnlySpan<byte> input)
    {
        var octets = input.ToArray();
        ReportSubject.Is(input);
        using var state = new StateStore(Path.Combine(Path.GetTempPath(), "homemail-fuzz-never-written.db"), TimeProvider.System);
        var reading = new ReportReading(
            new ReceivedReports(state, TimeProvider.System), _ => new Octets(octets), static () => [], new Server.Dns.ZoneResolver(), TimeProvider.System, Server.Log.None);
        FuzzException.Check(reading.Read(new ReportOffer(default, MessageId.New(TimeProvider.System), "a.example", true)) is null, "kept although nothing is hosted");
    }

    private static string Gzip()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(Encoding.UTF8.GetBytes(Report));
        return Encoding.Latin1.GetString(packed.ToArray());
    }

    private static string Zip(CompressionLevel level)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create, true))
        using (var entry = zip.CreateEntry("r.xml", level).Open())
            entry.Write(Encoding.UTF8.GetBytes(Report));
        return Encoding.Latin1.GetString(packed.ToArray());
    }

    private sealed class Octets(byte[] octets) : IFile
    {
        public long Length => octets.Length;

        public int Read(Span<byte> buffer, long offset)
        {
            if (offset >= octets.Length)
                return 0;
            var length = (int)Math.Min(buffer.Length, octets.Length - offset);
            octets.AsSpan((int)offset, length).CopyTo(buffer);
            return length;
        }

        public void Write(ReadOnlySpan<byte> data, long offset) => throw new NotSupportedException();

        public void SetModified(DateTimeOffset time) => throw new NotSupportedException();

        public void Sync()
        {
        }

        public void Dispose()
        {
        }
    }
}
