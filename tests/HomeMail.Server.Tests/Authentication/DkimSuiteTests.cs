using System.Text;
using System.Text.Json;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>The messages of shared data, with their DNS and expected verdicts.</summary>
public sealed class DkimSuiteTests
{
    private const int MostSignatures = 5; // what the expected verdicts assume

    [Theory]
    [InlineData("01-rfc8463")]
    [InlineData("02-too_many_headers")]
    [InlineData("03-bad_message")]
    [InlineData("04-bad_dkim_signature_header")]
    [InlineData("05-dns_temp_error")]
    [InlineData("06-dns_perm_error")]
    [InlineData("07-algo_mismatch")]
    [InlineData("08-our_signature")]
    [InlineData("09-limited_body")]
    [InlineData("10-strict_domain_check_pass")]
    [InlineData("11-strict_domain_check_fail")]
    public async Task VerdictsAreAsExpected(string name)
    {
        var folder = SharedData.Path("dkim/chasquid");
        var message = File.ReadAllText(Follow(folder, $"{name}.msg")).ReplaceLineEndings("\r\n");
        var end = message.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        var zone = new ZoneResolver();
        if (File.Exists(Path.Combine(folder, $"{name}.dns")))
            ReadZone(File.ReadAllText(Follow(folder, $"{name}.dns")), zone);
        var verdicts = await new DkimVerifier(zone, TimeProvider.System).VerifyAsync(
            Encoding.Latin1.GetBytes(message[..end]), () => new MemoryStream(Encoding.Latin1.GetBytes(message[end..])), null, default, MostSignatures);
        if (!File.Exists(Path.Combine(folder, $"{name}.result")))
        {
            Assert.Empty(verdicts); // not a message at all
            return;
        }
        using var expected = JsonDocument.Parse(File.ReadAllText(Follow(folder, $"{name}.result")));
        var results = expected.RootElement.GetProperty("Results").EnumerateArray().ToList();
        verdicts = [.. verdicts.Where(v => v.Reason != "too many signatures")];
        Assert.Equal(results.Count, verdicts.Count);
        Assert.Equal(expected.RootElement.GetProperty("Valid").GetInt32(), verdicts.Count(v => v.Verified));
        for (var i = 0; i < results.Count; i++)
        {
            var state = results[i].GetProperty("State").GetString();
            var verdict = verdicts[i];
            Assert.Equal(state == "SUCCESS", verdict.Verified);
            if (state == "TEMPFAIL")
                Assert.Equal(DkimResult.TempError, verdict.Result);
            if (state == "PERMFAIL")
                Assert.True(verdict.Result is DkimResult.PermError or DkimResult.Fail);

            // Where the end of the body is not signed, ours is stricter: verified, but no pass.
            if (state == "SUCCESS")
                Assert.Equal(verdict.Signature!.BodyLength is null ? DkimResult.Pass : DkimResult.Policy, verdict.Result);
            if (verdict.Signature is { } signature)
                Assert.Equal(results[i].GetProperty("Domain").GetString(), signature.Domain);
        }
    }

    // A file may hold nothing but the name of another.
    private static string Follow(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        var text = File.ReadAllText(path).Trim();
        return text.Length < 100 && File.Exists(Path.Combine(folder, text)) ? Follow(folder, text) : path;
    }

    private static void ReadZone(string text, ZoneResolver zone)
    {
        foreach (var entry in text.Replace("\\\n", "", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = entry.IndexOf(':', StringComparison.Ordinal);
            var name = entry[..colon];
            var value = entry[(colon + 1)..].Trim();
            if (value == "TEMPERROR")
                zone.Fail(name, "SERVFAIL", DnsType.Txt);
            else if (value != "PERMERROR")
                zone.Txt(name, value);
        }
    }
}
