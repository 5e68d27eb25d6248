using System.Text;
using System.Text.RegularExpressions;

namespace HomeMail.Server.Tests.Authentication;

/// <summary>Messages of odd but possible form, the same on every run: what signers and verifiers are known to disagree about.</summary>
internal static partial class OddMessages
{
    private static readonly string[] Fields =
    [
        "Subject: plain", "Subject:none", "subject:   leading and trailing   ", "SUBJECT: folded\r\n twice\r\n\tand with a tab", "Subject:", "Subject: ",
        "Subject:\r\n begins on the next line", "Subject: a\t\tb  c", "X-Empty:", "X-Spaces:     ", "X-Folded-Empty:\r\n \r\n x", "Reply-To: c@example.com",
        "To: b@example.net", "TO: b@example.net,\r\n\tc@example.net", "Cc: d@example.net", "Cc:d@example.net", "Sender: a@example.org",
        "MIME-Version: 1.0", "Content-Type: text/plain;\r\n\tcharset=utf-8", "Content-Transfer-Encoding: 8bit", "List-Unsubscribe: <mailto:u@example.org>",
        "X-Long: " + "0123456789", "X-Utf8: gr\u00fc\u00dfe", "X-Semicolons: a=b; c=d;", "References: <1@example.org>\r\n <2@example.org>", "Received: from x by y;\r\n now",
        "X-Colon: a:b:c", "DKIM-Signature: v=0; a=x; d=y; s=z; h=from; bh=; b=", "Authentication-Results: other.example; none",
    ];

    private static readonly string[] Lines =
    [
        "", "", " ", "\t", "text", "text with  two spaces", "trailing space ", "trailing tab\t", " leading", "\tleading tab", ".", "..", ".x", "From here", "gr\u00fc\u00dfe",
        "--", "-- ", "=20", new string('x', 900), "a \t b",
    ];

    /// <summary>Makes them.</summary>
    /// <param name="count">How many.</param>
    /// <param name="forMilter">
    /// Whether only what a milter is shown as it is: values behind one space, and bodies that end in CRLF, as all do that come by DATA.
    /// </param>
    public static IReadOnlyList<(string Header, string Body)> Make(int count, bool forMilter = false)
    {
        var choice = forMilter ? [.. Fields.Where(f => OneSpace().IsMatch(f))] : Fields;
        var random = new Random(6376);
        var messages = new List<(string, string)>();
        for (var i = 0; i < count; i++)
        {
            var fields = new List<string> { Pick(random, "From: a@example.org", "From: \"A, B\" <a@example.org>", forMilter ? "FROM: A\r\n <a@example.org>" : "from:a@example.org") };
            for (var more = random.Next(12); more > 0; more--)
                fields.Insert(random.Next(fields.Count + 1), choice[random.Next(choice.Length)]);
            fields.Add("Date: Tue, 24 Nov 2026 10:00:00 +0000");
            var body = new StringBuilder();
            for (var lines = random.Next(20); lines > 0; lines--)
                body.Append(Lines[random.Next(Lines.Length)]).Append("\r\n");
            for (var blank = random.Next(3); blank > 0; blank--)
                body.Append("\r\n");
            if (!forMilter && random.Next(8) == 0)
                body.Append("no line end");
            if (random.Next(25) == 0)
                body.Clear();
            messages.Add((Latin(string.Join("\r\n", fields) + "\r\n\r\n"), Latin(body.ToString())));
        }
        return messages;
    }

    [GeneratedRegex("^[^:]+: [^ \t\r]")]
    private static partial Regex OneSpace();

    private static string Pick(Random random, params string[] choices) => choices[random.Next(choices.Length)];

    // UTF-8, one octet a character.
    private static string Latin(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
