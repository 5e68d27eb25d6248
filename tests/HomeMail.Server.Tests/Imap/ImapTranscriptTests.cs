using Xunit;

namespace HomeMail.Server.Tests.Imap;

/// <summary>The dialogues of <c>tests/transcripts/imap</c>. A file holds several, each after a line <c>== what it shows</c>.</summary>
public class ImapTranscriptTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "transcripts", "imap");

    public static TheoryData<string, string> Dialogues
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var file in Directory.GetFiles(Folder, "*.txt").Order(StringComparer.Ordinal))
                foreach (var line in File.ReadLines(file))
                    if (line.StartsWith("== ", StringComparison.Ordinal))
                        data.Add(Path.GetFileNameWithoutExtension(file), line[3..]);
            return data;
        }
    }

    [Theory, MemberData(nameof(Dialogues))]
    public async Task A_dialogue_is_answered_as_written(string file, string what)
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, file + ".txt"))
            .SkipWhile(line => line != "== " + what).Skip(1).TakeWhile(static line => !line.StartsWith("== ", StringComparison.Ordinal));
        await using var house = new ImapHouse();
        await new ImapDialogue($"{file} ({what})", lines).PlayAsync(house);
    }

    [Fact]
    public void There_are_dialogues() => Assert.True(Dialogues.Count >= 49, $"there are {Dialogues.Count}");
}
