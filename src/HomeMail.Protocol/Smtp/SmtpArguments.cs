using System.Buffers.Text;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Text;

namespace HomeMail.Protocol.Smtp;

/// <summary>What a session offers, and so understands in MAIL and RCPT. Parameters of what is not offered are not known (RFC 5321 4.1.1.11).</summary>
[Flags]
public enum SmtpOffer
{
    /// <summary>SIZE, 8BITMIME and what always is.</summary>
    None = 0,

    /// <summary>SMTPUTF8 (RFC 6531).</summary>
    SmtpUtf8 = 1,

    /// <summary>DSN (RFC 3461).</summary>
    Dsn = 2,

    /// <summary>REQUIRETLS (RFC 8689).</summary>
    RequireTls = 4,

    /// <summary>FUTURERELEASE (RFC 4865).</summary>
    FutureRelease = 8,
}

/// <summary>The arguments of MAIL (RFC 5321 4.1.1.2).</summary>
public struct MailArguments
{
    /// <summary>The reverse-path; null is <c>&lt;&gt;</c>.</summary>
    public Address? Sender;

    /// <summary>SIZE in octets (RFC 1870), or -1.</summary>
    public long Size;

    /// <summary>BODY=8BITMIME (RFC 6152).</summary>
    public bool EightBitMime;

    /// <summary>SMTPUTF8 (RFC 6531).</summary>
    public bool SmtpUtf8;

    /// <summary>REQUIRETLS (RFC 8689).</summary>
    public bool RequireTls;

    /// <summary>RET (RFC 3461 4.3).</summary>
    public DsnReturn Return;

    /// <summary>ENVID, decoded (RFC 3461 4.4), or null.</summary>
    public string? EnvelopeId;

    /// <summary>HOLDFOR (RFC 4865 4.1), or null.</summary>
    public TimeSpan? HoldFor;

    /// <summary>HOLDUNTIL (RFC 4865 4.2), or null.</summary>
    public DateTimeOffset? HoldUntil;
}

/// <summary>The arguments of RCPT (RFC 5321 4.1.1.3).</summary>
public struct RcptArguments
{
    /// <summary>The forward-path, source route taken off.</summary>
    public Address Recipient;

    /// <summary>NOTIFY (RFC 3461 4.1).</summary>
    public DsnNotify Notify;

    /// <summary>ORCPT as <c>type;address</c>, decoded (RFC 3461 4.2), or null.</summary>
    public string? OriginalRecipient;
}

/// <summary>
/// Parses the arguments of MAIL and RCPT. Liberal where it does no harm (spaces after the colon and between parameters, missing angle
/// brackets), strict in the address itself.
/// </summary>
public static class SmtpArguments
{
    /// <summary>Octets ENVID may have (RFC 3461 4.4).</summary>
    public const int MaxEnvelopeId = 100;

    /// <summary>Octets ORCPT may have (RFC 3461 4.2).</summary>
    public const int MaxOriginalRecipient = 500;

    /// <summary>Parses what follows <c>MAIL</c>.</summary>
    /// <param name="text">The arguments.</param>
    /// <param name="offer">What the session offers.</param>
    /// <param name="mail">The result.</param>
    /// <returns>Null if all is well, otherwise the reply to give.</returns>
    public static SmtpReply? ParseMail(ReadOnlySpan<byte> text, SmtpOffer offer, out MailArguments mail)
    {
        mail = new MailArguments { Size = -1 };
        if (!SkipLabel(ref text, "FROM:"u8))
            return SmtpReplies.MailSyntax;
        if (text.StartsWith("<>"u8))
            text = text[2..];
        else if (!TryReadPath(ref text, offer.HasFlag(SmtpOffer.SmtpUtf8), out mail.Sender))
            return HasNonAscii(text) && !offer.HasFlag(SmtpOffer.SmtpUtf8) ? SmtpReplies.NeedsSmtpUtf8 : SmtpReplies.BadSenderSyntax;
        var seen = 0;
        while (NextParameter(ref text, out var keyword, out var value, out var hasValue) is { } more)
        {
            if (!more)
                return SmtpReplies.BadSenderSyntax;
            if (MailParameter(keyword, value, hasValue, offer, ref mail, ref seen) is { } wrong)
                return wrong;
        }
        return mail.Sender is { NeedsSmtpUtf8: true } && !mail.SmtpUtf8 ? SmtpReplies.NeedsSmtpUtf8 : null;
    }

