using HomeMail.Server.Imap.Structure;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Imap;

/// <summary>A message while one command looks at it: its file and what is read of it, each only once and only if it is asked for.</summary>
internal sealed class OpenedMessage(Mailbox mailbox, uint uid) : IMessageText, IDisposable
{
    private MessageStream? _file;
    private MessageStructure? _structure;

    /// <summary>The file.</summary>
    /// <exception cref="StorageException">It is gone, or can't be read.</exception>
    public Stream File => _file ??= new MessageStream(mailbox.OpenMessage(uid));

    /// <summary>The MIME structure; all of the file is read for it.</summary>
    public MessageStructure Structure
    {
        get
        {
            if (_structure is not null)
                return _structure;
            File.Position = 0;
            return _structure = MessageStructureReader.Read(File);
        }
    }

    /// <summary>The message's header; nothing behind it is read.</summary>
    public MessagePart Header
    {
        get
        {
            if (_structure is not null)
                return _structure.Root;
            if (field is not null)
                return field;
            File.Position = 0;
            return field = MessageStructureReader.ReadHeader(File, default);
        }
    }

    /// <summary>Octets of the message.</summary>
    public long Length => File.Length;

    public void Dispose() => _file?.Dispose();
}
