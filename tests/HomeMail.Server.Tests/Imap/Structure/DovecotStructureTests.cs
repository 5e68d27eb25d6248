// needs: dovecot-imapd
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Imap.Structure;
using Xunit;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>The same messages here and in Dovecot, run as a process of its own on a folder of its own, without a port.</summary>
public sealed class DovecotStructureTests
{
    private const string Program = "/usr/lib/dovecot/imap";
    private const int Count = 600;

    [Fact]
    public async Task Structures_of_odd_messages_are_the_same()
    {
        Assert.SkipWhen(!File.Exists(Program) && Environment.GetEnvironmentVariable("CI") != "true", "dovecot-imapd is not installed");
        var folder = Directory.CreateTempSubdirectory("hm-dovecot-").FullName;
        try
        {
            var made = new OddMessages(20261125);
            var messages = Enumerable.Range(0, Count).Select(_ => Encoding.Latin1.GetBytes(made.Next())).ToArray();
            var comparisons = messages.Select(m => new StructureComparison(m)).ToArray();
            var answers = await AskAsync(folder, messages, [.. comparisons.Select(c => c.Sections())]);
            var different = new List<string>();
            for (var i = 0; i < Count; i++)
            {
                var (comparison, answer) = (comparisons[i], answers[i]);
                comparison.Envelope(answer.Envelope);
                comparison.Structure(answer.Body, false);
                comparison.Structure(answer.Structure, true);
                foreach (var section in comparison.Sections())
                    comparison.Section(section, answer.Sections[section]);
                different.AddRange(comparison.Differences.Select(d => string.Create(CultureInfo.InvariantCulture, $"message {i}, {d}")));
            }
            Assert.True(different.Count == 0, $"{different.Count} differ, the first:\n{string.Join("\n", different.Take(8))}");
            // A row that nothing needs any more would only hide something one day.
            Assert.Empty(StructureComparison.Allowed.Except(comparisons.SelectMany(c => c.Used)).Select(a => a.Why));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    // Each row of the table and what is next to it: another value, another part.
    [Theory]
    [InlineData("Content-Type: text\r\n\r\nx", "\"plain\"", "\"\"", true)]
    [InlineData("Content-Type: text\r\n\r\nx", "\"plain\"", "\"html\"", false)]
    [InlineData("Content-Type: text/plain\r\n\r\nx", "\"plain\"", "\"\"", false)]
    [InlineData("Content-ID: <i>\r\n\r\nx", "\"<i>\"", "NIL", true)]
    [InlineData("Content-ID: <i>\r\n\r\nx", "\"<i>\"", "\"<j>\"", false)]
    [InlineData("Content-ID: <i>\r\nMIME-Version: 1.0\r\n\r\nx", "\"<i>\"", "NIL", false)]
    [InlineData("Content-Transfer-Encoding: base64\r\n\r\nx", "\"base64\"", "\"7bit\"", true)]
    [InlineData("Content-Transfer-Encoding: base64\r\n\r\nx", "\"base64\"", "\"8bit\"", false)]
    [InlineData("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\n--b--\r\n", "\"7bit\" 6", "\"7bit\" 8", true)]
    [InlineData("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\n--b--\r\n", "\"7bit\" 6", "\"7bit\" 7", false)]
    [InlineData("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\nx\r\n--b--\r\n", "\"7bit\" 9", "\"7bit\" 11", false)]
    [InlineData("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\n--b--\r\n", "\"7bit\" 6", "\"7bit\" 8", false)]
    public void No_more_is_allowed_than_what_the_standards_say(string message, string ours, string theirs, bool isAllowed)
    {
        var octets = Encoding.Latin1.GetBytes(message);
        var answer = GoldenStructureTests.Written(o => StructureWriter.WriteBody(o, MessageStructureReader.Read(new MemoryStream(octets))));
        Assert.Contains(ours, answer, StringComparison.Ordinal);
        var comparison = new StructureComparison(octets);
        comparison.Structure(answer.Replace(ours, theirs, StringComparison.Ordinal), false);
        Assert.Equal(isAllowed, comparison.Differences.Count == 0);
    }

    private static async Task<(string Envelope, string Body, string Structure, Dictionary<string, string?> Sections)[]> AskAsync(string folder, byte[][] messages, List<string>[] sections)
    {
        foreach (var name in (string[])["md/cur", "md/new", "md/tmp", "home"])
            Directory.CreateDirectory(Path.Combine(folder, name));
        for (var i = 0; i < messages.Length; i++)
            File.WriteAllBytes(Path.Combine(folder, "md/cur", string.Create(CultureInfo.InvariantCulture, $"{1_000_000 + i}.m:2,")), messages[i]);
        // It refuses to read mail as root.
        var user = Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName;
        var config = Path.Combine(folder, "dovecot.conf");
        File.WriteAllText(config, $"""
            mail_location = maildir:{folder}/md
            base_dir = {folder}/run
            log_path = /dev/stderr
            mail_uid = {user}
            first_valid_uid = 0
            first_valid_gid = 0
            ssl = no
            protocols = imap
            default_internal_user = {user}
            default_login_user = {user}
            """ + "\n");
        if (Environment.IsPrivilegedProcess)
        {
            using var owner = Process.Start("/bin/chown", ["-R", user + ":", folder]);
            await owner.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        var start = new ProcessStartInfo(Program, ["-c", config]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.Latin1 };
        start.Environment["USER"] = user;
        start.Environment["HOME"] = Path.Combine(folder, "home");
        using var process = Process.Start(start)!;
        var reading = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var log = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var commands = new StringBuilder("a SELECT INBOX\r\nb FETCH 1:* (ENVELOPE)\r\nc FETCH 1:* (BODY)\r\nd FETCH 1:* (BODYSTRUCTURE)\r\n");
        for (var i = 0; i < messages.Length; i++)
            commands.Append(CultureInfo.InvariantCulture, $"s{i} FETCH {i + 1} ({string.Join(' ', sections[i].Select(s => $"BODY.PEEK[{s}]"))})\r\n");
        try
        {
            await process.StandardInput.WriteAsync(commands.Append("e LOGOUT\r\n"), TestContext.Current.CancellationToken);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already, and what it said tells why.
        }
        var output = await reading;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(output.Contains("\r\ne OK", StringComparison.Ordinal), output[..Math.Min(output.Length, 1000)] + await log);
        var (envelopes, bodies, structures) = (Items(output, "ENVELOPE"), Items(output, "BODY"), Items(output, "BODYSTRUCTURE"));
        return [.. Enumerable.Range(1, messages.Length).Select(i => (envelopes[i], bodies[i], structures[i], SectionsOf(output, i - 1)))];
    }

    private static Dictionary<string, string?> SectionsOf(string output, int message)
    {
        var sections = new Dictionary<string, string?>();
        var end = output.IndexOf(string.Create(CultureInfo.InvariantCulture, $"\r\ns{message} OK"), StringComparison.Ordinal);
        Assert.True(end > 0, $"no answer to the sections of message {message}");
        var at = output.LastIndexOf(string.Create(CultureInfo.InvariantCulture, $"\r\n* {message + 1} FETCH (BODY["), end, StringComparison.Ordinal);
        at = output.IndexOf("BODY[", at, StringComparison.Ordinal);
        while (at < end && Regex.Match(output[at..Math.Min(at + 200, output.Length)], @"^BODY\[([^\]]*)\] (?:\{(\d+)\}\r\n|""([^""]*)""|(NIL))") is { Success: true } match)
        {
            at += match.Length;
            var length = match.Groups[2].Success ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : 0;
            sections.Add(match.Groups[1].Value, match.Groups[4].Success ? null : match.Groups[2].Success ? output.Substring(at, length) : match.Groups[3].Value);
            at += length + 1;
        }
        return sections;
    }

    private static Dictionary<int, string> Items(string output, string item)
    {
        var items = new Dictionary<int, string>();
        foreach (Match match in Regex.Matches(output, $@"^\* (\d+) FETCH \({item} (.*?)\)\r\n(?=\* \d+ FETCH|[a-e] OK)", RegexOptions.Multiline | RegexOptions.Singleline))
            items.Add(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), match.Groups[2].Value);
        return items;
    }
}
