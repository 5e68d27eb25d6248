using System.Globalization;
using System.Text;

namespace HomeMail.Server.Sendmail;

/// <summary>What a program of this machine wants sent, as it has said it: the arguments of <c>sendmail</c> beside the message.</summary>
public sealed class LocalMail
{
    private const string FirstLine = "HomeMail-Drop: 1";
    private const int MostLines = 10_000;
    private const int LongestLine = 4096;

    /// <summary>The reverse-path as given, or null for the user's own; empty is the null reverse-path.</summary>
    public string? Sender { get; set; }

    /// <summary>The name for a From that is made (<c>-F</c>), or null.</summary>
    public string? FullName { get; set; }

    /// <summary>Whether recipients are taken from the header (<c>-t</c>).</summary>
    public bool FromHeader { get; set; }

    /// <summary>The recipients as given.</summary>
    public List<string> Recipients { get; } = [];

    /// <summary>NOTIFY (RFC 3461 4.1), or null.</summary>
    public string? Notify { get; set; }

    /// <summary>RET (RFC 3461 4.3), or null.</summary>
    public string? Return { get; set; }

    /// <summary>ENVID (RFC 3461 4.4) in xtext, or null.</summary>
    public string? EnvelopeId { get; set; }

    /// <summary>Writes it as the beginning of a dropped file.</summary>
    /// <param name="output">The file.</param>
    public void WriteTo(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var text = new StringBuilder(FirstLine).Append('\n');
        Add("Sender", Sender);
        Add("Name", FullName);
        Add("Header-Recipients", FromHeader ? "yes" : null);
        Add("Notify", Notify);
        Add("Return", Return);
        Add("Envelope-Id", EnvelopeId);
        foreach (var recipient in Recipients)
            Add("Recipient", recipient);
        output.Write(Encoding.UTF8.GetBytes(text.Append('\n').ToString()));

        void Add(string name, string? value)
        {
            if (value is not null)
                text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\n");
        }
    }

    /// <summary>Reads what <see cref="WriteTo"/> has written. What comes behind it in the file is the message.</summary>
    /// <param name="input">The file, at its beginning; afterwards at that of the message.</param>
    /// <returns>Null if the file is no such file.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LocalMail? Read(Stream input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (ReadLine(input) != FirstLine)
            return null;
        var mail = new LocalMail();
        for (var lines = 0; lines < MostLines; lines++)
        {
            if (ReadLine(input) is not { } line)
                return null;
            if (line.Length == 0)
                return mail;
            if (!mail.Take(line))
                return null;
        }
        return null;
    }

    private bool Take(string line)
    {
        var colon = line.IndexOf(": ", StringComparison.Ordinal);
        if (colon < 0)
        {
            // An empty value has lost its space.
            if (line != "Sender:")
                return false;
            Sender = "";
            return true;
        }
        var value = line[(colon + 2)..];
        switch (line[..colon])
        {
            case "Sender":
                Sender = value;
                return true;
            case "Name":
                FullName = value;
                return true;
            case "Header-Recipients":
                FromHeader = true;
                return true;
            case "Notify":
                Notify = value;
                return true;
            case "Return":
                Return = value;
                return true;
            case "Envelope-Id":
                EnvelopeId = value;
                return true;
            case "Recipient":
                Recipients.Add(value);
                return true;
            default:
                return false;
        }
    }

    private static string? ReadLine(Stream input)
    {
        var line = new List<byte>(80);
        while (input.ReadByte() is >= 0 and var octet)
        {
            if (octet == '\n')
                return Encoding.UTF8.GetString([.. line]).TrimEnd(' ');
            if (line.Count == LongestLine)
                return null;
            line.Add((byte)octet);
        }
        return null;
    }
}
