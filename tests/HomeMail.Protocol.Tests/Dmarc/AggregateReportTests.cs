using System.Text;
using System.Xml;
using HomeMail.Protocol.Dmarc;
using Xunit;

namespace HomeMail.Protocol.Tests.Dmarc;

public sealed class AggregateReportTests
{
    private static readonly AggregateReport About = new()
    {
        Organization = "mx.receiver.example",
        Email = "postmaster@receiver.example",
        Id = "2026-11-24.example.com@mx.receiver.example",
        Begin = 1_795_478_400,
        End = 1_795_564_799,
        Domain = "example.com",
        Generator = "HomeMail 1",
    };

    private static readonly ReportedRecord Record = new()
    {
        Source = "2001:db8::25",
        Count = 7,
        Disposition = "none",
        SpfAligned = true,
        Reason = "local_policy",
        HeaderFrom = "mail.example.com",
        EnvelopeFrom = "bounce.example.com",
        EnvelopeTo = "receiver.example",
        Dkim = [new ReportedDkim("example.com", "s1", "fail"), new ReportedDkim("list.example", "s2", "pass")],
        SpfDomain = "example.com",
        SpfResult = "pass",
    };

    private static string Write(params ReportedRecord[] records)
    {
        Assert.True(DmarcRecord.TryParse("v=DMARC1; p=reject; sp=quarantine; adkim=s; t=y; rua=mailto:a@example.com!10m", out var policy));
        return Encoding.UTF8.GetString(AggregateReportWriter.Write(About, policy, records));
    }

