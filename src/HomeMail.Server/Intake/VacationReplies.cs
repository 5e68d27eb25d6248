using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Intake;

/// <summary>What an account answers while it is away.</summary>
/// <param name="Text">The text; lines end in LF.</param>
/// <param name="Subject">The subject, or null for that of the message with a prefix.</param>
/// <param name="From">The first day (UTC) on which it answers, or null.</param>
/// <param name="Until">The last day (UTC) on which it answers, or null.</param>
/// <param name="Days">After how many days it answers the same sender again.</param>
public sealed record VacationText(string Text, string? Subject = null, DateOnly? From = null, DateOnly? Until = null, int Days = 7);

/// <summary>An answer, ready to be sent.</summary>
/// <param name="Octets">The whole message in CRLF form.</param>
/// <param name="SmtpUtf8">Whether it needs SMTPUTF8 to travel.</param>
public sealed record VacationAnswer(byte[] Octets, bool SmtpUtf8);

/// <summary>
/// Answers for accounts whose people are away (RFC 3834): once to each sender in some days, never to what a program or a list has sent, nor to what was not
/// written to the account by name. Whether the sender is proven, so that an answer reaches nobody else, is for the caller to know.
/// </summary>
/// <param name="answered">Who was answered when.</param>
/// <param name="clock">The time.</param>
public sealed class VacationReplies(StateCollection answered, TimeProvider clock)
{
    /// <summary>How many answers an account gives in a day.</summary>
    public const int PerDay = 100;

    private const int MaxSubject = 200;
    private const int MaxReferences = 900;
    private const int EncodedWord = 45;

    private static readonly string[] ListFields = ["List-Id", "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Feedback-ID"];
    private static readonly string[] Robots = ["mailer-daemon", "postmaster", "listserv", "majordomo", "noreply", "no-reply", "donotreply", "do-not-reply", "bounce", "bounces"];

    private readonly Lock _gate = new();

    /// <summary>The answer to a message, or null if none is due. One that is given counts as sent.</summary>
    /// <param name="account">The account that got the message; it has a text.</param>
    /// <param name="sender">The reverse-path, proven.</param>
    /// <param name="names">Who is hosted here.</param>
    /// <param name="header">The message's header.</param>
    /// <param name="facts">What was found out about a message from outside, or null.</param>
    public VacationAnswer? Answer(HostedAccount account, Address sender, HostedNames names, ReadOnlyMemory<byte> header, OriginFacts? facts)
    {
        ArgumentNullException.ThrowIfNull(account);
        ArgumentNullException.ThrowIfNull(sender);
        ArgumentNullException.ThrowIfNull(names);
        var message = new RuleSubject(header, 0, facts);
        if (account.Vacation is not { } text || !IsAway(text) || IsRobot(sender) || IsAutomatic(message) || names.Owns(account.Name, sender)
            || Named(account, names, message) is not { } own || !Take(account, sender, text))
            return null;
        return new VacationAnswer(Compose(text, own, sender, message), sender.NeedsSmtpUtf8 || own.NeedsSmtpUtf8);
    }

