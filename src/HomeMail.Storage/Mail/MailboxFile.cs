using System.Globalization;
using System.Text;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Mail;

/// <summary>
/// A mailbox's own small file, <c>.mailbox</c>: who it is, and how far its numbers are reserved. While the mailbox is in use the two
/// numbers are the end of a reservation, so that after a crash, whatever else is lost, numbering goes on above all that was ever given out.
/// When it was closed in order they are exact and the totals stand beside them.
/// </summary>
internal sealed record MailboxFile
{
    public const string Name = ".mailbox";

    public required uint UidValidity { get; init; }

    public required string MailboxId { get; init; }

    /// <summary>UIDs at and above this one have not been given out.</summary>
    public uint UidNext { get; init; } = 1;

    /// <summary>Mod-sequences at and above this one have not been given out.</summary>
    public ulong NextModSeq { get; init; } = 1;

    public SpecialUse Use { get; init; }

    /// <summary>Closed in order: the numbers are exact, and the totals below are those of the messages.</summary>
    public bool IsClosed { get; init; }

    public int Messages { get; init; }

    public long Bytes { get; init; }

    /// <summary>A deletion was decided; what is still here goes on the next start.</summary>
    public bool IsDeleted { get; init; }

    public static MailboxFile? Read(IFileSystem files, string folder, out bool damaged)
    {
        var lines = FieldFile.Read(files, folder + "/" + Name, out damaged);
        if (lines is null)
            return null;
        var file = new MailboxFile
        {
            UidValidity = (uint)FieldFile.Number(lines, "UidValidity"),
            MailboxId = FieldFile.Value(lines, "MailboxId") ?? "",
            UidNext = (uint)FieldFile.Number(lines, "UidNext"),
            NextModSeq = FieldFile.Number(lines, "NextModSeq"),
            Use = Enum.TryParse<SpecialUse>(FieldFile.Value(lines, "Use"), out var use) ? use : SpecialUse.None,
            IsClosed = FieldFile.Value(lines, "Closed") == "yes",
            Messages = (int)FieldFile.Number(lines, "Messages"),
            Bytes = (long)FieldFile.Number(lines, "Bytes"),
            IsDeleted = FieldFile.Value(lines, "Deleted") == "yes",
        };
        damaged = file.UidValidity == 0 || file.UidNext == 0 || file.NextModSeq == 0 || file.MailboxId.Length == 0;
        return damaged ? null : file;
    }

    /// <summary>Durable when this returns.</summary>
    public void Write(IFileSystem files, string folder)
    {
        var lines = new StringBuilder(200).Append(CultureInfo.InvariantCulture,
            $"UidValidity: {UidValidity}\nMailboxId: {MailboxId}\nUidNext: {UidNext}\nNextModSeq: {NextModSeq}\n");
        if (Use != SpecialUse.None)
            lines.Append(CultureInfo.InvariantCulture, $"Use: {Use}\n");
        if (IsClosed)
            lines.Append(CultureInfo.InvariantCulture, $"Closed: yes\nMessages: {Messages}\nBytes: {Bytes}\n");
        if (IsDeleted)
            lines.Append("Deleted: yes\n");
        FieldFile.Replace(files, folder, Name, lines.ToString());
    }
}
