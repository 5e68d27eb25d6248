using System.Globalization;
using System.Numerics;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage;

/// <summary>
/// An envelope as text: <c>Field: value</c> lines, an empty line, a line for each recipient whose first octet is its status, a check
/// line. The check (CRC-32C) leaves the status octets out, so that one can be changed in place, in one write of one octet.
/// </summary>
internal static class EnvelopeFile
{
    private const string CheckField = "Check: ";
    private const int CheckLength = 7 + 8 + 1;
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";

    /// <summary>The file of an envelope with its recipients, and more lines for mailboxes that are no recipients of it.</summary>
    public static byte[] Format(Envelope envelope, IReadOnlyList<EnvelopeRecipient> more)
    {
        var text = new StringBuilder(400 + 120 * (envelope.Recipients.Count + more.Count));
        Field(text, "HomeMail-Envelope", "1");
        Field(text, "Id", envelope.Id.Value);
        Field(text, "Arrived", Time(envelope.Arrived));
        Field(text, "Sender", envelope.Sender is { } sender ? Escape(AddressText(sender)) : "<>");
        Field(text, "Principal", Escape(envelope.Principal));
        Field(text, "Sender-Verified", envelope.SenderVerified);
        Field(text, "Travel-Offset", Number(envelope.TravelOffset));
        Field(text, "Size", Number(envelope.Size));
        Field(text, "Envelope-Id", envelope.EnvelopeId is { } id ? Escape(id) : null);
        Field(text, "Return", envelope.Return == DsnReturn.Unspecified ? null : envelope.Return == DsnReturn.Full ? "full" : "headers");
        Field(text, "Eight-Bit", envelope.EightBit);
        Field(text, "Smtp-Utf8", envelope.SmtpUtf8);
        Field(text, "Require-Tls", envelope.RequireTls);
        Field(text, "Tls-Optional", envelope.TlsOptional);
        Field(text, "Release-At", envelope.ReleaseAt is { } release ? Time(release) : null);
        Field(text, "Held", envelope.Held);
        text.Append('\n');
        foreach (var recipient in envelope.Recipients)
            Line(text, recipient);
        foreach (var recipient in more)
            Line(text, recipient);
        var lines = Encoding.UTF8.GetBytes(text.ToString());
        return [.. lines, .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{CheckField}{Sum(lines):x8}\n"))];
    }

    /// <summary>Reads an envelope; null if the octets are not one, undamaged.</summary>
    public static Envelope? Parse(ReadOnlySpan<byte> octets)
    {
        if (octets.Length < CheckLength || octets[^1] != '\n')
            return null;
        var lines = octets[..^CheckLength];
        if (Encoding.ASCII.GetString(octets[lines.Length..^1]) != string.Create(CultureInfo.InvariantCulture, $"{CheckField}{Sum(lines):x8}"))
            return null;
        try
        {
            return Build(Encoding.UTF8.GetString(lines).Split('\n'));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>
    /// The offsets of the octets in which two files differ, if these are status octets only; null if they differ in more.
    /// </summary>
    public static List<int>? StatusDifferences(ReadOnlySpan<byte> old, ReadOnlySpan<byte> current)
    {
        if (old.Length != current.Length)
            return null;
        var differences = new List<int>();
        var body = old.IndexOf("\n\n"u8) + 2;
        for (var i = 0; i < old.Length; i++)
        {
            if (old[i] == current[i])
                continue;
            if (i < body || current[i - 1] != '\n')
                return null;
            differences.Add(i);
        }
        return differences;
    }

    /// <summary>The checksum of the lines, with each recipient's status octet taken as a question mark.</summary>
    private static uint Sum(ReadOnlySpan<byte> lines)
    {
        var sum = uint.MaxValue;
        var body = lines.IndexOf("\n\n"u8) + 2;
        for (var i = 0; i < lines.Length; i++)
            sum = BitOperations.Crc32C(sum, i >= body && lines[i - 1] == '\n' ? (byte)'?' : lines[i]);
        return ~sum;
    }

    private static Envelope Build(string[] lines)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        var at = 0;
        for (; at < lines.Length && lines[at].Length > 0; at++)
            if (lines[at].IndexOf(": ", StringComparison.Ordinal) is var colon and > 0)
                fields[lines[at][..colon]] = lines[at][(colon + 2)..];
        var recipients = new List<EnvelopeRecipient>();
        for (at++; at < lines.Length; at++)
            if (lines[at].Length > 0)
                recipients.Add(Recipient(lines[at]));
        string? Get(string field) => fields.GetValueOrDefault(field);
        if (Get("HomeMail-Envelope") != "1" || !MessageId.TryParse(Get("Id"), out var id) || recipients.Count == 0)
            throw new FormatException();
        return new Envelope
        {
            Id = id,
            Arrived = ParseTime(Get("Arrived") ?? ""),
            Sender = Get("Sender") is null or "<>" ? null : ParseAddress(Unescape(Get("Sender")!)),
            Principal = Unescape(Get("Principal") ?? ""),
            SenderVerified = Get("Sender-Verified") == "yes",
            TravelOffset = ParseNumber(Get("Travel-Offset")),
            Size = ParseNumber(Get("Size")),
            EnvelopeId = Get("Envelope-Id") is { } text ? Unescape(text) : null,
            Return = Get("Return") switch { "full" => DsnReturn.Full, "headers" => DsnReturn.Headers, _ => DsnReturn.Unspecified },
            EightBit = Get("Eight-Bit") == "yes",
            SmtpUtf8 = Get("Smtp-Utf8") == "yes",
            RequireTls = Get("Require-Tls") == "yes",
            TlsOptional = Get("Tls-Optional") == "yes",
            ReleaseAt = Get("Release-At") is { } release ? ParseTime(release) : null,
            Held = Get("Held") == "yes",
            Recipients = recipients,
        };
    }

    private static void Line(StringBuilder text, EnvelopeRecipient recipient)
    {
        text.Append((char)recipient.Status).Append(' ').Append(Escape(AddressText(recipient.Address)));
        Part(text, "orcpt", recipient.OriginalRecipient);
        if (recipient.Notify != DsnNotify.Unspecified)
            Part(text, "notify", Number((long)recipient.Notify));
        if (recipient.Attempts != 0)
            Part(text, "attempts", Number(recipient.Attempts));
        if (recipient.NextAttempt != default)
            Part(text, "next", Time(recipient.NextAttempt));
        if (recipient.DelayTold)
            Part(text, "told", "yes");
        Part(text, "reply", recipient.LastReply);
        if (recipient.Local is { } local)
        {
            Part(text, "account", local.Account);
            Part(text, "mailbox", local.Mailbox);
            Part(text, "validity", Number(local.UidValidity));
            Part(text, "uid", Number(local.Uid));
            if (local.Flags != MessageFlags.None)
                Part(text, "flags", Number((long)local.Flags));
            foreach (var keyword in local.Keywords)
                Part(text, "keyword", keyword);
            Part(text, "reason", local.Reason);
            if (local.InternalDate is { } date)
                Part(text, "date", Time(date));
        }
        text.Append('\n');
    }

    private static EnvelopeRecipient Recipient(string line)
    {
        var parts = line.Split('\t');
        if (parts[0].Length < 3 || !Enum.IsDefined((RecipientStatus)parts[0][0]))
            throw new FormatException();
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var keywords = new List<string>();
        foreach (var part in parts.AsSpan(1))
        {
            var equals = part.IndexOf('=');
            if (equals < 0)
                throw new FormatException();
            if (part.AsSpan(0, equals) is "keyword")
                keywords.Add(Unescape(part[(equals + 1)..]));
            else
                values[part[..equals]] = Unescape(part[(equals + 1)..]);
        }
        string? Get(string name) => values.GetValueOrDefault(name);
        var recipient = new EnvelopeRecipient
        {
            Address = ParseAddress(Unescape(parts[0][2..])),
            OriginalRecipient = Get("orcpt"),
            Notify = (DsnNotify)ParseNumber(Get("notify")),
            Status = (RecipientStatus)parts[0][0],
            Attempts = (int)ParseNumber(Get("attempts")),
            NextAttempt = Get("next") is { } next ? ParseTime(next) : default,
            DelayTold = Get("told") == "yes",
            LastReply = Get("reply"),
        };
        if (Get("account") is { } account)
            recipient.Local = new LocalIntent(account, Get("mailbox") ?? "", (uint)ParseNumber(Get("validity")), (uint)ParseNumber(Get("uid")))
            {
                Flags = (MessageFlags)ParseNumber(Get("flags")),
                Keywords = keywords,
                Reason = Get("reason"),
                InternalDate = Get("date") is { } date ? ParseTime(date) : null,
            };
        return recipient;
    }

    private static void Field(StringBuilder text, string name, string? value)
    {
        if (value is not null)
            text.Append(name).Append(": ").Append(value).Append('\n');
    }

    private static void Field(StringBuilder text, string name, bool value) => Field(text, name, value ? "yes" : null);

    private static void Part(StringBuilder text, string name, string? value)
    {
        if (value is not null)
            text.Append('\t').Append(name).Append('=').Append(Escape(value));
    }

    // The domain has no @, the local part may (quoted, on the wire): what is behind the last one is the domain.
    private static string AddressText(Address address) => string.Concat(address.LocalPart, "@", address.Domain);

    private static Address ParseAddress(string text)
    {
        var at = text.LastIndexOf('@');
        return at < 0 || at == text.Length - 1 ? throw new FormatException() : new Address(text[..at], text[(at + 1)..]);
    }

    /// <summary>Control characters and the percent sign as <c>%XX</c>, so that no value makes a line or part of its own.</summary>
    private static string Escape(string value)
    {
        StringBuilder? escaped = null;
        for (var i = 0; i < value.Length; i++)
        {
            var special = value[i] < ' ' || value[i] is '%' or '\x7f';
            if (special)
                escaped ??= new StringBuilder(value, 0, i, value.Length + 16);
            if (escaped is null)
                continue;
            if (special)
                escaped.Append(CultureInfo.InvariantCulture, $"%{(int)value[i]:X2}");
            else
                escaped.Append(value[i]);
        }
        return escaped?.ToString() ?? value;
    }

    private static string Unescape(string value)
    {
        if (!value.Contains('%'))
            return value;
        var text = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] != '%')
            {
                text.Append(value[i]);
                continue;
            }
            if (i + 2 >= value.Length)
                throw new FormatException();
            text.Append((char)byte.Parse(value.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            i += 2;
        }
        return text.ToString();
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static long ParseNumber(string? value) => value is null ? 0 : long.Parse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static DateTimeOffset ParseTime(string text) =>
        DateTimeOffset.ParseExact(text, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
