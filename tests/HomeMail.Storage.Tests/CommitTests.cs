using HomeMail.Storage;
using Xunit;

namespace HomeMail.Storage.Tests;

public class CommitTests
{
    [Fact]
    public async Task A_message_is_linked_into_its_mailbox()
    {
        var root = Directory.CreateTempSubdirectory("homemail").FullName;
        try
        {
            await using var data = DataFolder.Open(root, TimeProvider.System);
            using var message = data.Spool.Begin(MessageId.New(TimeProvider.System));
            message.Append("Hello\r\n"u8);
            var result = await data.Spool.CommitAsync(new CommitRequest { Message = message, Header = "Subject: x\r\n\r\n"u8.ToArray(), Local = [new LocalDelivery("alice", "INBOX")] });
            Assert.True(result.IsCommitted, result.Detail);
            Assert.Equal("Subject: x\r\n\r\nHello\r\n", File.ReadAllText(Path.Combine(root, "mail/alice/INBOX/1.eml")));
        }
        finally
        {
            Directory.Delete(root, true);
        }
    }
}
