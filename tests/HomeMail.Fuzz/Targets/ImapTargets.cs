using HomeMail.Protocol.Imap;

namespace HomeMail.Fuzz.Targets;

/// <summary>The words of IMAP commands.</summary>
public static class ImapTargets
{
    private static readonly string[] Tokens =
    [
        "(", ")", "[", "]", "{3}\r\nabc", "{9999999999}\r\n", "~{1+}\r\n\0", "\"", "\\", "*", "%", ":", ",", "$", "1:*", "4294967295", "BODY.PEEK[", "HEADER.FIELDS (", "<0.1>", "BINARY", "OR ", "NOT ", "UID ", "SINCE 1-Jan-2024",
        "KEYWORD ", "MODSEQ ", "CHARSET UTF-8 ", "PREVIEW (LAZY)", " ", "\0", "\xff", "\xc3\xbc", "&-", "&AOQ-",
    ];

    /// <summary>What a FETCH asks for.</summary>
    public static FuzzTarget Fetch { get; } = new("imap-fetch", RunFetch, ["1:* (FLAGS BODY.PEEK[1.HEADER.FIELDS (From \"To\")]<1.2>)", "$ ALL", "1,3:5 BINARY.SIZE[1.2]"], Tokens);

    /// <summary>What a SEARCH asks for.</summary>
    public static FuzzTarget Search { get; } = new("imap-search", RunSearch, ["CHARSET UTF-8 OR (NOT SEEN) TEXT {3}\r\nabc", "1:* UNDELETED SINCE 1-Jan-2024", "MODSEQ \"/flags/\\\\draft\" all 1"], Tokens);

    /// <summary>Strings, dates, names and patterns.</summary>
    public static FuzzTarget Words { get; } = new("imap-words", RunWords, ["\"a\\\"b\"", "{3}\r\nabc", "\" 1-Feb-2024 09:05:00 +0100\"", "&AOQ-/*%", "\\Seen"], Tokens);

    private static void RunFetch(ReadOnlySpan<byte> input)
    {
        var reader = new ImapReader(input);
        if (!SequenceSet.TryRead(ref reader, out var set))
            return;
        CheckRanges(set, 0);
        CheckRanges(set, 7);
        CheckRanges(set, uint.MaxValue);
        if (!reader.Space() || !FetchReader.TryRead(ref reader, out var items))
            return;
        foreach (var item in items)
            FuzzException.Check(!item.Label.AsSpan().ContainsAny("\r\n\0"), "a label that breaks the response");
    }

    private static void CheckRanges(SequenceSet set, uint highest)
    {
        ulong above = 0;
        foreach (var (from, to) in set.Resolve(highest))
        {
            FuzzException.Check(from > 0 && from <= to && (above == 0 || from > above + 1), "ranges that are not ascending and apart");
            above = to;
        }
    }

    private static void RunSearch(ReadOnlySpan<byte> input)
    {
        var reader = new ImapReader(input);
        if (SearchReader.TryRead(ref reader, out var key) == SearchSyntax.Right)
            FuzzException.Check(Depth(key) <= 21, "deeper than allowed");
    }

    private static int Depth(SearchKey key) => 1 + (key.Keys.Count == 0 ? 0 : key.Keys.Max(Depth));

    private static void RunWords(ReadOnlySpan<byte> input)
    {
        var reader = new ImapReader(input);
        reader.AString(out _);
        reader = new ImapReader(input);
        ImapDates.TryReadMoment(ref reader, out _);
        reader = new ImapReader(input);
        ImapDates.TryReadDate(ref reader, out _);
        reader = new ImapReader(input);
        reader.Flag(out _);
        if (!ImapWriter.TryReadMailbox(input, false, out var name))
            return;
        MailboxPattern.IsMatch(name, "INBOX/a/b");
        if (name.Contains('\0', StringComparison.Ordinal) || name.Length > 500)
            return;
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        ImapWriter.Mailbox(output, name, isUtf8: true);
        var again = new ImapReader(output.WrittenSpan);
        FuzzException.Check(again.AString(out var octets) && again.Rest.IsEmpty && System.Text.Encoding.UTF8.GetString(octets) == name, "a name does not survive its own form");
    }
}
