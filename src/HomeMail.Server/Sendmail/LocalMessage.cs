using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.Sendmail;

/// <summary>A message as a program of this machine has written it, made ready to be sent: addresses are completed, and a From is made where there is none.</summary>
public sealed class LocalMessage
{
    private static readonly string[] AddressFields = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"];
    private static readonly string[] RecipientFields = ["To", "Cc", "Bcc"];

    private readonly StringBuilder _header = new();
    private readonly List<string> _recipients = [];
    private readonly List<string> _resentRecipients = [];
    private bool _hasFrom;

    private LocalMessage(long bodyStart) => BodyStart = bodyStart;

    /// <summary>The header in CRLF form, with its empty line, an octet a character.</summary>
    public string Header => _header.ToString();

    /// <summary>Where the body begins in the stream.</summary>
    public long BodyStart { get; }

    /// <summary>The recipients that the header names: those it was sent on to (RFC 5322 3.6.6), if it was, else To, Cc and Bcc.</summary>
    public IReadOnlyList<string> Recipients => _resentRecipients.Count > 0 ? _resentRecipients : _recipients;

    /// <summary>Reads the header.</summary>
    /// <param name="content">The message, at its beginning, with lines that end as they like; it can be read again.</param>
    /// <param name="names">Completes addresses.</param>
    /// <param name="sender">Who a From that is missing names; empty for none.</param>
    /// <param name="fullName">The name beside it, or null.</param>
    /// <returns>Null if the header is larger than a header may be.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LocalMessage? Read(Stream content, LocalNames names, string sender, string? fullName)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (ReadFields(content, out var bodyStart) is not { } fields)
            return null;
        var message = new LocalMessage(bodyStart);
        foreach (var field in fields)
            message.Take(field, names);
        if (!message._hasFrom && sender.Length > 0)
            message._header.Append("From: ").Append(Named(fullName, sender)).Append("\r\n");
        message._header.Append("\r\n");
        return message;
    }

    private void Take(string field, LocalNames names)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        var name = field[..colon].TrimEnd(' ', '\t');
        var isResent = name.StartsWith("Resent-", StringComparison.OrdinalIgnoreCase);
        var plain = isResent ? name["Resent-".Length..] : name;
        if (!AddressFields.Contains(plain, StringComparer.OrdinalIgnoreCase))
        {
            _header.Append(field);
            return;
        }
        _hasFrom |= !isResent && plain.Equals("From", StringComparison.OrdinalIgnoreCase);
        var found = new List<string>();
        var value = names.CompleteList(field[(colon + 1)..], found);
        if (RecipientFields.Contains(plain, StringComparer.OrdinalIgnoreCase))
            (isResent ? _resentRecipients : _recipients).AddRange(found);
        _header.Append(field, 0, colon + 1).Append(value);
    }

    // Fields, each with its line endings as CRLF. The first line that is none is the body's, unless it is empty; mbox's own first line is nobody's.
    private static List<string>? ReadFields(Stream content, out long bodyStart)
    {
        var fields = new List<string>();
        var line = new List<byte>(100);
        var size = 0;
        bodyStart = content.Position;
        while (ReadLine(content, line))
        {
            size += line.Count;
            if (size > HeaderBuffer.Limit)
                return null;
            var octets = line.ToArray().AsSpan().TrimEnd("\r\n"u8);
            if (octets.IsEmpty)
            {
                bodyStart = content.Position;
                break;
            }
            var text = Encoding.Latin1.GetString(octets) + "\r\n";
            if (fields.Count > 0 && octets[0] is (byte)' ' or (byte)'\t')
                fields[^1] += text;
            else if (HeaderFields.IsFieldStart(octets, out _, out _))
                fields.Add(text);
            else if (!(fields.Count == 0 && octets.StartsWith("From "u8)))
                break;
            bodyStart = content.Position;
        }
        return fields;
    }

    private static bool ReadLine(Stream content, List<byte> line)
    {
        line.Clear();
        while (line.Count <= HeaderBuffer.Limit && content.ReadByte() is >= 0 and var octet)
        {
            line.Add((byte)octet);
            if (octet == '\n')
                break;
        }
        return line.Count > 0;
    }

    private static string Named(string? name, string address)
    {
        name = name?.Trim();
        if (string.IsNullOrEmpty(name) || name.AsSpan().ContainsAnyInRange('\0', '\x1f'))
            return address;
        var written = Ascii.IsValid(name)
            ? "\"" + name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"" : AuthorRewriting.EncodedWords(name);
        return $"{written} <{address}>";
    }
}
