using HomeMail.Server.Sendmail;

namespace HomeMail.Cli;

/// <summary>What a call of <c>sendmail</c> is for.</summary>
internal enum SendmailMode
{
    /// <summary>A message is sent (<c>-bm</c>).</summary>
    Send,

    /// <summary>SMTP is spoken on the standard streams (<c>-bs</c>).</summary>
    Smtp,

    /// <summary>The queue is listed (<c>-bp</c>, <c>mailq</c>).</summary>
    Queue,

    /// <summary>The alias table is made anew (<c>-bi</c>, <c>newaliases</c>): there is nothing to be done.</summary>
    Aliases,

    /// <summary>The queue is tried now (<c>-q</c>).</summary>
    Flush,
}

/// <summary>
/// The command line of <c>sendmail</c> as programs use it. Letters can stand together (<c>-ti</c>), a value beside its letter or behind it. What has no meaning
/// here and changes nothing about the message is taken in silence.
/// </summary>
internal sealed class SendmailOptions
{
    // Letters with a value; q, d, e and o take one only where it stands beside them, as they were always written.
    private const string WithValue = "ABCFfrhLNORpVXbM";
    private const string WithAttached = "qdeo";
    private const string Plain = "tivnmGUsc";

    /// <summary>What it is for.</summary>
    public SendmailMode Mode { get; private set; }

    /// <summary>What is to be sent.</summary>
    public LocalMail Mail { get; } = new();

    /// <summary>Whether a line with a single dot is text like any other (<c>-i</c>, <c>-oi</c>).</summary>
    public bool DotIsText { get; private set; }

    /// <summary>Whether it is told what happens (<c>-v</c>).</summary>
    public bool IsVerbose { get; private set; }

    /// <summary>The configuration file (<c>-C</c>), or null.</summary>
    public string? Config { get; private set; }

    /// <summary>Reads a command line.</summary>
    /// <param name="name">The name that the program was called by.</param>
    /// <param name="words">The words behind it.</param>
    /// <param name="problem">What is wrong, or null.</param>
    public static SendmailOptions Parse(string name, IReadOnlyList<string> words, out string? problem)
    {
        var options = new SendmailOptions { Mode = name switch { "mailq" => SendmailMode.Queue, "newaliases" => SendmailMode.Aliases, _ => SendmailMode.Send } };
        problem = null;
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (word == "--")
            {
                options.Mail.Recipients.AddRange(words.Skip(i + 1));
                break;
            }
            if (word.Length < 2 || word[0] != '-')
            {
                options.Mail.Recipients.Add(word);
                continue;
            }
            if (options.TakeLetters(word, words, ref i) is { } wrong)
            {
                problem = wrong;
                break;
            }
        }
        // One word may hold several addresses.
        options.SplitRecipients();
        return options;
    }

    private string? TakeLetters(string word, IReadOnlyList<string> words, ref int index)
    {
        for (var at = 1; at < word.Length; at++)
        {
            var letter = word[at];
            if (Plain.Contains(letter, StringComparison.Ordinal))
            {
                TakePlain(letter);
            }
            else if (letter == 'I')
            {
                Mode = SendmailMode.Aliases;
            }
            else if (WithAttached.Contains(letter, StringComparison.Ordinal))
            {
                return Take(letter, word[(at + 1)..]);
            }
            else if (WithValue.Contains(letter, StringComparison.Ordinal))
            {
                var value = word[(at + 1)..];
                if (value.Length > 0)
                    return Take(letter, value);
                return ++index < words.Count ? Take(letter, words[index]) : $"option -{letter} needs a value";
            }
            else
            {
                return $"there is no option -{letter}";
            }
        }
        return null;
    }

    private void TakePlain(char letter)
    {
        switch (letter)
        {
            case 't':
                Mail.FromHeader = true;
                break;
            case 'i':
                DotIsText = true;
                break;
            case 'v':
                IsVerbose = true;
                break;
        }
    }

    private string? Take(char letter, string value)
    {
        switch (letter)
        {
            case 'b':
                return TakeMode(value);
            case 'C':
                Config = value;
                return null;
            case 'f' or 'r':
                Mail.Sender = value.StartsWith('<') && value.EndsWith('>') ? value[1..^1] : value;
                return null;
            case 'F':
                Mail.FullName = value;
                return null;
            case 'N':
                return TakeNotify(value);
            case 'R':
                Mail.Return = value.ToUpperInvariant() switch { "FULL" => "FULL", "HDRS" => "HDRS", _ => null };
                return Mail.Return is null ? "-R takes full or hdrs" : null;
            case 'V':
                Mail.EnvelopeId = Protocol.Text.Xtext.Encode(value);
                return null;
            case 'O':
                DotIsText |= value.StartsWith("IgnoreDots", StringComparison.OrdinalIgnoreCase) && !value.EndsWith("=false", StringComparison.OrdinalIgnoreCase);
                return null;
            case 'o':
                DotIsText |= value == "i" || value == "iTrue";
                return null;
            case 'q':
                if (Mode == SendmailMode.Send)
                    Mode = SendmailMode.Flush;
                return null;
            default:
                // -B, -h, -L, -A, -p, -X, -M, -d, -e: how a message is treated is not the caller's to say, and what is wrong is said on standard error.
                return null;
        }
    }

    private string? TakeMode(string value)
    {
        switch (value)
        {
            case "m":
                Mode = SendmailMode.Send;
                return null;
            case "s":
                Mode = SendmailMode.Smtp;
                return null;
            case "p":
                Mode = SendmailMode.Queue;
                return null;
            case "i":
                Mode = SendmailMode.Aliases;
                return null;
            case "d" or "D":
                return "-bd is `homemail run`, which the system starts";
            default:
                return $"there is no mode -b{value}";
        }
    }

    private string? TakeNotify(string value)
    {
        var words = value.ToUpperInvariant().Split(',');
        if (!Array.TrueForAll(words, static word => word is "NEVER" or "SUCCESS" or "FAILURE" or "DELAY") || (words.Contains("NEVER") && words.Length > 1))
            return "-N takes never, or success, failure and delay with commas";
        Mail.Notify = string.Join(',', words);
        return null;
    }

    private void SplitRecipients()
    {
        var words = Mail.Recipients.ToList();
        Mail.Recipients.Clear();
        foreach (var word in words)
        {
            // A quoted local part may have a comma of its own.
            var parts = word.Contains('"', StringComparison.Ordinal) ? [word] : word.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            foreach (var part in parts)
                Mail.Recipients.Add(part.LastIndexOf('<') is >= 0 and var open && part.EndsWith('>') ? part[(open + 1)..^1] : part.Trim());
        }
    }
}
