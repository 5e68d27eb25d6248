using HomeMail.Protocol.Message;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public class LocalNamesTests
{
    private static readonly LocalNames Names = new("mail.example.org", static domain => domain is "localhost" or "pi");

    [Theory]
    [InlineData("root", "root@mail.example.org")]
    [InlineData("root@localhost", "root@mail.example.org")]
    [InlineData("alice@pi", "alice@mail.example.org")]
    [InlineData("alice@example.net", "alice@example.net")]
    [InlineData("\"a@b\"", "\"a@b\"@mail.example.org")]
    [InlineData("\"a@b\"@pi", "\"a@b\"@mail.example.org")]
    public void An_address(string given, string complete) => Assert.Equal(complete, Names.Complete(given));

    [Theory]
    [InlineData(" root", " root@mail.example.org", "root@mail.example.org")]
    [InlineData(" root (Cron Daemon)\r\n", " root@mail.example.org (Cron Daemon)\r\n", "root@mail.example.org")]
    [InlineData(" (a, b) root", " (a, b) root@mail.example.org", "root@mail.example.org")]
    [InlineData(" Cron Daemon <root>", " Cron Daemon <root@mail.example.org>", "root@mail.example.org")]
    [InlineData(" \"Daemon, Cron\" < root@localhost >", " \"Daemon, Cron\" < root@mail.example.org >", "root@mail.example.org")]
    [InlineData(" alice, bob@example.net,\r\n\tcarol", " alice@mail.example.org, bob@example.net,\r\n\tcarol@mail.example.org", "alice@mail.example.org bob@example.net carol@mail.example.org")]
    [InlineData(" undisclosed-recipients:;", " undisclosed-recipients:;", "")]
    [InlineData(" us: alice, bob;, carol", " us: alice@mail.example.org, bob@mail.example.org;, carol@mail.example.org", "alice@mail.example.org bob@mail.example.org carol@mail.example.org")]
    [InlineData(" <@a,@b:alice@pi>", " <@a,@b:alice@mail.example.org>", "alice@mail.example.org")]
    [InlineData(" John Smith", " John Smith", "")]
    [InlineData(" <>", " <>", "")]
    [InlineData(" \"john doe\"@example.net", " \"john doe\"@example.net", "\"john doe\"@example.net")]
    [InlineData(" alice@[192.0.2.1]", " alice@[192.0.2.1]", "alice@[192.0.2.1]")]
    [InlineData("", "", "")]
    public void A_list(string given, string complete, string found)
    {
        var addresses = new List<string>();
        Assert.Equal(complete, Names.CompleteList(given, addresses));
        Assert.Equal(found, string.Join(' ', addresses));
    }

    [Fact]
    public void Anything_is_borne()
    {
        var random = new Random(7);
        const string alphabet = "ab@<>(),;:\"\\[] \r\n\t.\u00e9";
        for (var i = 0; i < 50_000; i++)
        {
            var text = string.Create(random.Next(24), random, static (span, r) =>
            {
                foreach (ref var c in span)
                    c = alphabet[r.Next(alphabet.Length)];
            });
            var found = new List<string>();
            // Nothing is taken away but what stands for this machine.
            var complete = Names.CompleteList(text, found);
            Assert.Equal(text, complete.Replace("@mail.example.org", "", StringComparison.Ordinal));
        }
    }
}
