using System.Collections;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Config;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Growth;

/// <summary>What a house with many accounts, domains, rules and devices costs: counts of looks and allocated octets, never time.</summary>
public class NamesGrowthTests
{
    [Fact]
    public void Who_an_address_is_is_found_without_a_look_at_each_account()
    {
        var looks = new Looks();
        var accounts = Enumerable.Range(0, 1000)
            .Select(i => TestHouse.Account($"u{i}") with { Addresses = new CountedAddresses(looks, TestHouse.A($"u{i}@d{i}.example")) }).ToList();
        // Domains of nobody, with postmasters by the tenant and by default.
        var domains = Enumerable.Range(0, 1000).Select(i => new HostedDomain($"d{i}.example", i < 500 ? "a" : "b")).Append(new HostedDomain("b.example", "b")).Append(new HostedDomain("c.example", "c"));
        var names = new HostedNames("mail.d7.example", domains, accounts, [], "secret"u8);
        looks.Count = 0;
        Assert.Equal(["u999"], names.Resolve(TestHouse.A("u999@d999.example"))!.Accounts);
        Assert.Equal(["u999"], names.Resolve(TestHouse.A("postmaster@d999.example"))!.Accounts);
        Assert.Equal(["u500"], names.Resolve(TestHouse.A("abuse@b.example"))!.Accounts);
        Assert.Equal(["u0"], names.Resolve(TestHouse.A("abuse@c.example"))!.Accounts);
        Assert.Null(names.Resolve(TestHouse.A("nobody@d999.example")));
        Assert.Equal("d7.example", names.DomainOf("mail.d7.example")!.Name);
        Assert.Equal("d8.example", names.DomainAbove("a.b.d8.example.")!.Name);
        Assert.Null(names.DomainAbove("xd8.example"));
        Assert.Equal(0, looks.Count);
    }

    [Fact]
    public void The_nearest_of_several_domains_above_a_name_counts()
    {
        var names = new HostedNames("h.example", [new HostedDomain("example.org", "a"), new HostedDomain("sub.example.org", "a")], [], [], "secret"u8);
        Assert.Equal("sub.example.org", names.DomainAbove("Mail.SUB.example.org")!.Name);
        Assert.Equal("example.org", names.DomainAbove("other.example.org")!.Name);
        Assert.Null(new HostedNames("h.example", [], [], [], "secret"u8).DomainAbove("example.org"));
    }

    [Theory]
    [InlineData("[account:u{0}]\naddresses = u{0}@example.org\n")]
    [InlineData("[domain:d{0}.example]\ntenant = t{0}\n")]
    [InlineData("[alias:list{0}@example.org]\nmembers = alice@example.org\n")]
    [InlineData("[device:d{0}]\naddress = 192.168.1.{0}\nfrom = alice@example.org\nrecipients = local\n")]
    [InlineData("[route:r{0}.example]\nvia = mx\n")]
    [InlineData("[rule:r{0}]\naccount = alice\nsubject = *{0}*\nmailbox = X\n")]
    public void Reading_a_section_costs_the_same_however_many_there_are(string section)
    {
        Read(section, 1);
        var few = Read(section, 50);
        var many = Read(section, 200);
        Assert.True(many < 4.6 * few, $"50 sections: {few} octets, 200: {many}");
    }

    [Fact]
    public void Each_account_gets_its_own_rules()
    {
        var settings = Configurations.HouseWith("[account:bob]\naddresses = bob@example.org\n[rule:a]\naccount = ALICE\nsubject = x\nmailbox = A\n[rule:b]\naccount = bob\nsubject = x\nmailbox = B\n[rule:c]\naccount = alice\nsubject = y\nmailbox = C\n");
        var names = ServerMap.Names(settings, "secret"u8);
        Assert.Equal(["a", "c"], names.Account("alice")!.Rules.Select(rule => rule.Name));
        Assert.Equal(["b"], names.Account("bob")!.Rules.Select(rule => rule.Name));
    }

    [Fact]
    public void Rules_that_ask_for_the_same_field_have_it_read_once()
    {
        var header = "From: Shop <news@shop.example>\r\nTo: a@example.org, b@example.org, c@example.org\r\nSubject: x\r\n"u8.ToArray();
        var subject = new RuleSubject(header, 100, null);
        Assert.False(subject.AnyAddress("x@*", "From", "To"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var found = subject.Addresses("To");
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(3, found.Count);
    }

    [Fact]
    public void Keys_are_read_again_only_where_their_files_are_new()
    {
        var folder = Directory.CreateTempSubdirectory("homemail-keys-").FullName;
        try
        {
            using var keys = new DkimKeys(folder);
            var first = keys.Use("example.org", "hm1");
            Assert.Same(first, keys.Use("example.org", "hm1"));
            File.SetLastWriteTimeUtc(Path.Combine(folder, "example.org", "hm1.pem"), new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
            Assert.NotSame(first, keys.Use("example.org", "hm1"));
            Assert.NotSame(first, keys.Use("example.org", "hm2"));
            Assert.Equal("hm2", keys.For("example.org")[0].Selector);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static long Read(string section, int count)
    {
        var text = Configurations.House + string.Concat(Enumerable.Range(0, count).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, section, i)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Configurations.Fine(text);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private sealed class Looks
    {
        public int Count { get; set; }
    }

    private sealed class CountedAddresses(Looks looks, params Address[] addresses) : IReadOnlyList<Address>
    {
        public int Count
        {
            get
            {
                looks.Count++;
                return addresses.Length;
            }
        }

        public Address this[int index] => addresses[index];

        public IEnumerator<Address> GetEnumerator()
        {
            looks.Count++;
            return addresses.AsEnumerable().GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
