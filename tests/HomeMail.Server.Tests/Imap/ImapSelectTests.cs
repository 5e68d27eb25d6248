using System.Globalization;
using System.Text;
using HomeMail.Server.Imap;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

public class ImapSelectTests
{
    [Fact]
    public async Task UidValidity_is_no_zero_and_grows_with_each_mailbox_of_a_name()
    {
        await using var house = new ImapHouse();
        var side = new ImapSide(new OpenConnection(await TestHouse.SecureAsync(house.Connect(ImapRole.Imaps))));
        await SayAsync(side, $"LOGIN alice {TestHouse.Password}");
        var last = 0U;
        for (var round = 0; round < 3; round++)
        {
            await SayAsync(side, "CREATE k");
            var told = await SayAsync(side, "STATUS k (UIDVALIDITY)");
            var validity = uint.Parse(told.Split("(UIDVALIDITY ")[1].Split(')')[0], CultureInfo.InvariantCulture);
            Assert.InRange(validity, last + 1, uint.MaxValue);
            Assert.Contains($"[UIDVALIDITY {validity}]", await SayAsync(side, "SELECT k"), StringComparison.Ordinal);
            last = validity;
            await SayAsync(side, "DELETE k");
        }
        await side.Connection.DisposeAsync();
    }

    private static async Task<string> SayAsync(ImapSide side, string command)
    {
        side.Write(Encoding.ASCII.GetBytes($"1 {command}\r\n"), int.MaxValue);
        var told = new StringBuilder();
        while (true)
        {
            var line = await side.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) ?? throw new IOException("The server has closed.");
            told.AppendLine(line);
            if (line.StartsWith("1 ", StringComparison.Ordinal))
                return line.StartsWith("1 OK", StringComparison.Ordinal) ? told.ToString() : throw new InvalidOperationException(line);
        }
    }
}
