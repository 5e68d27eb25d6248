using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Simulation;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

public class MaildirNameTests
{
    [Theory]
    [InlineData("Sent", ".Sent")]
    [InlineData("Family/Letters", ".Family.Letters")]
    [InlineData("v1.2/a\\b", ".v1\\2e2.a\\5cb")]
    [InlineData("Entw\u00fcrfe", ".Entw&APw-rfe")]
    [InlineData("A & B", ".A &- B")]
    public void Folders_and_mailboxes(string mailbox, string folder)
    {
        Assert.Equal(folder, MaildirName.ToPlusPlus(mailbox));
        Assert.Equal(mailbox, MaildirName.FromPlusPlus(folder));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("..a")]
    [InlineData(".a..b")]
    [InlineData(".a.")]
    public void No_folders_of_a_Maildir(string folder) => Assert.Null(MaildirName.FromPlusPlus(folder));

    [Theory]
    [InlineData("Entw\u00fcrfe", "Entw\u00fcrfe")]
    [InlineData("A&B", "A&B")]
    [InlineData("R&AOQ-ksm\u00f6rg\u00e5s", "R&AOQ-ksm\u00f6rg\u00e5s")]
    public void What_is_no_modified_utf7_is_utf8(string level, string name) => Assert.Equal(name, MaildirName.Level(level));

    [Theory]
    [InlineData("123.M1P2.host,S=10,W=12:2,FS", MessageFlags.Flagged | MessageFlags.Seen, "", 10, 123)]
    [InlineData("1.x:2,DFPRST", MessageFlags.Draft | MessageFlags.Flagged | MessageFlags.Answered | MessageFlags.Seen | MessageFlags.Deleted, "$Forwarded", -1, 1)]
    [InlineData("9.x;2,Sac", MessageFlags.Seen, "one three", -1, 9)]
    [InlineData("9.x!2,b", MessageFlags.None, "", -1, 9)]
    [InlineData("abc", MessageFlags.None, "", -1, 0)]
    [InlineData("5.x:1,S", MessageFlags.None, "", -1, 5)]
    [InlineData("5.x,S=7", MessageFlags.None, "", 7, 5)]
    [InlineData(":2,S", MessageFlags.None, "", -1, 0)]
    public void Names_of_files(string name, MessageFlags flags, string keywords, int size, long seconds)
    {
        var files = new SimulatedFileSystem();
        files.CreateFolder("/m");
        using (var file = files.Create("/m/dovecot-keywords"))
            file.Write("0 one\n2 three\n40 far\nx y\n"u8, 0);
        var read = MaildirFile.ReadFlags(name, MaildirKeywords.Read(files, "/m"));
        Assert.Equal(flags, read.Flags);
        Assert.Equal(keywords, string.Join(' ', read.Keywords));
        Assert.Equal(size, MaildirFile.Size(name, 'S'));
        Assert.Equal(seconds, MaildirFile.Seconds(name));
    }

    [Fact]
    public void Flags_stand_in_ascii_order()
    {
        var keywords = MaildirKeywords.Read(new SimulatedFileSystem(), "/nowhere");
        Assert.True(keywords.TryAdd("z"));
        Assert.True(keywords.TryAdd("y"));
        Assert.Equal("FPSab", MaildirFile.WriteFlags(MessageFlags.Seen | MessageFlags.Flagged, ["y", "$forwarded", "Z", "unknown"], keywords));
    }
}
