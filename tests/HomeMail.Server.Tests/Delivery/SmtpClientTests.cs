using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Storage;
using Xunit;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>Whole sessions against a server that plays a dialogue.</summary>
public class SmtpClientTests
{
    private const string Hello = """
        S: 220 mx.example.net ESMTP
        C: EHLO home.example
        S: 250 mx.example.net

        """;

    private const string HelloAll = """
        S: 220 mx.example.net ESMTP
        C: EHLO home.example
        S: 250-mx.example.net
        S: 250-pipelining
        S: 250-SIZE 1000000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250 ENHANCEDSTATUSCODES

        """;

    public static TheoryData<string, string, string, string> Dialogues { get; } = new()
    {
        {
            "one recipient, plain server", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 2.0.0 queued as 1
            """, "Delivered mx.example.net: 250 2.0.0 queued as 1"
        },
        {
            "pipelined, all extensions", "bob@example.net,eve@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: RCPT TO:<eve@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 250 ok
            S: 354 go
            data
            S: 250 queued
            """, "Delivered mx.example.net: 250 2.0.0 queued\nDelivered mx.example.net: 250 2.0.0 queued"
        },
        {
            "one of three refused, one put off (RFC 5321 appendix D)", "bob@example.net,no@example.net,later@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: RCPT TO:<no@example.net>
            C: RCPT TO:<later@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 550 5.1.1 no such user
            S: 450 4.2.0 greylisted
            S: 354 go
            data
            S: 250 2.0.0 queued
            """, "Delivered mx.example.net: 250 2.0.0 queued\nFailed mx.example.net: 550 5.1.1 no such user\nDeferred mx.example.net: 450 4.2.0 greylisted"
        },
        {
            "all refused, DATA refused too", "no@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<no@example.net>
            C: DATA
            S: 250 ok
            S: 550-5.1.1 no such
            S: 550 5.1.1 user
            S: 503 no valid recipients
            """, "Failed mx.example.net: 550 5.1.1 no such user"
        },
        {
            "all refused, DATA accepted nevertheless (RFC 2920 3.1)", "no@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<no@example.net>
            C: DATA
            S: 250 ok
            S: 550 no
            S: 354 go
            data
            S: 554 no valid recipients
            """, "Failed mx.example.net: 550 5.0.0 no"
        },
        {
            "MAIL refused for good", "bob@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 550 5.7.1 go away
            S: 503 5.5.1 MAIL first
            S: 503 5.5.1 MAIL first
            """, "Failed mx.example.net: 550 5.7.1 go away"
        },
        {
            "MAIL put off is a matter of this host", "bob@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 452 4.3.1 disk full
            S: 503 5.5.1 MAIL first
            S: 503 5.5.1 MAIL first
            """, "open\nfault mx.example.net: 452 4.3.1 disk full"
        },
        {
            "DATA refused", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 554 5.7.1 blocked
            """, "Failed mx.example.net: 554 5.7.1 blocked"
        },
        {
            "message refused", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 251 2.1.5 will forward
            C: DATA
            S: 354 go
            data
            S: 554 5.6.0 spam
            """, "Failed mx.example.net: 554 5.6.0 spam"
        },
        {
            "EHLO unknown, HELO known", "bob@example.net", """
            S: 220-mx
            S: 220 hello
            C: EHLO home.example
            S: 502 what?
            C: HELO home.example
            S: 250 hello
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 ok
            """, "Delivered mx.example.net: 250 2.0.0 ok"
        },
        { "EHLO and HELO refused", "bob@example.net", "S: 220 mx\nC: EHLO home.example\nS: 550 5.7.25 no PTR\nC: HELO home.example\nS: 550 5.7.25 no PTR", "open\nfault! mx.example.net: 550 5.7.25 no PTR" },
        { "EHLO put off", "bob@example.net", "S: 220 mx\nC: EHLO home.example\nS: 450 busy", "open\nfault mx.example.net: 450 4.0.0 busy" },
        { "greeting puts off", "bob@example.net", "S: 450 4.3.2 busy", "open\nfault mx.example.net: 450 4.3.2 busy" },
        { "greeting 421", "bob@example.net", "S: 421 4.3.2 too many\nclose", "open\nfault mx.example.net: 421 4.3.2 too many" },
        { "greeting refuses", "bob@example.net", "S: 554 5.7.1 listed", "open\nfault! mx.example.net: 554 5.7.1 listed" },
        { "greeting of a host without mail (RFC 7504)", "bob@example.net", "S: 521 5.3.2 no mail here", "open\nfault! mx.example.net: 521 5.3.2 no mail here" },
        { "no greeting at all", "bob@example.net", "close", "open\nfault mx.example.net: 4.4.2 the connection was closed while waiting for the greeting" },
        { "not SMTP", "bob@example.net", "S: SSH-2.0-OpenSSH_9.2\nwait", "open\nfault mx.example.net: 4.5.0 the answer is not SMTP while waiting for the greeting" },
        {
            "421 in the middle", "bob@example.net,eve@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: RCPT TO:<eve@example.net>
            C: DATA
            S: 250 ok
            S: 550 5.1.1 no such user
            S: 421 4.3.2 shutting down
            close
            """, "Failed mx.example.net: 550 5.1.1 no such user\nopen\nfault mx.example.net: 421 4.3.2 shutting down"
        },
        {
            "closed in the middle", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            close
            """, "open\nfault mx.example.net: 4.4.2 the connection was closed while sending the message"
        },
        {
            "closed after the dot: it may have arrived", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            close
            """, "open\nfault? mx.example.net: 4.4.2 the connection was closed while waiting for the answer to the message"
        },
        {
            "421 to the message: it has not arrived", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 421 4.3.0 sorry
            close
            """, "open\nfault mx.example.net: 421 4.3.0 sorry"
        },
        {
            "a reply out of turn", "bob@example.net", Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 354 go
            """, "open\nfault mx.example.net: 4.5.0 the answer to MAIL makes no sense while sending the message"
        },
        {
            "too many recipients: the rest at once in a new transaction", "a@example.net,b@example.net,c@example.net,d@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<a@example.net>
            C: RCPT TO:<b@example.net>
            C: RCPT TO:<c@example.net>
            C: RCPT TO:<d@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 452 4.5.3 Recipients belong to multiple regions ATTR38
            S: 552 5.5.3 too many
            S: 250 ok
            S: 354 go
            data
            S: 250 first
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<b@example.net>
            C: RCPT TO:<c@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 452 4.5.3 again
            S: 354 go
            data
            S: 250 second
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<c@example.net>
            C: DATA
            S: 250 ok
            S: 452 4.5.3 not at all
            S: 503 nobody
            """, "Delivered mx.example.net: 250 2.0.0 first\nDelivered mx.example.net: 250 2.0.0 second\nDeferred mx.example.net: 452 4.5.3 not at all\nDelivered mx.example.net: 250 2.0.0 first"
        },
        {
            "a full mailbox is no matter of too many", "a@example.net,b@example.net", HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<a@example.net>
            C: RCPT TO:<b@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 452 4.2.2 mailbox full
            S: 354 go
            data
            S: 250 ok
            """, "Delivered mx.example.net: 250 2.0.0 ok\nDeferred mx.example.net: 452 4.2.2 mailbox full"
        },
        {
            "RCPTMAX of LIMITS (RFC 9422)", "a@example.net,b@example.net,c@example.net", """
            S: 220 mx
            C: EHLO home.example
            S: 250-mx
            S: 250 LIMITS RCPTMAX=2
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<a@example.net>
            S: 250 ok
            C: RCPT TO:<b@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 first
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<c@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 second
            """, "Delivered mx.example.net: 250 2.0.0 first\nDelivered mx.example.net: 250 2.0.0 first\nDelivered mx.example.net: 250 2.0.0 second"
        },
        {
            "replies in odd pieces and all at once", "bob@example.net", """
            raw 220 mx\r
            raw \n
            C: EHLO home.example
            raw 250-mx\r\n250-PIPE
            raw LINING\n250 SIZE\r\n
            C: MAIL FROM:<alice@home.example> SIZE=112
            raw 250 ok\r\n250 ok\r\n354 go\r\n
            C: RCPT TO:<bob@example.net>
            C: DATA
            data
            raw 250
            raw \r\n
            """, "Delivered mx.example.net: 250 2.0.0"
        },
    };

