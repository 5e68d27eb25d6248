using Xunit;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>Every dialogue of <c>tests/transcripts</c>, in each way of cutting it up.</summary>
public class TranscriptTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "transcripts");

    public static TheoryData<string, Cut> Dialogues
    {
        get
        {
            var data = new TheoryData<string, Cut>();
            foreach (var name in Names())
                foreach (var cut in Enum.GetValues<Cut>())
                    data.Add(name, cut);
            return data;
        }
    }

    internal static IEnumerable<string> Names() =>
        from folder in (string[])["smtp", "submission"]
        from file in Directory.GetFiles(Path.Combine(Folder, folder), "*.txt").Order(StringComparer.Ordinal)
        select folder + "/" + Path.GetFileNameWithoutExtension(file);

    internal static Transcript Load(string name) => Transcript.Load(Folder, name);

    [Theory, MemberData(nameof(Dialogues))]
    public async Task In_process(string name, Cut cut)
    {
        var transcript = Load(name);
        await using var place = new InProcess(transcript.Settings, cut == Cut.Octet ? 1 : int.MaxValue);
        await new Player(transcript, place, cut).PlayAsync();
    }
}
