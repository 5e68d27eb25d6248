using System.Text;
using HomeMail.Server.Learning;
using HomeMail.Server.Policy;
using HomeMail.Server.Tests.Policy;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Learning;

public sealed class LearningTests : IDisposable
{
    private static readonly string[] JunkWords = ["pills", "casino", "winner", "bitcoin", "urgent", "lottery", "discount", "viagra", "millions", "transfer"];
    private static readonly string[] GoodWords = ["meeting", "dinner", "school", "holiday", "invoice", "garden", "grandma", "football", "photos", "train"];

    private readonly string _folder = Directory.CreateTempSubdirectory("homemail-learning").FullName;
    private readonly FakeTimeProvider _clock = new(Facts.Noon);
    private readonly StateStore _state;
    private readonly AccountLearning _learning;

    public LearningTests()
    {
        _state = new StateStore(_folder + "/state.db", _clock);
        _learning = new AccountLearning(_folder + "/learning", new Reputation(_state.Collection("reputation"), _clock), static () => "mail.example.org", new Log(TextWriter.Null, _clock));
    }

    private static string Message(string[] words, int number, string from = "x@example.net", string results = "spf=pass smtp.mailfrom=x@example.net; dmarc=pass header.from=example.net") =>
        $"Return-Path: <{from}>\r\nAuthentication-Results: mail.example.org; {results}\r\nReceived: by mail.example.org; now\r\nFrom: {from}\r\nMessage-ID: <{number}@example.net>\r\n"
        + $"Subject: about {words[number % words.Length]}\r\n\r\n{string.Join(' ', words.Skip(number % 4).Take(6))} number {number}\r\n";

    private IFile File(string message)
    {
        var path = $"{_folder}/{Guid.NewGuid():N}";
        System.IO.File.WriteAllText(path, message, Encoding.Latin1);
        return RealFileSystem.Instance.Open(path);
    }

    private void Mark(string message, bool junk, string account = "alice")
    {
        using var file = File(message);
        if (junk)
            _learning.Junk(account, file);
        else
            _learning.NotJunk(account, file);
    }

    private double? Score(string message, string account = "alice")
    {
        using var file = File(message);
        return _learning.Look(account, [], () => MessageSample.Of(file)).Junk;
    }

    private RecipientFacts Look(params SenderIdentity[] identities)
    {
        using var file = File("\r\n");
        return _learning.Look("alice", identities, () => MessageSample.Of(file));
    }

    [Fact]
    public void It_speaks_only_when_it_knows_enough_of_both_kinds()
    {
        for (var i = 0; i < Classifier.EnoughOfEach; i++)
        {
            Assert.Null(Score(Message(JunkWords, 999)));
            Mark(Message(JunkWords, i), junk: true);
            Mark(Message(GoodWords, 100 + i), junk: false);
        }
        Assert.InRange(Score(Message(JunkWords, 999))!.Value, 0.95, 1);
        Assert.InRange(Score(Message(GoodWords, 998))!.Value, 0, 0.2);
        // It is alice's alone.
        Assert.Null(Score(Message(JunkWords, 999), "bob"));
    }

    [Fact]
    public void A_message_counts_once_and_a_mark_that_is_taken_back_moves_it()
    {
        var message = Message(JunkWords, 1);
        for (var i = 0; i < 3; i++)
            Mark(message, junk: true);
        var sender = new SenderIdentity('s', "x@example.net");
        using (var table = TokenTable.Open(_folder + "/learning/alice.tokens", create: false)!)
            Assert.Equal((0, 1), (table.Good, table.Junk));
        Assert.Equal(Standing.Bad, Look(sender).Standing);
        // A copy, with other trace fields in front, is the same message.
        Mark("X-Moved: yes\r\n" + message, junk: false);
        using (var table = TokenTable.Open(_folder + "/learning/alice.tokens", create: false)!)
            Assert.Equal((1, 0), (table.Good, table.Junk));
        Assert.NotEqual(Standing.Bad, Look(sender).Standing);
        Mark(message, junk: false);
        using (var table = TokenTable.Open(_folder + "/learning/alice.tokens", create: false)!)
        using (var file = File(message))
        {
            Assert.Equal((1, 0), (table.Good, table.Junk));
            Assert.All(MessageSample.Of(file).Tokens, token => Assert.Equal((1, 0), table.Count(token)));
        }
    }

    [Theory]
    [InlineData("spf=fail smtp.mailfrom=x@example.net; dkim=none; dmarc=fail header.from=example.net", "")]
    [InlineData("spf=pass smtp.mailfrom=x@example.net; dmarc=none header.from=example.net", "sender x@example.net, domain example.net")]
    [InlineData("dkim=pass header.d=esp.example; dmarc=fail header.from=example.net", "domain esp.example")]
    [InlineData("dmarc=pass header.from=example.net policy.domain=org.example", "sender x@example.net, domain example.net, organisation org.example")]
    [InlineData("iprev=pass policy.iprev=192.0.2.10", "network 192.0.2.0/24")]
    [InlineData("iprev=fail policy.iprev=\"2001:db8:1:2::3\"", "network 2001:db8:1:2::/64, network 2001:db8:1::/48")]
    [InlineData("iprev=none policy.iprev=192.168.1.254", "")]
    [InlineData("auth=pass smtp.auth=bob", "sender x@example.net")]
    public void Only_what_is_verified_is_known_of_a_sender(string results, string identities)
    {
        using var file = File(Message(GoodWords, 1, results: results));
        Assert.Equal(identities, string.Join(", ", MessageSample.Of(file).Identities("mail.example.org")));
    }

