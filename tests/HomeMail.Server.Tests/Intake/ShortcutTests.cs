using System.Diagnostics;
using System.Net.NetworkInformation;
using HomeMail.Server.Intake;
using HomeMail.Server.Tests.Smtp;
using Xunit;

namespace HomeMail.Server.Tests.Intake;

/// <summary>From one account to another of the same tenant: without a socket, without a query, with all that is true and nothing that is not.</summary>
public sealed class ShortcutTests
{
    private const string Letter = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: Tea\r\n\r\nAt four?";

    [Fact]
    public async Task It_asks_no_name_server_and_goes_through_no_queue()
    {
        await using var house = PrincipalTests.House();
        var keys = house.DkimKeys.Use("example.org", "hm1");
        Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", Letter), StringComparison.Ordinal);
        var stored = Assert.Single(house.Mailbox("bob"));
        Assert.Empty(house.Zone.Queries);
        Assert.Empty(house.Queued);
        Assert.Contains("\r\nAuthentication-Results: mail.example.org; auth=pass smtp.auth=alice\r\n", stored, StringComparison.Ordinal);
        Assert.Equal(keys.Count, stored.Split("DKIM-Signature: ").Length - 1);
        Assert.DoesNotContain("spf=", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("Received-SPF", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("dmarc=", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_goes_through_aliases_tags_catch_all_and_rules()
    {
        await using var house = new TestHouse().With(
            [new HostedDomain("example.org", "home", "bob")],
            [
                TestHouse.Account("alice", "alice@example.org"), TestHouse.Account("bob", "bob@example.org"),
                TestHouse.Account("carol", "carol@example.org") with { Rules = [new MailRule("10") { Subject = "Tea", Mailbox = "Kitchen" }] },
            ],
            ("all@example.org", ["inner@example.org", "carol@example.org"]), ("inner@example.org", ["bob@example.org", "all@example.org"]));
        foreach (var rcpt in (string[])["<bob+x@example.org>", "<whoever@example.org>", "<all@example.org>"])
            Assert.StartsWith("250 ", await Post.SubmitAsync(house, "alice", "<alice@example.org>", rcpt, Letter), StringComparison.Ordinal);
        Assert.Equal(3, house.Mailbox("bob").Count);
        Assert.Single(house.Mailbox("carol", "Kitchen"));
        Assert.Empty(house.Mailbox("carol"));
        Assert.Empty(house.Zone.Queries);
        Assert.Empty(house.Queued);
    }

    [Fact]
    public async Task A_delivery_is_one_group_of_syncs()
    {
        var files = new CountingFiles();
        await using var house = new TestHouse(files: files);
        // The first one makes folders.
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", Letter);
        files.Groups.Clear();
        files.Folders.Clear();
        await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", Letter);
        Assert.Equal(2, house.Mailbox("bob").Count);
        // The file, then the folder with its name: two waits of one commit, and not one item more.
        Assert.True(files.Groups.Count <= 2, $"{files.Groups.Count} groups");
        Assert.True(files.Groups.Sum() <= 2, $"{files.Groups.Sum()} items");
        Assert.InRange(files.Folders.Count, 0, 1);
    }

    [Fact]
    public async Task A_full_mailbox_takes_no_more_on_this_way_too()
    {
        await using var house = new TestHouse();
        house.UsedBytes = static _ => 1_000_001;
        house.With([new HostedDomain("example.org", "home")], [TestHouse.Account("alice", "alice@example.org"), TestHouse.Account("bob", "bob@example.org") with { Quota = 1_000_000 }]);
        Assert.StartsWith("452 4.2.2", await Post.SubmitAsync(house, "alice", "<alice@example.org>", "<bob@example.org>", Letter), StringComparison.Ordinal);
    }

    // This class once more, where there is no network at all: whatever used a socket would fail there.
    [Fact]
    public async Task It_works_where_there_is_no_network()
    {
        // A test program is run by its own name, or by dotnet.
        string[] program = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.ProcessPath!, typeof(ShortcutTests).Assembly.Location] : [Environment.ProcessPath!];
        if (Environment.GetEnvironmentVariable("HOMEMAIL_NO_NETWORK") is not null)
        {
            Assert.DoesNotContain(NetworkInterface.GetAllNetworkInterfaces(), card => card.OperationalStatus == OperationalStatus.Up);
            return;
        }
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/unshare"), "a namespace without a network needs root and unshare(1)");
        var start = new ProcessStartInfo("/usr/bin/unshare") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-n", .. program, "-class", typeof(ShortcutTests).FullName!, "-noLogo", "-noColor"])
            start.ArgumentList.Add(argument);
        start.Environment["HOMEMAIL_NO_NETWORK"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(120));
        Assert.SkipWhen((await errors).Contains("unshare failed", StringComparison.Ordinal), "namespaces are not allowed here");
        Assert.True(process.ExitCode == 0, await output);
    }
}
