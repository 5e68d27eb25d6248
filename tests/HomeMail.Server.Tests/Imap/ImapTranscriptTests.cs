using System.Text.RegularExpressions;
using HomeMail.Server.Tests.Transcripts;
using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>The dialogues of <c>tests/transcripts/imap</c>. A file holds several, each after a line <c>== what it shows (RFC nnnn section)</c>.</summary>
public partial class ImapTranscriptTests(ImapBinary binary) : IClassFixture<ImapBinary>
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "transcripts", "imap");

    public static TheoryData<string, string, Cut> Dialogues
    {
        get
        {
            var data = new TheoryData<string, string, Cut>();
            foreach (var (file, what) in All())
                foreach (var cut in Enum.GetValues<Cut>())
                    data.Add(file, what, cut);
            return data;
        }
    }

    public static TheoryData<string, string> BinaryDialogues
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (file, what) in All())
                if (!Load(file, what).Any(static line => InProcessOnly().IsMatch(line)))
                    data.Add(file, what);
            return data;
        }
    }

    internal static List<(string File, string What)> All() =>
        [.. from file in Directory.GetFiles(Folder, "*.txt").Order(StringComparer.Ordinal)
            from line in File.ReadLines(file)
            where line.StartsWith("== ", StringComparison.Ordinal)
            select (Path.GetFileNameWithoutExtension(file), line[3..])];

    private static List<string> Load(string file, string what) =>
        [.. File.ReadAllLines(Path.Combine(Folder, file + ".txt"))
            .SkipWhile(line => line != "== " + what).Skip(1).TakeWhile(static line => !line.StartsWith("== ", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Dialogues))]
    public async Task In_process(string file, string what, Cut cut)
    {
        var lines = Load(file, what);
        await using var place = new ImapInProcess(lines, cut != Cut.Octet ? int.MaxValue : lines.Any(static line => Many().IsMatch(line)) ? 997 : 1);
        await new ImapDialogue($"{file} ({what})", lines, cut).PlayAsync(place);
    }

    [Theory, MemberData(nameof(BinaryDialogues))]
    public async Task Against_the_binary(string file, string what)
    {
        Binaries.RequireProgram();
        var lines = Load(file, what);
        await using var place = await binary.PlaceAsync(lines);
        await new ImapDialogue($"{file} ({what})", lines, Cut.Whole).PlayAsync(place);
    }

    [Fact]
    public void There_are_enough_dialogues_and_none_twice()
    {
        Assert.InRange(All().Count, 230, int.MaxValue);
        Assert.Equal(All().Count, All().Distinct().Count());
    }

    [Fact]
    public void Each_dialogue_names_the_section_it_shows() =>
        Assert.DoesNotContain(All(), static dialogue => !Section().IsMatch(dialogue.What));

    [GeneratedRegex(@"\(RFC \d{4} [\dA-E][\d.]*\)$")]
    private static partial Regex Section();

    // A large content octet by octet would take all day.
    [GeneratedRegex(@"\{\d{5,}\*")]
    private static partial Regex Many();

    [GeneratedRegex("^(only in-process: .|set |wait |learned )")]
    private static partial Regex InProcessOnly();
}
