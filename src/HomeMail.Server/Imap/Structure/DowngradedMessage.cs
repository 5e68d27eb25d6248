using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace HomeMail.Server.Imap.Structure;

/// <summary>
/// A message whose header is in UTF-8 (RFC 6532), for a client that has not asked for such (RFC 6858): each header in it is replaced by one in ASCII, and
/// all that is asked of the message is asked of what comes of that. The file stays as it is.
/// </summary>
internal sealed class DowngradedMessage : IMessageText
{
    private readonly SplicedStream _file;

    private DowngradedMessage(SplicedStream file) => _file = file;

    public Stream File => _file;

    public MessageStructure Structure
    {
        get
        {
            if (field is not null)
                return field;
            _file.Position = 0;
            return field = MessageStructureReader.Read(_file);
        }
    }

    public MessagePart Header => Structure.Root;

    public long Length => _file.Length;

    /// <summary>The message for such a client; the same one if its header is in ASCII, or in octets that are not UTF-8 and mean nothing to anybody.</summary>
    /// <param name="message">The message.</param>
    /// <param name="areFieldsEnough">Whether only what the kept fields tell is asked of it: then the file need not be opened for a header in ASCII.</param>
    public static IMessageText Of(IMessageText message, bool areFieldsEnough)
    {
        var root = message.Header;
        if ((areFieldsEnough && Ascii.IsValid(root.Fields)) || !IsInUtf8(message.File, root))
            return message;
        var splices = new List<Splice>();
        Collect(message.File, message.Structure.Root, splices);
        return new DowngradedMessage(new SplicedStream(message.File, splices));
    }

    private static void Collect(Stream file, MessagePart part, List<Splice> splices)
    {
        if (IsInUtf8(file, part))
            splices.Add(new Splice(part.HeaderOffset, part.HeaderLength, HeaderDowngrade.Of(Read(file, part))));
        foreach (var child in part.Children)
            Collect(file, child, splices);
    }

    private static bool IsInUtf8(Stream file, MessagePart part)
    {
        // What is larger than any header that came in may be is no header to rewrite.
        if (part.HeaderLength > HeaderFieldFilter.MaxHeaderOctets)
            return false;
        var header = ArrayPool<byte>.Shared.Rent((int)part.HeaderLength);
        try
        {
            file.Position = part.HeaderOffset;
            var octets = header.AsSpan(0, file.ReadAtLeast(header.AsSpan(0, (int)part.HeaderLength), (int)part.HeaderLength, throwOnEndOfStream: false));
            return !Ascii.IsValid(octets) && Utf8.IsValid(octets);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(header);
        }
    }

    private static byte[] Read(Stream file, MessagePart part)
    {
        var header = new byte[part.HeaderLength];
        file.Position = part.HeaderOffset;
        var read = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        return read == header.Length ? header : header[..read];
    }
}
