using System.IO.Compression;
using System.Net;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.Intake;
using HomeMail.Server.Reports;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Xunit;

namespace HomeMail.Server.Tests.Reports;

/// <summary>From the messages of a day to the report about them, and from a report that comes in to what people are shown.</summary>
public sealed class AggregateReportingTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _clock = new(Letters.Noon);
    private readonly TestHouse _house = new();
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"homemail-reports-{Guid.NewGuid():N}.db");
    private StateStore _state;
    private ReportTally _tally;
    private readonly ReceivedReports _received;
    private readonly ReportReading _reading;
    private ReportScope _scope = ReportScope.Foreign;
    private bool _isSane = true;

    public AggregateReportingTests()
    {
        _state = new StateStore(_file, _clock);
        _tally = new ReportTally(_state, _clock);
        _received = new ReceivedReports(_state, _clock);
        _reading = new ReportReading(
            _received, place => _house.Data.Mail.Account(place.Account).Find(place.Mailbox)?.OpenMessage(place.Uid), () => ["example.org"], _house.Zone, _clock, _house.Log);
        Observe();
        _house.DkimKeys.Use("example.org", "hm1");
        _house.Zone.Txt("author.example", "v=spf1 ip4:192.0.2.0/24 -all").Txt("_dmarc.author.example", "v=DMARC1; p=reject; rua=mailto:r@author.example")
            .Txt("bounce.author.example", "v=spf1 ip4:192.0.2.0/24 -all")
            .Txt("silent.example", "v=spf1 +all").Txt("_dmarc.silent.example", "v=DMARC1; p=reject")
            .Txt("example.org", "v=spf1 -all").Txt("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:dmarc@example.org");
    }

    public async ValueTask DisposeAsync()
    {
        await _house.DisposeAsync();
        _state.Dispose();
        File.Delete(_file);
    }

    private void Observe() => _house.Observer = new AggregateReporting(
        _tally, _reading, () => _scope, domain => _house.Names.Domain(domain) is not null, () => _isSane, _house.Log);

    private async Task ReceiveAsync(string from, string peer = "192.0.2.10", string? sender = null, string subject = "hi", string to = "alice@example.org")
    {
        await using var client = _house.Connect(peer: peer);
        await client.WriteAsync(Encoding.Latin1.GetBytes($"EHLO mx.example\r\nMAIL FROM:<{sender ?? from}>\r\nRCPT TO:<{to}>\r\nDATA\r\nFrom: {from}\r\nSubject: {subject}\r\n\r\nhi\r\n.\r\nQUIT\r\n"));
        using var reader = new StreamReader(client, Encoding.Latin1);
        Assert.Matches("\r\n354 [^\r]*\r\n250 ", await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private ReportSender Sender(IGeneratedMail mail, ZoneResolver? zone = null) => new(
        _tally, new ReportDestinations(zone ?? _house.Zone), mail, () => _scope == ReportScope.Off ? null : new ReportIdentity("mail.example.org", TestHouse.A("postmaster@mail.example.org")),
        "HomeMail test", _clock, () => _isSane, _house.Log);

    [Fact]
    public async Task A_day_is_counted_and_reported_once()
    {
        for (var i = 0; i < 3; i++)
            await ReceiveAsync("a@author.example");
        await ReceiveAsync("a@sub.author.example", sender: "x@bounce.author.example");
        await ReceiveAsync("a@author.example", peer: "198.51.100.66");
        await ReceiveAsync("a@silent.example");
        Assert.Empty(_tally.Past());
        _tally.Save();
        _clock.Advance(TimeSpan.FromHours(12.5));
        // What is counted has to outlive a restart.
        _state.Flush();
        _state.Dispose();
        _state = new StateStore(_file, _clock);
        _tally = new ReportTally(_state, _clock);
        var day = Assert.Single(_tally.Past());
        Assert.Equal((new DateOnly(2026, 11, 25), "author.example", 3), (day.Day, day.Domain, day.Records.Count));
        var passed = Assert.Single(day.Records, r => r.Count == 3);
        Assert.Equal(("192.0.2.10", "pass", false, true, null), (passed.Source, passed.Disposition, passed.DkimAligned, passed.SpfAligned, passed.Reason));
        Assert.Equal(("author.example", "author.example", "example.org", "pass"), (passed.HeaderFrom, passed.EnvelopeFrom, passed.EnvelopeTo, passed.SpfResult));
        var failed = Assert.Single(day.Records, r => !r.Passed);
        Assert.Equal(("198.51.100.66", "none", "local_policy", "fail"), (failed.Source, failed.Disposition, failed.Reason, failed.SpfResult));
        Assert.Contains(day.Records, r => r is { HeaderFrom: "sub.author.example", SpfAligned: true });

        var sender = Sender(_house.Intake);
        var due = ReportSender.DueTime(day, "mail.example.org");
        Assert.InRange(due, Letters.Noon.AddHours(13), Letters.Noon.AddHours(33));
        _clock.SetUtcNow(due.AddSeconds(-60));
        Assert.Equal(0, await sender.SendDueAsync(default));
        _clock.SetUtcNow(due.AddSeconds(60));
        _isSane = false;
        Assert.Equal(0, await sender.SendDueAsync(default));
        _isSane = true;
        Assert.Equal(1, await sender.SendDueAsync(default));
        Assert.Equal(0, await sender.SendDueAsync(default));
        var envelope = Assert.Single(_house.Queued);
        Assert.Equal((null, "server", "r@author.example"), (envelope.Sender, envelope.Principal, envelope.Recipients[0].Address.ToString()));
    }

    // RFC 9990 3.5.2, and through our own reader: what we send, we can read.
    [Fact]
    public async Task The_message_is_what_the_standard_asks_for()
    {
        await ReceiveAsync("a@author.example");
        _tally.Save();
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, await Sender(_house.Intake).SendDueAsync(default));
        var envelope = Assert.Single(_house.Queued);
        using var file = _house.Data.Spool.OpenMessage(envelope.Id);
        var octets = new byte[file.Length - envelope.TravelOffset];
        Assert.Equal(octets.Length, file.Read(octets, envelope.TravelOffset));
        var text = Encoding.Latin1.GetString(octets);
        Assert.All(text.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));
        using var message = await MimeMessage.LoadAsync(new MemoryStream(octets));
        Assert.Equal("Report Domain: author.example Submitter: mail.example.org Report-ID: <2026-11-25.author.example@mail.example.org>", message.Subject);
        Assert.True(ReportSubject.Is(octets.AsSpan(0, text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)));
        Assert.Equal("2026-11-25.author.example@mail.example.org", message.MessageId);
        var part = Assert.Single(message.Attachments.OfType<MimePart>());
        Assert.Equal(("application/gzip", "mail.example.org!author.example!1795564800!1795651199.xml.gz"), (part.ContentType.MimeType, part.FileName));

        // It passes DMARC itself.
        var zone = new ZoneResolver().Txt("_dmarc.example.org", "v=DMARC1; p=reject");
        foreach (var key in _house.DkimKeys.For("example.org"))
            zone.Txt(key.RecordName, key.RecordText);
        var start = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        using var origin = new OriginChecks(zone, static _ => false, TimeProvider.System, static () => true).Begin(IPAddress.Parse("192.0.2.1"), "x.example", null, "them.example");
        var facts = await origin.FinishAsync(octets.AsMemory(0, start), () => new MemoryStream(octets, start, octets.Length - start), default);
        Assert.Equal(Protocol.Dmarc.DmarcResult.Pass, facts.Dmarc.Result);
    }

    [Fact]
    public async Task What_is_of_the_house_unknown_or_a_report_itself_is_not_counted()
    {
        await ReceiveAsync("alice@example.org");
        await ReceiveAsync("a@author.example", peer: "192.168.1.254");
        await ReceiveAsync("a@author.example", subject: "Report Domain: example.org\r\n Submitter: author.example\r\n Report-ID: <1@author.example>");
        _isSane = false;
        await ReceiveAsync("a@author.example");
        _isSane = true;
        _scope = ReportScope.Off;
        await ReceiveAsync("a@author.example");
        _scope = ReportScope.Foreign;
        _tally.Save();
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(_tally.Past());

        // A forger's subject does not hide him; and who wants to know of his own domain is told.
        _scope = ReportScope.All;
        await ReceiveAsync("a@author.example", peer: "198.51.100.66", subject: "Report Domain: a Submitter: b");
        await ReceiveAsync("alice@example.org", peer: "198.51.100.66");
        await ReceiveAsync("alice@example.org", peer: "192.168.1.254");
        _tally.Save();
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(["author.example", "example.org"], _tally.Past().Select(d => d.Domain));
        Assert.All(_tally.Past(), d => Assert.Equal("198.51.100.66", Assert.Single(d.Records).Source));
    }

    [Fact]
    public async Task A_forger_with_many_identities_fills_a_domains_share_and_no_more()
    {
        using var gathering = new OriginChecks(_house.Zone, static _ => false, TimeProvider.System, static () => true)
            .Begin(IPAddress.Parse("198.51.100.66"), "x.example", TestHouse.A("a@author.example"), "mail.example.org");
        var facts = await gathering.FinishAsync("From: a@author.example\r\n\r\n"u8.ToArray(), () => Stream.Null, default);
        for (var i = 0; i < 3_000; i++)
        {
            _tally.Add(facts, $"d{i}.example", Protocol.Dmarc.DmarcPolicy.None);
            if (i % 500 == 0)
                _tally.Save();
        }
        _tally.Save();
        _state.Flush();
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.InRange(Assert.Single(_tally.Past()).Records.Count, 1, 400);
    }

    [Fact]
    public async Task A_report_that_may_go_nowhere_is_dropped_and_one_that_DNS_delays_is_not()
    {
        await ReceiveAsync("a@author.example");
        _tally.Save();
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Single(_tally.Past());
        var later = new ZoneResolver().Fail("_dmarc.author.example").Fail("author.example._report._dmarc.elsewhere.example");
        _house.Zone.Remove("_dmarc.author.example");
        _house.Zone.Txt("_dmarc.author.example", "v=DMARC1; p=none; rua=mailto:victim@elsewhere.example");
        await ReceiveAsync("a@author.example");
        _tally.Save();
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(2, _tally.Past().Count);
        await Sender(_house.Intake, later).SendDueAsync(default);
        Assert.Equal(["elsewhere.example"], _tally.Past().Select(d => d.Record.ReportAddresses[0].Split('@')[1]));
        Assert.Equal(0, await Sender(_house.Intake).SendDueAsync(default));
        Assert.Empty(_tally.Past());
        Assert.Equal("r@author.example", Assert.Single(_house.Queued).Recipients[0].Address.ToString());
    }

    private const string Xml = """
        <?xml version="1.0"?><feedback><report_metadata><org_name>big.example</org_name><email>x@big.example</email><report_id>r1</report_id>
        <date_range><begin>1795478400</begin><end>1795564799</end></date_range></report_metadata>
        <policy_published><domain>example.org</domain><p>reject</p></policy_published>
        <record><row><source_ip>203.0.113.5</source_ip><count>10</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.org</header_from></identifiers><auth_results/></record>
        <record><row><source_ip>198.51.100.66</source_ip><count>4</count><policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.org</header_from></identifiers><auth_results/></record>
        </feedback>
        """;

    private static string Carrier(byte[] packed, string type = "application/gzip; name=\"r.xml.gz\"") =>
        "From: noreply@big.example\r\nSubject: Report Domain: example.org Submitter: big.example Report-ID: <r1>\r\nMIME-Version: 1.0\r\n"
        + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\nContent-Type: " + type
        + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Convert.ToBase64String(packed, Base64FormattingOptions.InsertLineBreaks) + "\r\n--b--\r\n";

    private static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }

    private ReceivedReport? Read(string message, bool verified = true)
    {
        var reading = new ReportReading(_received, _ => new MemoryFile(Encoding.Latin1.GetBytes(message)), () => ["example.org"], _house.Zone, _clock, _house.Log);
        return reading.Read(new ReportOffer(default, Storage.MessageId.New(TimeProvider.System), "big.example", verified));
    }

    [Theory]
    [InlineData("application/gzip; name=\"r.xml.gz\"", true)]
    [InlineData("application/octet-stream; name=\"big!example.org!1!2.xml.gz\"", true)]
    [InlineData("application/x-zip-compressed", true)]
    [InlineData("application/octet-stream", false)]
    [InlineData("application/pdf; name=\"r.xml.gz\"", false)]
    public void The_part_is_known_by_type_or_name(string type, bool found) => Assert.Equal(found, Read(Carrier(Gzip(Xml), type)) is not null);

    [Fact]
    public void A_report_is_counted_with_failures_first()
    {
        var report = Read(Carrier(Gzip(Xml)))!;
        Assert.Equal(("big.example", "example.org", 10L, 4L, true), (report.Reporter, report.Domain, report.Passed, report.Failed, report.IsVerified));
        Assert.Equal([new ReportedSource("198.51.100.66", 0, 4), new ReportedSource("203.0.113.5", 10, 0)], report.Sources);
        Read(Carrier(Gzip(Xml)));
        var kept = Assert.Single(_received.All(null));
        Assert.Equal(report.Sources, kept.Sources);
        Assert.Equal(report with { Sources = kept.Sources }, kept);
        Assert.Empty(_received.All("example.net"));
    }

    [Fact]
    public void An_unproven_one_is_marked_bounded_and_replaces_nothing()
    {
        Read(Carrier(Gzip(Xml)));
        Assert.Null(Read(Carrier(Gzip(Xml.Replace("<count>4<", "<count>4000<", StringComparison.Ordinal))), verified: false));
        Assert.Equal(4, Assert.Single(_received.All(null)).Failed);
        for (var i = 0; i < 200; i++)
            Read(Carrier(Gzip(Xml.Replace(">r1<", $">forged{i}<", StringComparison.Ordinal))), verified: false);
        Assert.InRange(_received.All(null).Count(r => !r.IsVerified), 1, 50);
    }

    [Fact]
    public void What_is_about_others_or_broken_is_left_alone()
    {
        Assert.Null(Read(Carrier(Gzip(Xml.Replace("<domain>example.org", "<domain>example.net", StringComparison.Ordinal)))));
        Assert.Null(Read(Carrier(Gzip(Xml[..^30]))));
        Assert.Null(Read(Carrier(Gzip(Xml)[..100])));
        Assert.Null(Read(Carrier(Gzip("<!DOCTYPE x [<!ENTITY a \"b\">]>" + Xml[21..]))));
        Assert.Null(Read("From: a@b.example\r\n\r\nhello\r\n"));
        Assert.Null(Read(""));
        Assert.Null(Read("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + string.Concat(Enumerable.Repeat("--b\r\n\r\nx\r\n", 5000))));
        Assert.Null(Read(Carrier(new byte[3 * 1024 * 1024])));
        Assert.Empty(_received.All(null));
    }

    [Fact]
    public async Task A_report_is_picked_up_behind_its_delivery()
    {
        using var stop = new CancellationTokenSource();
        var running = _reading.RunAsync(stop.Token);
        await using (var client = _house.Connect())
        {
            _house.Zone.Txt("big.example", "v=spf1 ip4:192.0.2.0/24 -all").Txt("_dmarc.big.example", "v=DMARC1; p=reject");
            await client.WriteAsync(Encoding.Latin1.GetBytes($"EHLO mx.big.example\r\nMAIL FROM:<noreply@big.example>\r\nRCPT TO:<postmaster@example.org>\r\nDATA\r\n{Carrier(Gzip(Xml))}.\r\nQUIT\r\n"));
            using var reader = new StreamReader(client, Encoding.Latin1);
            Assert.Contains("\r\n250 2.6.0", await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20)), StringComparison.Ordinal);
        }
        var patience = Environment.TickCount64 + 20_000;
        while (_received.All("example.org").Count == 0)
        {
            Assert.True(Environment.TickCount64 < patience, _house.LogText);
            await Task.Delay(20);
        }
        Assert.True(_received.All("example.org")[0].IsVerified);
        await stop.CancelAsync();
        await running;
    }

    // Whoever asks over the control socket sees the same.
    [Fact]
    public void The_subject_alone_tells_a_report()
    {
        Assert.True(ReportSubject.Is("From: a\r\nsubject: [x] report domain: a.example\r\n\tSubmitter: b.example\r\n\r\n"u8));
        Assert.False(ReportSubject.Is("Subject: Report Domain: a.example\r\n\r\n"u8));
        Assert.False(ReportSubject.Is("Subject: hello\r\nSubject: Report Domain: a Submitter: b\r\n\r\n"u8));
    }
}
