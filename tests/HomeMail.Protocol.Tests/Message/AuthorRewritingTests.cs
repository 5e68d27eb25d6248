using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Text;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public class AuthorRewritingTests
{
    private static readonly Address Author = new("scanner", "example.org");

    [Theory]
    [InlineData("From: scanner@example.org\r\n", "From: scanner@example.org\r\n")]
    [InlineData("From: Scan <scanner@EXAMPLE.org>\r\n", null)]
    [InlineData("From: noreply@brother.local\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("FROM: Lobby <x@y>\r\n", "From: \"Lobby\" <scanner@example.org>\r\n")]
    [InlineData("From: \"Lobby, 1st \\\"floor\\\"\" <x@y>\r\n", "From: \"Lobby, 1st \\\"floor\\\"\" <scanner@example.org>\r\n")]
    [InlineData("From: Dr. No <x@y>\r\n", "From: \"Dr. No\" <scanner@example.org>\r\n")]
    [InlineData("From: Two\r\n\tlines <x@y>\r\n", "From: \"Two lines\" <scanner@example.org>\r\n")]
    [InlineData("From: =?utf-8?B?w7Y=?= <x@y>\r\n", "From: =?utf-8?B?w7Y=?= <scanner@example.org>\r\n")]
    [InlineData("From: =?utf-8?B?w7Y=?=, evil@z <x@y>\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("From: bob@example.org <x@y>\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("From: A <a@b>, C <c@d>\r\n", "From: \"A\" <scanner@example.org>\r\n")]
    [InlineData("From: root (Cron Daemon)\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("From: bell\u0007 <x@y>\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("From:\r\n", "From: <scanner@example.org>\r\n")]
    [InlineData("", "From: <scanner@example.org>\r\n")]
    public void From_is_one(string before, string? after) => Assert.Equal((after ?? before) + "Subject: s\r\n\r\n", Sorted(Rewrite(before + "Subject: s\r\n\r\n")));

    [Fact]
    public void Others_go_and_all_else_stays_in_its_place() => Assert.Equal(
        "A: 1\r\nFrom: <scanner@example.org>\r\nb : 2\r\n 3\r\n\r\n",
        Rewrite("Sender: x@y\r\nA: 1\r\nFrom: x@y\r\nSENDER: z\r\nfrom: z\r\nb : 2\r\n 3\r\n\r\n"));

    [Fact]
    public void A_long_name_outside_of_ascii_is_cut_and_encoded_in_words_that_fit()
    {
        var from = Rewrite($"From: {new string('\u00e9', 200)} <x@y>\r\n\r\n").Split("\r\n")[0];
        Assert.All(from["From: ".Length..^" <scanner@example.org>".Length].Split(' '), static word => Assert.InRange(word.Length, 10, 75));
        Assert.InRange(from.Length, 100, 400);
    }

    // From is put at the end where there was none.
    private static string Sorted(string header) =>
        header.StartsWith("Subject", StringComparison.Ordinal) ? header["Subject: s\r\n".Length..^2] + "Subject: s\r\n\r\n" : header;

    private static string Rewrite(string header)
    {
        using var output = new PooledWriter();
        AuthorRewriting.Rewrite(Encoding.UTF8.GetBytes(header), Author, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
