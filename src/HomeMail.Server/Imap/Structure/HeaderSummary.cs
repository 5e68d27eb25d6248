using System.Text;
using MimeKit.Utils;

namespace HomeMail.Server.Imap.Structure;

/// <summary>What of a summary is wanted.</summary>
[Flags]
public enum SummaryParts
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The Date.</summary>
    Date = 1,

    /// <summary>The base subject.</summary>
    Subject = 2,

    /// <summary>The first From address.</summary>
    From = 4,

    /// <summary>The first To address.</summary>
    To = 8,

    /// <summary>The first Cc address.</summary>
    Cc = 16,

    /// <summary>The Message-ID and those it refers to.</summary>
    Ids = 32,

    /// <summary>Everything.</summary>
    All = Date | Subject | From | To | Cc | Ids,
}

/// <summary>What SORT, THREAD and SEARCH need of a header.</summary>
/// <param name="Date">The Date field; null where it can't be read: INTERNALDATE then counts (RFC 5256 2.2).</param>
/// <param name="Subject">The base subject (RFC 5256 2.1).</param>
/// <param name="IsReplyOrForward">Whether the subject said so.</param>
/// <param name="From">The local part of the first From address (RFC 5256 3), as are To and Cc.</param>
/// <param name="To">The first To address's local part.</param>
/// <param name="Cc">The first Cc address's local part.</param>
/// <param name="DisplayFrom">The first From address's display name, or else its address (RFC 5957).</param>
/// <param name="DisplayTo">The same of To.</param>
/// <param name="MessageId">Without angle brackets; empty where there is none.</param>
/// <param name="References">The ids of References, or else the first of In-Reply-To, the oldest first.</param>
public sealed record HeaderSummary(
    DateTimeOffset? Date, string Subject, bool IsReplyOrForward, string From, string To, string Cc, string DisplayFrom, string DisplayTo, string MessageId, IReadOnlyList<string> References)
{
    private const int MaxReferences = 100;

    /// <summary>One that says nothing.</summary>
    internal static HeaderSummary Nothing { get; } = Of([], SummaryParts.None);

    /// <summary>Reads a message's header, and no more of the file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static HeaderSummary Read(Stream message, CancellationToken cancel = default) =>
        Of(MessageStructureReader.ReadHeader(message, out _, cancel).Fields, SummaryParts.All);

    /// <summary>Takes what is wanted from a header's kept fields; the rest is left empty.</summary>
    internal static HeaderSummary Of(ReadOnlySpan<byte> fields, SummaryParts wanted)
    {
        var isReply = false;
        var subject = wanted.HasFlag(SummaryParts.Subject) ? BaseSubject.Of(HeaderText.Decode(KeptFields.First(fields, "Subject")), out isReply) : "";
        var from = wanted.HasFlag(SummaryParts.From) ? First(fields, "From") : null;
        var to = wanted.HasFlag(SummaryParts.To) ? First(fields, "To") : null;
        var cc = wanted.HasFlag(SummaryParts.Cc) ? First(fields, "Cc") : null;
        List<string> references = [];
        var id = "";
        if (wanted.HasFlag(SummaryParts.Ids))
        {
            references = Ids(KeptFields.First(fields, "References"));
            if (references.Count == 0 && Ids(KeptFields.First(fields, "In-Reply-To")) is { Count: > 0 } inReplyTo)
                references = [inReplyTo[0]];
            if (Ids(KeptFields.First(fields, "Message-ID")) is { Count: > 0 } ids)
                id = ids[0];
        }
        var date = wanted.HasFlag(SummaryParts.Date) ? DateOf(fields) : null;
        return new(date, subject, isReply, Local(from), Local(to), Local(cc), Display(from), Display(to), id, references);
    }

    /// <summary>The Date field; null where it can't be read.</summary>
    internal static DateTimeOffset? DateOf(ReadOnlySpan<byte> fields) =>
        KeptFields.First(fields, "Date") is { } text && DateUtils.TryParse(text, out var parsed) ? parsed : null;

    private static EnvelopeAddress? First(ReadOnlySpan<byte> fields, string field)
    {
        foreach (var address in EnvelopeAddressReader.Read(KeptFields.Joined(fields, field)))
        {
            if (address.IsMailbox || address.Mailbox is not null)
                return address;
        }
        return null;
    }

    private static string Local(EnvelopeAddress? address) => HeaderText.Decode(address?.Mailbox);

    private static string Display(EnvelopeAddress? address) =>
        address is null ? "" : address.Name is { } name ? HeaderText.Decode(ImapText.Collapse(name)) : HeaderText.Decode(address.Host is null ? address.Mailbox : address.Mailbox + "@" + address.Host);

    private static List<string> Ids(string? value)
    {
        var ids = new List<string>();
        var at = 0;
        while (value is not null && value.IndexOf('<', at) is >= 0 and var start && value.IndexOf('>', start) is > 0 and var end)
        {
            at = end + 1;
            if (end - start > 1)
                ids.Add(value[(start + 1)..end]);
        }
        // The nearest are the ones that count.
        return ids.Count > MaxReferences ? ids[^MaxReferences..] : ids;
    }
}
