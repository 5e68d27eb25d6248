namespace HomeMail.Storage.Mail;

/// <summary>What a mailbox knows of a message without opening it.</summary>
/// <param name="Uid">The UID (RFC 9051 2.3.1.1).</param>
/// <param name="Flags">The system flags.</param>
/// <param name="Keywords">The keywords, bit n standing for <see cref="Mailbox.KeywordName"/> n.</param>
/// <param name="ModSeq">The mod-sequence (RFC 7162 3.1).</param>
/// <param name="Size">RFC822.SIZE: octets of the file, in CRLF form as it stands.</param>
/// <param name="InternalDate">INTERNALDATE, to the second.</param>
/// <param name="SaveDate">SAVEDATE (RFC 8514): when it came into this mailbox, to the second.</param>
/// <param name="EmailId">EMAILID (RFC 8474 5.1) as a number: the same for a message and its copies.</param>
public readonly record struct MessageInfo(
    uint Uid,
    MessageFlags Flags,
    ulong Keywords,
    ulong ModSeq,
    uint Size,
    DateTimeOffset InternalDate,
    DateTimeOffset SaveDate,
    ulong EmailId);

/// <summary>UIDs from the first to the last, both included.</summary>
/// <param name="First">The lowest; never 0.</param>
/// <param name="Last">The highest; not below <paramref name="First"/>.</param>
public readonly record struct UidRange(uint First, uint Last)
{
    /// <summary>Adds a UID to ranges in ascending order.</summary>
    /// <param name="ranges">The ranges.</param>
    /// <param name="uid">A UID above all of them.</param>
    public static void Add(List<UidRange> ranges, uint uid)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        if (ranges.Count > 0 && ranges[^1].Last + 1 == uid)
            ranges[^1] = ranges[^1] with { Last = uid };
        else
            ranges.Add(new UidRange(uid, uid));
    }

    /// <summary>Ascending UIDs as ranges.</summary>
    /// <param name="uids">The UIDs.</param>
    public static List<UidRange> Of(IEnumerable<uint> uids)
    {
        ArgumentNullException.ThrowIfNull(uids);
        var ranges = new List<UidRange>();
        foreach (var uid in uids)
            Add(ranges, uid);
        return ranges;
    }

    /// <summary>The same UIDs as ascending ranges that neither overlap nor touch.</summary>
    /// <param name="ranges">Ranges in any order.</param>
    public static IReadOnlyList<UidRange> Normalize(IReadOnlyList<UidRange> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        var sorted = new List<UidRange>(ranges);
        sorted.Sort(static (left, right) => left.First.CompareTo(right.First));
        var kept = 0;
        for (var i = 1; i < sorted.Count; i++)
        {
            if (sorted[i].First <= (ulong)sorted[kept].Last + 1)
                sorted[kept] = sorted[kept] with { Last = Math.Max(sorted[kept].Last, sorted[i].Last) };
            else
                sorted[++kept] = sorted[i];
        }
        if (sorted.Count > 0)
            sorted.RemoveRange(kept + 1, sorted.Count - kept - 1);
        return sorted;
    }
}

/// <summary>The numbers of a mailbox that STATUS and SELECT tell (RFC 9051 6.3.11, 6.3.2).</summary>
/// <param name="Messages">How many messages.</param>
/// <param name="UidNext">UIDNEXT: the next message gets this UID or a greater one.</param>
/// <param name="UidValidity">UIDVALIDITY, never 0.</param>
/// <param name="HighestModSeq">HIGHESTMODSEQ (RFC 7162 3.1.2.1), never 0.</param>
/// <param name="Unseen">Messages without <c>\Seen</c>.</param>
/// <param name="Deleted">Messages with <c>\Deleted</c>.</param>
/// <param name="Bytes">SIZE (RFC 8438): octets of all messages.</param>
public readonly record struct MailboxStatus(int Messages, uint UidNext, uint UidValidity, ulong HighestModSeq, int Unseen, int Deleted, long Bytes);
