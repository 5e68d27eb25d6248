using System.Buffers;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Writes ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 and RFC 3501, 7.5.2 and 7.4.2).</summary>
public static class StructureWriter
{
    /// <summary>Writes the envelope of a message.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="message">A message: the root, or the child of a message part.</param>
    /// <param name="isUtf8">Whether the client takes UTF-8 in quoted strings.</param>
    public static void WriteEnvelope(IBufferWriter<byte> output, MessagePart message, bool isUtf8 = false)
    {
        output.Write("("u8);
        ImapText.NString(output, ImapText.Collapse(message.Field("Date")), isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(message.Field("Subject")), isUtf8);
        var from = EnvelopeAddressReader.Read(message.Joined("From"));
        WriteAddresses(output, from, isUtf8);
        // Missing or empty, they are those of From (RFC 9051 7.5.2).
        WriteAddresses(output, EnvelopeAddressReader.Read(message.Joined("Sender")) is { Count: > 0 } sender ? sender : from, isUtf8);
        WriteAddresses(output, EnvelopeAddressReader.Read(message.Joined("Reply-To")) is { Count: > 0 } replyTo ? replyTo : from, isUtf8);
        WriteAddresses(output, EnvelopeAddressReader.Read(message.Joined("To")), isUtf8);
        WriteAddresses(output, EnvelopeAddressReader.Read(message.Joined("Cc")), isUtf8);
        WriteAddresses(output, EnvelopeAddressReader.Read(message.Joined("Bcc")), isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(message.Field("In-Reply-To")), isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(message.Field("Message-ID")), isUtf8);
        output.Write(")"u8);
    }

    /// <summary>Writes what <c>BODY</c> asks for: without extension data.</summary>
    public static void WriteBody(IBufferWriter<byte> output, MessageStructure structure, bool isUtf8 = false) =>
        WritePart(output, structure.Root, false, isUtf8);

    /// <summary>Writes what <c>BODYSTRUCTURE</c> asks for.</summary>
    public static void WriteBodyStructure(IBufferWriter<byte> output, MessageStructure structure, bool isUtf8 = false) =>
        WritePart(output, structure.Root, true, isUtf8);

    private static void WriteAddresses(IBufferWriter<byte> output, IReadOnlyList<EnvelopeAddress> addresses, bool isUtf8)
    {
        if (addresses.Count == 0)
        {
            output.Write(" NIL"u8);
            return;
        }
        output.Write(" ("u8);
        foreach (var address in addresses)
        {
            output.Write("("u8);
            ImapText.NString(output, ImapText.Collapse(address.Name), isUtf8);
            output.Write(" "u8);
            ImapText.NString(output, address.Route, isUtf8);
            output.Write(" "u8);
            ImapText.NString(output, ImapText.Collapse(address.Mailbox), isUtf8);
            output.Write(" "u8);
            ImapText.NString(output, address.Host, isUtf8);
            output.Write(")"u8);
        }
        output.Write(")"u8);
    }

    private static void WritePart(IBufferWriter<byte> output, MessagePart part, bool isExtended, bool isUtf8)
    {
        output.Write("("u8);
        if (part.Kind == PartKind.Multipart)
            WriteMultipart(output, part, isExtended, isUtf8);
        else
            WriteSingle(output, part, isExtended, isUtf8);
        output.Write(")"u8);
    }

    private static void WriteMultipart(IBufferWriter<byte> output, MessagePart part, bool isExtended, bool isUtf8)
    {
        var content = part.Content;
        foreach (var child in part.Children)
            WritePart(output, child, isExtended, isUtf8);
        // The grammar wants one part at least.
        if (part.Children.Count == 0)
            output.Write(isExtended ? "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"u8 : "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)"u8);
        output.Write(" "u8);
        ImapText.String(output, content.Subtype, isUtf8);
        if (!isExtended)
            return;
        output.Write(" "u8);
        WriteParameters(output, content.Parameters, false, isUtf8);
        WriteRest(output, part, isUtf8);
    }

