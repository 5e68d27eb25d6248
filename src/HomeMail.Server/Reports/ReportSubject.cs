using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Reports;

/// <summary>Knows the mail that carries an aggregate report by its subject (RFC 9990 3.5.2).</summary>
public static class ReportSubject
{
    private const int MaxLength = 1024;

    /// <summary>Whether a message says that it is a report. It may lie.</summary>
    /// <param name="header">The header.</param>
    public static bool Is(ReadOnlySpan<byte> header)
    {
        foreach (var field in new HeaderFields(header))
        {
            if (!field.Is("Subject"u8))
                continue;
            var words = Encoding.Latin1.GetString(field.Value[..Math.Min(field.Value.Length, MaxLength)])
                .Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
            // "Report Domain: NAME Submitter: NAME", with words before it where a list or a relay has put some.
            for (var i = 0; i + 3 < words.Length; i++)
                if (Same(words[i], "Report") && Same(words[i + 1], "Domain:") && Same(words[i + 3], "Submitter:"))
                    return true;
            return false;
        }
        return false;
    }

    private static bool Same(string word, string expected) => word.Equals(expected, StringComparison.OrdinalIgnoreCase);
}
