using System.IO.Compression;
using System.Text;
using HomeMail.Server.Reports;
using Xunit;

namespace HomeMail.Server.Tests.Reports;

public sealed class ReportUnpackingTests
{
    private static byte[] Gzip(byte[] data)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize))
            gzip.Write(data);
        return packed.ToArray();
    }

    private static byte[] Zip(CompressionLevel level, params byte[][] entries)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZipArchive(packed, ZipArchiveMode.Create, true))
        {
            foreach (var entry in entries)
            {
                using var stream = zip.CreateEntry("r.xml", level).Open();
                stream.Write(entry);
            }
        }
        return packed.ToArray();
    }

    private static byte[] Unpack(byte[] packed)
    {
        using var stream = ReportUnpacking.Open(packed);
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    [Fact]
    public void Each_form_gives_the_same()
    {
        var xml = Encoding.UTF8.GetBytes("<feedback>" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"<a>{i}</a>")) + "</feedback>");
        Assert.Equal(xml, Unpack(xml));
        Assert.Equal(xml, Unpack(Gzip(xml)));
        Assert.Equal(xml, Unpack(Zip(CompressionLevel.Optimal, xml)));
        Assert.Equal(xml, Unpack(Zip(CompressionLevel.NoCompression, xml)));
    }

    [Fact]
    public void What_is_none_of_them_is_refused()
    {
        Assert.Throws<FormatException>(() => Unpack([]));
        Assert.Throws<FormatException>(() => Unpack("text"u8.ToArray()));
        Assert.Throws<FormatException>(() => Unpack("Rar!"u8.ToArray()));
        Assert.Throws<FormatException>(() => Unpack(Zip(CompressionLevel.Optimal)));
        Assert.Throws<FormatException>(() => Unpack(Zip(CompressionLevel.Optimal, "<a/>"u8.ToArray(), "<b/>"u8.ToArray())));
        Assert.Throws<FormatException>(() => Unpack(Zip(CompressionLevel.Optimal, "<a/>"u8.ToArray())[..40]));
    }

    [Fact]
    public void What_is_packed_twice_is_refused()
    {
        Assert.Throws<IOException>(() => Unpack(Gzip(Gzip("<a/>"u8.ToArray()))));
        Assert.Throws<IOException>(() => Unpack(Gzip(Zip(CompressionLevel.Optimal, "<a/>"u8.ToArray()))));
        Assert.Throws<IOException>(() => Unpack(Zip(CompressionLevel.Optimal, Gzip("<a/>"u8.ToArray()))));
    }

    [Fact]
    public void A_bomb_ends_at_the_bounds()
    {
        // Tags all over: only size and ratio can stop it.
        var bomb = new byte[64 * 1024 * 1024];
        for (var i = 0; i < bomb.Length; i += 4)
            "<a/>"u8.CopyTo(bomb.AsSpan(i));
        foreach (var packed in new[] { Gzip(bomb), Zip(CompressionLevel.Optimal, bomb) })
        {
            using var stream = ReportUnpacking.Open(packed);
            var read = 0L;
            var block = new byte[8192];
            Assert.Throws<IOException>(() =>
            {
                int count;
                while ((count = stream.Read(block)) > 0)
                    read += count;
            });
            Assert.InRange(read, 1, Math.Min(ReportUnpacking.MaxUnpacked, 64 * 1024 + (packed.Length * 200L)));
        }
    }

    // A name, an attribute or a text that is megabytes long would be held whole by an XML reader.
    [Theory]
    [InlineData("<feedback a=\"")]
    [InlineData("<")]
    [InlineData("<feedback>")]
    [InlineData("<feedback><!--")]
    public void A_stretch_without_tags_is_bounded(string start)
    {
        var xml = Encoding.UTF8.GetBytes(start + new string('x', 100_000));
        Assert.Throws<IOException>(() => Unpack(xml));
    }
}
