using System.Text.Json;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Server.Control;

/// <summary>What goes along with a message, as an object of the control connection: <c>mailbox</c>, <c>flags</c> as IMAP names them, <c>date</c>.</summary>
public static class MarksJson
{
    private static readonly (string Name, MessageFlags Flag)[] Names =
    [
        ("\\Seen", MessageFlags.Seen),
        ("\\Answered", MessageFlags.Answered),
        ("\\Flagged", MessageFlags.Flagged),
        ("\\Deleted", MessageFlags.Deleted),
        ("\\Draft", MessageFlags.Draft),
    ];

    /// <summary>Writes the properties.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="marks">What goes along.</param>
    public static void Write(Utf8JsonWriter json, MessageMarks marks)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(marks);
        json.WriteString("mailbox", marks.Mailbox);
        json.WriteStartArray("flags");
        foreach (var (name, flag) in Names)
            if ((marks.Flags & flag) != 0)
                json.WriteStringValue(name);
        foreach (var keyword in marks.Keywords)
            json.WriteStringValue(keyword);
        json.WriteEndArray();
        json.WriteString("date", marks.InternalDate.UtcDateTime);
    }

    /// <summary>Reads the properties.</summary>
    /// <param name="json">The object.</param>
    /// <exception cref="ControlRefusal">They are not there.</exception>
    public static MessageMarks Read(JsonElement json)
    {
        if (!json.TryGetProperty("mailbox", out var mailbox) || mailbox.ValueKind != JsonValueKind.String
            || !json.TryGetProperty("date", out var date) || date.ValueKind != JsonValueKind.String || !date.TryGetDateTimeOffset(out var time)
            || !json.TryGetProperty("flags", out var list) || list.ValueKind != JsonValueKind.Array)
            throw new ControlRefusal("'mailbox', 'flags' or 'date' is missing");
        var flags = MessageFlags.None;
        var keywords = new List<string>();
        foreach (var item in list.EnumerateArray())
        {
            var name = item.ValueKind == JsonValueKind.String ? item.GetString()! : "";
            var flag = Array.Find(Names, known => known.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Flag;
            flags |= flag;
            if (flag == MessageFlags.None && name.Length > 0 && name[0] != '\\')
                keywords.Add(name);
        }
        return new MessageMarks(mailbox.GetString()!, flags, keywords, time);
    }
}
