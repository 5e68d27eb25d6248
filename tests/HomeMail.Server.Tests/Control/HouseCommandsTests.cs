using System.Net;
using HomeMail.Server.Control;
using HomeMail.Server.Delivery;
using HomeMail.Server.House;
using HomeMail.Server.Net;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Control;

public sealed class HouseCommandsTests
{
    [Fact]
    public async Task The_doctor_is_told_what_the_server_knows()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var router = IPAddress.Parse("192.168.1.254");
        var masked = new MaskedAddresses(router.Equals, null, clock, Log.None);
        masked.SpfFailed(IPAddress.Parse("172.20.0.1"), "a.example", isHelo: true);
        masked.Connected(IPAddress.Parse("2001:db8::9"));
        var ports = new PortEvidence(null, clock, Log.None);
        ports.Worked(IPAddress.Parse("203.0.113.25"));
        clock.Advance(TimeSpan.FromMinutes(5));
        var sessions = new LiveSessions();
        sessions.Add("abc", IPAddress.Parse("::ffff:192.168.1.254"));
        var picture = new PublicPicture([new AddressReport(IPAddress.Parse("203.0.113.7"), AddressSource.Upnp)]);
        await using var bench = new ControlBench(
            [.. new HouseCommands(() => picture, masked, ports, () => [new PortMapping(25, 1025, TimeSpan.Zero, AddressSource.Upnp)], sessions, () => ["damaged: x"]).Table]);

        var lines = await bench.AskAsync("""{"command":"house"}""");
        Assert.StartsWith(
            """{"public":[{"address":"203.0.113.7","source":"Upnp"}],"masked":["172.20.0.1"],"families":[{"family":4,"reachedAt":"2027-01-01T00:00:00Z"},{"family":6,"publicClientAt":"2027-01-01T00:00:00Z"}],"mapped":[{"port":25,"outside":1025,"by":"Upnp"}],"notices":["damaged: x"],""",
            lines[0], StringComparison.Ordinal);
        Assert.Equal("""{"result":"ok","client":"192.168.1.254"}""", Assert.Single(await bench.AskAsync("""{"command":"session","id":"abc"}""")));
        Assert.Contains("not-found", Assert.Single(await bench.AskAsync("""{"command":"session","id":"xyz"}""")), StringComparison.Ordinal);
        Assert.Equal("""{"result":"ok","forgotten":["172.20.0.1"]}""", Assert.Single(await bench.AskAsync("""{"command":"forget-masks"}""")));
        Assert.Empty(masked.Seen);
        Assert.Contains("command=forget-masks", bench.LogText.ToString(), StringComparison.Ordinal);
    }
}
