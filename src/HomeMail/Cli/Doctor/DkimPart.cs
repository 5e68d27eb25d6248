using HomeMail.Server.House;

namespace HomeMail.Cli.Doctor;

/// <summary>Whether the DKIM keys that mail is signed with are published (RFC 6376 3.6).</summary>
internal static class DkimPart
{
    public static async Task<IReadOnlyList<DoctorFinding>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var (house, unread) = DnsCommand.House(scene.Settings, []);
        try
        {
            var records = HouseRecords.Compose(house).Where(static r => r.Use == RecordUse.DkimKey).ToList();
            var compared = await new RecordComparison(await scene.ResolverAsync(), scene.Clock).CompareAsync(records, cancel);
            return
            [
                .. unread.Select(static domain => DoctorFinding.Unknown(
                    $"dkim:{domain}", $"the keys of {domain} are not made yet, or cannot be read here", "start the server once, and call this as its user or root")),
                .. compared.Select(Judge),
            ];
        }
        finally
        {
            foreach (var key in house.Domains.SelectMany(static d => d.DkimKeys))
                key.Dispose();
        }
    }

    public static DoctorFinding Judge(ComparedRecord compared)
    {
        var record = compared.Record;
        var subject = $"dkim:{record.Domain}";
        var mend = $"publish {record.Name} TXT as `homemail dns` shows it";
        return compared.State switch
        {
            RecordState.Ok => DoctorFinding.Ok(subject, $"{record.Name} is published"),
            RecordState.Missing => DoctorFinding.Trouble(subject, "missing", $"mail is signed, and nobody can check it: {record.Name} is not published", mend),
            RecordState.Different => DoctorFinding.Trouble(subject, "different", $"{record.Name} is published with another key than mail is signed with, so each signature fails", mend),
            _ => DoctorFinding.Unknown(subject, $"{record.Name} cannot be looked up: {compared.Found}", "see 'resolver'"),
        };
    }
}
