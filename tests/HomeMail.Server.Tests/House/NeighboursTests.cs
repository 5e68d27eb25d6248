using System.Net;
using System.Net.NetworkInformation;
using HomeMail.Server.House;
using Xunit;

namespace HomeMail.Server.Tests.House;

/// <summary>The kernel's neighbour table: its messages octet by octet, and as this machine's kernel writes them.</summary>
public sealed class NeighboursTests
{
    private const ushort Reachable = 0x02;
    private const ushort Failed = 0x20;

    private static readonly byte[] Mac = [0x02, 0, 0, 0, 0, 0x50];

    [Fact]
    public void Rows_are_read_and_the_end_is_seen()
    {
        var rows = new List<Neighbour>();
        byte[] answer =
        [
            .. Row("192.168.1.50", 3, Reachable, Mac), .. Row("192.168.1.51", 3, Failed, Mac), .. Row("192.168.1.52", 3, Reachable, null), .. Row("fe80::50", 4, Reachable, Mac),
        ];
        Assert.True(Neighbours.Take(answer, rows));
        Assert.Equal([new(IPAddress.Parse("192.168.1.50"), 3, new PhysicalAddress(Mac)), new(IPAddress.Parse("fe80::50"), 4, new PhysicalAddress(Mac))], rows);
        Assert.False(Neighbours.Take(Message(3, [0, 0, 0, 0]), rows));
        Assert.False(Neighbours.Take(Message(2, [0, 0, 0, 0]), rows));
    }

    [Fact]
    public void Any_octets_are_borne()
    {
        var random = new Random(1);
        byte[] good = [.. Row("192.168.1.50", 3, Reachable, Mac), .. Row("fe80::50", 4, Reachable, Mac)];
        for (var i = 0; i < 20_000; i++)
        {
            var octets = good.ToArray();
            for (var change = random.Next(1, 5); change > 0; change--)
                octets[random.Next(octets.Length)] = (byte)random.Next(256);
            Neighbours.Take(octets.AsSpan(0, random.Next(octets.Length + 1)), new List<Neighbour>());
        }
    }

    [Fact]
    public void This_machine_answers()
    {
        // Loopback has no neighbours; that the kernel was asked and understood is seen in that nothing is said.
        var log = new StringWriter();
        Assert.Null(new Neighbours(new Log(log, TimeProvider.System)).Find(IPAddress.Loopback));
        Assert.Null(new Neighbours(new Log(log, TimeProvider.System)).Find(IPAddress.IPv6Loopback));
        Assert.Equal("", log.ToString());
    }

    private static byte[] Row(string address, int index, ushort state, byte[]? mac)
    {
        var ip = IPAddress.Parse(address);
        byte[] body =
        [
            (byte)(ip.GetAddressBytes().Length == 4 ? 2 : 10), 0, 0, 0, .. BitConverter.GetBytes(index), .. BitConverter.GetBytes(state), 0, 1,
            .. Attribute(1, ip.GetAddressBytes()), .. mac is null ? [] : Attribute(2, mac), .. Attribute(4, [1, 0, 0, 0]),
        ];
        return Message(28, body);
    }

    private static byte[] Attribute(ushort type, byte[] value) =>
        [.. BitConverter.GetBytes((ushort)(value.Length + 4)), .. BitConverter.GetBytes(type), .. value, .. new byte[(4 - (value.Length % 4)) % 4]];

    private static byte[] Message(ushort type, byte[] body) =>
        [.. BitConverter.GetBytes(body.Length + 16), .. BitConverter.GetBytes(type), 2, 0, .. BitConverter.GetBytes(1), .. BitConverter.GetBytes(0), .. body];
}
