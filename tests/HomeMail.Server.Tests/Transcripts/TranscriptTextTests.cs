using Xunit;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>The runner is believed only as far as it can fail.</summary>
public class TranscriptTextTests
{
    [Theory]
    [InlineData("250 OK", "250 OK", true)]
    [InlineData("250 OK", "250 OK ", false)]
    [InlineData("250 *", "250 anything", true)]
    [InlineData("250 *x*", "250 x", true)]
    [InlineData("250 *x*y", "250 xxzy", true)]
    [InlineData("250 *x*y", "250 xxyz", false)]
    [InlineData("*", "", true)]
    [InlineData("?", "", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a\\?c", "abc", false)]
    [InlineData("a\\*", "a*", true)]
    [InlineData("a\\*", "ab", false)]
    public void Globs(string pattern, string text, bool matches) =>
        Assert.Equal(matches, TranscriptText.Matches(TranscriptText.Glob(pattern), text));

    [Theory]
    [InlineData("a\\r\\n\\t\\0\\\\b", "a\r\n\t\0\\b")]
    [InlineData("\\xff", "\u00ff")]
    [InlineData("\u00e9", "\u00c3\u00a9")]
    [InlineData("\\{3*ab}c", "abababc")]
    [InlineData("\\{2*\\r\\n}", "\r\n\r\n")]
    [InlineData("\\{base64 \\0alice\\0secret}", "AGFsaWNlAHNlY3JldA==")]
    [InlineData("*?", "*?")]
    public void Escapes(string text, string octets) => Assert.Equal(octets, TranscriptText.Octets(text));

    [Theory]
    [InlineData("a\\")]
    [InlineData("a\\q")]
    [InlineData("\\{a}")]
    public void What_is_no_escape_is_said_to_be_none(string text) => Assert.Throws<FormatException>(() => TranscriptText.Octets(text));
}
