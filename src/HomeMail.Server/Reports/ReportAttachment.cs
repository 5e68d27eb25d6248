using MimeKit;
using MimeKit.Encodings;

namespace HomeMail.Server.Reports;

/// <summary>
/// Takes the part of a message that carries an aggregate report, as it passes: nothing else of the message is held. The first part of a fitting type
/// counts; others are passed over.
/// </summary>
internal sealed class ReportAttachment : MimeReader
{
    /// <summary>The most octets that a packed report may have.</summary>
    public const int MaxPacked = 2 * 1024 * 1024;

    private const int MaxParts = 50;
    private const int MaxDepth = 8;

    private readonly MemoryStream _content = new();
    private IMimeDecoder? _decoder;
    private string _encoding = "";
    private string _disposition = "";
    private byte[] _decoded = [];
    private bool _wanted;
    private bool _found;
    private int _parts;

    private ReportAttachment(Stream message)
        : base(new ParserOptions { MaxMimeDepth = MaxDepth }, message)
    {
    }

    /// <summary>Takes it out.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The part's content, decoded; null if there is none.</returns>
    /// <exception cref="FormatException">The message is not what carries a report: no message, too many parts, too large a part.</exception>
    public static byte[]? Take(Stream message)
    {
        var reader = new ReportAttachment(message);
        reader.ReadMessage();
        return reader._found ? reader._content.ToArray() : null;
    }

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => (_encoding, _disposition) = ("", "");

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (header.Id == HeaderId.ContentTransferEncoding)
            _encoding = header.Value.Trim();
        else if (header.Id == HeaderId.ContentDisposition)
            _disposition = header.Value;
    }

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (++_parts > MaxParts)
            throw new FormatException("too many parts");
        _wanted = !_found && IsReport(contentType, _disposition);
        _found |= _wanted;
        _decoder = _encoding.Equals("base64", StringComparison.OrdinalIgnoreCase) ? new Base64Decoder()
            : _encoding.Equals("quoted-printable", StringComparison.OrdinalIgnoreCase) ? new QuotedPrintableDecoder() : null;
    }

    protected override void OnMimePartContentRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken)
    {
        if (!_wanted)
            return;
        if (_decoder is null)
        {
            _content.Write(buffer, startIndex, count);
        }
        else
        {
            var most = _decoder.EstimateOutputLength(count);
            if (_decoded.Length < most)
                _decoded = new byte[most];
            _content.Write(_decoded, 0, _decoder.Decode(buffer, startIndex, count, _decoded));
        }
        if (_content.Length > MaxPacked)
            throw new FormatException("too large a part");
    }

    protected override void OnMimePartContentEnd(
        long beginOffset, int beginLineNumber, long endOffset, int lines, NewLineFormat? newLineFormat, CancellationToken cancellationToken) => _wanted = false;

    // RFC 9990 3.5.2 and what senders of before do: zip, and types that say nothing behind a name that does.
    private static bool IsReport(ContentType type, string disposition)
    {
        var subtype = type.MediaSubtype.ToLowerInvariant();
        if (type.IsMimeType("application", "*") && subtype is "gzip" or "x-gzip" or "zip" or "x-zip" or "x-zip-compressed" or "xml" or "gzip-compressed")
            return true;
        if (type.IsMimeType("text", "xml"))
            return true;
        var name = type.Name is { } known ? known : ContentDisposition.TryParse(disposition, out var parsed) ? parsed.FileName : null;
        return type.IsMimeType("application", "octet-stream") && name is not null
            && (name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".zip", StringComparison.OrdinalIgnoreCase)
                || name.EndsWith(".xml", StringComparison.OrdinalIgnoreCase));
    }
}