    private static void WriteSingle(IBufferWriter<byte> output, MessagePart part, bool isExtended, bool isUtf8)
    {
        var content = part.Content;
        // A multipart that has no boundary or lies too deep has no parts: it can't be given as one (RFC 9051 9, body-type-1part).
        if (content.IsMultipart || (content.IsMessage && part.Kind != PartKind.Message))
            content = content.IsMultipart && content.Parameter("boundary") is null ? new("text", "plain", []) : new("application", "octet-stream", []);
        ImapText.String(output, content.Type, isUtf8);
        output.Write(" "u8);
        ImapText.String(output, content.Subtype, isUtf8);
        output.Write(" "u8);
        WriteParameters(output, content.Parameters, content.IsText, isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(part.Field("Content-ID")), isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(part.Field("Content-Description")), isUtf8);
        output.Write(" "u8);
        ImapText.String(output, Encoding(part), isUtf8);
        output.Write(" "u8);
        ImapText.Number(output, part.BodyLength);
        if (part.Kind == PartKind.Message)
        {
            output.Write(" "u8);
            WriteEnvelope(output, part.Children[0], isUtf8);
            output.Write(" "u8);
            WritePart(output, part.Children[0], isExtended, isUtf8);
        }
        if (part.Kind == PartKind.Message || content.IsText)
        {
            output.Write(" "u8);
            ImapText.Number(output, part.BodyLines);
        }
        if (!isExtended)
            return;
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(part.Field("Content-MD5")), isUtf8);
        WriteRest(output, part, isUtf8);
    }

    /// <summary>A part's Content-Transfer-Encoding as it is written; 7bit where there is none (RFC 2045 6.1).</summary>
    internal static string Encoding(MessagePart part)
    {
        if (part.Field("Content-Transfer-Encoding") is not { } value)
            return "7bit";
        var reader = new ParameterReader(value);
        var token = reader.Token();
        return token.Length == 0 || !reader.IsAtEnd ? "7bit" : token;
    }

    private static void WriteParameters(IBufferWriter<byte> output, IReadOnlyList<KeyValuePair<string, string>> parameters, bool isText, bool isUtf8)
    {
        var hasCharset = !isText;
        var isFirst = true;
        foreach (var (name, value) in parameters)
        {
            hasCharset |= name.Equals("charset", StringComparison.OrdinalIgnoreCase);
            output.Write(isFirst ? "("u8 : " "u8);
            isFirst = false;
            ImapText.String(output, name, isUtf8);
            output.Write(" "u8);
            ImapText.String(output, value, isUtf8);
        }
        if (!hasCharset)
        {
            // RFC 2046 4.1.2: text that names none is in US-ASCII.
            output.Write(isFirst ? "(\"charset\" \"us-ascii\")"u8 : " \"charset\" \"us-ascii\")"u8);
            return;
        }
        output.Write(isFirst ? "NIL"u8 : ")"u8);
    }

    private static void WriteRest(IBufferWriter<byte> output, MessagePart part, bool isUtf8)
    {
        output.Write(" "u8);
        WriteDisposition(output, part.Field("Content-Disposition"), isUtf8);
        output.Write(" "u8);
        WriteLanguages(output, part.Field("Content-Language"), isUtf8);
        output.Write(" "u8);
        ImapText.NString(output, ImapText.Collapse(part.Field("Content-Location")), isUtf8);
    }

    private static void WriteDisposition(IBufferWriter<byte> output, string? value, bool isUtf8)
    {
        var reader = new ParameterReader(value ?? "");
        var disposition = reader.Token();
        if (disposition.Length == 0)
        {
            output.Write("NIL"u8);
            return;
        }
        output.Write("("u8);
        ImapText.String(output, disposition, isUtf8);
        output.Write(" "u8);
        WriteParameters(output, reader.Parameters(), false, isUtf8);
        output.Write(")"u8);
    }

    private static void WriteLanguages(IBufferWriter<byte> output, string? value, bool isUtf8)
    {
        var reader = new ParameterReader(value ?? "");
        var isFirst = true;
        while (reader.Token() is { Length: > 0 } language)
        {
            output.Write(isFirst ? "("u8 : " "u8);
            isFirst = false;
            ImapText.String(output, language, isUtf8);
            if (!reader.Take(','))
                break;
        }
        output.Write(isFirst ? "NIL"u8 : ")"u8);
    }
}
