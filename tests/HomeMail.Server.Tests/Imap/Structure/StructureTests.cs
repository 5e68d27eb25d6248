using System.Buffers;
using System.Text;
using HomeMail.Server.Imap.Structure;
using Xunit;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>Structure, sections, decoding and search of messages that are broken, large or in other charsets.</summary>
public sealed class StructureTests
{
    private const string Two = "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nX-Long: one\r\n two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n" +
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=\r\n=DFe  \r\nend\r\n--b\r\n" +
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+SGFs\r\nbG88L3A+\r\n--b--\r\n";

    [Theory]
    [InlineData("Content-Type: multipart/mixed\r\n\r\nx", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)")]
    [InlineData("Content-Type: multipart/mixed; boundary=b\r\n\r\nx", "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")")]
    [InlineData("Content-Type: X-ZIP\r\n\r\nx", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)")]
    [InlineData("Content-Type: a/b; x=\"q\\\"q\"\r\n\r\nx", "(\"a\" \"b\" (\"x\" \"q\\\"q\") NIL NIL \"7bit\" 1)")]
    [InlineData("Content-Type: a/b; n*0*=u''a; n*1=b\r\n\r\nx", "(\"a\" \"b\" (\"n*\" \"u''ab\") NIL NIL \"7bit\" 1)")]
    [InlineData("", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)")]
    public void Broken_types_have_a_valid_answer(string message, string expected) =>
        Assert.Equal(expected, GoldenStructureTests.Written(o => StructureWriter.WriteBody(o, Read(message))));

    [Theory]
    [InlineData("From: a@b.c, \"D E\" <d@e.f>", "((NIL NIL \"a\" \"b.c\")(\"D E\" NIL \"d\" \"e.f\"))")]
    [InlineData("From: G: x@y.z, w@v.u;", "((NIL NIL \"G\" NIL)(NIL NIL \"x\" \"y.z\")(NIL NIL \"w\" \"v.u\")(NIL NIL NIL NIL))")]
    [InlineData("From: a@b.c (Name)", "((\"Name\" NIL \"a\" \"b.c\"))")]
    [InlineData("From: N <@r.s,@t.u:a@b.c>", "((\"N\" \"@r.s,@t.u\" \"a\" \"b.c\"))")]
    [InlineData("From: N <a@[192.0.2.1]>", "((\"N\" NIL \"a\" \"[192.0.2.1]\"))")]
    public void Addresses_are_taken_apart(string header, string expected)
    {
        var all = GoldenStructureTests.Written(o => StructureWriter.WriteEnvelope(o, Read(header + "\r\n\r\n").Root));
        Assert.Equal($"(NIL NIL {expected} {expected} {expected} NIL NIL NIL NIL NIL)", all);
    }

    // RFC 2046 5.1.5 speaks of a missing Content-Type only; a broken one is text/plain anywhere (RFC 2045 5.2).
    [Theory]
    [InlineData("", "message/rfc822")]
    [InlineData("Content-Type: text\r\n", "text/plain")]
    [InlineData("Content-Type: text/\r\n", "text/plain")]
    [InlineData("Content-Type: /plain\r\n", "text/plain")]
    [InlineData("Content-Type:\r\n", "text/plain")]
    [InlineData("Content-Type: text/html\r\n", "text/html")]
    public void A_digests_part_is_a_message_only_where_it_names_no_type(string field, string type)
    {
        var structure = Read($"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n{field}\r\nSubject: s\r\n\r\nx\r\n--b--\r\n");
        var content = structure.Root.Children[0].Content;
        Assert.Equal(type, $"{content.Type}/{content.Subtype}");
        Assert.Equal(type == "message/rfc822" ? PartKind.Message : PartKind.Leaf, structure.Root.Children[0].Kind);
    }

    [Fact]
    public void Sections_are_found_and_missing_ones_are_not()
    {
        var structure = Read(Two);
        Assert.True(structure.TryLocate([1], SectionText.Whole, out var first));
        Assert.Equal("Sch=F6ne Gr=FC=\r\n=DFe  \r\nend", Text(Two, first));
        Assert.True(structure.TryLocate([], SectionText.Whole, out var all));
        Assert.Equal(Two, Text(Two, all));
        Assert.Equal("Subject", Text(Two, all.Partial(0, 7)));
        Assert.Equal("", Text(Two, all.Partial(100_000, 7)));
        Assert.False(structure.TryLocate([3], SectionText.Whole, out _));
        Assert.False(structure.TryLocate([1, 1], SectionText.Whole, out _));
        Assert.False(structure.TryLocate([1], SectionText.Header, out _));
        Assert.False(structure.TryLocate([], SectionText.Mime, out _));
        Assert.Null(structure.Find([0]));
    }

    [Fact]
    public void Named_fields_are_given_whole()
    {
        var structure = Read(Two);
        Assert.True(structure.TryLocate([], SectionText.Header, out var header));
        Assert.Equal("X-Long: one\r\n two\r\n\r\n", GoldenStructureTests.Written(o => HeaderFieldFilter.Write(Stream(Two), header, ["x-long", "none"], false, o)));
        Assert.Equal("X-Long: one\r\n two\r\n\r\n", GoldenStructureTests.Written(o => HeaderFieldFilter.Write(Stream(Two), header, ["SUBJECT", "content-type"], true, o)));
    }

    [Fact]
    public void Binary_decodes()
    {
        var structure = Read(Two);
        Assert.Equal("Sch\u00f6ne Gr\u00fc\u00dfe\r\nend", Decoded(structure, 1));
        Assert.Equal("<p>Hallo</p>", Decoded(structure, 2));
        Assert.Equal(TransferEncoding.Unknown, ContentDecoder.Of("x-uuencode"));
    }

    [Theory]
    [InlineData("a=3D=3", "a==3")]
    [InlineData("a =\r\n b", "a  b")]
    [InlineData("a=\tb", "ab")]
    [InlineData("a=ZZ", "a=ZZ")]
    [InlineData("a\rb", "a\rb")]
    public void Quoted_printable_is_the_same_at_every_split(string encoded, string expected)
    {
        for (var split = 0; split <= encoded.Length; split++)
        {
            var decoder = new ContentDecoder(TransferEncoding.QuotedPrintable);
            var output = new byte[200];
            var length = decoder.Decode(Encoding.Latin1.GetBytes(encoded[..split]), output);
            length += decoder.Decode(Encoding.Latin1.GetBytes(encoded[split..]), output.AsSpan(length));
            length += decoder.Finish(output.AsSpan(length));
            Assert.Equal(expected, Encoding.Latin1.GetString(output, 0, length));
        }
    }

    [Theory]
    [InlineData("GR\u00dc\u00dfE", true)]
    [InlineData("hallo", true)]
    [InlineData("sch\u00f6ne", true)]
    [InlineData("nowhere", false)]
    public void Text_is_found_decoded(string text, bool isThere) => Assert.Equal(isThere, TextSearch.IsInMessage(Stream(Two), Read(Two), text));

    [Theory]
    [InlineData("windows-1251", "cff0e8e2e5f2", "\u043f\u0440\u0438\u0432\u0435\u0442")]
    [InlineData("koi8-r", "f0d2c9d7c5d4", "\u043f\u0440\u0438\u0432\u0435\u0442")]
    [InlineData("iso-8859-15", "a4", "\u20ac")]
    [InlineData("gbk", "c4e3bac3", "\u4f60\u597d")]
    [InlineData("big5", "a741a66e", "\u4f60\u597d")]
    [InlineData("euc-kr", "beC8b3e7", "\uc548\ub155")]
    [InlineData("iso-2022-jp", "1b2442467c4b5c1b2842", "\u65e5\u672c")]
    [InlineData("shift_jis", "93fa967b", "\u65e5\u672c")]
    public void Charsets_of_a_house_are_read(string charset, string octets, string text)
    {
        var message = $"Content-Type: text/plain; charset={charset}\r\n\r\n" + Encoding.Latin1.GetString(Convert.FromHexString(octets));
        Assert.True(TextSearch.IsInBody(Stream(message), Read(message), text));
    }

    [Fact]
    public void Text_is_found_across_blocks()
    {
        for (var shift = 8180; shift < 8200; shift++)
        {
            var message = "\r\n" + new string('x', shift) + "needle";
            Assert.True(TextSearch.IsInBody(Stream(message), Read(message), "NEEDLE"));
        }
    }

    [Fact]
    public void A_preview_is_plain_and_short()
    {
        Assert.Equal("Sch\u00f6ne Gr\u00fc\u00dfe end", MessagePreview.Of(Stream(Two), Read(Two)));
        var html = "Content-Type: text/html\r\n\r\n<style>p{}</style><p>A &amp; B</p>" + new string('y', 500);
        Assert.Equal("A & B " + new string('y', 194), MessagePreview.Of(Stream(html), Read(html)));
    }

    [Fact]
    public void A_summary_reads_the_header_only()
    {
        var message = "Date: Tue, 27 Jun 2017 14:58:39 +1000\r\nSubject: Re: =?utf-8?Q?=C3=BC?=\r\nFrom: N <a@b.c>\r\nReferences: <1@x>\r\n <2@x>\r\nMessage-ID: <3@x>\r\n\r\nbody";
        var summary = HeaderSummary.Read(Stream(message));
        Assert.Equal(new DateTimeOffset(2017, 6, 27, 14, 58, 39, TimeSpan.FromHours(10)), summary.Date);
        Assert.Equal(("\u00fc", true, "a", "N", "3@x"), (summary.Subject, summary.IsReplyOrForward, summary.From, summary.DisplayFrom, summary.MessageId));
        Assert.Equal(["1@x", "2@x"], summary.References);
    }

    [Fact]
    public void Many_parts_and_large_bodies_cost_little()
    {
        var many = new StringBuilder("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
        for (var i = 0; i < 100_000; i++)
            many.Append("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n");
        var octets = Encoding.Latin1.GetBytes(many.ToString());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var structure = MessageStructureReader.Read(new MemoryStream(octets));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3_000_000);
        Assert.True(structure.IsTruncated);
        Assert.Equal(1000, structure.PartCount);

        octets = new byte[25 * 1024 * 1024];
        octets.AsSpan().Fill((byte)'x');
        "Subject: a\r\n\r\n"u8.CopyTo(octets);
        before = GC.GetAllocatedBytesForCurrentThread();
        structure = MessageStructureReader.Read(new MemoryStream(octets));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(octets.Length - 14, structure.Root.BodyLength);
    }

    [Fact]
    public void Depth_has_a_limit()
    {
        var deep = new StringBuilder();
        for (var i = 0; i < 5_000; i++)
            deep.Append("Content-Type: message/rfc822\r\n\r\n");
        var structure = Read(deep.ToString());
        Assert.True(structure.IsTruncated);
        Assert.InRange(structure.PartCount, 50, 52);
        Assert.EndsWith(")", GoldenStructureTests.Written(o => StructureWriter.WriteBodyStructure(o, structure)));
    }

    private static MessageStructure Read(string message) => MessageStructureReader.Read(Stream(message));

    private static MemoryStream Stream(string message) => new(Encoding.Latin1.GetBytes(message));

    private static string Text(string message, SectionRange range) => message.Substring((int)range.Offset, (int)range.Length);

    private static string Decoded(MessageStructure structure, int number)
    {
        var part = structure.Find([number])!;
        var range = new SectionRange(part.BodyOffset, part.BodyLength);
        var output = new ArrayBufferWriter<byte>();
        BinarySection.Decode(Stream(Two), range, ContentDecoder.Of(part), octets => output.Write(octets));
        Assert.Equal(output.WrittenCount, BinarySection.Size(Stream(Two), range, ContentDecoder.Of(part)));
        return part.Content.Is("text", "html") ? Encoding.UTF8.GetString(output.WrittenSpan) : Encoding.Latin1.GetString(output.WrittenSpan);
    }
}
