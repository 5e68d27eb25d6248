// needs: libopendmarc2
using System.Diagnostics;
using HomeMail.Protocol.Dmarc;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>Our verdicts beside those of libopendmarc (RFC 7489), where the two standards agree; where they differ, the difference is the standard's.</summary>
public sealed class DmarcInteropTests
{
    private const string Python = "/usr/bin/python3";
    private const string Library = "/usr/lib/x86_64-linux-gnu/libopendmarc.so.2";

    // Reads author, domain of the record, record, SPF domain, DKIM domain; prints the code of what to enforce.
    private const string Script = """
        import ctypes, sys
        lib = ctypes.CDLL(sys.argv[1])
        lib.opendmarc_policy_connect_init.restype = ctypes.c_void_p
        for name in ('store_from_domain', 'store_spf', 'store_dkim', 'store_dmarc', 'connect_shutdown'):
            function = getattr(lib, 'opendmarc_policy_' + name)
            function.argtypes = {'store_from_domain': [ctypes.c_void_p, ctypes.c_char_p],
                'store_spf': [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p],
                'store_dkim': [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p],
                'store_dmarc': [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p],
                'connect_shutdown': [ctypes.c_void_p]}[name]
        lib.opendmarc_get_policy_to_enforce.argtypes = [ctypes.c_void_p]
        assert lib.opendmarc_tld_read_file(sys.argv[2].encode(), None, None, None) == 0
        for line in sys.stdin.buffer:
            author, at, record, spf, dkim = line.rstrip(b'\n').split(b'\t')
            context = lib.opendmarc_policy_connect_init(b'192.0.2.1', 4)
            lib.opendmarc_policy_store_from_domain(context, author)
            if spf: lib.opendmarc_policy_store_spf(context, spf, 1, 1, None)
            if dkim: lib.opendmarc_policy_store_dkim(context, dkim, b's', 1, None)
            lib.opendmarc_policy_store_dmarc(context, record, author, at if at != author else None)
            print(lib.opendmarc_get_policy_to_enforce(context))
            lib.opendmarc_policy_connect_shutdown(context)
        """;

    [Fact]
    public async Task VerdictsAgreeWhereTheStandardsDo()
    {
        Assert.SkipWhen(!(File.Exists(Python) && File.Exists(Library)) && Environment.GetEnvironmentVariable("CI") != "true", $"{Library} is not installed");
        string?[] identifiers =
            [null, "example.com", "mail.example.com", "other.example.com", "a.b.example.com", "example.net", "evilexample.com", "com", "EXAMPLE.COM", "x.org.uk"];
        string[] records =
        [
            "v=DMARC1; p=none", "v=DMARC1; p=quarantine", "v=DMARC1; p=reject", "v=DMARC1; p=reject; sp=quarantine", "v=DMARC1; p=none; sp=reject",
            "v=DMARC1; p=reject; adkim=s", "v=DMARC1; p=reject; aspf=s", "v=DMARC1; p=quarantine; adkim=s; aspf=s", "v=DMARC1;p=reject;rua=mailto:a@example.com;fo=1",
        ];
        var cases = new List<(string Author, string At, string Record, string? Spf, string? Dkim)>();
        foreach (var author in new[] { "example.com", "mail.example.com", "a.b.example.com" })
        {
            // A subdomain's own record with sp= is left out: RFC 7489 would apply it there, RFC 9989 4.7 does not.
            foreach (var record in records)
                for (var i = 0; i < identifiers.Length; i++)
                    cases.Add((author, "example.com", record, identifiers[i], identifiers[(i * 7 + record.Length) % identifiers.Length]));
        }
        Assert.True(cases.Count >= 100);
        var theirs = await AskAsync(cases);
        var differences = new List<string>();
        var agreed = 0;
        for (var i = 0; i < cases.Count; i++)
        {
            var (author, at, record, spf, dkim) = cases[i];
            var zone = new ZoneResolver().Txt($"_dmarc.{at}", record).Empty(author);
            var outcome = await new DmarcChecker(zone).CheckAsync(new DmarcRequest(author, dkim is null ? [] : [dkim], spf), default);
            var ours = outcome.Result == DmarcResult.Pass ? 15 : outcome.Policy switch { DmarcPolicy.Reject => 16, DmarcPolicy.Quarantine => 17, _ => 18 };
            if (ours == theirs[i])
                agreed++;
            else if (theirs[i] != 15 || !(spf == "com" || dkim == "com" || IsStrict(record, "aspf", spf, author) || IsStrict(record, "adkim", dkim, author)))
                differences.Add($"{cases[i]}: ours {ours}, theirs {theirs[i]}");
        }
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(agreed >= 200, $"{agreed} of {cases.Count} agree");
    }

    // Two things that libopendmarc 1.4 lets pass and no standard does: an identifier that is a public suffix above the author (RFC 9989 4.10.2: it
    // has another organizational domain), and in strict mode one below the author (RFC 9989 4.4, RFC 7489 3.1: it has to be the very same).
    private static bool IsStrict(string record, string tag, string? identifier, string author) =>
        record.Contains($"{tag}=s", StringComparison.Ordinal) && identifier is not null && identifier.EndsWith("." + author, StringComparison.Ordinal);

    private static async Task<List<int>> AskAsync(List<(string Author, string At, string Record, string? Spf, string? Dkim)> cases)
    {
        var suffixes = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(suffixes, "com\nnet\nuk\norg.uk\n");
            using var process = Process.Start(new ProcessStartInfo(Python, ["-c", Script, Library, suffixes])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEndAsync();
            foreach (var (author, at, record, spf, dkim) in cases)
                await process.StandardInput.WriteAsync($"{author}\t{at}\t{record}\t{spf}\t{dkim}\n");
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
            return [.. (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        }
        finally
        {
            File.Delete(suffixes);
        }
    }
}
