using System.Globalization;
using System.Text;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

/// <summary>The part of a DSN that people read.</summary>
internal static class DsnText
{
    /// <summary>The subject; plain ASCII.</summary>
    public static string Subject(DsnKind kind, bool isLocal, ReturnedMessage message)
    {
        var words = kind switch
        {
            DsnKind.Failure => "Not delivered",
            DsnKind.Delay => "Delayed",
            _ => isLocal ? "Delivered" : "Passed on",
        };
        return message.Subject is null ? words : $"{words}: {message.Subject}";
    }

    /// <summary>The text; lines end in LF.</summary>
    public static string Compose(DsnReport report, string hostname, ReturnedMessage message)
    {
        var envelope = report.Envelope;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"This is the mail server {hostname}.\n\n");
        if (report.ToPostmaster)
        {
            text.Append(envelope.Sender is null
                ? "A notice could not be delivered. It has no sender who could be told, so this goes to you as postmaster.\n\n"
                : $"A message from <{envelope.Sender}> could not be delivered. It came from the internet, and nothing\nproves that this address sent it. So it is told to you as postmaster, and to nobody else.\n\n");
        }
        text.Append(Opening(report));
        foreach (var recipient in report.Recipients)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  {recipient.Address}\n");
            if (Diagnostic.Parse(recipient.LastReply) is not { } why || report.Kind == DsnKind.Success)
                continue;
            text.Append("    ").Append(StatusWords.For(why.Status, recipient.Address.Domain)).Append('\n');
            if (why.Code != 0)
                Wrap(text, $"{why.Host ?? "The other side"} said: {why with { Host = null }}");
            else if (why.Text.Length > 0)
                Wrap(text, why.Host is null ? why.Text : $"{why.Host}: {why.Text}");
        }
        text.Append("\nThe message:\n\n");
        if (message.Subject is not null)
            text.Append("  Subject: ").Append(message.Subject).Append('\n');
        if (message.Date is not null)
            text.Append("  Date: ").Append(message.Date).Append('\n');
        if (message.MessageIdField is not null)
            text.Append("  Message-ID: ").Append(message.MessageIdField).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"\nIf you need help, write to postmaster@{hostname} and give the number {envelope.Id}.\n");
        return text.ToString();
    }

    private static string Opening(DsnReport report)
    {
        var many = report.Recipients.Count > 1;
        switch (report.Kind)
        {
            case DsnKind.Failure:
                return report.ToPostmaster
                    ? $"The recipient{(many ? "s" : "")}:\n"
                    : $"Your message could not be delivered to {(many ? "these addresses" : "this address")}, and will not be tried again:\n";
            case DsnKind.Delay:
                var until = report.RetryUntil?.UtcDateTime.ToString("d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);
                return $"Your message could not be delivered yet to {(many ? "these addresses" : "this address")}. You need do nothing: it is tried\nagain{(until is null ? "" : $" until {until}")}, and you are told if that does not help.\n";
            default:
                return report.IsLocal
                    ? $"Your message was delivered to {(many ? "these addresses" : "this address")}:\n"
                    : $"Your message was passed on to the server of {(many ? "these addresses" : "this address")}. That server does not report\nwhat becomes of it, so this is the last you hear:\n";
        }
    }

    private static void Wrap(StringBuilder text, string words)
    {
        const int width = 74;
        var line = 0;
        foreach (var word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line == 0 || line + word.Length + 1 > width)
            {
                if (line > 0)
                    text.Append('\n');
                text.Append("    ");
                line = 4;
            }
            else
            {
                text.Append(' ');
                line++;
            }
            text.Append(word);
            line += word.Length;
        }
        text.Append('\n');
    }
}

/// <summary>What a DSN is to tell.</summary>
/// <param name="Envelope">The envelope of the message it is about.</param>
/// <param name="Recipients">The recipients it tells of, with their last replies.</param>
/// <param name="Kind">What it tells.</param>
public sealed record DsnReport(Envelope Envelope, IReadOnlyList<EnvelopeRecipient> Recipients, DsnKind Kind)
{
    /// <summary>Whether it goes to our postmaster because no sender can or may be told.</summary>
    public bool ToPostmaster { get; init; }

    /// <summary>When the attempt was made that it tells of; null if that is not known any more.</summary>
    public DateTimeOffset? LastAttempt { get; init; }

    /// <summary>For a delay: until when it is tried.</summary>
    public DateTimeOffset? RetryUntil { get; init; }

    /// <summary>For success: whether the mailboxes are here.</summary>
    public bool IsLocal => Recipients.All(r => r.Local is not null);
}
