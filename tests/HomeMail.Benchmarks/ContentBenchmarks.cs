using System.Text;
using BenchmarkDotNet.Attributes;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Text;

namespace HomeMail.Benchmarks;

/// <summary>A megabyte of content, and a header as large providers write them.</summary>
public class ContentBenchmarks
{
    private const int Megabyte = 1024 * 1024;

    private byte[] _wire = [];
    private byte[] _content = [];
    private byte[] _header = [];
    private byte[] _encoded = [];

    [GlobalSetup]
    public void SetUp()
    {
        var line = new string('x', 76) + "\r\n";
        var text = new StringBuilder();
        while (text.Length < Megabyte)
            text.Append(line);
        _content = Encoding.ASCII.GetBytes(text.ToString());
        _wire = [.. _content, .. ".\r\n"u8];
        _encoded = new byte[_content.Length * 2];
        text.Clear();
        for (var i = 0; i < 6; i++)
            text.Append("Received: from mail").Append(i).Append(".example.net (mail.example.net [192.0.2.1])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4ABCDEF\r\n\tfor <alice@example.org>; Sat, 14 Mar 2026 09:26:53 +0000\r\n");
        text.Append("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=s1;\r\n\th=from:to:subject:date; bh=").Append('A', 43).Append("=;\r\n\tb=").Append('B', 340).Append("\r\n");
        text.Append("Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.net\r\nFrom: Somebody <somebody@example.net>\r\nTo: alice@example.org\r\nSubject: hello\r\nDate: Sat, 14 Mar 2026 09:26:53 +0000\r\nMessage-ID: <1@example.net>\r\n\r\n");
        _header = Encoding.ASCII.GetBytes(text.ToString());
    }

    [Benchmark]
    public long DotDecoder()
    {
        var decoder = new ContentDecoder(transparent: true, normalise: false);
        long length = 0;
        // In blocks as the network gives them.
        for (var at = 0; at < _wire.Length; at += 4096)
        {
            var block = _wire.AsSpan(at, Math.Min(4096, _wire.Length - at));
            while (decoder.Read(block, out var used, out var content) == ContentStep.Content)
            {
                length += content.Length;
                block = block[used..];
            }
        }
        return length;
    }

    [Benchmark]
    public int DotEncoder()
    {
        var encoder = new DotEncoder(isChunk: false);
        encoder.Encode(_content, _encoded, out _, out var written);
        return written;
    }

    [Benchmark]
    public int HeaderScan()
    {
        using var buffer = new HeaderBuffer();
        var decoder = new ContentDecoder(transparent: true, normalise: false);
        var rest = _header.AsSpan();
        while (buffer.State == HeaderState.Open && decoder.Read(rest, out var used, out var content) == ContentStep.Content)
        {
            buffer.Append(content, out _);
            rest = rest[used..];
        }
        using var edited = new PooledWriter(buffer.Block.Length + 2);
        new HeaderEditor(["mail.example.org"], isSubmission: false).Edit(buffer.Block, edited, out var summary);
        return summary.ReceivedCount;
    }
}
