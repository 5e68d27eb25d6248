using System.Security.Authentication;
using System.Text;
using HomeMail.Server.Smtp;
using HomeMail.Server.Tests.Smtp;
using HomeMail.Server.Tests.Transcripts;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using Xunit;

namespace HomeMail.Server.Tests.Clients;

/// <summary>MailKit submits to the published program in every mode that it has.</summary>
public sealed class MailKitTests(Binaries binaries) : IClassFixture<Binaries>
{
    private static readonly Dictionary<string, string> SelfSigned = [];
    private static readonly Dictionary<string, string> Verifiable = new() { ["tls.certificate"] = "verifiable" };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, SmtpRole, SslProtocols> LogIns
    {
        get
        {
            var data = new TheoryData<string, SmtpRole, SslProtocols>();
            foreach (var mechanism in (string[])["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
                foreach (var role in (SmtpRole[])[SmtpRole.Submission, SmtpRole.Submissions])
                    foreach (var version in (SslProtocols[])[SslProtocols.Tls12, SslProtocols.Tls13])
                        data.Add(mechanism, role, version);
            return data;
        }
    }

    [Theory, MemberData(nameof(LogIns))]
    public async Task A_submission_by_each_mechanism_and_kind_of_TLS(string mechanism, SmtpRole role, SslProtocols version)
    {
        await using var session = await OpenAsync(SelfSigned, role, version);
        Assert.Equal(version, session.Client.SslProtocol);
        Assert.Contains(mechanism, session.Client.AuthenticationMechanisms);
        var exchange = Exchange(mechanism, TestHouse.Password);
        await session.Client.AuthenticateAsync(exchange, Cancel);
        Assert.Equal(mechanism == "SCRAM-SHA-256-PLUS", exchange.NegotiatedChannelBinding);
        await session.Client.SendAsync(Letter("by " + mechanism), Cancel);
        var stored = Assert.Single(session.Place.Mailbox("bob"));
        Assert.StartsWith("Return-Path: <alice@example.org>\r\n", stored, StringComparison.Ordinal);
        Assert.Contains("with ESMTPSA id", stored, StringComparison.Ordinal);
        Assert.EndsWith("by " + mechanism + "\r\n.\r\n..dots\r\n", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_mechanism_that_MailKit_likes_best_works()
    {
        await using var session = await OpenAsync(SelfSigned);
        await session.Client.AuthenticateAsync("alice", TestHouse.Password, Cancel);
        Assert.True(session.Client.IsAuthenticated);
        Assert.Contains("AUTH SCRAM-SHA-256", session.Protocol, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SCRAM-SHA-256-PLUS")]
    [InlineData("SCRAM-SHA-256")]
    [InlineData("PLAIN")]
    [InlineData("LOGIN")]
    public async Task A_wrong_password_is_refused_and_the_right_one_taken_after_it(string mechanism)
    {
        await using var session = await OpenAsync(SelfSigned);
        await Assert.ThrowsAsync<MailKit.Security.AuthenticationException>(() => session.Client.AuthenticateAsync(Exchange(mechanism, "wrong"), Cancel));
        await session.Client.AuthenticateAsync(Exchange(mechanism, TestHouse.Password), Cancel);
        Assert.True(session.Client.IsAuthenticated);
    }

    [Fact]
    public async Task Extensions_are_what_the_standards_call_them()
    {
        await using var session = await OpenAsync(Verifiable);
        const SmtpCapabilities wanted = SmtpCapabilities.Authentication | SmtpCapabilities.Chunking | SmtpCapabilities.Dsn | SmtpCapabilities.EightBitMime
            | SmtpCapabilities.EnhancedStatusCodes | SmtpCapabilities.Pipelining | SmtpCapabilities.Size | SmtpCapabilities.UTF8 | SmtpCapabilities.RequireTLS;
        Assert.Equal(wanted, session.Client.Capabilities & wanted);
        Assert.False(session.Client.Capabilities.HasFlag(SmtpCapabilities.BinaryMime));
        Assert.Equal(25u << 20, session.Client.MaxSize);
    }

    [Fact]
    public async Task A_large_message_is_stored_octet_by_octet()
    {
        await using var session = await OpenLoggedInAsync(SelfSigned);
        var text = new StringBuilder();
        for (var line = 0; line < 40_000; line++)
            text.Append('.', line % 3).Append("line ").Append(line).Append(" of many\r\n");
        var letter = Letter("");
        letter.Body = new TextPart("plain") { Text = text.ToString() };
        await session.Client.SendAsync(letter, Cancel);
        Assert.EndsWith("\r\n\r\n" + text, Assert.Single(session.Place.Mailbox("bob")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_header_in_UTF8_stays_as_it_is()
    {
        await using var session = await OpenLoggedInAsync(SelfSigned);
        var letter = Letter("Grüße aus der Küche");
        letter.Subject = "Grüße";
        letter.To.Clear();
        letter.To.Add(new MailboxAddress("Böb", "bob@example.org"));
        var format = FormatOptions.Default.Clone();
        format.International = true;
        await session.Client.SendAsync(format, letter, Cancel);
        Assert.Contains(" SMTPUTF8", session.Protocol, StringComparison.Ordinal);
        var stored = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Assert.Single(session.Place.Mailbox("bob"))));
        Assert.Contains("\r\nSubject: Grüße\r\n", stored, StringComparison.Ordinal);
        Assert.Contains("\r\nTo: Böb <bob@example.org>\r\n", stored, StringComparison.Ordinal);
        Assert.Contains("with UTF8SMTPSA id", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_DSN_is_what_was_asked_for()
    {
        await using var session = await OpenLoggedInAsync(SelfSigned, static logger => new DsnClient(logger));
        await session.Client.SendAsync(Letter("tell me"), Cancel);
        var report = await session.MessageAsync("alice", "multipart/report");
        Assert.Equal("alice@example.org", report.To.Mailboxes.Single().Address);
        var parts = Assert.IsType<MultipartReport>(report.Body);
        Assert.Equal("delivery-status", parts.ReportType);
        var status = Assert.IsType<MessageDeliveryStatus>(parts[1]).StatusGroups;
        Assert.Equal("kitchen +1=", status[0]["Original-Envelope-Id"]);
        Assert.Equal("rfc822;bob@example.org", status[1]["Final-Recipient"]?.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal("delivered", status[1]["Action"]);
        Assert.StartsWith("2.", status[1]["Status"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_too_large_is_refused_before_it_is_sent()
    {
        await using var session = await OpenLoggedInAsync(new() { ["server.max-message-size"] = "64k" });
        var letter = Letter(new string('x', 100_000));
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => session.Client.SendAsync(letter, Cancel));
        Assert.True(refused is SmtpCommandException { StatusCode: SmtpStatusCode.ExceededStorageAllocation }, refused.ToString());
        Assert.Empty(session.Place.Mailbox("bob"));
        await session.Client.SendAsync(Letter("short"), Cancel);
        Assert.Single(session.Place.Mailbox("bob"));
    }

    [Fact]
    public async Task REQUIRETLS_is_taken_with_a_certificate_that_others_can_verify()
    {
        await using var session = await OpenLoggedInAsync(Verifiable);
        session.Client.RequireTLS = true;
        await session.Client.SendAsync(Letter("only over TLS"), Cancel);
        Assert.Contains(" REQUIRETLS", session.Protocol, StringComparison.Ordinal);
        Assert.Single(session.Place.Mailbox("bob"));
    }

    private static SaslMechanism Exchange(string mechanism, string password) => mechanism switch
    {
        "SCRAM-SHA-256-PLUS" => new SaslMechanismScramSha256Plus("alice", password),
        "SCRAM-SHA-256" => new SaslMechanismScramSha256("alice", password),
        "PLAIN" => new SaslMechanismPlain("alice", password),
        _ => new SaslMechanismLogin("alice", password),
    };

    private static MimeMessage Letter(string text) => new(
        [new MailboxAddress("Alice", "alice@example.org")], [new MailboxAddress("Bob", "bob@example.org")], "from MailKit",
        new TextPart("plain") { Text = text + "\r\n.\r\n..dots\r\n" });

    private async Task<Session> OpenLoggedInAsync(Dictionary<string, string> settings, Func<IProtocolLogger, SmtpClient>? client = null)
    {
        var session = await OpenAsync(settings, client: client);
        await session.Client.AuthenticateAsync(Exchange("PLAIN", TestHouse.Password), Cancel);
        return session;
    }

    private async Task<Session> OpenAsync(
        Dictionary<string, string> settings, SmtpRole role = SmtpRole.Submission, SslProtocols version = SslProtocols.None,
        Func<IProtocolLogger, SmtpClient>? client = null)
    {
        client ??= static logger => new SmtpClient(logger);
        Binaries.RequireProgram();
        var place = await binaries.PlaceAsync(settings);
        var protocol = new MemoryStream();
        var logger = new ProtocolLogger(protocol, leaveOpen: true);
        var session = new Session(place, await place.ConnectAsync(role, null), client(logger), protocol);
        session.Client.SslProtocols = version;
        // Whose certificate it is, is tested elsewhere.
        session.Client.ServerCertificateValidationCallback = static (_, _, _, _) => true;
        var security = role == SmtpRole.Submission ? SecureSocketOptions.StartTls : SecureSocketOptions.SslOnConnect;
        await session.Client.ConnectAsync(session.Connection.Stream, "mail.example.org", 0, security, Cancel);
        return session;
    }

    /// <summary>A client, connected, and what it says and hears.</summary>
    private sealed class Session(IPlace place, Connection connection, SmtpClient client, MemoryStream protocol) : IAsyncDisposable
    {
        public IPlace Place { get; } = place;

        public Connection Connection { get; } = connection;

        public SmtpClient Client { get; } = client;

        public string Protocol => Encoding.Latin1.GetString(protocol.ToArray());

        public async Task<MimeMessage> MessageAsync(string account, string text)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            deadline.CancelAfter(TimeSpan.FromSeconds(20));
            while (true)
            {
                if (Place.Mailbox(account).FirstOrDefault(m => m.Contains(text, StringComparison.Ordinal)) is { } found)
                    return await MimeMessage.LoadAsync(new MemoryStream(Encoding.Latin1.GetBytes(found)), Cancel);
                await Task.Delay(20, deadline.Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Connection.DisposeAsync();
        }
    }

    private sealed class DsnClient(IProtocolLogger logger) : SmtpClient(logger)
    {
        protected override string GetEnvelopeId(MimeMessage message) => "kitchen +1=";

        protected override DeliveryStatusNotification? GetDeliveryStatusNotifications(MimeMessage message, MailboxAddress mailbox) =>
            DeliveryStatusNotification.Success | DeliveryStatusNotification.Failure;
    }
}
