namespace HomeMail.Server.Intake;

/// <summary>Patterns in which <c>*</c> stands for anything, nothing too; without regard to case. What is matched is bounded, and so is the time it takes.</summary>
public static class Glob
{
    /// <summary>Characters of a text that are looked at; what is longer ends there.</summary>
    public const int MaxText = 4096;

    /// <summary>Whether a text is of a pattern, from its beginning to its end.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="text">The text.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        if (text.Length > MaxText)
            text = text[..MaxText];
        var star = pattern.IndexOf('*');
        if (star < 0)
            return pattern.Equals(text, StringComparison.OrdinalIgnoreCase);
        var last = pattern.LastIndexOf('*');
        var head = pattern[..star];
        var tail = pattern[(last + 1)..];
        if (text.Length < head.Length + tail.Length || !text.StartsWith(head, StringComparison.OrdinalIgnoreCase)
            || !text.EndsWith(tail, StringComparison.OrdinalIgnoreCase))
            return false;
        // Each piece between two stars is taken where it comes first; a later place would leave less for those that follow, so there is no going back.
        text = text[head.Length..(text.Length - tail.Length)];
        var middle = star < last ? pattern[(star + 1)..last] : default;
        foreach (var range in middle.Split('*'))
        {
            var at = text.IndexOf(middle[range], StringComparison.OrdinalIgnoreCase);
            if (at < 0)
                return false;
            text = text[(at + middle[range].Length)..];
        }
        return true;
    }
}