    /// <summary>Parses what follows <c>RCPT</c>.</summary>
    /// <param name="text">The arguments.</param>
    /// <param name="offer">What the session offers; SMTPUTF8 only if MAIL asked for it.</param>
    /// <param name="hostname">Our name, the domain of a bare <c>postmaster</c> (RFC 5321 4.1.1.3).</param>
    /// <param name="rcpt">The result.</param>
    /// <returns>Null if all is well, otherwise the reply to give.</returns>
    public static SmtpReply? ParseRcpt(ReadOnlySpan<byte> text, SmtpOffer offer, string hostname, out RcptArguments rcpt)
    {
        rcpt = default;
        if (!SkipLabel(ref text, "TO:"u8))
            return SmtpReplies.RcptSyntax;
        if (text.Length >= 12 && Ascii.EqualsIgnoreCase(text[..12], "<postmaster>"u8))
        {
            rcpt.Recipient = new Address("postmaster", hostname);
            text = text[12..];
        }
        else if (TryReadPath(ref text, offer.HasFlag(SmtpOffer.SmtpUtf8), out var recipient))
        {
            rcpt.Recipient = recipient!;
        }
        else
        {
            return HasNonAscii(text) && !offer.HasFlag(SmtpOffer.SmtpUtf8) ? SmtpReplies.NeedsSmtpUtf8 : SmtpReplies.BadRecipientSyntax;
        }
        var seen = 0;
        while (NextParameter(ref text, out var keyword, out var value, out var hasValue) is { } more)
        {
            if (!more)
                return SmtpReplies.BadRecipientSyntax;
            if (RcptParameter(keyword, value, hasValue, offer, ref rcpt, ref seen) is { } wrong)
                return wrong;
        }
        return null;
    }

    private static SmtpReply? MailParameter(
        ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, bool hasValue, SmtpOffer offer, ref MailArguments mail, ref int seen)
    {
        if (Is(keyword, "SIZE"u8))
            return Once(ref seen, 1) ?? (Utf8Parser.TryParse(value, out mail.Size, out var used) && used == value.Length && mail.Size >= 0 && value[0] != (byte)'+'
                ? null : IsDigits(value) && value.Length <= 20 ? SmtpReplies.TooBig : SmtpReplies.BadParameter);
        if (Is(keyword, "BODY"u8))
        {
            mail.EightBitMime = Is(value, "8BITMIME"u8);
            return Once(ref seen, 2) ?? (mail.EightBitMime || Is(value, "7BIT"u8) ? null
                : Is(value, "BINARYMIME"u8) ? SmtpReplies.NoBinaryMime : SmtpReplies.BadParameter);
        }
        // What the client vouches for (RFC 4954 5) is not trusted, and so not even read; it must only look like a value.
        if (Is(keyword, "AUTH"u8))
            return Once(ref seen, 4) ?? (value.IsEmpty ? SmtpReplies.BadParameter : null);
        if (offer.HasFlag(SmtpOffer.SmtpUtf8) && Is(keyword, "SMTPUTF8"u8))
        {
            mail.SmtpUtf8 = true;
            return Once(ref seen, 8) ?? (hasValue ? SmtpReplies.BadParameter : null);
        }
        if (offer.HasFlag(SmtpOffer.Dsn) && Is(keyword, "RET"u8))
        {
            mail.Return = Is(value, "FULL"u8) ? DsnReturn.Full : Is(value, "HDRS"u8) ? DsnReturn.Headers : DsnReturn.Unspecified;
            return Once(ref seen, 16) ?? (mail.Return == DsnReturn.Unspecified ? SmtpReplies.BadParameter : null);
        }
        if (offer.HasFlag(SmtpOffer.Dsn) && Is(keyword, "ENVID"u8))
            return Once(ref seen, 32) ?? (!value.IsEmpty && value.Length <= MaxEnvelopeId && Xtext.TryDecode(value, out mail.EnvelopeId) ? null : SmtpReplies.BadParameter);
        if (offer.HasFlag(SmtpOffer.RequireTls) && Is(keyword, "REQUIRETLS"u8))
        {
            mail.RequireTls = true;
            return Once(ref seen, 64) ?? (hasValue ? SmtpReplies.BadParameter : null);
        }
        if (offer.HasFlag(SmtpOffer.FutureRelease) && (Is(keyword, "HOLDFOR"u8) || Is(keyword, "HOLDUNTIL"u8)))
            return Once(ref seen, 128) ?? (TryReadHold(keyword, value, ref mail) ? null : SmtpReplies.BadParameter);
        return SmtpReplies.UnknownParameter;
    }

    private static SmtpReply? RcptParameter(
        ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, bool hasValue, SmtpOffer offer, ref RcptArguments rcpt, ref int seen)
    {
        if (!offer.HasFlag(SmtpOffer.Dsn))
            return SmtpReplies.UnknownParameter;
        if (Is(keyword, "NOTIFY"u8))
            return Once(ref seen, 1) ?? (hasValue && TryReadNotify(value, out rcpt.Notify) ? null : SmtpReplies.BadParameter);
        if (Is(keyword, "ORCPT"u8))
            return Once(ref seen, 2) ?? (value.Length <= MaxOriginalRecipient && value.IndexOf((byte)';') > 0
                && Xtext.TryDecode(value, out rcpt.OriginalRecipient) ? null : SmtpReplies.BadParameter);
        return SmtpReplies.UnknownParameter;
    }

