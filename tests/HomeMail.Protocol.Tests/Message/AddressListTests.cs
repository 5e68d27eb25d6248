using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Message;
using Xunit;

namespace HomeMail.Protocol.Tests.Message;

public class AddressListTests
{
    [Fact]
    public void Isemail_suite_in_a_header_field()
    {
        using var suite = JsonDocument.Parse(File.ReadAllText(SharedData.Path("address/isemail-tests.json")));
        var wrong = new List<string>();
        foreach (var test in suite.RootElement.EnumerateArray())
        {
            var text = test.GetProperty("address").GetString()!;
            var expected = test.GetProperty("category").GetString()! != "ISEMAIL_ERR";
            var list = new List<Address>();
            var taken = AddressList.TryParse(Encoding.UTF8.GetBytes(text), list) && list.Count == 1;
            if (taken != expected)
                wrong.Add($"{JsonSerializer.Serialize(text)} should be {(expected ? "taken" : "refused")}: {test.GetProperty("diagnosis").GetString()}");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Theory]
    [InlineData("Alice <alice@example.org>", "alice@example.org")]
    [InlineData("\"Smith, Alice\" <alice@example.org>, bob@example.org", "alice@example.org bob@example.org")]
    [InlineData("alice@example.org (Alice), (x)bob@example.org", "alice@example.org bob@example.org")]
    [InlineData("=?utf-8?q?A_B?= <a.b@example.org>", "a.b@example.org")]
    [InlineData("J. R. Smith <jrs@example.org>", "jrs@example.org")]
    [InlineData("The house: a@x.example, \"b c\"@x.example;, d@x.example", "a@x.example \"b c\"@x.example d@x.example")]
    [InlineData("undisclosed-recipients:;", "")]
    [InlineData("Грета <greta@example.org>", "greta@example.org")]
    [InlineData("Alice\r\n <alice@example.org>", "alice@example.org")]
    [InlineData("\"a@victim.example\" <b@x.example>", "b@x.example")]
    [InlineData("", "")]
    public void Reads(string value, string expected)
    {
        var list = new List<Address>();
        Assert.True(AddressList.TryParse(Encoding.UTF8.GetBytes(value), list));
        Assert.Equal(expected, string.Join(' ', list));
    }

    [Theory]
    [InlineData("a@victim.example <b@x.example>")]
    [InlineData("<a@x.example> b@x.example")]
    [InlineData("\"open <a@x.example>")]
    [InlineData("(open a@x.example")]
    [InlineData("a@x.example\0")]
    [InlineData("<@relay.example:a@x.example>")]
    [InlineData("a@x.example b@x.example")]
    [InlineData("Alice <alice@example.org")]
    [InlineData("group: a@x.example")]
    [InlineData("a@x.example;")]
    [InlineData("a@x.example\r\nb@x.example")]
    [InlineData("just words")]
    public void Refuses_what_readers_could_see_in_two_ways(string value) =>
        Assert.False(AddressList.TryParse(Encoding.UTF8.GetBytes(value), new List<Address>()));
}
