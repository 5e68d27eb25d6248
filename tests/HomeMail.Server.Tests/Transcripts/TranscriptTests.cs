using Xunit;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>Every dialogue of <c>tests/transcripts</c>, in each way of cutting it up.</summary>
public class TranscriptTests(Binaries binaries) : IClassFixture<Binaries>
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

    public static TheoryData<string> BinaryDialogues => [.. Names().Where(static name => Load(name).OnlyInProcess is null)];

    internal static IEnumerable<string> Names() =>
        from folder in (string[])["smtp", "submission", "lan"]
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

    [Theory, MemberData(nameof(BinaryDialogues))]
    public async Task Against_the_binary(string name)
    {
        Binaries.RequireProgram();
        var transcript = Load(name);
        await new Player(transcript, await binaries.PlaceAsync(transcript.Settings), Cut.Whole).PlayAsync();
    }

    [Fact]
    public void There_are_enough_dialogues() => Assert.InRange(Names().Count(), 145, int.MaxValue);
}