    [Fact]
    public void Results_that_are_not_ours_or_came_with_the_message_say_nothing()
    {
        using var file = File("Return-Path: <x@example.net>\r\nAuthentication-Results: evil.example; dmarc=pass header.from=example.net\r\nReceived: by y\r\n"
            + "Authentication-Results: mail.example.org; dmarc=pass header.from=example.net\r\nFrom: x@example.net\r\n\r\nhi\r\n");
        Assert.Empty(MessageSample.Of(file).Identities("mail.example.org"));
    }

    [Fact]
    public void Standing_comes_from_the_most_particular_that_is_known()
    {
        SenderIdentity sender = new('s', "x@example.net"), domain = new('d', "example.net"), network = new('n', "192.0.2.0/24");
        var reputation = new Reputation(_state.Collection("reputation"), _clock);
        reputation.Count("alice", [domain, network], 1, 0);
        Assert.Equal(Standing.Unknown, Look(sender, domain, network).Standing);
        reputation.Count("alice", [domain, network], 3, 0);
        Assert.Equal((Standing.Bad, "domain example.net"), (Look(sender, domain, network).Standing, Look(sender, domain, network).StandingOf));
        reputation.Count("alice", [sender], 0, 1);
        Assert.Equal(Standing.Good, Look(sender, domain, network).Standing);
        reputation.Count("alice", [network], 10, 0);
        Assert.Equal(Standing.Hopeless, Look(network).Standing);
        _learning.WroteTo("alice", new Protocol.Message.Address("Y", "Example.net"));
        Assert.True(Look(new SenderIdentity('s', "y@example.net")).IsCorrespondent);
        // It is aged.
        _state.Flush();
        _clock.Advance(TimeSpan.FromDays(366));
        Assert.Equal(Standing.Unknown, Look(sender, domain, network).Standing);
    }

    [Theory]
    [InlineData("Content-Type: text/html\r\n\r\n<p>che<b>ap</b> wat<!-- x -->ches</p><style>hidden</style><a href=\"http://evil.example/\">click</a>", "cheap watches http://evil.example/ click", "hidden")]
    [InlineData("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nY2hlYXAgd2F0Y2hlcw==\r\n", "cheap watches", "Y2hlYXA")]
    [InlineData("Content-Transfer-Encoding: quoted-printable\r\n\r\nche=\r\nap wat=63hes", "cheap watches", "=63")]
    [InlineData("Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\nx\r\n--b\r\n\r\ncheap\r\n--b\r\nContent-Type: text/html\r\n\r\n<div>watches</div>\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b--\r\nend", "cheap watches", "picture")]
    [InlineData("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhalf of it", "half of it", "--b")]
    [InlineData("Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ncheap", "cheap", "inner")]
    public void The_text_of_a_message_is_what_its_reader_sees(string message, string seen, string unseen)
    {
        var text = new StringBuilder();
        MessageText.Read(Encoding.Latin1.GetBytes(message), text);
        Assert.Equal(seen.Split(' '), text.ToString().Split([' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain(unseen, text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_that_a_stranger_sends_is_too_much()
    {
        var random = new Random(7);
        var deep = new StringBuilder();
        for (var i = 0; i < 200; i++)
            deep.Append(System.Globalization.CultureInfo.InvariantCulture, $"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n");
        foreach (var message in new[] { deep.ToString(), new string('<', 100_000), "Content-Type: text/html\r\n\r\n<!--", "=?utf-8?b?", new string('a', 1_000_000) })
        {
            using var file = File(message);
            Assert.InRange(MessageSample.Of(file).Tokens.Count, 0, 1000);
        }
        for (var i = 0; i < 300; i++)
        {
            var octets = new byte[random.Next(2000)];
            random.NextBytes(octets);
            MessageText.Read([.. "Content-Type: text/html; boundary=\r\nContent-Transfer-Encoding: base64\r\n\r\n"u8, .. octets], new StringBuilder());
            EncodedWords.Decode([.. "=?utf-8?q?"u8, .. octets]);
        }
    }

    [Theory]
    [InlineData("=?utf-8?B?Y2hlYXA=?= =?utf-8?q?_watches?=", "cheap watches")]
    [InlineData("=?iso-8859-1?Q?b=FCcher?= now", "b\u00fccher now")]
    [InlineData("a =?x y", "a =?x y")]
    [InlineData("plain", "plain")]
    public void Encoded_words(string value, string text) => Assert.Equal(text, EncodedWords.Decode(Encoding.Latin1.GetBytes(value)));

    [Fact]
    public void A_damaged_table_is_begun_anew()
    {
        Mark(Message(JunkWords, 1), junk: true);
        System.IO.File.WriteAllText(_folder + "/learning/alice.tokens", "what is this");
        Mark(Message(JunkWords, 2), junk: true);
        using var table = TokenTable.Open(_folder + "/learning/alice.tokens", create: false)!;
        Assert.Equal(1, table.Junk);
    }

    public void Dispose()
    {
        _state.Dispose();
        Directory.Delete(_folder, true);
    }
}
