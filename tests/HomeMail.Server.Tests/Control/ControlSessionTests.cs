using System.Text;
using HomeMail.Server.Control;
using HomeMail.Server.Net;
using HomeMail.Server.Reports;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Queue;
using HomeMail.Storage;
using HomeMail.Storage.Mail;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Control;

public class ControlSessionTests
{
    [Fact]
    public async Task One_answer_a_request()
    {
        await using var bench = new ControlBench();
        Assert.Equal(["""{"result":"ok"}"""], await bench.AskAsync("""{"command":"ping"}"""));
        Assert.Equal(["""{"result":"ok"}"""], await bench.AskAsync("{\"command\":\"ping\",\"data\":\"" + bench.Root + "\"}"));
        Assert.Equal("other-server", ControlBench.Json(Assert.Single(await bench.AskAsync("""{"command":"ping","data":"/elsewhere"}"""))).GetProperty("result").GetString());
        Assert.Equal(["""{"result":"unknown-command","what":"there is no command 'dance' here"}"""], await bench.AskAsync("""{"command":"dance"}"""));
        Assert.Equal(["""{"result":"unknown-command","what":"there is no command '' here"}"""], await bench.AskAsync("{}"));
        Assert.Equal(["""{"result":"error","what":"'account' is missing"}"""], await bench.AskAsync("""{"command":"account-show"}"""));
        Assert.Equal(["""{"result":"error","what":"'account' is not a text"}"""], await bench.AskAsync("""{"command":"account-show","account":5}"""));
        Assert.Equal("", bench.LogText.ToString());
        Assert.Single(await bench.AskAsync("""{"command":"import","account":"nobody"}"""));
        Assert.Contains("control command=import uid=7 result=not-found", bench.LogText.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("[]")]
    [InlineData("""{"command":"ping" """)]
    [InlineData("")]
    public async Task What_is_no_request_ends_the_connection(string line)
    {
        await using var bench = new ControlBench();
        await bench.SendAsync(line);
        Assert.Empty(await bench.AnswerAsync());
        await bench.Ended;
    }

    [Fact]
    public async Task A_line_without_end_ends_the_connection()
    {
        await using var bench = new ControlBench();
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            var octets = new byte[64 * 1024];
            octets.AsSpan().Fill((byte)'x');
            for (var i = 0; i < 100; i++)
                await bench.Client.WriteAsync(octets, TestContext.Current.CancellationToken);
        });
        await bench.Ended;
    }

    [Fact]
    public async Task A_chunk_that_is_too_large_ends_the_connection()
    {
        await using var bench = new ControlBench();
        await bench.SendAsync("""{"command":"import","account":"alice"}""");
        await bench.SendAsync("""{"mailbox":"Old","flags":[],"date":"2020-01-02T03:04:05Z"}""");
        await bench.Client.WriteAsync(new byte[] { 0x7f, 0xff, 0xff, 0xff }, TestContext.Current.CancellationToken);
        await bench.Ended;
        Assert.Equal(["""{"ready":true}"""], await bench.AnswerAsync());
        Assert.Empty(Directory.GetFiles(bench.Root + "/spool/tmp"));
    }

    [Fact]
    public async Task Who_asks_nothing_is_let_go()
    {
        var clock = new FakeTimeProvider();
        var (client, server) = StreamPair.Create();
        var session = new ControlSession([], "/data", clock, Log.None).RunAsync(server, 0, CancellationToken.None);
        Assert.False(session.IsCompleted);
        clock.Advance(ControlSession.FirstPatience + TimeSpan.FromSeconds(1));
        await session;
        Assert.Equal(0, await client.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_bug_is_told_and_not_fatal()
    {
        await using var bench = new ControlBench(new ControlCommand("boom", (_, _) => throw new InvalidOperationException("boom")));
        Assert.StartsWith("""{"result":"error","what":"an error of the server itself""", Assert.Single(await bench.AskAsync("""{"command":"boom"}""")), StringComparison.Ordinal);
        Assert.Contains("control-bug", bench.LogText.ToString(), StringComparison.Ordinal);
        Assert.Single(await bench.AskAsync("""{"command":"ping"}"""));
    }

    [Fact]
    public async Task Accounts()
    {
        await using var bench = new ControlBench();
        await bench.DeliverAsync("INBOX", "Subject: a\r\n\r\n");
        await bench.DeliverAsync("Old", "Subject: b\r\n\r\n", "carol");
        Assert.Equal(
            [
                """{"account":"alice","configured":true,"addresses":["alice@home.example"],"logIn":false,"bytes":14,"quota":1000}""",
                """{"account":"bob","configured":true,"addresses":["bob@home.example"],"logIn":false,"bytes":0}""",
                """{"account":"carol","configured":false,"addresses":[],"logIn":false,"bytes":14}""",
                """{"result":"ok","accounts":3}""",
            ],
            await bench.AskAsync("""{"command":"account-list"}"""));
        Assert.False(Directory.Exists(bench.Root + "/mail/bob"));
        Assert.Equal("""{"mailbox":"INBOX","messages":1,"unseen":1,"bytes":14}""", (await bench.AskAsync("""{"command":"account-show","account":"Alice"}"""))[1]);
        Assert.Equal(["""{"result":"not-found","what":"there is no account 'dave'"}"""], await bench.AskAsync("""{"command":"account-show","account":"dave"}"""));
    }

    [Fact]
    public async Task Import_and_export()
    {
        await using var bench = new ControlBench();
        Assert.Equal("""{"result":"not-found","what":"there is no [account:dave] in the configuration"}""", Assert.Single(await bench.AskAsync("""{"command":"import","account":"dave"}""")));

        await bench.SendAsync("""{"command":"import","account":"alice"}""");
        await bench.SendAsync("""{"make":"Empty"}""");
        var cancel = TestContext.Current.CancellationToken;
        for (var i = 0; i < 2; i++)
        {
            await bench.SendAsync("""{"mailbox":"Old","flags":["\\seen","$x","\\Odd"],"date":"2020-01-02T03:04:05Z"}""");
            await bench.Channel.WriteChunkAsync("Subject: a\r\n"u8, cancel);
            await bench.Channel.WriteChunkAsync(Encoding.ASCII.GetBytes($"\r\n{i}\r\n"), cancel);
            await bench.Channel.WriteChunkAsync([], cancel);
            await bench.Channel.FlushAsync(cancel);
        }
        await bench.SendAsync("""{"end":true}""");
        Assert.Equal(["""{"ready":true}""", """{"result":"ok","stored":2,"present":0}"""], await bench.AnswerAsync());
        Assert.Equal(["Empty", "INBOX", "Old"], bench.Data.Mail.Account("alice").Mailboxes().Select(mailbox => mailbox.Name));

        var list = await bench.AskAsync("""{"command":"export-list","account":"alice"}""");
        Assert.Equal(["Empty", "INBOX", "Old"], list[..3].Select(line => ControlBench.Json(line).GetProperty("mailbox").GetString()));
        await bench.SendAsync("""{"command":"export","account":"alice","mailbox":"Old","had":"2"}""");
        using (var first = await bench.Channel.ReadAsync(cancel))
            Assert.Equal("""{"uid":1,"octets":true,"mailbox":"Old","flags":["\\Seen","$x"],"date":"2020-01-02T03:04:05Z"}""", first!.RootElement.GetRawText());
        Assert.Equal("Subject: a\r\n\r\n0\r\n", Encoding.ASCII.GetString((await bench.Channel.ReadChunkAsync(cancel)).Span));
        Assert.True((await bench.Channel.ReadChunkAsync(cancel)).IsEmpty);
        Assert.Equal(["""{"uid":2,"octets":false,"mailbox":"Old","flags":["\\Seen","$x"],"date":"2020-01-02T03:04:05Z"}""", """{"result":"ok"}"""], await bench.AnswerAsync());
        Assert.Equal("not-found", ControlBench.Json((await bench.AskAsync("""{"command":"export","account":"alice","mailbox":"No"}"""))[0]).GetProperty("result").GetString());
        Assert.Equal("error", ControlBench.Json((await bench.AskAsync("""{"command":"export-list","account":"dave"}"""))[0]).GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_bad_message_ends_an_import_and_says_why()
    {
        await using var bench = new ControlBench();
        await bench.SendAsync("""{"command":"import","account":"alice"}""");
        await bench.SendAsync("""{"mailbox":"Old","flags":[]}""");
        Assert.Equal("""{"result":"error","what":"'mailbox', 'flags' or 'date' is missing","stored":0,"present":0}""", (await bench.AnswerAsync())[^1]);
        await bench.Ended;
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("1", "1")]
    [InlineData("3:9,1:2,20", "1:9,20")]
    public void Sets_of_uids(string text, string normal) => Assert.Equal(normal, UidSet.Write(UidSet.Read(text), 100));

    [Theory]
    [InlineData("0")]
    [InlineData("2:1")]
    [InlineData("1:*")]
    [InlineData("-1")]
    public void No_sets_of_uids(string text) => Assert.Throws<ControlRefusal>(() => UidSet.Read(text));

    [Fact]
    public void A_set_that_is_too_long_is_cut() => Assert.Equal("1,3", UidSet.Write([new UidRange(1, 1), new UidRange(3, 3), new UidRange(5, 5)], 4));

    [Fact]
    public async Task What_became_of_a_message()
    {
        await using var bench = new ControlBench();
        var id = MessageId.New(TimeProvider.System);
        bench.History.Add(id, "alice@home.example", DeliveryWords.Accepted, "20 octets");
        bench.History.Add(id, "bob@example.net", DeliveryWords.Deferred, "450 \"later\"");
        bench.History.Flush();
        bench.History.Add(id, "", DeliveryWords.Dropped);
        foreach (var (what, events) in new[] { (id.Value, 3), ("<Alice@home.example>", 1), ("bob@example.net", 1) })
        {
            var lines = await bench.AskAsync($$"""{"command":"log","what":"{{what}}"}""");
            Assert.Equal($$"""{"result":"ok","events":{{events}}}""", lines[^1]);
            Assert.Equal(id.Value, ControlBench.Json(lines[0]).GetProperty("id").GetString());
        }
        Assert.Equal("450 \"later\"", ControlBench.Json((await bench.AskAsync("""{"command":"log","what":"bob@example.net"}"""))[0]).GetProperty("detail").GetString());
        Assert.Equal("not-found", ControlBench.Json((await bench.AskAsync("""{"command":"log","what":"example.net"}"""))[0]).GetProperty("result").GetString());
        Assert.Equal([("accepted", 1), ("deferred", 1), ("dropped", 1)], bench.History.CountToday().Select(word => (word.Key, word.Value)));
    }

    [Fact]
    public async Task While_paused_nothing_changes()
    {
        await using var bench = new ControlBench();
        await bench.SendAsync("""{"command":"pause"}""");
        using (var line = await bench.Channel.ReadAsync(TestContext.Current.CancellationToken))
            Assert.True(line!.RootElement.GetProperty("paused").GetBoolean());
        var delivery = bench.DeliverAsync("INBOX", "x\r\n");
        Assert.False(delivery.IsCompleted);
        await bench.SendAsync("{}");
        Assert.Equal(["""{"result":"ok"}"""], await bench.AnswerAsync());
        await delivery;
    }

    [Fact]
    public async Task A_pause_ends_with_its_connection()
    {
        await using var bench = new ControlBench();
        await bench.SendAsync("""{"command":"pause"}""");
        (await bench.Channel.ReadAsync(TestContext.Current.CancellationToken))!.Dispose();
        var delivery = bench.DeliverAsync("INBOX", "x\r\n");
        bench.Client.Close();
        await delivery;
        await bench.Ended;
    }

    [Fact]
    public async Task The_queue_is_shown_and_steered()
    {
        await using var queue = new QueueBench();
        queue.Start();
        queue.Network.Answer = static _ => "450 4.2.0 come later";
        await using var bench = new ControlBench([.. new QueueCommands(queue.Runner, queue.Store).Table]);
        Assert.Equal(["""{"result":"ok","messages":0}"""], await bench.AskAsync("""{"command":"queue-list"}"""));
        var envelope = queue.Add(Letters.Envelope("bob@example.net", "eve@example.org"), "From: a@b\r\nSubject: x\r\n y\r\nX: z\r\n\r\n");
        await queue.Attempts(2);
        await queue.Settled();

        var list = await bench.AskAsync("""{"command":"queue-list"}""");
        Assert.Equal("""{"result":"ok","messages":1}""", list[1]);
        var message = ControlBench.Json(list[0]);
        Assert.Equal(envelope.Id.Value, message.GetProperty("id").GetString());
        var recipient = message.GetProperty("recipients")[0];
        Assert.Equal("bob@example.net", recipient.GetProperty("address").GetString());
        Assert.Equal("waiting", recipient.GetProperty("status").GetString());
        Assert.Equal(1, recipient.GetProperty("attempts").GetInt32());
        Assert.Contains("come later", recipient.GetProperty("lastReply").GetString(), StringComparison.Ordinal);

        var id = $"\"id\":\"{envelope.Id}\"";
        var header = ControlBench.Json((await bench.AskAsync($$"""{"command":"queue-show",{{id}}}"""))[0]).GetProperty("header");
        Assert.Equal("""{"From":"a@b","Subject":"x y"}""", header.GetRawText());

        foreach (var (what, result) in new[] { (envelope.Id.Value, "\"tried\":1"), ("EXAMPLE.org", "\"tried\":1"), ("all", "\"tried\":1"), ("example.com", "not-found"), ("00000000000001", "not-found") })
        {
            Assert.Contains(result, (await bench.AskAsync($$"""{"command":"queue-retry","what":"{{what}}"}"""))[0], StringComparison.Ordinal);
            await queue.Settled();
        }
        await queue.Attempts(8);

        Assert.Equal(["""{"result":"ok"}"""], await bench.AskAsync($$"""{"command":"queue-hold",{{id}}}"""));
        Assert.Equal(1, queue.Runner.HeldCount);
        Assert.Contains("\"held\":true", (await bench.AskAsync($$"""{"command":"queue-show",{{id}}}"""))[0], StringComparison.Ordinal);
        Assert.Contains("\"result\":\"held\"", (await bench.AskAsync($$"""{"command":"queue-retry","what":"{{envelope.Id}}"}"""))[0], StringComparison.Ordinal);
        Assert.Equal(["""{"result":"ok"}"""], await bench.AskAsync($$"""{"command":"queue-release",{{id}}}"""));
        await queue.Attempts(10);
        Assert.Equal(["""{"result":"ok"}"""], await bench.AskAsync($$"""{"command":"queue-drop",{{id}}}"""));
        await queue.Empty();
        foreach (var command in (string[])["show", "hold", "release", "drop"])
            Assert.Contains("not-found", (await bench.AskAsync($$"""{"command":"queue-{{command}}",{{id}}}"""))[0], StringComparison.Ordinal);
        Assert.Contains("is no message id", (await bench.AskAsync("""{"command":"queue-show","id":"../etc"}"""))[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_is_one_object()
    {
        var facts = new ServerFacts("1.2.3", "mail.home.example", "/", DateTimeOffset.UnixEpoch, [new ListeningAt("smtp", "[::]:25")], 3, 2, 1, new Dictionary<string, int> { ["accepted"] = 4 }) { TlsToday = new Dictionary<string, int> { ["success"] = 5 } };
        await using var bench = new ControlBench([.. new StatusCommand(() => facts, new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddHours(1))).Table]);
        var status = ControlBench.Json((await bench.AskAsync("""{"command":"status"}"""))[0]);
        Assert.Equal("1.2.3", status.GetProperty("version").GetString());
        Assert.Equal(3600, status.GetProperty("uptimeSeconds").GetInt64());
        Assert.Equal("""[{"service":"smtp","at":"[::]:25"}]""", status.GetProperty("listening").GetRawText());
        Assert.Equal((3, 2, 1), (status.GetProperty("connections").GetInt32(), status.GetProperty("queued").GetInt32(), status.GetProperty("held").GetInt32()));
        Assert.Equal("""{"accepted":4}""", status.GetProperty("today").GetRawText());
        Assert.Equal("""{"success":5}""", status.GetProperty("tlsToday").GetRawText());
        Assert.True(status.GetProperty("residentBytes").GetInt64() > 1_000_000);
        Assert.True(status.GetProperty("diskFreeBytes").GetInt64() > 0);
    }

    [Fact]
    public async Task Reports_about_our_domains_are_told_with_what_failed_first()
    {
        await using var bench = new ControlBench();
        Assert.Contains("\"result\":\"not-found\"", Assert.Single(await bench.AskAsync("""{"command":"dmarc-reports"}""")), StringComparison.Ordinal);
        var reports = new ReceivedReports(bench.State, TimeProvider.System);
        Assert.True(reports.Add(new ReceivedReport
        {
            Domain = "home.example",
            Reporter = "big.example",
            From = "big.example",
            IsVerified = true,
            Id = "1",
            Begin = DateTimeOffset.FromUnixTimeSeconds(1_795_478_400),
            End = DateTimeOffset.FromUnixTimeSeconds(1_795_564_799),
            Passed = 5,
            Failed = 2,
            Sources = [new ReportedSource("198.51.100.66", 0, 2), new ReportedSource("203.0.113.1", 5, 0)],
        }));
        var lines = await bench.AskAsync("""{"command":"dmarc-reports","domain":"home.example"}""");
        Assert.Equal(2, lines.Count);
        Assert.Contains("\"day\":\"2026-11-24\"", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"sources\":[{\"address\":\"198.51.100.66\",\"passed\":0,\"failed\":2}", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"result\":\"ok\"", lines[1], StringComparison.Ordinal);
        Assert.Contains("not-found", Assert.Single(await bench.AskAsync("""{"command":"dmarc-reports","domain":"other.example"}""")), StringComparison.Ordinal);
    }
}
