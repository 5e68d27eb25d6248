using System.Net;
using System.Text;

namespace HomeMail.Server.Imap.Structure;

/// <summary>PREVIEW: the beginning of a message's text (RFC 8970).</summary>
public static class MessagePreview
{
    /// <summary>The most characters (RFC 8970 3.2: at most 256).</summary>
    public const int MaxLength = 200;

    private const int MaxRead = 16 * 1024;

    /// <summary>The preview of a message; empty where it has no text.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static string Of(Stream message, MessageStructure structure, CancellationToken cancel = default)
    {
        if (FindText(structure.Root) is not { } part)
            return "";
        var text = new StringBuilder();
        BodyText.Read(message, part, 4096, chars =>
        {
            text.Append(chars);
            return text.Length < MaxRead;
        }, cancel);
        var plain = part.Content.Is("text", "html") ? WithoutTags(text.ToString()) : text.ToString();
        var collapsed = ImapText.Collapse(plain.Replace('\u00a0', ' '))!;
        var result = new StringBuilder();
        foreach (var rune in collapsed.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || rune.Value == Rune.ReplacementChar.Value)
                continue;
            if (result.Length + rune.Utf16SequenceLength > MaxLength)
                break;
            result.Append(rune.ToString());
        }
        return result.ToString();
    }

    // The first plain text, or else the first HTML, that is not an attachment.
    private static MessagePart? FindText(MessagePart root)
    {
        MessagePart? html = null;
        var open = new Stack<MessagePart>();
        open.Push(root);
        while (open.TryPop(out var part))
        {
            if (part.Kind == PartKind.Leaf && part.BodyLength > 0 && !(part.Field("Content-Disposition") ?? "").StartsWith("attachment", StringComparison.OrdinalIgnoreCase))
            {
                if (part.Content.Is("text", "plain"))
                    return part;
                if (part.Content.Is("text", "html"))
                    html ??= part;
            }
            for (var i = part.Children.Count - 1; i >= 0; i--)
                open.Push(part.Children[i]);
        }
        return html;
    }

    private static string WithoutTags(string html)
    {
        var text = new StringBuilder();
        for (var at = 0; at < html.Length; at++)
        {
            if (html[at] != '<')
            {
                text.Append(html[at]);
                continue;
            }
            at = EndOfTag(html, at);
            text.Append(' ');
        }
        return WebUtility.HtmlDecode(text.ToString());
    }

    private static int EndOfTag(string html, int at)
    {
        var rest = html.AsSpan(at);
        var end = ">";
        if (rest.StartsWith("<!--", StringComparison.Ordinal))
            end = "-->";
        else if (rest.StartsWith("<style", StringComparison.OrdinalIgnoreCase))
            end = "</style>";
        else if (rest.StartsWith("<script", StringComparison.OrdinalIgnoreCase))
            end = "</script>";
        else if (rest.StartsWith("<title", StringComparison.OrdinalIgnoreCase))
            end = "</title>";
        var found = html.IndexOf(end, at, StringComparison.OrdinalIgnoreCase);
        return found < 0 ? html.Length : found + end.Length - 1;
    }
}
