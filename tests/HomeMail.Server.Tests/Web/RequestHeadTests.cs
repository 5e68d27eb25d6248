using System.Text;
using HomeMail.Server.Web;
using Xunit;

namespace HomeMail.Server.Tests.Web;

public class RequestHeadTests
{
    private static RequestHead? Parse(string text, out int status) => RequestHead.Parse(Encoding.Latin1.GetBytes(text), out status);

    [Theory]
    [InlineData("GET /a?b=c HTTP/1.1\r\nHost: Mail.Example:8080\r\n\r\n", "/a?b=c", "mail.example", 0)]
    [InlineData("GET /a HTTP/1.0\r\n\r\n", "/a", "", 0)]
    [InlineData("POST /a HTTP/1.1\r\nhost:x.example.\r\nContent-Length: 5\r\n\r\n", "/a", "x.example", 5)]
    [InlineData("POST /a HTTP/1.1\r\nhost: [2001:db8::1]:80\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "/a", "[2001:db8::1]", 5)]
    // RFC 9112 3.2.2: an absolute form goes before the field.
    [InlineData("GET http://other.example:81/b?c HTTP/1.1\r\nHost: x.example\r\n\r\n", "/b?c", "other.example", 0)]
    [InlineData("GET http://other.example HTTP/1.1\r\nHost: x.example\r\n\r\n", "/", "other.example", 0)]
    public void WhatIsPlainIsRead(string text, string target, string host, int length)
    {
        var head = Parse(text, out _);
        Assert.NotNull(head);
        Assert.Equal((target, host, length), (head.Target, head.Host, head.ContentLength));
    }

    [Theory]
    [InlineData("GET /a HTTP/1.1\r\n\r\n", 400)] // no host
    [InlineData("GET /a HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", 400)]
    [InlineData("GET /a HTTP/1.1\r\nHost : a.example\r\n\r\n", 400)] // RFC 9112 5.1: no space before the colon
    [InlineData("GET /a HTTP/1.1\r\nHost: a.example\r\n folded\r\n\r\n", 400)]
    [InlineData("GET  /a HTTP/1.1\r\nHost: a.example\r\n\r\n", 400)]
    [InlineData("GET a HTTP/1.1\r\nHost: a.example\r\n\r\n", 400)]
    [InlineData("GET /a\r\nHost: a.example\r\n\r\n", 400)]
    [InlineData("GET /a HTTP/2.0\r\nHost: a.example\r\n\r\n", 505)]
    [InlineData("GET /a HTTP/1.1\nHost: a.example\n\r\n\r\n", 400)] // a bare LF is no line end
    [InlineData("GET /a HTTP/1.1\r\nHost: a.example\0\r\n\r\n", 400)]
    [InlineData("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400)]
    [InlineData("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: +5\r\n\r\n", 400)]
    [InlineData("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 99999999999999\r\n\r\n", 413)]
    [InlineData("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 501)]
    public void WhatIsDoubtfulIsRefused(string text, int status)
    {
        Assert.Null(Parse(text, out var told));
        Assert.Equal(status, told);
    }
}
