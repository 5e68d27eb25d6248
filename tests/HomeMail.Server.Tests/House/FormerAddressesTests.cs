using System.Net;
using HomeMail.Server.Delivery;
using HomeMail.Server.House;
using HomeMail.Storage.State;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.House;

public sealed class FormerAddressesTests
{
    [Fact]
    public void An_address_that_was_ours_counts_as_the_houses_for_two_weeks_also_after_a_restart()
    {
        var root = Directory.CreateTempSubdirectory("homemail").FullName;
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 12, 1, 12, 0, 0, TimeSpan.Zero));
        using var state = new StateStore(Path.Combine(root, "state.db"), clock);
        var former = new FormerAddresses(state.Collection("addresses"), clock);
        former.Note(new PublicPicture([new AddressReport(IPAddress.Parse("198.51.100.7"), AddressSource.Interface)]));
        former.Note(new PublicPicture([new AddressReport(IPAddress.Parse("198.51.100.8"), AddressSource.Interface)]));
        state.Flush();
        former = new FormerAddresses(state.Collection("addresses"), clock);
        var own = new InterfaceAddresses(former.Contains, clock);
        Assert.Equal(OwnAddress.Public, own.Is(IPAddress.Parse("198.51.100.7")));
        Assert.Equal(OwnAddress.Public, own.Is(IPAddress.Parse("198.51.100.8")));
        Assert.Equal(OwnAddress.No, own.Is(IPAddress.Parse("198.51.100.9")));
        Assert.Equal(OwnAddress.Interface, own.Is(IPAddress.Loopback));
        clock.Advance(TimeSpan.FromDays(15));
        Assert.Equal(OwnAddress.No, own.Is(IPAddress.Parse("198.51.100.7")));
        state.Dispose();
        Directory.Delete(root, true);
    }
}
