using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.Smtp;
using Xunit;

namespace HomeMail.Protocol.Tests.Smtp;

public class ContentDecoderTests
{
    private sealed record Outcome(string Content, bool Ended, bool Bare, int Used);

    /// <summary>Decodes an input that arrives in blocks of the sizes given (the last size again and again).</summary>
    private static Outcome Decode(ReadOnlySpan<byte> wire, bool transparent, bool normalise, params int[] blocks)
    {
        var decoder = new ContentDecoder(transparent, normalise);
        var content = new MemoryStream();
        var start = 0;
        for (var block = 0; start < wire.Length; block++)
        {
            var size = Math.Min(blocks.Length == 0 ? wire.Length : blocks[Math.Min(block, blocks.Length - 1)], wire.Length - start);
            var input = wire.Slice(start, size);
            start += size;
            while (true)
            {
                var step = decoder.Read(input, out var used, out var slice);
                content.Write(slice);
                input = input[used..];
                if (step == ContentStep.End)
                    return new Outcome(Text(content), true, decoder.HasBareLineEnding, start - input.Length);
                if (step == ContentStep.NeedMore)
                {
                    Assert.True(input.IsEmpty);
                    break;
                }
            }
        }
        if (!transparent)
        {
            decoder.Finish(out var last);
            content.Write(last);
        }
        return new Outcome(Text(content), false, decoder.HasBareLineEnding, start);
    }

    private static string Text(MemoryStream stream) => Encoding.Latin1.GetString(stream.ToArray());

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    [Fact]
    public void Dot_reader_cases_whole_and_cut_at_every_octet()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(SharedData.Path("smtp/chasquid-dotreader-cases.json")));
        var count = 0;
        foreach (var test in file.RootElement.GetProperty("cases").EnumerateArray())
        {
            count++;
            var wire = Bytes(test.GetProperty("wire").GetString()!);
            var expected = test.GetProperty("result").GetString()!;
            var body = test.GetProperty("bodyWithLf").GetString()!.Replace("\n", "\r\n", StringComparison.Ordinal);
            for (var cut = 0; cut <= wire.Length; cut++)
            {
                var outcome = Decode(wire, true, false, cut == 0 ? [Math.Max(1, wire.Length)] : [cut, Math.Max(1, wire.Length)]);
                // A size limit is the session's: here the content is whole, and ends.
                switch (expected)
                {
                    case "ok":
                        Assert.Equal(new Outcome(body, true, false, wire.Length), outcome);
                        break;
                    case "too-large":
                        Assert.True(outcome.Ended && !outcome.Bare);
                        Assert.StartsWith(body.TrimEnd('\r', '\n'), outcome.Content, StringComparison.Ordinal);
                        break;
                    case "unexpected-eof":
                        Assert.False(outcome.Ended);
                        break;
                    case "invalid-line-ending":
                        Assert.True(outcome.Bare);
                        break;
                    default:
                        Assert.Fail(expected);
                        break;
                }
            }
        }
        Assert.Equal(22, count);
    }

    [Fact]
    public void Smuggling_sequences_never_end_data()
    {
        using var file = JsonDocument.Parse(File.ReadAllText(SharedData.Path("smtp/smtp-smuggling-sequences.json")));
        var sequences = file.RootElement.GetProperty("inbound_eod_sequences").EnumerateArray()
            .Concat(file.RootElement.GetProperty("outbound_eod_sequences").EnumerateArray()).Select(s => s.GetString()!).ToList();
        Assert.True(sequences.Count >= 16);
        foreach (var sequence in sequences)
            foreach (var normalise in new[] { false, true })
            {
                var wire = Bytes("Subject: x\r\n\r\nbody" + sequence + "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
                for (var cut = 1; cut < wire.Length; cut++)
                {
                    var outcome = Decode(wire, true, normalise, cut, wire.Length);
                    Assert.True(outcome.Ended);
                    Assert.Equal(wire.Length - "QUIT\r\n".Length, outcome.Used);
                    Assert.True(outcome.Bare || sequence.Contains('\0', StringComparison.Ordinal));
                    if (normalise)
                        AssertOnlyCrLf(outcome.Content);
                }
            }
    }

    private static void AssertOnlyCrLf(string content)
    {
        var stripped = content.Replace("\r\n", "", StringComparison.Ordinal);
        Assert.DoesNotContain('\r', stripped);
        Assert.DoesNotContain('\n', stripped);
    }

    [Theory]
    [InlineData("a\nb\r\n.\r\n", "a\r\nb\r\n")]
    [InlineData("a\rb\r\n.\r\n", "a\r\nb\r\n")]
    [InlineData("a\n.\n.\r\nb\r\n.\r\n", "a\r\n\r\n\r\nb\r\n")]
    [InlineData("a\r\r\nb\r\n.\r\n", "a\r\n\r\nb\r\n")]
    [InlineData("\n\n..x\n\r\n.\r\n", "\r\n\r\n.x\r\n\r\n")]
    public void Normalises_where_asked(string wire, string content)
    {
        foreach (var size in new[] { 1, 2, 3, 1000 })
            Assert.Equal(new Outcome(content, true, true, wire.Length), Decode(Bytes(wire), true, true, size));
    }

    [Theory]
    [InlineData(".a\r\n..b\r\n.\r\n", ".a\r\n..b\r\n.\r\n", false)]
    [InlineData("x\r", "x\r", true)]
    [InlineData("x\ny", "x\ny", true)]
    public void Chunks_have_no_transparency(string wire, string content, bool bare)
    {
        foreach (var size in new[] { 1, 2, 1000 })
            Assert.Equal(new Outcome(content, false, bare, wire.Length), Decode(Bytes(wire), false, false, size));
    }

    [Property(MaxTest = 2000)]
    public FsCheck.Property Cut_anywhere_gives_the_same()
    {
        var piece = Gen.Elements("\r\n", "\r", "\n", ".", "..", "\r\n.\r\n", "a", "xyz", "\0", "\r\n.", "é");
        var input = from n in Gen.Choose(0, 30) from pieces in Gen.ArrayOf(piece, n) select string.Concat(pieces);
        return Prop.ForAll(
            Arb.From(from text in input
                     from cut in Gen.Choose(1, 40)
                     from transparent in Gen.Elements(true, false)
                     from normalise in Gen.Elements(true, false)
                     select (text, cut, transparent, normalise)),
            test =>
            {
                var wire = Bytes(test.text);
                var whole = Decode(wire, test.transparent, test.normalise);
                Assert.Equal(whole, Decode(wire, test.transparent, test.normalise, test.cut));
                Assert.Equal(whole, Decode(wire, test.transparent, test.normalise, 1));
                Assert.Equal(whole, Decode(wire, test.transparent, test.normalise, test.cut, wire.Length + 1));
                if (test.normalise)
                    AssertOnlyCrLf(whole.Ended || !whole.Content.EndsWith('\r') ? whole.Content : whole.Content[..^1]);
            });
    }
}