    [Theory]
    [MemberData(nameof(Dialogues))]
    public async Task Plays(string name, string recipients, string script, string expected)
    {
        Assert.NotEmpty(name);
        var mail = Letters.Mail(Letters.Envelope(recipients.Split(',')));
        var session = await Session.PlayAsync(script, mail);
        Assert.Equal(expected, session.Outcome);
        foreach (var message in session.Server.Messages.Where(m => m.Length > 0))
            Assert.Equal(Letters.Plain.Replace("\r\n.h", "\r\n..h", StringComparison.Ordinal), message);
    }

    [Fact]
    public async Task AllParametersThatTheSenderGaveArePassedOnWhereDsnIsOffered()
    {
        var recipient = new EnvelopeRecipient
        {
            Address = Letters.Parse("b o@example.net"),
            Notify = DsnNotify.Success | DsnNotify.Delay,
            OriginalRecipient = "rfc822;b+o=x@Example.net",
        };
        var global = new EnvelopeRecipient { Address = Letters.Parse("\u00e9@example.net"), Notify = DsnNotify.Never, OriginalRecipient = "utf-8;\u00e9+@example.net" };
        var envelope = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = Letters.Parse("alice@home.example"),
            Principal = "account:alice",
            EnvelopeId = "a b+1",
            Return = DsnReturn.Headers,
            EightBit = true,
            SmtpUtf8 = true,
            Recipients = [recipient, global],
        };
        var session = await Session.PlayAsync(HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b+2B1
            C: RCPT TO:<"b o"@example.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bo+3Dx@Example.net
            C: RCPT TO:<*
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 250 ok
            S: 354 go
            data
            S: 250 ok
            """, Letters.Mail(envelope));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 ok\nDelivered mx.example.net: 250 2.0.0 ok", session.Outcome);
        Assert.All(session.Mail.Results, r => Assert.True(r!.DsnPassedOn));
    }

    [Fact]
    public async Task NoParameterOfDsnGoesToAHostThatDoesNotOfferIt()
    {
        var recipient = new EnvelopeRecipient { Address = Letters.Parse("bob@example.net"), Notify = DsnNotify.Success, OriginalRecipient = "rfc822;x@y" };
        var session = await Session.PlayAsync(Hello + """
            C: MAIL FROM:<alice@home.example>
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 ok
            """, Letters.Mail(Letters.Envelope(recipient)));
        Assert.False(session.Mail.Results[0]!.DsnPassedOn);
    }

    [Theory]
    [InlineData("8bit", "fault! mx.example.net: 5.6.3 *")]
    [InlineData("utf8", "fault! mx.example.net: 5.6.7 *")]
    [InlineData("size", "fault! mx.example.net: 5.3.4 *")]
    [InlineData("requiretls", "fault! mx.example.net: 5.7.10 *")]
    [InlineData("requiretls-dsn", "Delivered*")]
    public async Task WhatAHostCannotCarryIsNotSentThere(string need, string expected)
    {
        var envelope = new Envelope
        {
            Id = MessageId.New(TimeProvider.System),
            Arrived = Letters.Noon,
            Sender = need == "requiretls-dsn" ? null : Letters.Parse("alice@home.example"),
            Principal = "account:alice",
            EightBit = need == "8bit",
            SmtpUtf8 = need == "utf8",
            RequireTls = need.StartsWith("requiretls", StringComparison.Ordinal),
            Recipients = [new EnvelopeRecipient { Address = Letters.Parse("bob@example.net") }],
        };
        var hello = "S: 220 mx\nC: EHLO home.example\nS: 250-mx\nS: 250 SIZE " + (need == "size" ? "100" : "0") + "\n";
        var session = await Session.PlayAsync(need == "requiretls-dsn" ? hello + """
            C: MAIL FROM:<> SIZE=112
            S: 250 ok
            C: RCPT TO:<bob@example.net>
            S: 250 ok
            C: DATA
            S: 354 go
            data
            S: 250 ok
            """ : hello, Letters.Mail(envelope));
        Assert.Matches("(?s)^(open\n)?" + System.Text.RegularExpressions.Regex.Escape(expected).Replace("\\*", ".*", StringComparison.Ordinal) + "$", session.Outcome);
        Assert.True(session.Server.SaidQuit);
    }

    [Fact]
    public async Task ASessionIsUsedAgainAndResetWhereATransactionWasLeftOpen()
    {
        var session = await Session.PlayAsync(HelloAll + """
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<no@example.net>
            C: DATA
            S: 250 ok
            S: 550 5.1.1 no
            S: 503 nobody
            C: RSET
            S: 250 ok
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<bob@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 354 go
            data
            S: 250 second
            C: MAIL FROM:<alice@home.example> SIZE=112
            C: RCPT TO:<eve@example.net>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 354 go
            data
            S: 250 third
            """, Letters.Mail(Letters.Envelope("no@example.net")), Letters.Mail(Letters.Envelope("bob@example.net")), Letters.Mail(Letters.Envelope("eve@example.net")));
        Assert.Equal("Delivered mx.example.net: 250 2.0.0 third", session.Outcome);
        Assert.Equal(3, session.Client.Transactions);
        Assert.True(session.Server.SaidQuit);
    }

    [Fact]
    public async Task ManyRecipientsGoInWindows()
    {
        var recipients = Enumerable.Range(0, 90).Select(i => $"r{i}@example.net").ToArray();
        var script = HelloAll.Replace("S: 250-8BITMIME\n", "", StringComparison.Ordinal) + "C: MAIL FROM:<alice@home.example> SIZE=112\n";
        for (var at = 0; at < 90; at += 40)
        {
            var part = recipients.Skip(at).Take(40).ToList();
            script += string.Concat(part.Select(r => $"C: RCPT TO:<{r}>\n")) + (at == 80 ? "C: DATA\n" : "") + (at == 0 ? "S: 250 ok\n" : "")
                      + string.Concat(part.Select(_ => "S: 250 ok\n")) + (at == 80 ? "S: 354 go\n" : "");
        }
        var session = await Session.PlayAsync(script + "data\nS: 250 ok", Letters.Mail(Letters.Envelope(recipients)));
        Assert.All(session.Mail.Results, r => Assert.Equal(DeliveryOutcome.Delivered, r!.Outcome));
    }
}
