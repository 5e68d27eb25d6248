using HomeMail.Protocol.Dmarc;

namespace HomeMail.Server.Reports;

/// <summary>
/// A record of a report as one short line, count aside: that is how rows are told apart and kept. Names in it have no white space, comma or tilde;
/// whoever makes a record has seen to that.
/// </summary>
internal static class ReportedRowText
{
    private const int Fields = 11;
    private const string Nothing = "~";

    public static string Write(ReportedRecord record) => string.Join(
        '\t', record.Source, record.Disposition, record.DkimAligned ? "1" : "0", record.SpfAligned ? "1" : "0", record.Reason ?? Nothing, record.HeaderFrom,
        record.EnvelopeFrom ?? Nothing, record.EnvelopeTo ?? Nothing, record.SpfDomain ?? Nothing, record.SpfResult,
        string.Join(' ', record.Dkim.Select(d => $"{d.Domain},{d.Selector},{d.Result}")));

    /// <returns>Null if it is none.</returns>
    public static ReportedRecord? Read(string text)
    {
        var fields = text.Split('\t');
        if (fields.Length != Fields)
            return null;
        return new ReportedRecord
        {
            Source = fields[0],
            Disposition = fields[1],
            DkimAligned = fields[2] == "1",
            SpfAligned = fields[3] == "1",
            Reason = Or(fields[4]),
            HeaderFrom = fields[5],
            EnvelopeFrom = Or(fields[6]),
            EnvelopeTo = Or(fields[7]),
            SpfDomain = Or(fields[8]),
            SpfResult = fields[9],
            Dkim =
            [
                .. fields[10].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(d => d.Split(',')).Where(d => d.Length == 3)
                    .Select(d => new ReportedDkim(d[0], d[1], d[2])),
            ],
        };
    }

    private static string? Or(string field) => field == Nothing ? null : field;
}
