using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.Dkim;
using Xunit;

namespace HomeMail.Protocol.Tests.Dkim;

public sealed class BodyHashTests
{
    // RFC 6376 3.4.5 and field cases; the last column is what is hashed.
    [Theory]
    [InlineData(" C \r\nD \t E\r\n\r\n\r\n", Canonicalization.Relaxed, " C\r\nD E\r\n")]
    [InlineData(" C \r\nD \t E\r\n\r\n\r\n", Canonicalization.Simple, " C \r\nD \t E\r\n")]
    [InlineData("", Canonicalization.Relaxed, "")]
    [InlineData("", Canonicalization.Simple, "\r\n")]
    [InlineData("\r\n\r\n", Canonicalization.Relaxed, "")]
    [InlineData("\r\n\r\n", Canonicalization.Simple, "\r\n")]
    [InlineData("Hello!\r\n  \r\n\r\n", Canonicalization.Relaxed, "Hello!\r\n")]
    [InlineData("Hello!\r\n  \r\n\r\n", Canonicalization.Simple, "Hello!\r\n  \r\n")]
    [InlineData("a\r\n     \r\nb\r\n     \r\n", Canonicalization.Relaxed, "a\r\n\r\nb\r\n")]
    [InlineData(" \t ", Canonicalization.Relaxed, "")]
    [InlineData("a", Canonicalization.Relaxed, "a\r\n")]
    [InlineData("a \t", Canonicalization.Relaxed, "a\r\n")]
    [InlineData("a", Canonicalization.Simple, "a\r\n")]
    [InlineData("a\rb \r c\r", Canonicalization.Relaxed, "a\rb \r c\r\r\n")]
    [InlineData("a\nb \n", Canonicalization.Relaxed, "a\nb \n\r\n")]
    public void CanonicalFormsAreTheStandards(string body, Canonicalization how, string expected)
    {
        var octets = Encoding.Latin1.GetBytes(body);
        for (var first = 0; first <= octets.Length; first++)
        {
            for (var second = first; second <= octets.Length; second++)
            {
                using var hash = new BodyHash(how);
                hash.Append(octets.AsSpan(0, first));
                hash.Append(octets.AsSpan(first, second - first));
                hash.Append(octets.AsSpan(second));
                Assert.Equal(Convert.ToHexString(SHA256.HashData(Encoding.Latin1.GetBytes(expected))), Convert.ToHexString(hash.Finish()));
                Assert.Equal(expected.Length, hash.CanonicalLength);
            }
        }
    }

    [Property(MaxTest = 2000)]
    public Property StreamingGivesWhatTheWholeGives()
    {
        var piece = Gen.Elements("a", " ", "\t", "\r\n", "\r", "\n", "xyz", new string('b', 1500), "\r\n\r\n", " \r\n");
        var cases = piece.ListOf().SelectMany(p => Gen.Choose(0, 3000).SelectMany(cut => Gen.Choose(-1, 50).Select(l => (string.Concat(p), cut, l))));
        return Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var (body, cut, limit) = c;
            var octets = Encoding.Latin1.GetBytes(body);
            cut = Math.Min(cut, octets.Length);
            var same = true;
            foreach (var how in new[] { Canonicalization.Simple, Canonicalization.Relaxed })
            {
                var canonical = Naive(body, how);
                using var hash = new BodyHash(how, limit < 0 ? null : limit);
                hash.Append(octets.AsSpan(0, cut));
                hash.Append(octets.AsSpan(cut));
                var counted = limit < 0 || limit > canonical.Length ? canonical : canonical[..limit];
                same &= hash.Finish().AsSpan().SequenceEqual(SHA256.HashData(Encoding.Latin1.GetBytes(counted))) && hash.CanonicalLength == canonical.Length;
            }
            return same;
        });
    }

    // The canonical form made from the whole, line by line.
    private static string Naive(string body, Canonicalization how)
    {
        var lines = body.Split("\r\n").ToList();
        if (how == Canonicalization.Relaxed)
        {
            for (var i = 0; i < lines.Count; i++)
            {
                var line = lines[i].TrimEnd(' ', '\t').Replace('\t', ' ');
                while (line.Contains("  ", StringComparison.Ordinal))
                    line = line.Replace("  ", " ", StringComparison.Ordinal);
                lines[i] = line;
            }
        }
        while (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        return lines.Count == 0 ? how == Canonicalization.Simple ? "\r\n" : "" : string.Join("\r\n", lines) + "\r\n";
    }
}
