using System.Text;
using MimeKit.Utils;

namespace HomeMail.Server.Imap.Structure;

/// <summary>What SORT, THREAD and SEARCH need of a header, compact enough to be kept for many messages.</summary>
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

    /// <summary>Reads a message's header, and no more of the file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static HeaderSummary Read(Stream message, CancellationToken cancel = default) => Of(MessageStructureReader.ReadHeader(message, cancel));

    /// <summary>Takes it from a structure that is there.</summary>
    public static HeaderSummary Of(MessageStructure structure) => Of(structure.Root);

    private static HeaderSummary Of(MessagePart message)
    {
        var subject = BaseSubject.Of(HeaderText.Decode(message.Field("Subject")), out var isReply);
        var from = First(message, "From");
        var to = First(message, "To");
        var references = Ids(message.Field("References"));
        if (references.Count == 0 && Ids(message.Field("In-Reply-To")) is { Count: > 0 } inReplyTo)
            references = [inReplyTo[0]];
        DateTimeOffset? date = message.Field("Date") is { } text && DateUtils.TryParse(text, out var parsed) ? parsed : null;
        return new(date, subject, isReply, Local(from), Local(to), Local(First(message, "Cc")), Display(from), Display(to), Ids(message.Field("Message-ID")) is { Count: > 0 } ids ? ids[0] : "", references);
    }

    private static EnvelopeAddress? First(MessagePart message, string field)
    {
        foreach (var address in EnvelopeAddressReader.Read(message.Joined(field)))
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
