// needs: python3-dkim opendkim
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Protocol.Dkim;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;
using static HomeMail.Server.Tests.Authentication.DkimMessages;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>Our signatures before dkimpy and OpenDKIM, and theirs before us, over messages of odd form.</summary>
public sealed partial class DkimInteropTests : IDisposable
{
    private const int Count = 220;
    private const string Python = "/usr/bin/python3";
    private const string OpenDkim = "/usr/sbin/opendkim";

    private const string VerifyScript = """
        import dkim, glob, sys
        keys = dict(line.rstrip('\n').split('\t') for line in open('keys'))
        find = lambda name, timeout=5: keys.get(name.decode().rstrip('.'), '').encode()
        for path in sorted(glob.glob('*.eml')):
            message = open(path, 'rb').read()
            fates = []
            for index in range(int(sys.argv[1])):
                try:
                    fates.append(dkim.DKIM(message).verify(idx=index, dnsfunc=find))
                except Exception as problem:
                    fates.append(problem)
            print(path, *fates)
        """;

    private const string SignScript = """
        import base64, dkim, glob
        rsa = open('rsa.pem', 'rb').read()
        seed = open('seed', 'rb').read()
        forms = [(a, b) for a in (b'simple', b'relaxed') for b in (b'simple', b'relaxed')]
        for number, path in enumerate(sorted(glob.glob('*.eml'))):
            message = open(path, 'rb').read()
            # An older signature in the message is one of its odd fields, and dkimpy signs no field of that name.
            signature = dkim.sign(message, b'hm1', b'example.org', rsa, canonicalize=forms[number % 4], length=number % 5 == 0)
            signature += dkim.sign(message, b'hm1-ed', b'example.org', base64.b64encode(seed), canonicalize=forms[number // 4 % 4],
                                   signature_algorithm=b'ed25519-sha256')
            open(path, 'wb').write(signature + message)
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("homemail-dkim-interop-");

    public void Dispose() => _folder.Delete(true);

    [Fact]
    public async Task DkimpyVerifiesWhatWeSign()
    {
        Needs(Python, "/usr/lib/python3/dist-packages/dkim");
        await WriteSignedAsync(false, Rsa, Ed25519);
        await File.WriteAllTextAsync(In("keys"), string.Concat(new[] { Rsa, Ed25519 }.Select(k => $"{k.RecordName}\t{k.RecordText}\n")));
        var lines = (await RunAsync(Python, "-c", VerifyScript, "2")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Count, lines.Length);
        Assert.All(lines, l => Assert.EndsWith(".eml True True", l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WeVerifyWhatDkimpySigns()
    {
        Needs(Python, "/usr/lib/python3/dist-packages/dkim");
        foreach (var (path, header, body) in Numbered())
            await File.WriteAllBytesAsync(path, Octets(header + body));
        await File.WriteAllTextAsync(In("rsa.pem"), Rsa.ToPem());
        await File.WriteAllBytesAsync(In("seed"), Convert.FromBase64String(Ed25519.ToPem().Split('\n')[1])[16..]);
        await RunAsync(Python, "-c", SignScript);
        foreach (var (path, _, _) in Numbered())
            await AssertOursAreGoodAsync(Encoding.Latin1.GetString(await File.ReadAllBytesAsync(path)), 2, path);
    }

    [Fact]
    public async Task OpenDkimVerifiesWhatWeSign()
    {
        Needs(OpenDkim, OpenDkim);
        await WriteSignedAsync(true, Rsa);
        var output = await RunOpenDkimAsync($"Mode v\nAlwaysAddARHeader yes\nAuthservID test\nOn-BadSignature accept\nOn-DNSError accept\n");
        Assert.Equal(Count, Regex.Count(output, @"verification \(s=hm1, d=example\.org, 2048-bit key\) succeeded"));
        Assert.Equal(Count, Regex.Count(output, @"dkim=pass \(2048-bit key\) header\.d=example\.org"));
    }

    [Theory]
    [InlineData("simple/simple")]
    [InlineData("simple/relaxed")]
    [InlineData("relaxed/simple")]
    [InlineData("relaxed/relaxed")]
    public async Task WeVerifyWhatOpenDkimSigns(string form)
    {
        Needs(OpenDkim, OpenDkim);
        var messages = Numbered(true);
        foreach (var (path, header, body) in messages)
            await File.WriteAllBytesAsync(path, Octets(header + body));
        await File.WriteAllTextAsync(In("rsa.pem"), Rsa.ToPem());
        var output = await RunOpenDkimAsync(
            $"Mode s\nDomain example.org\nSelector hm1\nKeyFile {In("rsa.pem")}\nCanonicalization {form}\nSignatureAlgorithm rsa-sha256\nInternalHosts 0.0.0.0/0\n");
        var signatures = Inserted().Matches(output).Select(m => "DKIM-Signature: " + m.Groups[1].Value.Replace("\n", "\r\n", StringComparison.Ordinal)).ToList();
        Assert.Equal(messages.Count, signatures.Count);
        for (var i = 0; i < messages.Count; i++)
            await AssertOursAreGoodAsync($"{signatures[i]}\r\n{messages[i].Header}{messages[i].Body}", 1, messages[i].Path);
    }

    [GeneratedRegex(@"### INSHEADER: idx=\d+ hname='DKIM-Signature' hvalue='\s?(.*?)'\n", RegexOptions.Singleline)]
    private static partial Regex Inserted();

    private static async Task AssertOursAreGoodAsync(string message, int signatures, string what)
    {
        var end = message.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        var verdicts = (await VerifyAsync(Zone(), message[..end], message[end..])).Take(signatures).ToList();
        Assert.All(verdicts, v => Assert.True(v.Result == DkimResult.Pass, $"{what}: {v.Reason}\n{message[..end]}"));
        Assert.Equal(signatures, verdicts.Count);
    }

    private static void Needs(string program, string path)
    {
        Assert.SkipWhen(
            !(File.Exists(program) && Path.Exists(path)) && Environment.GetEnvironmentVariable("CI") != "true", $"{path} is not installed");
    }

    private List<(string Path, string Header, string Body)> Numbered(bool forMilter = false) =>
        [.. OddMessages.Make(Count, forMilter).Select((m, i) => (In($"{i:d3}.eml"), m.Header, m.Body))];

    private async Task WriteSignedAsync(bool forMilter, params DkimKey[] keys)
    {
        foreach (var (path, header, body) in Numbered(forMilter))
            await File.WriteAllBytesAsync(path, Octets(await SignAsync(header, body, keys) + body));
    }

    private string In(string name) => Path.Combine(_folder.FullName, name);

    private async Task<string> RunOpenDkimAsync(string settings)
    {
        await File.WriteAllTextAsync(In("dns"), $"{Rsa.RecordName} {Rsa.RecordText}\n");
        await File.WriteAllTextAsync(In("opendkim.conf"), $"{settings}RequireSafeKeys no\nTestDNSData {In("dns")}\n");
        return await RunAsync(OpenDkim, "-x", In("opendkim.conf"), "-vv", "-t", string.Join(',', Numbered().Select(m => m.Path)));
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.Latin1,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var all = output + await error;
        Assert.True(process.ExitCode == 0, all);
        return all;
    }
}
