using HomeMail.Supervision;
using Xunit;

namespace HomeMail.Server.Tests.Supervision;

public sealed class DataPlaceTests : IDisposable
{
    // A router with a stick in it, as it shows itself.
    private static readonly string[] Router =
    [
        "/dev/root /rom squashfs ro,relatime,errors=continue 0 0",
        "proc /proc proc rw,nosuid,nodev,noexec,noatime 0 0",
        "tmpfs /tmp tmpfs rw,nosuid,nodev,noatime 0 0",
        "/dev/ubi0_1 /overlay ubifs rw,noatime,assert=read-only,ubi=0,vol=1 0 0",
        "overlayfs:/overlay / overlay rw,noatime,lowerdir=/,upperdir=/overlay/upper,workdir=/overlay/work 0 0",
        "/dev/sda1 /mnt/my\\040stick ext4 rw,relatime 0 0",
        "bad",
        "tmpfs /mnt/twice tmpfs rw 0 0",
        "/dev/sdb1 /mnt/twice f2fs rw 0 0",
    ];

    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;

    public void Dispose() => Directory.Delete(_root, true);

    [Theory]
    [InlineData("/srv/homemail", "Overlay", "/")]
    [InlineData("/tmp/lib/homemail", "Memory", "/tmp")]
    [InlineData("/tmpfiles/homemail", "Overlay", "/")]
    [InlineData("/overlay/homemail", "Flash", "/overlay")]
    [InlineData("/mnt/my stick/homemail", "Disk", "/mnt/my stick")]
    [InlineData("/mnt/my stick", "Disk", "/mnt/my stick")]
    [InlineData("/mnt/twice/homemail", "Disk", "/mnt/twice")]
    public void A_folder_is_on_the_innermost_and_latest_mount(string folder, string kind, string mount)
    {
        var place = DataPlace.Of(folder, Router)!.Value;
        Assert.Equal((kind, mount), (place.Kind.ToString(), place.Mount));
        Assert.Equal(kind == "Disk", place.Warning is null);
    }

    [Fact]
    public void Links_lead_to_where_data_is_also_before_it_is_there()
    {
        // As on OpenWrt, where /var is a link into memory.
        var memory = Directory.CreateDirectory(Path.Combine(_root, "tmp")).FullName;
        File.CreateSymbolicLink(Path.Combine(_root, "var"), "./x/../tmp");
        var table = Path.Combine(_root, "mounts");
        File.WriteAllLines(table, ["/dev/vda / ext4 rw 0 0", $"tmpfs {memory} tmpfs rw 0 0"]);
        Assert.Equal(PlaceKind.Memory, DataPlace.Of(Path.Combine(_root, "var", "lib", "homemail"), table)!.Value.Kind);
        Assert.Equal(PlaceKind.Disk, DataPlace.Of(Path.Combine(_root, "lib", "homemail"), table)!.Value.Kind);
        // A link in a circle is no endless loop.
        File.CreateSymbolicLink(Path.Combine(_root, "circle"), "circle");
        Assert.Equal(PlaceKind.Disk, DataPlace.Of(Path.Combine(_root, "circle", "x"), table)!.Value.Kind);
    }

    [Fact]
    public void Without_a_table_nothing_is_said()
    {
        Assert.Null(DataPlace.Of("/srv", Path.Combine(_root, "absent")));
        Assert.Null(DataPlace.Of("/srv", []));
    }
}
