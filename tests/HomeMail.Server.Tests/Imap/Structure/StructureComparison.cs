using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using HomeMail.Server.Imap.Structure;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>One item of one part that another server answers otherwise.</summary>
/// <param name="Message">The whole message, an octet a character.</param>
/// <param name="Part">The part.</param>
/// <param name="Item">Such as <c>size</c> or <c>section</c>.</param>
/// <param name="Theirs">Text, number, list or null for NIL.</param>
/// <param name="Ours">The same.</param>
internal sealed record StructureDifference(string Message, MessagePart Part, string Item, object? Theirs, object? Ours)
{
    /// <summary>The part's header.</summary>
    public string Header => Message.Substring((int)Part.HeaderOffset, (int)Part.HeaderLength);

    public override string ToString() => $"{Item}: theirs {Answer.Show(Theirs)}, ours {Answer.Show(Ours)}, of the part with the header\n{Header}";
}

/// <summary>A difference that the standards leave open, or in which they are on our side.</summary>
/// <param name="Why">With the section.</param>
/// <param name="Allows">Whether a difference is such a one: as narrow as can be.</param>
internal sealed record AllowedDifference(string Why, Func<StructureDifference, bool> Allows);

/// <summary>Compares what two servers answer of one message, item by item, and keeps what is not allowed.</summary>
internal sealed partial class StructureComparison
{
    private static readonly string[] Content = ["type", "subtype", "parameters", "id", "description", "encoding", "size"];
    private static readonly string[] Extension = ["md5", "disposition", "language", "location"];

    /// <summary>Every difference that is allowed.</summary>
    public static IReadOnlyList<AllowedDifference> Allowed { get; } =
    [
        new("RFC 2045 5.2: a Content-Type without a subtype is invalid, and such a one counts as text/plain; theirs gives an empty subtype, which names nothing",
            d => d is { Item: "subtype", Theirs: "", Ours: "plain" } && BareType().IsMatch(d.Header)),
        new("RFC 2045 4: what the content fields of a message without MIME-Version mean is left to the reader; theirs reads them only where there is a Content-Type",
            d => d.Item is "id" or "description" or "encoding" or "md5" or "disposition" or "language" or "location" && d.Part.IsMessage && !MimeMark().IsMatch(d.Header)
                && (d.Item == "encoding" ? d.Theirs is "7bit" : d.Theirs is null)),
        new("RFC 2046 5.1.1: the line end before a delimiter belongs to it; theirs gives it to the part too, where the last thing in the part is a header and nothing more (though for that one itself it agrees with ours)",
            d => EndsInHeader(d.Part) && d.Message.AsSpan((int)(d.Part.BodyOffset + d.Part.BodyLength)).StartsWith("\r\n--") && d switch
            {
                { Item: "size", Theirs: long theirs, Ours: long ours } => theirs == ours + 2,
                { Item: "lines", Theirs: long theirs, Ours: long ours } => theirs == ours + 1,
                { Item: "section", Theirs: string theirs, Ours: string ours } => theirs == ours + "\r\n",
                _ => false,
            }),
        new("RFC 2045 5.1: the order of parameters means nothing; theirs gives those last that were put together from pieces",
            d => d is { Item: "parameters", Theirs: List<object?> theirs, Ours: List<object?> ours } && d.Header.Contains("*0", StringComparison.Ordinal) && AreSamePairs(theirs, ours)),
        new("RFC 2046 5.1.1 wants a boundary of each multipart, so that without one the type is invalid, which counts as text/plain (RFC 2045 5.2); theirs gives a multipart with one empty part",
            d => HasNoBoundary().IsMatch(d.Header) && (d is { Item: "shape", Theirs: List<object?> and [List<object?> only, "mixed", ..], Ours: List<object?> and ["text", "plain", ..] }
                ? Answer.ShowAll(only.Take(8)) == "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0" && only.Skip(8).All(v => v is null)
                : d is { Item: "section" or "section Mime", Theirs: "", Part.IsMessage: true })), // of 1, that empty part
    ];

    private readonly string _message;
    private readonly MessageStructure _structure;

    public StructureComparison(byte[] message)
    {
        _message = Encoding.Latin1.GetString(message);
        _structure = MessageStructureReader.Read(new MemoryStream(message));
    }

    /// <summary>The differences that no row allows.</summary>
    public List<StructureDifference> Differences { get; } = [];

    /// <summary>The rows that allowed something.</summary>
    public HashSet<AllowedDifference> Used { get; } = [];

    /// <summary>Every section that the message has.</summary>
    public List<string> Sections()
    {
        var sections = new List<string> { "HEADER", "TEXT" };
        AddSections(sections, _structure.Root, "");
        return sections;
    }

