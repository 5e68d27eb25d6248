using System.Text;
using HomeMail.Protocol.MtaSts;
using Xunit;

namespace HomeMail.Protocol.Tests.MtaSts;

public class HttpAnswerTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n";

    [Theory]
    [InlineData(Ok + "Content-Length: 3\r\n\r\nabc", "200 text/plain abc")]
    [InlineData(Ok + "content-length: 3\r\nContent-Length: 3\r\n\r\nabcdef", "200 text/plain abc")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "200 text/plain ab0123456789")]
    [InlineData("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404  ")]
    [InlineData("HTTP/1.1 301\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n", "301  ")]
    [InlineData(Ok + "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n?", "200 text/plain ?encoded")]
    [InlineData(Ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "Malformed")]
    [InlineData(Ok + "Content-Length: -1\r\n\r\n", "Malformed")]
    [InlineData(Ok + "Content-Length: 101\r\n\r\n", "Malformed")]
    [InlineData(Ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "Malformed")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n65\r\n", "Malformed")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", "Malformed")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "Malformed")]
    [InlineData("SSH-2.0-x\r\n\r\n", "Malformed")]
    [InlineData("HTTP/2 200\r\n\r\n", "Malformed")]
    [InlineData(Ok + "Content-Length: 3\r\n\r\nab", "NeedMore")]
    [InlineData(Ok + "\r\nab", "NeedMore")]
    public void IsRead(string text, string expected) => Assert.Equal(expected, Words(text, false));

    [Theory]
    [InlineData(Ok + "\r\nabc", "200 text/plain abc")]
    [InlineData(Ok + "Content-Length: 3\r\n\r\nab", "Malformed")]
    [InlineData(Ok, "Malformed")]
    [InlineData("", "Malformed")]
    public void IsReadAtTheEnd(string text, string expected) => Assert.Equal(expected, Words(text, true));

    [Theory]
    [InlineData(Ok + "Content-Length: 3\r\n\r\nabc")]
    [InlineData(Ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n")]
    public void EveryBeginningIsIncomplete(string text)
    {
        for (var length = 0; length < text.Length; length++)
            Assert.Equal("NeedMore", Words(text[..length], false));
    }

    private static string Words(string text, bool isEnd)
    {
        var progress = HttpAnswer.Read(Encoding.Latin1.GetBytes(text), isEnd, 100, out var answer);
        return answer is null ? progress.ToString() : $"{answer.Status} {answer.MediaType} {Encoding.Latin1.GetString(answer.Content)}{(answer.IsEncoded ? "encoded" : "")}";
    }
}
