using System.Buffers;
using System.Text;

namespace HomeMail.Protocol.Message;

/// <summary>What <see cref="HeaderEditor"/> saw in a header.</summary>
public struct HeaderSummary
{
    /// <summary>Received fields: how often the message was relayed (RFC 5321 6.3).</summary>
    public int ReceivedCount;

    /// <summary>From fields (RFC 5322 3.6 allows one).</summary>
    public int FromCount;

    /// <summary>Sender fields.</summary>
    public int SenderCount;

    /// <summary>Whether there is a Date.</summary>
    public bool HasDate;

    /// <summary>Whether there is a Message-ID.</summary>
    public bool HasMessageId;

    /// <summary>Whether there is a DKIM-Signature, so that the content must not be changed.</summary>
    public bool IsSigned;

    /// <summary>Whether an octet above 127 is in what stays of the header, so that SMTPUTF8 is needed (RFC 6532).</summary>
    public bool NeedsSmtpUtf8;
}

/// <summary>
/// Takes out of a header what must not come in from outside, and leaves all else as it was, octet by octet, for signatures to hold.
/// </summary>
/// <param name="ourNames">The names under which this server writes Authentication-Results.</param>
/// <param name="isSubmission">Whether the message is a submission, from which Bcc is taken (RFC 5322 3.6.3).</param>
public readonly struct HeaderEditor(IReadOnlyCollection<string> ourNames, bool isSubmission)
{
    /// <summary>Copies a header block without the fields that go.</summary>
    /// <param name="header">The block, with its empty line.</param>
    /// <param name="output">Receives the fields that stay; the empty line is not written, so that fields can be added.</param>
    /// <param name="summary">What was seen in what stays.</param>
    public void Edit(ReadOnlySpan<byte> header, IBufferWriter<byte> output, out HeaderSummary summary)
    {
        ArgumentNullException.ThrowIfNull(output);
        summary = default;
        foreach (var field in new HeaderFields(header))
        {
            if (Goes(field))
                continue;
            summary.NeedsSmtpUtf8 |= !Ascii.IsValid(field.Whole);
            Note(field, ref summary);
            output.Write(field.Whole);
        }
    }

    private bool Goes(HeaderField field)
    {
        if (field.Is("Return-Path"u8) || field.Is("Received-SPF"u8))
            return true;
        if (field.Name.Length > 11 && Ascii.EqualsIgnoreCase(field.Name[..11], "X-HomeMail-"u8))
            return true;
        if (isSubmission && (field.Is("Bcc"u8) || field.Is("Resent-Bcc"u8)))
            return true;
        if (!field.Is("Authentication-Results"u8))
            return false;
        foreach (var name in ourNames)
            if (AuthenticationServiceId.Bears(field.Value, name))
                return true;
        return false;
    }

    private static void Note(HeaderField field, ref HeaderSummary summary)
    {
        if (field.Is("Received"u8))
            summary.ReceivedCount++;
        else if (field.Is("From"u8))
            summary.FromCount++;
        else if (field.Is("Sender"u8))
            summary.SenderCount++;
        else if (field.Is("Date"u8))
            summary.HasDate = true;
        else if (field.Is("Message-ID"u8))
            summary.HasMessageId = true;
        else if (field.Is("DKIM-Signature"u8))
            summary.IsSigned = true;
    }
}
