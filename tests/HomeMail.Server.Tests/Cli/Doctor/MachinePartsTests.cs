using System.Net;
using HomeMail.Cli.Doctor;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;
using HomeMail.Server.Tests.Delivery;
using HomeMail.Server.Tests.Dns;
using HomeMail.Supervision;
using Xunit;
using static HomeMail.Server.Tests.Cli.Doctor.HousePartsTests;

namespace HomeMail.Server.Tests.Cli.Doctor;

/// <summary>What the doctor makes of facts about this machine: resolver, certificate, clock, disk and memory.</summary>
public sealed class MachinePartsTests
{
    private static readonly DateTimeOffset Now = new(2027, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    // fault, code, EDNS, TCP
    [InlineData(null, DnsResponseCode.NoError, true, true, "Ok ok")]
    [InlineData("time-out", DnsResponseCode.ServerFailure, false, false, "Trouble dead")]
    [InlineData(null, DnsResponseCode.NoError, true, false, "Attention no-tcp")]
    [InlineData(null, DnsResponseCode.NoError, false, true, "Attention no-edns")]
    [InlineData(null, DnsResponseCode.ServerFailure, true, true, "Attention no-root")]
    public void AResolverAnswersAndCanDoWhatMailNeeds(string? fault, DnsResponseCode code, bool edns, bool tcp, string expected)
    {
        var one = new ProbedResolver(new NameServer(new IPEndPoint(IPAddress.Loopback, 53), true), fault, code, edns, tcp, true);
        Is(expected, Assert.Single(ResolverPart.Judge([one])));
        if (fault is not null)
        {
            var findings = ResolverPart.Judge([one, one with { Fault = null, Code = DnsResponseCode.NoError, SpeaksEdns = true, SpeaksTcp = true }]);
            Is("Attention one-dead", findings[0]);
            Is("Ok ok", findings[1]);
        }
    }

    [Fact]
    public async Task AResolverIsTriedInAllWays()
    {
        await using var all = new LoopbackDnsServer(q => q.Respond().AuthenticData().Answer("", DnsType.Rrsig, Signature(Now)).Build());
        var probed = await ProbedResolver.AskAsync(new NameServer(all.EndPoint, true), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal((null, true, true), (probed.Fault, probed.SpeaksTcp, probed.Validates));
        Assert.Equal((Now, Now.AddDays(13)), probed.Signed);

        await using var old = new LoopbackDnsServer(q => q.Edns ? q.Respond(DnsResponseCode.FormatError).Build() : q.Respond().Build());
        probed = await ProbedResolver.AskAsync(new NameServer(old.EndPoint, true), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal((null, false, false, null), (probed.Fault, probed.SpeaksEdns, probed.Validates, probed.Signed));

        using var dead = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        dead.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        probed = await ProbedResolver.AskAsync(new NameServer((IPEndPoint)dead.LocalEndPoint!, true), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(("time-out", false), (probed.Fault, probed.SpeaksTcp));
    }

    // RFC 4034 3.1: type covered, algorithm, labels, original TTL, expiration, inception, key tag; then a name and the signature.
    private static byte[] Signature(DateTimeOffset from)
    {
        var data = new byte[18 + 1 + 64];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(8), (uint)from.AddDays(13).ToUnixTimeSeconds());
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(12), (uint)from.ToUnixTimeSeconds());
        return data;
    }

    [Theory]
    [InlineData("mail.home.example", -1, 40, "Ok ok")]
    [InlineData("mail.home.example", -1, 5, "Attention ends-soon")]
    [InlineData("mail.home.example", -30, -1, "Trouble expired")]
    [InlineData("mail.home.example", 2, 40, "Trouble too-early")]
    [InlineData("www.home.example", -1, 40, "Trouble other-name")]
    [InlineData("self", -1, 40, "Attention self-signed")]
    [InlineData("broken", 0, 0, "Trouble unreadable")]
    [InlineData("gone", 0, 0, "Trouble unreadable")]
    public void ACertificateIsInOrder(string name, int from, int to, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("homemail-certificate-");
        try
        {
            var path = Path.Combine(folder.FullName, "c.pem");
            if (name == "self")
            {
                HomeMail.Server.Net.TlsIdentity.LoadOrMake(folder.FullName, "mail.home.example", TimeProvider.System);
                path = Path.Combine(folder.FullName, "self-signed.crt");
            }
            else if (name != "gone")
            {
                using var certificate = TestCertificates.For(name, from, to);
                File.WriteAllText(path, name == "broken" ? "nonsense" : certificate.ExportCertificatePem());
            }
            var facts = CertificatePart.Read(path, "mail.home.example", DateTimeOffset.UtcNow);
            Is(expected, CertificatePart.Judge(facts, isOwn: false));
            if (name == "gone")
                Is("Attention unknown", CertificatePart.Judge(facts, isOwn: true));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Theory]
    // days between the clock and: the release, the signature's two ends, the latest file
    [InlineData(-30, -1, 12, -1, "Ok ok")]
    [InlineData(30, -1, 12, -1, "Trouble before-release")]
    [InlineData(-30, 1, 14, -1, "Trouble behind")]
    [InlineData(-30, -14, -1, -1, "Trouble ahead")]
    [InlineData(-30, -1, 12, 2, "Trouble set-back")]
    [InlineData(-30, 0, 0, 999, "Ok ok")] // nothing to compare with
    public void TheClockCanBeBelieved(int released, int from, int until, int file, string expected) => Is(expected, ClockPart.Judge(new(
        Now, Now.AddDays(released), from == until ? [] : [(Now.AddDays(from), Now.AddDays(until))], file == 999 ? null : Now.AddDays(file))));

    private static readonly string[] Mounts =
    [
        "overlay / overlay rw,relatime,lowerdir=/l 0 0",
        "/dev/sda1 /var ext4 rw,noatime 0 0",
        "tmpfs /var/lib/home\\040mail tmpfs rw,size=1k 0 0",
        "/dev/mmcblk0p2 /mnt/card ext4 rw 0 0",
        "host:/x /mnt/far nfs4 rw 0 0",
        "/dev/sdb1 /mnt/ro ext4 ro,errors=remount-ro 0 0",
        "overlayfs:/overlay /old overlay rw 0 0",
    ];

    [Theory]
    // folder, octets free and the floor in MB, octets written in GB in two hours
    [InlineData("/var/lib/homemail", 5000, 0, 0, "Ok ok")]
    [InlineData("/mnt/card/data", 5000, 100, 0, "Ok ok")]
    [InlineData("/var/lib/home mail", 5000, 0, 0, "Trouble memory")]
    [InlineData("/data", 5000, 0, 0, "Attention container")]
    [InlineData("/old/data", 5000, 0, 0, "Attention small-flash")]
    [InlineData("/mnt/far/data", 5000, 0, 0, "Attention network")]
    [InlineData("/mnt/ro/data", 5000, 0, 0, "Trouble read-only")]
    [InlineData("/var/lib/homemail", 10, 0, 0, "Trouble full")]
    [InlineData("/var/lib/homemail", 90, 100, 0, "Trouble full")]
    [InlineData("/var/lib/homemail", 150, 100, 0, "Attention nearly-full")]
    [InlineData("/var/lib/home mail", 10, 0, 0, "Trouble memory; Trouble full")]
    [InlineData("/mnt/card/data", 5000, 0, 3, "Attention many-writes")]
    [InlineData("/mnt/card/data", -1, 0, 0, "Attention unknown")]
    public void MailIsKeptOnSomethingThatKeepsIt(string folder, int free, int floor, int written, string expected)
    {
        var findings = DiskPart.Judge(new(
            folder, DataPlace.Of(folder, Mounts), free < 0 ? null : (long)free << 20, 8L << 30, (long)floor << 20, (long)written << 30, TimeSpan.FromHours(2)));
        Assert.Equal(expected, string.Join("; ", findings.Select(f => $"{f.Health} {f.Code}")));
    }

    [Theory]
    // limit, total, available, resident, heap in MB
    [InlineData(32, 512, 300, 20, 8, "Ok ok")]
    [InlineData(32, 512, 30, 20, 8, "Ok ok")] // it has its share already
    [InlineData(32, 512, 20, 0, 0, "Attention little")]
    [InlineData(64, 64, 50, 0, 0, "Trouble more-than-there-is")]
    [InlineData(32, 512, 300, 40, 30, "Attention heap-full")]
    [InlineData(32, -1, 0, 0, 0, "Attention unknown")]
    public void ThereIsTheMemoryThatWasPromised(int limit, int total, int available, int resident, int heap, string expected) => Is(expected, MemoryPart.Judge(new(
        (long)limit << 20, total < 0 ? null : (long)total << 20, total < 0 ? null : (long)available << 20, (long)resident << 20, (long)heap << 20)));
}