    private static bool TryReadHold(ReadOnlySpan<byte> keyword, ReadOnlySpan<byte> value, ref MailArguments mail)
    {
        if (Is(keyword, "HOLDFOR"u8))
        {
            // 1 to 9 digits (RFC 4865 6).
            if (!IsDigits(value) || value.Length > 9 || !Utf8Parser.TryParse(value, out int seconds, out _))
                return false;
            mail.HoldFor = TimeSpan.FromSeconds(seconds);
            return true;
        }
        if (value.Length is < 20 or > 40 || !Ascii.IsValid(value) || value[10] is not ((byte)'T' or (byte)'t'))
            return false;
        if (!DateTimeOffset.TryParse(Encoding.ASCII.GetString(value), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until))
            return false;
        mail.HoldUntil = until;
        return true;
    }

    private static bool TryReadNotify(ReadOnlySpan<byte> value, out DsnNotify notify)
    {
        notify = DsnNotify.Unspecified;
        foreach (var range in value.Split((byte)','))
        {
            var item = value[range];
            var flag = Is(item, "NEVER"u8) ? DsnNotify.Never : Is(item, "SUCCESS"u8) ? DsnNotify.Success
                : Is(item, "FAILURE"u8) ? DsnNotify.Failure : Is(item, "DELAY"u8) ? DsnNotify.Delay : DsnNotify.Unspecified;
            if (flag == DsnNotify.Unspecified)
                return false;
            notify |= flag;
        }
        // NEVER stands alone (RFC 3461 4.1).
        return notify == DsnNotify.Never || !notify.HasFlag(DsnNotify.Never);
    }

    private static bool TryReadPath(ref ReadOnlySpan<byte> rest, bool allowUtf8, out Address? address)
    {
        address = null;
        var text = rest;
        var angle = !text.IsEmpty && text[0] == (byte)'<';
        if (angle)
        {
            text = text[1..].TrimStart((byte)' ');
            if (!SkipSourceRoute(ref text, allowUtf8))
                return false;
        }
        if (!AddressSyntax.TryReadMailbox(ref text, allowUtf8, out var read))
            return false;
        if (angle)
        {
            text = text.TrimStart((byte)' ');
            if (text.IsEmpty || text[0] != (byte)'>')
                return false;
            text = text[1..];
        }
        if (!text.IsEmpty && text[0] is not ((byte)' ' or (byte)'\t'))
            return false;
        address = read;
        rest = text;
        return true;
    }

    // A source route is read and ignored (RFC 5321 4.1.1.3, C): what counts is the mailbox behind it.
    private static bool SkipSourceRoute(ref ReadOnlySpan<byte> text, bool allowUtf8)
    {
        while (!text.IsEmpty && text[0] == (byte)'@')
        {
            text = text[1..];
            if (!AddressSyntax.TryReadDomainOrLiteral(ref text, allowUtf8, out _) || text.IsEmpty)
                return false;
            var separator = text[0];
            text = text[1..];
            if (separator == (byte)':')
                return true;
            if (separator != (byte)',')
                return false;
        }
        return true;
    }

    /// <summary>Takes one <c>keyword[=value]</c>. Null at the end, false if the text is no parameter list.</summary>
    private static bool? NextParameter(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> keyword, out ReadOnlySpan<byte> value, out bool hasValue)
    {
        keyword = value = default;
        hasValue = false;
        if (!text.IsEmpty && text[0] is not ((byte)' ' or (byte)'\t'))
            return false;
        text = text.TrimStart(" \t"u8);
        if (text.IsEmpty)
            return null;
        var end = text.IndexOfAny((byte)' ', (byte)'\t');
        var item = end < 0 ? text : text[..end];
        text = end < 0 ? default : text[end..];
        var equals = item.IndexOf((byte)'=');
        hasValue = equals >= 0;
        keyword = hasValue ? item[..equals] : item;
        value = hasValue ? item[(equals + 1)..] : default;
        return !keyword.IsEmpty;
    }

    private static bool SkipLabel(ref ReadOnlySpan<byte> text, ReadOnlySpan<byte> label)
    {
        if (text.Length < label.Length || !Ascii.EqualsIgnoreCase(text[..label.Length], label))
            return false;
        text = text[label.Length..].TrimStart(" \t"u8);
        return true;
    }

    private static SmtpReply? Once(ref int seen, int bit)
    {
        if ((seen & bit) != 0)
            return SmtpReplies.DuplicateParameter;
        seen |= bit;
        return null;
    }

    private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) => Ascii.EqualsIgnoreCase(text, word);

    private static bool IsDigits(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');

    private static bool HasNonAscii(ReadOnlySpan<byte> text) => !Ascii.IsValid(text);
}
