using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>
/// A message while one command looks at it: its file and what is read of it, each only once and only if it is asked for. What the mailbox's header cache
/// knows is not read again, and what is read goes there.
/// </summary>
internal sealed class OpenedMessage(Mailbox mailbox, HeaderCacheReader headers, uint uid) : IMessageText, IDisposable
{
    // Of a file that is read with one call all parts are kept: what is asked for next is often those.
    private const int ReadAtOnce = 32 * 1024;

    private MessageStream? _file;
    private MessageStructure? _structure;
    private MessageStructure? _header;

    /// <summary>The file.</summary>
    /// <exception cref="StorageException">It is gone, or can't be read.</exception>
    public Stream File => _file ??= new MessageStream(mailbox.OpenMessage(uid));

    /// <summary>The MIME structure; all of the file is read for it.</summary>
    public MessageStructure Structure => _structure ??= Find(withParts: true) is { IsEmpty: false } record ? StructureRecord.Read(record) : Read(withParts: true);

    /// <summary>The message's header; nothing behind it is read.</summary>
    public MessagePart Header => WithHeader.Root;

    /// <summary>A structure of which only the header has to be there.</summary>
    public MessageStructure WithHeader =>
        _structure ?? (_header ??= Find(withParts: false) is { IsEmpty: false } record ? StructureRecord.Read(record) : Read(withParts: false));

    /// <summary>The kept fields of the message's header, one a line. Valid until more is asked for.</summary>
    public ReadOnlySpan<byte> Fields =>
        (_structure ?? _header) is null && Find(withParts: false) is { IsEmpty: false } record ? StructureRecord.Fields(record) : Header.Fields;

    /// <summary>Octets of the message.</summary>
    public long Length => File.Length;

    public void Dispose() => _file?.Dispose();

    private ReadOnlySpan<byte> Find(bool withParts) =>
        headers.TryFind(uid, out var record) && StructureRecord.Has(record, withParts) ? record : default;

    private MessageStructure Read(bool withParts)
    {
        var isWhole = withParts || File.Length <= ReadAtOnce;
        File.Position = 0;
        var structure = isWhole ? MessageStructureReader.Read(File) : new MessageStructure(MessageStructureReader.ReadHeader(File, out var isTruncated), File.Length, 1, isTruncated);
        if (isWhole)
            _structure = structure;
        if (StructureRecord.IsKeepable(structure))
        {
            using var record = new PooledWriter(1024);
            StructureRecord.Write(record, structure, isWhole);
            headers.Keep(uid, record.WrittenSpan);
        }
        return structure;
    }
}
