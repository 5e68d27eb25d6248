using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>What goes along with a message from store to store, besides its octets.</summary>
/// <param name="Mailbox">The mailbox's IMAP name.</param>
/// <param name="Flags">Its system flags.</param>
/// <param name="Keywords">Its keywords.</param>
/// <param name="InternalDate">INTERNALDATE (RFC 9051 2.3.3).</param>
public sealed record MessageMarks(string Mailbox, MessageFlags Flags, IReadOnlyList<string> Keywords, DateTimeOffset InternalDate);

/// <summary>A message of a source, while it is the current one.</summary>
public interface ISourceMessage
{
    /// <summary>What goes along with it.</summary>
    MessageMarks Marks { get; }

    /// <summary>Where it is, for people: a file, or a place in one.</summary>
    string Place { get; }

    /// <summary>Reads its octets with CRLF line ends, from the beginning to the end.</summary>
    /// <param name="buffer">Where to; four octets at least.</param>
    /// <returns>How many octets came; 0 only at the end.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    int Read(Span<byte> buffer);
}

/// <summary>A store of another kind that messages come from.</summary>
public interface IMessageSource
{
    /// <summary>The mailboxes there are, also those without a message.</summary>
    IReadOnlyList<string> Mailboxes { get; }

    /// <summary>What there is to read in all: messages or octets, whatever is known beforehand.</summary>
    long Total { get; }

    /// <summary>How much of <see cref="Total"/> has been read.</summary>
    long Done { get; }

    /// <summary>What was passed over and why, in words; more may come while messages are read.</summary>
    IReadOnlyList<string> Problems { get; }

    /// <summary>The messages in order; each is good until the next is asked for.</summary>
    /// <exception cref="IOException">The source cannot be read on.</exception>
    IEnumerable<ISourceMessage> Read();
}