    private static (AggregateReport About, List<ReportedRecord> Records) Read(string xml)
    {
        var records = new List<ReportedRecord>();
        return (AggregateReportReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(xml)), records.Add), records);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        var (about, records) = Read(Write(Record, Record with { Source = "192.0.2.1", EnvelopeFrom = null, EnvelopeTo = null, SpfDomain = null, SpfResult = "none", Reason = null, DkimAligned = true, Dkim = [] }));
        Assert.Equal(About with { Policy = "reject" }, about);
        Assert.Equal(2, records.Count);
        Assert.Equal(Record.Dkim, records[0].Dkim);
        Assert.Equal(Record with { Dkim = records[0].Dkim }, records[0]);
        Assert.Equal(("192.0.2.1", null, "none", true), (records[1].Source, records[1].SpfDomain, records[1].SpfResult, records[1].DkimAligned));
    }

    // RFC 9990 3.1.1.2, 3.1.1.7, 3.1.1.9, 3.1.1.11: these have an order.
    [Fact]
    public void Elements_are_in_the_order_of_the_standard()
    {
        var document = new XmlDocument();
        document.LoadXml(Write(Record));
        Assert.Equal("urn:ietf:params:xml:ns:dmarc-2.0", document.DocumentElement!.NamespaceURI);
        Assert.Equal("version report_metadata policy_published record", Children(document.DocumentElement));
        Assert.Equal("org_name email report_id date_range generator", Children(Find(document, "report_metadata")));
        Assert.Equal("domain p sp adkim aspf discovery_method testing", Children(Find(document, "policy_published")));
        Assert.Equal("row identifiers auth_results", Children(Find(document, "record")));
        Assert.Equal("disposition dkim spf reason", Children(Find(document, "policy_evaluated")));
        Assert.Equal("dkim dkim spf", Children(Find(document, "auth_results")));
        Assert.Equal("domain scope result", Children((XmlElement)Find(document, "auth_results").LastChild!));
        Assert.Equal("y", Find(document, "testing").InnerText);
        // A null reverse-path is told as an empty one.
        Assert.Contains("<envelope_from></envelope_from>", Write(Record with { EnvelopeFrom = "" }), StringComparison.Ordinal);
        Assert.DoesNotContain("envelope_from", Write(Record with { EnvelopeFrom = null }), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_strangers_cannot_end_an_element()
    {
        var xml = Write(Record with { HeaderFrom = "a</header_from><count>9</count>&\u0001\u0000\ud800\uffff\"'", EnvelopeFrom = new string('x', 5000) });
        var (_, records) = Read(xml);
        Assert.Equal("a</header_from><count>9</count>&????\"'", records[0].HeaderFrom);
        Assert.Equal(255, records[0].EnvelopeFrom!.Length);
    }

    // As reports of before RFC 9990 are: no namespace or another, no version, elements that nobody knows, another order.
    [Fact]
    public void Older_forms_are_read()
    {
        const string Old = """
            <?xml version="1.0" encoding="windows-1252" ?>
            <!-- from somewhere -->
            <feedback xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
             <policy_published><domain>Example.com.</domain><p>none</p><pct>100</pct><x><y/></x></policy_published>
             <report_metadata><date_range><end>2</end><begin>1</begin></date_range><org_name><![CDATA[Big & Co]]></org_name><email>a@b.example</email><report_id>1</report_id></report_metadata>
             <record><auth_results><spf><result>fail</result><domain>b.example</domain></spf></auth_results>
              <row><source_ip> 192.0.2.1 </source_ip><count>3</count><policy_evaluated><spf>fail</spf><dkim>pass</dkim></policy_evaluated></row></record>
            </feedback>
            """;
        var (about, records) = Read(Old);
        Assert.Equal(("example.com", "Big & Co", 1L, 2L), (about.Domain, about.Organization, about.Begin, about.End));
        Assert.Equal((3L, true, "fail"), (records[0].Count, records[0].Passed, records[0].SpfResult));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not xml")]
    [InlineData("<html/>")]
    [InlineData("<feedback/>")]
    [InlineData("<feedback><record/></feedback>")]
    [InlineData("<feedback><record><row><source_ip>x</source_ip><count>1</count></row></record></feedback>")]
    [InlineData("<feedback><record><row><source_ip>192.0.2.1</source_ip><count>-1</count></row></record></feedback>")]
    [InlineData("<feedback><record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record></feedback>")]
    [InlineData("<!DOCTYPE feedback [<!ENTITY a \"b\">]><feedback>&a;</feedback>")]
    [InlineData("<!DOCTYPE feedback SYSTEM \"file:///etc/passwd\"><feedback/>")]
    [InlineData("<?xml version=\"1.0\" encoding=\"made-up\"?><feedback/>")]
    [InlineData("<feedback>&undefined;</feedback>")]
    [InlineData("<feedback><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>")]
    public void What_is_no_report_is_refused(string xml) => Assert.Throws<FormatException>(() => Read(xml));

    [Fact]
    public void A_cut_report_is_none()
    {
        var xml = Write(Record);
        for (var length = 0; length < xml.TrimEnd().Length; length += 7)
            Assert.Throws<FormatException>(() => Read(xml[..length]));
    }

    [Fact]
    public void Text_and_records_are_bounded()
    {
        var record = Write(Record);
        record = record[record.IndexOf("  <record>", StringComparison.Ordinal)..record.IndexOf("</feedback>", StringComparison.Ordinal)];
        var xml = Write(Record).Replace("</feedback>", "", StringComparison.Ordinal) + string.Concat(Enumerable.Repeat(record, AggregateReportReader.MaxRecords)) + "</feedback>";
        Assert.Throws<FormatException>(() => Read(xml));
        var (about, _) = Read(Write(Record).Replace("mx.receiver.example</org_name>", new string('x', 100_000) + "</org_name>", StringComparison.Ordinal));
        Assert.Equal(512, about.Organization.Length);
    }

    [Fact]
    public void What_is_kept_of_a_record_is_bounded()
    {
        var whole = Write(Record);
        var at = whole.IndexOf("</auth_results>", StringComparison.Ordinal);
        Assert.True(at > 0);

        // Seven octets each, and packed almost nothing: each must not cost an object.
        var many = whole[..at] + string.Concat(Enumerable.Repeat("<dkim/>", 100_000)) + "<dkim><domain>late.example</domain><result>pass</result></dkim>" + whole[at..];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (_, records) = Read(many);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
        Assert.Equal(20, records[0].Dkim.Count);
        Assert.Equal(Record.Dkim, records[0].Dkim.Take(2));
        Assert.DoesNotContain(records[0].Dkim, d => d.Domain == "late.example" || d.Result == "pass" && d.Domain != "list.example");

        var names = string.Concat(Enumerable.Range(0, 200).Select(i => $"<a{i}>x</a{i}>"));
        Assert.Throws<FormatException>(() => Read(whole[..at] + names + whole[at..]));
        Assert.Throws<FormatException>(() => Read(whole.Replace("<report_metadata>", "<report_metadata>" + names, StringComparison.Ordinal)));
    }

    private static XmlElement Find(XmlDocument document, string name) => (XmlElement)document.GetElementsByTagName(name)[0]!;

    private static string Children(XmlElement element) => string.Join(' ', element.ChildNodes.OfType<XmlElement>().Select(e => e.LocalName));
}
