using System.Globalization;
using System.Text;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// What programs have noted about a message in its own header in an mbox. Such fields are taken out. Status: R read; X-Status: A answered, F flagged, D deleted,
/// T draft; X-Mozilla-Status: a number in hexadecimal of flags.
/// </summary>
internal sealed class MboxMarks
{
    private const int MozillaRead = 1, MozillaAnswered = 2, MozillaMarked = 4, MozillaExpunged = 8, MozillaForwarded = 0x1000;

    private readonly List<string> _keywords = [];
    private MessageFlags _flags;
    private DateTimeOffset? _written;

    /// <summary>What goes along, when the header has been read.</summary>
    public MessageMarks? Marks { get; private set; }

    /// <summary>No message of anybody: a program's own data, or a message it has expunged and not yet taken away.</summary>
    public bool IsNote { get; private set; }

    /// <summary>Whether the line that was looked at last is a note.</summary>
    public bool IsWithinNote { get; private set; }

    /// <summary>Looks at a line of the header. True if it is a note, which does not go along.</summary>
    public bool Take(ReadOnlySpan<byte> line)
    {
        if (line[0] is (byte)' ' or (byte)'\t')
            return IsWithinNote;
        var colon = line.IndexOf((byte)':');
        IsWithinNote = colon > 0 && TakeField(line[..colon], line[(colon + 1)..]);
        return IsWithinNote;
    }

    /// <summary>The header has ended.</summary>
    public void Complete(string mailbox, DateTimeOffset date, bool isDated) =>
        Marks = new MessageMarks(mailbox, _flags, _keywords, isDated ? date : _written ?? date);

    private bool TakeField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> octets)
    {
        var value = Encoding.UTF8.GetString(octets.Length > 4096 ? octets[..4096] : octets).Trim();
        switch (Encoding.ASCII.GetString(name.Length > 40 ? name[..40] : name).ToUpperInvariant())
        {
            case "STATUS":
                Add(value, 'R', MessageFlags.Seen);
                return true;
            case "X-STATUS":
                Add(value, 'A', MessageFlags.Answered);
                Add(value, 'F', MessageFlags.Flagged);
                Add(value, 'D', MessageFlags.Deleted);
                Add(value, 'T', MessageFlags.Draft);
                return true;
            case "X-KEYWORDS" or "X-MOZILLA-KEYS":
                foreach (var word in value.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
                    if (!_keywords.Contains(word, StringComparer.OrdinalIgnoreCase))
                        _keywords.Add(word);
                return true;
            case "X-MOZILLA-STATUS":
                TakeMozilla(value);
                return true;
            case "X-IMAP":
                IsNote = true;
                return true;
            case "X-UID" or "X-IMAPBASE" or "X-MOZILLA-STATUS2":
                return true;
            case "DATE":
                if (MailDate.TryParse(value, out var date))
                    _written ??= date;
                return false;
            default:
                return false;
        }
    }

    private void TakeMozilla(string value)
    {
        if (!int.TryParse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
            return;
        _flags |= ((bits & MozillaRead) != 0 ? MessageFlags.Seen : 0) | ((bits & MozillaAnswered) != 0 ? MessageFlags.Answered : 0)
            | ((bits & MozillaMarked) != 0 ? MessageFlags.Flagged : 0);
        if ((bits & MozillaForwarded) != 0)
            _keywords.Add(MaildirFile.Forwarded);
        IsNote |= (bits & MozillaExpunged) != 0;
    }

    private void Add(string value, char letter, MessageFlags flag)
    {
        if (value.Contains(letter, StringComparison.OrdinalIgnoreCase))
            _flags |= flag;
    }
}
