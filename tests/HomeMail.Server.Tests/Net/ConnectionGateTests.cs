using System.Net;
using HomeMail.Server.Net;
using Xunit;

namespace HomeMail.Server.Tests.Net;

public class ConnectionGateTests
{
    private static readonly IPAddress Router = IPAddress.Parse("192.168.1.254");

    private static IPAddress Ip(string text) => IPAddress.Parse(text);

    [Fact]
    public void An_address_has_its_share_and_no_more()
    {
        var gate = new ConnectionGate(10, 2);
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("192.0.2.1")));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("::ffff:192.0.2.1")));
        Assert.Equal(ConnectionGate.Answer.TooManyFromAddress, gate.Enter(Ip("192.0.2.1")));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("192.0.2.2")));
        gate.Leave(Ip("192.0.2.1"));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("192.0.2.1")));
        Assert.Equal(3, gate.Count);
    }

    [Fact]
    public void Of_IPv6_a_network_of_64_bits_has_the_share()
    {
        var gate = new ConnectionGate(10, 2);
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("2001:db8::1")));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("2001:db8::2")));
        Assert.Equal(ConnectionGate.Answer.TooManyFromAddress, gate.Enter(Ip("2001:db8::3")));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("2001:db8:0:1::1")));
    }

    [Fact]
    public void All_together_have_a_limit()
    {
        var gate = new ConnectionGate(3, 3);
        for (var i = 1; i <= 3; i++)
            Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("192.0.2." + i)));
        Assert.Equal(ConnectionGate.Answer.Full, gate.Enter(Ip("192.0.2.9")));
    }

    [Fact]
    public void A_shared_address_has_half_of_all()
    {
        var gate = new ConnectionGate(20, 2, address => address.Equals(Router));
        for (var i = 0; i < 10; i++)
            Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Router));
        Assert.Equal(ConnectionGate.Answer.TooManyFromAddress, gate.Enter(Router));
        Assert.Equal(ConnectionGate.Answer.Welcome, gate.Enter(Ip("192.0.2.1")));
    }
}
