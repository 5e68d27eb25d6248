using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Delivery;
using HomeMail.Storage;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>Messages and envelopes for tests.</summary>
internal static class Letters
{
    public const string Local = "Return-Path: <alice@home.example>\r\n";

    public const string Plain = "From: alice@home.example\r\nTo: bob@example.net\r\nSubject: Tea\r\nMessage-ID: <1@home.example>\r\n\r\nAt four?\r\n.hidden\r\n";

    public static readonly DateTimeOffset Noon = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    public static Address Parse(string text)
    {
        var at = text.LastIndexOf('@');
        return new Address(text[..at], text[(at + 1)..]);
    }

    public static Envelope Envelope(params string[] recipients) =>
        Envelope(recipients.Select(r => new EnvelopeRecipient { Address = Parse(r), NextAttempt = Noon }).ToArray());

    public static Envelope Envelope(params EnvelopeRecipient[] recipients) => new()
    {
        Id = MessageId.New(TimeProvider.System),
        Arrived = Noon,
        Sender = Parse("alice@home.example"),
        Principal = "account:alice",
        SenderVerified = true,
        TravelOffset = Local.Length,
        Size = Local.Length + Plain.Length,
        Recipients = recipients,
    };

    /// <summary>A message file as the spool has it; what stands before the offset must never travel.</summary>
    public static MailContent Content(string travels = Plain) =>
        new(new MemoryFile(Encoding.Latin1.GetBytes(Local + travels)), Local.Length);

    public static MailTransaction Mail(Envelope envelope, string travels = Plain) => new(envelope, Content(travels), envelope.Recipients);
}
