using System.IO.Compression;
using HomeMail.Protocol.Imap;
using Xunit;

namespace HomeMail.Protocol.Tests.Imap;

public class InflaterTests
{
    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.Optimal)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void What_was_compressed_comes_back_however_it_is_cut(CompressionLevel level)
    {
        var random = new Random(4978);
        for (var round = 0; round < 60; round++)
        {
            var plain = Text(random, random.Next(1, round < 50 ? 3000 : 120_000));
            var compressed = Compress(plain, level, random, finish: round % 2 == 0);
            Assert.Equal(plain, Inflate(compressed, random, round % 3 == 0 ? 1 : 700, out var inflater));
            Assert.Equal(round % 2 == 0, inflater.IsAtEnd);
        }
    }

    [Fact]
    public void What_it_keeps_grows_with_what_it_has_seen()
    {
        var random = new Random(1);
        Inflate(Compress(Text(random, 600), CompressionLevel.Optimal, random, false), random, 100, out var little);
        Assert.InRange(little.Held, 600, 1024);
        Inflate(Compress(Text(random, 200_000), CompressionLevel.Optimal, random, false), random, 100, out var much);
        Assert.Equal(32 * 1024, much.Held);
    }

    [Fact]
    public void Damage_is_found_or_gives_other_octets_but_never_an_exception()
    {
        var random = new Random(2);
        var output = new byte[4096];
        var wrong = 0;
        for (var round = 0; round < 3000; round++)
        {
            var compressed = round % 2 == 0 ? Compress(Text(random, 500), CompressionLevel.Optimal, random, true) : new byte[random.Next(1, 200)];
            if (round % 2 == 1)
                random.NextBytes(compressed);
            else
                compressed[random.Next(compressed.Length)] ^= (byte)(1 << random.Next(8));
            var inflater = new Inflater();
            for (var at = 0; at < compressed.Length && !inflater.IsAtEnd;)
            {
                if (!inflater.TryInflate(compressed.AsSpan(at), out var taken, output, out var written))
                {
                    wrong++;
                    break;
                }
                if (taken == 0 && written == 0)
                    break;
                at += taken;
            }
        }
        Assert.InRange(wrong, 1000, 3000);
    }

    [Theory]
    [InlineData("07")]
    [InlineData("0104000000")]
    [InlineData("030200")]
    public void What_is_no_DEFLATE_is_refused(string hex) =>
        Assert.False(new Inflater().TryInflate(Convert.FromHexString(hex), out _, new byte[100], out _));

    // Some of it new, some of it as it was up to 33,000 octets before.
    private static byte[] Text(Random random, int length)
    {
        var text = new byte[length];
        for (var i = 0; i < length;)
        {
            var run = Math.Min(random.Next(1, 300), length - i);
            if (i > 300 && random.Next(3) > 0)
                text.AsSpan(i - random.Next(run, Math.Min(i, 33_000)), run).CopyTo(text.AsSpan(i));
            else
                random.NextBytes(text.AsSpan(i, run));
            i += run;
        }
        return text;
    }

    private static byte[] Compress(byte[] plain, CompressionLevel level, Random random, bool finish)
    {
        var output = new MemoryStream();
        var deflate = new DeflateStream(output, level, leaveOpen: true);
        for (var at = 0; at < plain.Length;)
        {
            var count = Math.Min(random.Next(1, 5000), plain.Length - at);
            deflate.Write(plain, at, count);
            deflate.Flush();
            at += count;
        }
        if (finish)
            deflate.Dispose();
        return output.ToArray();
    }

    private static byte[] Inflate(byte[] compressed, Random random, int cut, out Inflater inflater)
    {
        inflater = new Inflater();
        var plain = new MemoryStream();
        var output = new byte[900];
        for (var at = 0; at < compressed.Length;)
        {
            var piece = compressed.AsSpan(at, Math.Min(random.Next(1, cut + 1), compressed.Length - at));
            at += piece.Length;
            while (true)
            {
                var room = output.AsSpan(0, random.Next(1, output.Length));
                Assert.True(inflater.TryInflate(piece, out var taken, room, out var written));
                plain.Write(room[..written]);
                piece = piece[taken..];
                if (piece.IsEmpty && written < room.Length)
                    break;
            }
        }
        return plain.ToArray();
    }
}
