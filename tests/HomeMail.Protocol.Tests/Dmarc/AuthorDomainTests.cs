using System.Text;
using HomeMail.Protocol.Dmarc;
using Xunit;

namespace HomeMail.Protocol.Tests.Dmarc;

public sealed class AuthorDomainTests
{
    [Theory]
    [InlineData("From: a@Example.org\r\n", "example.org")]
    [InlineData("from : A <a@example.org>\r\n", "example.org")]
    [InlineData("FROM: \"bob@evil.example\" <a@example.org>\r\n", "example.org")]
    [InlineData("From: a@example.org, b@EXAMPLE.ORG\r\n", "example.org")] // one domain, so there is one author domain
    [InlineData("From: (comment) a (c) @ (d) example.org (e)\r\n", "example.org")]
    [InlineData("From: =?utf-8?q?b=40evil=2Eexample?= <a@example.org>\r\n", "example.org")]
    [InlineData("From: Us: a@example.org;\r\n", "example.org")]
    [InlineData("From: a@\r\n example.org\r\n", "example.org")]
    [InlineData("From: j\u00fcrgen@b\u00fccher.example\r\n", "xn--bcher-kva.example")]
    public void OneDomainIsFound(string header, string domain)
    {
        var author = AuthorDomain.Of(Encoding.UTF8.GetBytes(header + "\r\n"));
        Assert.Equal((AuthorDomainKind.One, domain), (author.Kind, author.Domain));
    }

    [Theory]
    [InlineData("To: a@example.org\r\n", AuthorDomainKind.Missing)]
    [InlineData("From: a@example.org\r\nfrom: b@example.org\r\n", AuthorDomainKind.SeveralFields)]
    [InlineData("From: a@example.org\r\nFROM : nonsense\r\n", AuthorDomainKind.SeveralFields)]
    [InlineData("From: a@example.org, b@example.net\r\n", AuthorDomainKind.SeveralDomains)]
    [InlineData("From: G: a@example.org, b@sub.example.org;\r\n", AuthorDomainKind.SeveralDomains)]
    [InlineData("From: \r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: undisclosed:;\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: a@localhost\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: a@[192.0.2.1]\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: \"a <a@example.org>\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: a@example.org b@example.net\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: <a@example.org> <b@example.net>\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: a@\u2126.example\r\n", AuthorDomainKind.Malformed)]
    [InlineData("From: a@exa\0mple.org\r\n", AuthorDomainKind.Malformed)]
    public void AnythingElseHasNone(string header, AuthorDomainKind kind)
    {
        var author = AuthorDomain.Of(Encoding.UTF8.GetBytes(header + "\r\n"));
        Assert.Equal((kind, ""), (author.Kind, author.Domain));
    }

    [Fact]
    public void WhatIsClaimedIsBounded()
    {
        var many = string.Join(", ", Enumerable.Range(0, 5000).Select(i => $"a@d{i}.example"));
        var fields = string.Concat(Enumerable.Repeat("From: a@example.org\r\n", 5000));
        Assert.Equal(20, AuthorDomain.Of(Encoding.ASCII.GetBytes($"From: {many}\r\n\r\n")).Claimed.Count);
        Assert.Equal(AuthorDomainKind.SeveralFields, AuthorDomain.Of(Encoding.ASCII.GetBytes(fields + "\r\n")).Kind);
    }
}
