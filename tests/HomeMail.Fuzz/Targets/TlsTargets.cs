using System.Text;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.MtaSts;

namespace HomeMail.Fuzz.Targets;

/// <summary>What strangers publish about encryption to their hosts.</summary>
public static class TlsTargets
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

    /// <summary>TXT records of MTA-STS.</summary>
    public static FuzzTarget Record { get; } = new(
        "sts-record", RunRecord, ["v=STSv1; id=20160831085700Z;", "v=STSv1 ; x=y; id=1"], ["v=STSv1", ";", " ", "\t", "id=", "=", "1", "z", "\0", "\xc3\xbc"]);

    /// <summary>MTA-STS policies.</summary>
    public static FuzzTarget Policy { get; } = new(
        "sts-policy", RunPolicy, ["version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n", "version: STSv1\nmode: none\nmax_age: 1\n"],
        ["version: STSv1", "mode: ", "enforce", "testing", "none", "mx: ", "*.", "max_age: ", "9999999999", ":", "\r\n", "\n", "\r", " ", "\t", ".", "-", "\0", "\xc3\xbc"]);

    /// <summary>Answers of the web servers that policies come from.</summary>
    public static FuzzTarget Http { get; } = new(
        "http-answer", RunHttp,
        [Answer + "Content-Length: 3\r\n\r\nabc", Answer + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.0 404 No\r\n\r\nx"],
        ["HTTP/1.1 ", "200", "Content-Length: ", "Transfer-Encoding: chunked", "Content-Encoding: gzip", "\r\n", "\r\n\r\n", "ffffffff", "7fffffff", "0\r\n", ";", ":", "-1", " ", "\0"]);

    /// <summary>Certificates, as far as DANE takes them apart itself.</summary>
    public static FuzzTarget Certificate { get; } = new(
        "certificate-key", RunCertificate,
        ["\x30\x17\x30\x15\xa0\x03\x02\x01\x02\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30\x00\x30\x03\x03\x01\x00"],
        ["\x30", "\x30\x80", "\x30\x84\xff\xff\xff\xff", "\xa0", "\x02\x01", "\x03", "\x00\x00"]);

    private static void RunRecord(ReadOnlySpan<byte> input)
    {
        var text = Encoding.Latin1.GetString(input);
        if (StsRecord.FindId([text]) is not { } id)
            return;
        FuzzException.Check(id.Length is > 0 and <= 32 && id.All(char.IsAsciiLetterOrDigit), "an id that is none");
        FuzzException.Check(StsRecord.FindId([text, text]) is null, "two records are one");
    }

    private static void RunPolicy(ReadOnlySpan<byte> input)
    {
        var policy = StsPolicy.Parse(input, out var problem);
        FuzzException.Check(policy is null == problem.Length > 0, "neither a policy nor a reason");
        if (policy is null)
            return;
        FuzzException.Check(policy.MaxAge >= TimeSpan.Zero && policy.MaxAge.TotalDays < 366, "an age out of bounds");
        FuzzException.Check(policy.Mode == StsMode.None || policy.Hosts.Count > 0, "no host");
        FuzzException.Check(!policy.Allows("") && !policy.Allows("."), "the root is allowed");
        foreach (var host in policy.Hosts)
            FuzzException.Check(policy.Allows(host.Replace("*", "x", StringComparison.Ordinal)), "a named host is not allowed");
    }

    private static void RunHttp(ReadOnlySpan<byte> input)
    {
        var progress = HttpAnswer.Read(input, false, 1000, out var answer);
        FuzzException.Check(progress == HttpProgress.Complete == (answer is not null), "an answer that is none");
        FuzzException.Check(HttpAnswer.Read(input, true, 1000, out var last) != HttpProgress.NeedMore, "more is needed after the end");
        FuzzException.Check((answer?.Content.Length ?? 0) <= 1000 && (last?.Content.Length ?? 0) <= 1000, "too much content");
        // What is whole stays what it is, whatever comes behind it.
        if (answer is not null)
            FuzzException.Check(HttpAnswer.Read([.. input, .. "x"u8], false, 1000, out var again) == HttpProgress.Complete && again!.Content.AsSpan().SequenceEqual(answer.Content), "what follows changes it");
    }

    private static void RunCertificate(ReadOnlySpan<byte> input)
    {
        var octets = input.ToArray();
        if (!Tlsa.TryPublicKeyInfo(octets, out var key))
            return;
        FuzzException.Check(input.IndexOf(key.Span) >= 0, "a key that is not in it");
        FuzzException.Check(Tlsa.Matches(1, 0, key.Span, octets), "the key does not match itself");
    }
}
