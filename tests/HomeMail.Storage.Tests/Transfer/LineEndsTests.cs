using System.Text;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Transfer;

public class LineEndsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "a")]
    [InlineData("\n", "\r\n")]
    [InlineData("a\nb\n", "a\r\nb\r\n")]
    [InlineData("a\r\nb", "a\r\nb")]
    [InlineData("a\rb\r", "a\rb\r")]
    [InlineData("\n\n\r\r\n\r", "\r\n\r\n\r\r\n\r")]
    public void Lf_becomes_crlf_wherever_it_is_cut(string from, string to)
    {
        for (var cut = 1; cut <= Math.Max(1, from.Length); cut++)
            for (var room = 2; room <= 5; room++)
                Assert.Equal(to, ToCrlf(from, cut, room));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("\r\n", "\n")]
    [InlineData("a\r\nb\r\n", "a\nb\n")]
    [InlineData("a\rb\r\r\n\r", "a\rb\r\n\r")]
    [InlineData("a\nb", "a\nb")]
    public void Crlf_becomes_lf_wherever_it_is_cut(string from, string to)
    {
        for (var cut = 1; cut <= Math.Max(1, from.Length); cut++)
            Assert.Equal(to, ToLf(from, cut));
    }

    [Fact]
    public void What_came_with_lf_goes_out_as_it_came()
    {
        var random = new Random(5);
        for (var round = 0; round < 2000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => "ab\n\r"[random.Next(4)]));
            while (text.Contains("\r\n", StringComparison.Ordinal))
                text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
            Assert.Equal(text, ToLf(ToCrlf(text, 1 + random.Next(5), 2 + random.Next(5)), 1 + random.Next(5)));
        }
    }

    private static string ToCrlf(string text, int cut, int room)
    {
        var from = Encoding.ASCII.GetBytes(text);
        var result = new StringBuilder();
        byte last = 0;
        for (var at = 0; at < from.Length;)
        {
            var to = new byte[room];
            at += LineEnds.ToCrlf(from.AsSpan(at, Math.Min(cut, from.Length - at)), to, ref last, out var written);
            result.Append(Encoding.ASCII.GetString(to, 0, written));
        }
        return result.ToString();
    }

    private static string ToLf(string text, int cut)
    {
        var from = Encoding.ASCII.GetBytes(text);
        var result = new StringBuilder();
        var held = false;
        for (var at = 0; at < from.Length; at += cut)
        {
            var part = from.AsSpan(at, Math.Min(cut, from.Length - at));
            var to = new byte[part.Length + 1];
            result.Append(Encoding.ASCII.GetString(to, 0, LineEnds.ToLf(part, to, ref held)));
        }
        return result.Append(held ? "\r" : "").ToString();
    }
}
