namespace HomeMail.Config;

/// <summary>
/// The keys that are read and checked but whose feature is not there yet. This is the only place that knows; a line goes when its feature comes.
/// <c>section.*</c> is a whole section.
/// </summary>
internal static class NotInEffect
{
    private static readonly string[] Keys =
    [
    ];

    /// <summary>The keys of the table, each <c>section.key</c> or <c>section.*</c>.</summary>
    public static IReadOnlyList<string> Table => Keys;

    /// <summary>The keys set in a file that are not yet in effect, as <c>[section] key</c>, each once.</summary>
    public static IReadOnlyList<string> SetIn(IniDocument document)
    {
        var found = new List<string>();
        foreach (var section in document.Sections)
        {
            var kind = section.Info.Kind;
            if (Keys.Contains(kind + ".*"))
                found.Add($"[{section.Info.Form}]");
            else
                found.AddRange(section.Info.Keys.Where(key => section.KeyLines.ContainsKey(key.Name) && Keys.Contains($"{kind}.{key.Name}")).Select(key => $"[{section.Info.Form}] {key.Name}"));
        }
        return [.. found.Distinct()];
    }
}
