using System.Text;

namespace HomeMail.Config;

/// <summary>A section as it stands in the file.</summary>
/// <param name="Info">Its kind.</param>
/// <param name="Name">What follows the colon, or null.</param>
/// <param name="Line">The line of its header.</param>
internal sealed record IniSection(SectionInfo Info, string? Name, int Line)
{
    /// <summary>Its name as between the brackets.</summary>
    public string Title => Name is null ? Info.Kind : $"{Info.Kind}:{Name}";

    /// <summary>The line of each key that is set.</summary>
    public Dictionary<string, int> KeyLines { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Its keys as the provider gets them: <c>key="value"</c>.</summary>
    public StringBuilder Clean { get; } = new();

    /// <summary>What is left for the provider: <c>key="value"</c>, nothing else.</summary>
    public Stream ToStream() => new MemoryStream(Encoding.UTF8.GetBytes(Clean.ToString()));
}

/// <summary>
/// Our pass over the text of an INI file, before the provider sees it. The provider takes comments at the start of a line only, has no line
/// numbers, and drops sections without keys. So this takes the comments out, remembers the lines, reports what is no INI, unknown or double,
/// and hands on only what is well-formed.
/// </summary>
internal sealed class IniDocument
{
    private readonly List<IniSection> _sections = [];
    private readonly Dictionary<string, IniSection> _byTitle = new(StringComparer.OrdinalIgnoreCase);

    private IniDocument()
    {
    }

    /// <summary>The sections in the file's order, those without keys too.</summary>
    public IReadOnlyList<IniSection> Sections => _sections;


    /// <summary>The section of this kind and name, or null if the file has none.</summary>
    public IniSection? Find(string kind, string? name = null) =>
        _byTitle.GetValueOrDefault(name is null ? kind : $"{kind}:{name}");

    /// <summary>Reads a file's text.</summary>
    public static IniDocument Read(string text, Findings findings)
    {
        var document = new IniDocument();
        IniSection? current = null;
        var known = true;
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim(' ', '\t', '\r');
            if (line.Length == 0 || line[0] is ';' or '#')
                continue;
            if (line.Any(c => char.IsControl(c) && c != '\t'))
            {
                findings.Error(number, current?.Title, null, "the line has a control character", null);
            }
            else if (line[0] == '[')
            {
                current = document.ReadHeader(line, number, findings);
                known = current is not null;
            }
            else if (current is not null)
            {
                document.ReadKey(current, line, number, findings);
            }
            else if (known)
            {
                // Below a header that is no good itself, keys would only make noise.
                findings.Error(number, null, null, $"'{line}' stands before the first section", "[server] first");
                known = false;
            }
        }
        return document;
    }

    private IniSection? ReadHeader(string line, int number, Findings findings)
    {
        var end = line.IndexOf(']', StringComparison.Ordinal);
        if (end < 0 || !IsComment(line.AsSpan(end + 1)))
        {
            findings.Error(number, null, null, $"'{line}' is no section header", "[NAME], with a comment behind it at most");
            return null;
        }
        var title = line[1..end].Trim();
        var colon = title.IndexOf(':', StringComparison.Ordinal);
        var kind = colon < 0 ? title : title[..colon].TrimEnd();
        var name = colon < 0 ? null : title[(colon + 1)..].TrimStart();
        if (!KnownKeys.Sections.TryGetValue(kind, out var info))
        {
            var near = KnownKeys.Nearest(kind, KnownKeys.Sections.Keys);
            findings.Error(number, title, null, near is null ? "unknown section" : $"unknown section, [{near}] is near", KnownKeys.SectionForms);
            return null;
        }
        if (info.NameAllowed is null && name is not null)
        {
            findings.Error(number, title, null, "this section takes no name", $"[{kind}]");
            return null;
        }
        if (info.NameAllowed is not null && string.IsNullOrEmpty(name))
        {
            findings.Error(number, title, null, "this section needs a name", $"[{info.Form}], where NAME is {info.NameAllowed}");
            return null;
        }
        // The provider makes a level of each colon.
        if (name is not null && name.Contains(':', StringComparison.Ordinal))
        {
            findings.Error(number, title, null, "a name has no colon", info.NameAllowed);
            return null;
        }

        var section = new IniSection(info, name, number);
        var first = Find(info.Kind, name);
        if (first is not null)
        {
            // Its keys are read on as if they stood in the first, so that double ones are found.
            findings.Error(number, section.Title, null, $"the section is there twice, first on line {first.Line}", "each section once");
            return first;
        }
        _sections.Add(section);
        _byTitle.Add(section.Title, section);
        return section;
    }

    private void ReadKey(IniSection section, string line, int number, Findings findings)
    {
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        var key = (equals < 0 ? line : line[..equals]).Trim();
        if (equals < 0 || key.Length == 0)
        {
            findings.Error(number, section.Title, null, $"'{line}' is neither section, key nor comment", "[SECTION], key = value, ; comment");
            return;
        }
        if (section.Info.KeysAllowed is null)
        {
            var info = section.Info.Find(key);
            if (info is null)
            {
                var names = section.Info.Keys.Select(known => known.Name);
                var near = KnownKeys.Nearest(key, names);
                findings.Error(number, section.Title, key, near is null ? "unknown key" : $"unknown key, {near} is near", string.Join(", ", names));
                return;
            }
            key = info.Name;
        }
        if (!section.KeyLines.TryAdd(key, number))
        {
            findings.Error(number, section.Title, key, $"the key is there twice, first on line {section.KeyLines[key]}", "each key once");
            return;
        }
        if (!TryReadValue(line.AsSpan(equals + 1), out var value))
        {
            findings.Error(number, section.Title, key, "a quote is opened and not closed", "\"value\", with a comment behind it at most");
            return;
        }
        // The provider takes one pair of quotes off, and trims nothing inside.
        section.Clean.Append(key).Append("=\"").Append(value).Append("\"\n");
    }

    // A value ends at ';' after white space, unless it begins with a quote and is within quotes there. A value that is quoted as a whole loses
    // the quotes; in one such as "john doe"@example.org they are its own.
    private static bool TryReadValue(ReadOnlySpan<char> text, out string value)
    {
        var hasQuotes = text.TrimStart().StartsWith('"');
        var within = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                within ^= hasQuotes;
            }
            else if (text[i] == ';' && !within && i > 0 && char.IsWhiteSpace(text[i - 1]))
            {
                text = text[..i];
                break;
            }
        }
        text = text.Trim();
        value = (hasQuotes && text.Length > 1 && text[^1] == '"' ? text[1..^1] : text).ToString();
        return !within;
    }

    private static bool IsComment(ReadOnlySpan<char> rest)
    {
        var trimmed = rest.TrimStart();
        return trimmed.IsEmpty || trimmed[0] == ';';
    }
}
