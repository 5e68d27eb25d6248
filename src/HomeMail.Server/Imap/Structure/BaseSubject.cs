namespace HomeMail.Server.Imap.Structure;

/// <summary>Takes replies' and forwards' marks off a subject (RFC 5256 2.1).</summary>
public static class BaseSubject
{
    /// <summary>The base subject.</summary>
    /// <param name="subject">Decoded text.</param>
    /// <param name="isReplyOrForward">Whether a mark was taken off.</param>
    public static string Of(string subject, out bool isReplyOrForward)
    {
        isReplyOrForward = false;
        var text = (ImapText.Collapse(subject) ?? "").AsSpan();
        while (true)
        {
            while (true) // step 2
            {
                text = text.TrimEnd(" \t");
                if (!text.EndsWith("(fwd)", StringComparison.OrdinalIgnoreCase))
                    break;
                text = text[..^5];
                isReplyOrForward = true;
            }
            while (TakeLeader(ref text, ref isReplyOrForward) || TakeBlob(ref text))
            {
            }
            if (!text.StartsWith("[fwd:", StringComparison.OrdinalIgnoreCase) || text[^1] != ']') // step 6
                return text.ToString();
            text = text[5..^1];
            isReplyOrForward = true;
        }
    }

    // subj-leader = (*subj-blob subj-refwd) / WSP
    private static bool TakeLeader(ref ReadOnlySpan<char> text, ref bool isReplyOrForward)
    {
        if (text.Length > 0 && text[0] is ' ' or '\t')
        {
            text = text[1..];
            return true;
        }
        var rest = text;
        while (Blob(rest) is > 0 and var length)
            rest = rest[length..];
        if (rest.StartsWith("re", StringComparison.OrdinalIgnoreCase))
            rest = rest[2..];
        else if (rest.StartsWith("fwd", StringComparison.OrdinalIgnoreCase))
            rest = rest[3..];
        else if (rest.StartsWith("fw", StringComparison.OrdinalIgnoreCase))
            rest = rest[2..];
        else
            return false;
        rest = rest.TrimStart(" \t");
        rest = rest[Blob(rest)..];
        if (rest.IsEmpty || rest[0] != ':')
            return false;
        text = rest[1..];
        isReplyOrForward = true;
        return true;
    }

    // Step 4: only if something is left.
    private static bool TakeBlob(ref ReadOnlySpan<char> text)
    {
        var length = Blob(text);
        if (length == 0 || length == text.Length)
            return false;
        text = text[length..];
        return true;
    }

    private static int Blob(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text[0] != '[')
            return 0;
        var end = text[1..].IndexOfAny('[', ']') + 1;
        if (end == 0 || text[end] != ']')
            return 0;
        for (end++; end < text.Length && text[end] is ' ' or '\t'; end++)
        {
        }
        return end;
    }
}
