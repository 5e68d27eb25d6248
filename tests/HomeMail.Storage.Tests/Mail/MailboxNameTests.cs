using FsCheck.Xunit;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests.Mail;

public class MailboxNameTests
{
    [Theory]
    [InlineData("inbox", "INBOX")]
    [InlineData("Inbox/Sub", "INBOX/Sub")]
    [InlineData("inboxes", "inboxes")]
    [InlineData("Work/", "Work")]
    [InlineData("Käse/日本", "Käse/日本")]
    [InlineData("..", "..")]
    [InlineData("a*b%c", "a*b%c")]
    public void Names_are_kept_in_one_form(string name, string normal)
    {
        Assert.True(MailboxName.TryNormalize(name, out var kept));
        Assert.Equal(normal, kept);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/a")]
    [InlineData("a//b")]
    [InlineData("a\u0000b")]
    [InlineData("a\r\nb")]
    [InlineData("a\u007fb")]
    [InlineData("a\u2028b")]
    [InlineData("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17")]
    public void What_can_be_no_mailbox_is_refused(string name) => Assert.False(MailboxName.TryNormalize(name, out _));

    [Fact]
    public void Half_a_surrogate_is_no_text() => Assert.False(MailboxName.TryNormalize(string.Concat("a", '\ud800', "b"), out _));

    [Fact]
    public void A_level_has_to_fit_into_a_file_name()
    {
        Assert.True(MailboxName.TryNormalize(new string('a', 240), out _));
        Assert.False(MailboxName.TryNormalize(new string('a', 241), out _));
        Assert.False(MailboxName.TryNormalize(new string('日', 81), out _));
        Assert.False(MailboxName.TryNormalize(new string('%', 81), out _));
    }

    [Theory]
    [InlineData("..", "%2E%2E")]
    [InlineData(".", "%2E")]
    [InlineData(".journal", "%2Ejournal")]
    [InlineData("1.eml", "1%2Eeml")]
    [InlineData("x.EML", "x%2EEML")]
    [InlineData("a%b", "a%25b")]
    [InlineData("a:b\\c", "a%3Ab%5Cc")]
    [InlineData("dot.", "dot%2E")]
    [InlineData("space ", "space%20")]
    [InlineData("Käse", "Käse")]
    public void A_level_is_a_safe_file_name(string level, string entry)
    {
        Assert.Equal(entry, MailboxName.Encode(level));
        Assert.True(MailboxName.TryDecode(entry, out var back));
        Assert.Equal(level, back);
    }

    [Theory]
    [InlineData("%2")]
    [InlineData("%zz")]
    [InlineData("a%41")]
    [InlineData("%2f")]
    [InlineData(".deleted-x")]
    [InlineData("1.eml")]
    public void What_was_not_written_by_us_is_no_mailbox(string entry) => Assert.False(MailboxName.TryDecode(entry, out _));

    [Property(MaxTest = 3000)]
    public bool No_name_leaves_its_account_or_meets_a_file_of_ours(string? name)
    {
        if (!MailboxName.TryNormalize(name ?? "", out var normal))
            return true;
        var path = MailboxName.ToPath("/mail/alice", normal);
        var levels = path["/mail/alice/".Length..].Split('/');
        return path.StartsWith("/mail/alice/", StringComparison.Ordinal)
            && levels.Length == normal.Split('/').Length
            && levels.All(level => level.Length > 0 && level[0] != '.' && !level.EndsWith(".eml", StringComparison.OrdinalIgnoreCase))
            && string.Join('/', levels.Select(level => MailboxName.TryDecode(level, out var decoded) ? decoded : "?")) == normal;
    }
}
