using System.Text;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Tests.Simulation;
using HomeMail.Storage.Transfer;
using Xunit;

namespace HomeMail.Storage.Tests.Crash;

/// <summary>An import, with the power gone after every step, and begun anew.</summary>
public sealed class ImportCrashTests(ITestOutputHelper output)
{
    private static readonly MessageMarks[] Marks =
    [
        new("INBOX", MessageFlags.Seen, ["$k"], DateTimeOffset.UnixEpoch.AddYears(30)),
        new("INBOX", MessageFlags.None, [], DateTimeOffset.UnixEpoch.AddYears(31)),
        new("Old/Letters", MessageFlags.Answered, [], DateTimeOffset.UnixEpoch.AddYears(32)),
        new("INBOX", MessageFlags.Draft, ["$k", "$l"], DateTimeOffset.UnixEpoch.AddYears(33)),
    ];

    private static string Text(int number) => $"Subject: {number}\r\n\r\nimported {number}\r\n";

    private static async Task ImportAsync(DataFolder data)
    {
        await using var import = new MailImport(data, "alice", TimeProvider.System);
        for (var i = 0; i < Marks.Length; i++)
        {
            var message = import.Begin();
            message.Append(Encoding.UTF8.GetBytes(Text(i)));
            await import.PutAsync(message, Marks[i]);
        }
        await import.FlushAsync();
        Assert.Equal(Marks.Length, import.Stored + import.Present);
    }

    [Fact]
    public Task Import() => new CrashLab("import", output).RunAsync(async (data, witness) =>
    {
        await CrashLab.CommitAsync(data, witness, "before", false, new LocalDelivery("alice", "INBOX"));
        for (var i = 0; i < Marks.Length; i++)
            witness.Contents.Add(Text(i));
    }, async (data, witness) =>
    {
        await ImportAsync(data);
        for (var i = 0; i < Marks.Length; i++)
        {
            witness.Accepted("alice/" + Marks[i].Mailbox, Text(i));
            witness.Flagged("alice/" + Marks[i].Mailbox, Text(i), Marks[i].Flags, string.Join(' ', Marks[i].Keywords));
        }
    });

    [Theory]
    [InlineData(Loss.Nothing)]
    [InlineData(Loss.Everything)]
    [InlineData(Loss.Random)]
    public async Task Begun_anew_each_message_is_there_once(Loss loss)
    {
        var points = 0;
        for (var (stop, done) = (0, false); !done; stop++)
        {
            var files = new SimulatedFileSystem { StopAfter = stop };
            try
            {
                var data = CrashLab.Open(files);
                data.Spool.Recover();
                await ImportAsync(data);
                done = true;
            }
            catch (Exception error) when (error is SimulatedCrash or AggregateException)
            {
                points++;
            }
            await using var again = CrashLab.Open(files.AfterCrash(loss, stop));
            again.Spool.Recover();
            await ImportAsync(again);
            Check(again, stop);
        }
        output.WriteLine($"import, begun anew, {loss}: {points} crash points");
    }

    private static void Check(DataFolder data, int stop)
    {
        var found = new List<string>();
        foreach (var mailbox in data.Mail.Account("alice").Mailboxes().Where(mailbox => mailbox.IsSelectable))
            foreach (var (uid, content) in Witness.Messages(mailbox))
            {
                Assert.True(mailbox.TryGet(uid, out var info));
                found.Add($"{mailbox.Name} {content} {info.Flags} {string.Join(' ', mailbox.KeywordNames(info.Keywords))} {info.InternalDate:u}");
            }
        var expected = Marks.Select((marks, i) => $"{marks.Mailbox} {Text(i)} {marks.Flags} {string.Join(' ', marks.Keywords)} {marks.InternalDate:u}");
        Assert.True(expected.Order().SequenceEqual(found.Order()), $"stopped after {stop}: {string.Join('\n', found)}");
    }
}