    /// <summary>Compares what FETCH ENVELOPE gives.</summary>
    public void Envelope(string theirs) =>
        Compare(_structure.Root, "envelope", Taken(theirs), Taken(GoldenStructureTests.Written(o => StructureWriter.WriteEnvelope(o, _structure.Root))));

    /// <summary>Compares what FETCH BODY or BODYSTRUCTURE gives.</summary>
    public void Structure(string theirs, bool isExtended) => Part(_structure.Root, Taken(theirs), Taken(GoldenStructureTests.Written(o =>
    {
        if (isExtended)
            StructureWriter.WriteBodyStructure(o, _structure);
        else
            StructureWriter.WriteBody(o, _structure);
    })));

    /// <summary>Compares the octets of a section; null for NIL.</summary>
    public void Section(string section, string? theirs)
    {
        var (path, text) = GoldenStructureTests.Parse(section);
        var ours = _structure.TryLocate(path, text, out var range) ? _message.Substring((int)range.Offset, (int)range.Length) : null;
        Compare(_structure.Find(path)!, text == SectionText.Whole ? "section" : "section " + text, theirs, ours);
    }

    private static List<object?> Taken(string answer) => Answer.Parse(GoldenStructureTests.Plain(answer));

    private void Compare(MessagePart part, string item, object? theirs, object? ours)
    {
        if (Answer.AreSame(theirs, ours))
            return;
        var difference = new StructureDifference(_message, part, item, theirs, ours);
        if (Allowed.FirstOrDefault(a => a.Allows(difference)) is { } allowed)
            Used.Add(allowed);
        else
            Differences.Add(difference);
    }

    private void Part(MessagePart part, object? theirs, List<object?> ours)
    {
        if (theirs is not List<object?> list || list.Count != ours.Count)
        {
            Compare(part, "shape", theirs, ours);
            return;
        }
        if (part.Kind == PartKind.Multipart)
        {
            for (var i = 0; i < ours.Count; i++)
            {
                if (i < part.Children.Count)
                    Part(part.Children[i], list[i], (List<object?>)ours[i]!);
                else
                    Compare(part, string.Create(CultureInfo.InvariantCulture, $"multipart {i - part.Children.Count}"), list[i], ours[i]);
            }
            return;
        }
        string[] own = part.Kind == PartKind.Message ? ["envelope", "body", "lines"] : ours[0] is string type && type.Equals("text", StringComparison.OrdinalIgnoreCase) ? ["lines"] : [];
        string[] items = [.. Content, .. own, .. Extension];
        for (var i = 0; i < ours.Count; i++)
        {
            if (items[i] == "body")
                Part(part.Children[0], list[i], (List<object?>)ours[i]!);
            else
                Compare(part, items[i], list[i], ours[i]);
        }
    }

    private static void AddSections(List<string> sections, MessagePart part, string number)
    {
        if (part.Kind == PartKind.Multipart)
        {
            for (var i = 0; i < part.Children.Count; i++)
                AddPart(sections, part.Children[i], string.Create(CultureInfo.InvariantCulture, $"{number}{i + 1}"));
        }
        else
            AddPart(sections, part, number + "1");
    }

    private static void AddPart(List<string> sections, MessagePart part, string number)
    {
        sections.Add(number);
        sections.Add(number + ".MIME");
        if (part.Kind == PartKind.Message)
        {
            sections.Add(number + ".HEADER");
            sections.Add(number + ".TEXT");
            AddSections(sections, part.Children[0], number + ".");
        }
        else if (part.Kind == PartKind.Multipart)
            AddSections(sections, part, number + ".");
    }

    // What is innermost and last in a message part or an open multipart has no body.
    private static bool EndsInHeader(MessagePart part)
    {
        var end = part.BodyOffset + part.BodyLength;
        if (part.Kind == PartKind.Leaf)
            return false;
        while (part.Children.Count > 0)
            part = part.Children[^1];
        return part is { Kind: PartKind.Leaf, BodyLength: 0 } && part.BodyOffset == end;
    }

    private static bool AreSamePairs(List<object?> one, List<object?> other) =>
        one.Chunk(2).Select(Answer.ShowAll).Order(StringComparer.Ordinal).SequenceEqual(other.Chunk(2).Select(Answer.ShowAll).Order(StringComparer.Ordinal));

    [GeneratedRegex("^Content-Type: *[a-z]+ *\r$", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex BareType();

    [GeneratedRegex("^Content-Type: multipart/mixed\r$", RegexOptions.Multiline)]
    private static partial Regex HasNoBoundary();

    [GeneratedRegex("^(MIME-Version|Content-Type):", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex MimeMark();
}