    private bool IsAway(VacationText text)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        return (text.From is not { } from || today >= from) && (text.Until is not { } until || today <= until);
    }

    // RFC 3834 2: addresses that are known to be no person's.
    private static bool IsRobot(Address sender)
    {
        var local = sender.LocalPart.ToLowerInvariant();
        return SenderRewriting.IsRewritten(sender) || Array.Exists(Robots, robot => local == robot || local.StartsWith(robot + "+", StringComparison.Ordinal))
            || local.StartsWith("owner-", StringComparison.Ordinal) || local.EndsWith("-owner", StringComparison.Ordinal)
            || local.EndsWith("-request", StringComparison.Ordinal) || local.StartsWith("bounce-", StringComparison.Ordinal) || local.StartsWith("bounces+", StringComparison.Ordinal)
            || local.EndsWith("-bounces", StringComparison.Ordinal) || local.Contains("-bounces+", StringComparison.Ordinal);
    }

    // RFC 3834 2 and 5; Precedence and X-Auto-Response-Suppress are older than any standard, and heeded by all.
    private static bool IsAutomatic(RuleSubject message) =>
        message.Values("Auto-Submitted").Exists(static v => !v.Equals("no", StringComparison.OrdinalIgnoreCase))
        || Array.Exists(ListFields, name => message.Values(name).Count > 0)
        || message.Values("Precedence").Exists(static v => v.ToLowerInvariant() is "bulk" or "list" or "junk" or "auto_reply")
        || message.Values("X-Auto-Response-Suppress").Exists(static v => !v.Equals("none", StringComparison.OrdinalIgnoreCase))
        || message.Values("X-Loop").Count > 0
        || message.Values("Content-Type").Exists(static v => v.StartsWith("multipart/report", StringComparison.OrdinalIgnoreCase));

    // RFC 3834 2: only who was named as a recipient answers; a blind copy and a list's mail are not written to the person.
    private static Address? Named(HostedAccount account, HostedNames names, RuleSubject message)
    {
        foreach (var field in (string[])["To", "Cc"])
            foreach (var address in message.Addresses(field))
                if (names.Owns(account.Name, address))
                    return account.Addresses.FirstOrDefault(own => own.Key == address.Key) ?? account.Addresses[0];
        return null;
    }

    private bool Take(HostedAccount account, Address sender, VacationText text)
    {
        var now = clock.GetUtcNow();
        var today = (int)(now.ToUnixTimeSeconds() / 86_400);
        lock (_gate)
        {
            var key = $"{account.Name.ToLowerInvariant()} {sender.Key}";
            var total = answered.Find(account.Name.ToLowerInvariant()) is { } found && found["day"].AsInt32 == today ? found["count"].AsInt32 : 0;
            if (total >= PerDay || (answered.Find(key) is { } last && now - DateTimeOffset.FromUnixTimeSeconds(last["at"].AsInt64) < TimeSpan.FromDays(text.Days)))
                return false;
            answered.Upsert(key, new BsonDocument { ["at"] = now.ToUnixTimeSeconds() }, now.AddDays(text.Days));
            answered.Upsert(account.Name.ToLowerInvariant(), new BsonDocument { ["day"] = today, ["count"] = total + 1 }, now.AddDays(1));
            return true;
        }
    }

    private byte[] Compose(VacationText text, Address own, Address sender, RuleSubject message)
    {
        var now = clock.GetUtcNow();
        var subject = text.Subject ?? $"Auto: {message.Values("Subject").FirstOrDefault() ?? "your message"}";
        var answer = new StringBuilder(1024);
        answer.Append(CultureInfo.InvariantCulture, $"From: {own}\r\nTo: {sender}\r\nSubject: {Encode(subject)}\r\nDate: {TraceFields.Date(now)}\r\n");
        answer.Append(CultureInfo.InvariantCulture, $"Message-ID: <{Guid.NewGuid():N}@{own.Domain}>\r\n");
        // RFC 3834 3.1.5, 3.1.6; RFC 5322 3.6.4.
        if (message.Values("Message-ID") is [var id] && IsMessageId(id))
        {
            answer.Append(CultureInfo.InvariantCulture, $"In-Reply-To: {id}\r\n");
            var earlier = message.Values("References") is [var references] ? references.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) : [];
            var kept = earlier.Where(IsMessageId).TakeLast(10).Append(id).ToArray();
            if (kept.Sum(static k => k.Length + 3) <= MaxReferences)
                answer.Append(CultureInfo.InvariantCulture, $"References: {string.Join("\r\n ", kept)}\r\n");
        }
        answer.Append("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        var body = Convert.ToBase64String(Encoding.UTF8.GetBytes(text.Text.ReplaceLineEndings("\r\n") + "\r\n"));
        for (var at = 0; at < body.Length; at += 76)
            answer.Append(body.AsSpan(at, Math.Min(76, body.Length - at))).Append("\r\n");
        return Encoding.UTF8.GetBytes(answer.ToString());
    }

    private static bool IsMessageId(string id) =>
        id.Length is > 4 and < 250 && id[0] == '<' && id[^1] == '>' && !id.AsSpan().ContainsAnyExceptInRange('!', '~') && !id.AsSpan(1, id.Length - 2).ContainsAny('<', '>');

    // RFC 2047 2: encoded words of 75 characters at most, each of whole characters.
    private static string Encode(string subject)
    {
        var text = new StringBuilder(Math.Min(subject.Length, MaxSubject));
        foreach (var rune in subject.EnumerateRunes())
            if (!Rune.IsControl(rune) && text.Length < MaxSubject)
                text.Append(rune);
        var plain = text.ToString();
        if (Ascii.IsValid(plain) && plain.Length < 68 && !plain.Contains("=?", StringComparison.Ordinal))
            return plain;
        var words = new List<string>();
        var part = new StringBuilder();
        foreach (var rune in plain.EnumerateRunes())
        {
            if (Encoding.UTF8.GetByteCount(part.ToString()) + rune.Utf8SequenceLength > EncodedWord)
                Flush();
            part.Append(rune);
        }
        Flush();
        return string.Join("\r\n ", words);

        void Flush()
        {
            if (part.Length > 0)
                words.Add($"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(part.ToString()))}?=");
            part.Clear();
        }
    }
}
