using System.Globalization;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Transfer;

/// <summary>
/// A Maildir++ to export to: INBOX is the top folder, other mailboxes stand beside each other in it. A file's name says which message it is (UIDVALIDITY, UID) and how long
/// it is, so that an export that broke off goes on where it was, and a later one adds what is new. Nothing is ever taken away there.
/// </summary>
/// <param name="path">Its folder; made if need be, not its parents.</param>
/// <param name="files">The file system; null is the machine's.</param>
public sealed class MaildirTarget(string path, IFileSystem? files = null)
{
    private readonly IFileSystem _files = files ?? RealFileSystem.Instance;

    /// <summary>Opens the folder of a mailbox, and makes it if need be.</summary>
    /// <param name="mailbox">The IMAP name.</param>
    /// <param name="uidValidity">Its UIDVALIDITY.</param>
    /// <exception cref="StorageException">It cannot be made or read.</exception>
    public MaildirTargetFolder Open(string mailbox, uint uidValidity)
    {
        ArgumentNullException.ThrowIfNull(mailbox);
        var root = path.Length > 1 ? path.TrimEnd('/') : path;
        _files.CreateFolder(root);
        var folder = mailbox == MailboxName.Inbox ? root : root + "/" + MaildirName.ToPlusPlus(mailbox);
        if (_files.CreateFolder(folder) || mailbox == MailboxName.Inbox)
            _files.SyncFolder(root);
        foreach (var part in (string[])["tmp", "new", "cur"])
            _files.CreateFolder($"{folder}/{part}");
        if (mailbox != MailboxName.Inbox)
            Mark(folder);
        return new MaildirTargetFolder(_files, folder, uidValidity);
    }

    // Maildir++: tells from a Maildir of its own.
    private void Mark(string folder)
    {
        try
        {
            _files.Create(folder + "/maildirfolder").Dispose();
        }
        catch (StorageException error) when (error.Error == FileError.Exists)
        {
            // From an export before.
        }
    }
}

/// <summary>A folder of a Maildir, while messages are written to it, one after the other.</summary>
public sealed class MaildirTargetFolder : IDisposable
{
    private const string Mark = ".homemail";

    // Written together; the last octet is for a CR that was held back.
    private const int BufferSize = 64 * 1024;

    private readonly IFileSystem _files;
    private readonly string _folder;
    private readonly uint _uidValidity;
    private readonly MaildirKeywords _keywords;
    private readonly Dictionary<uint, string> _there = [];
    private readonly byte[] _buffer = new byte[BufferSize + 1];
    private IFile? _file;
    private long _length;
    private long _size;
    private bool _heldCr;

    internal MaildirTargetFolder(IFileSystem files, string folder, uint uidValidity)
    {
        _files = files;
        _folder = folder;
        _uidValidity = uidValidity;
        _keywords = MaildirKeywords.Read(files, folder);
        files.List(folder + "/cur", (name, isFolder) =>
        {
            if (!isFolder && TryParse(name, out var uid))
                _there[uid] = name.ToString();
        });
        foreach (var (uid, name) in _there)
            if (!IsWhole(name))
                _there.Remove(uid);
    }

    /// <summary>The messages that are there whole, ascending.</summary>
    public IReadOnlyList<UidRange> Uids => UidRange.Of(_there.Keys.Order());

    /// <summary>How many keywords could not be kept, for there are only so many letters.</summary>
    public int KeywordsLost { get; private set; }

    /// <summary>Brings flags up to date of a message that is there.</summary>
    /// <param name="uid">Its UID.</param>
    /// <param name="marks">What goes along with it now.</param>
    /// <exception cref="StorageException">It cannot be renamed.</exception>
    public void Update(uint uid, MessageMarks marks)
    {
        ArgumentNullException.ThrowIfNull(marks);
        var name = _there[uid];
        var wanted = string.Concat(name.AsSpan(0, MaildirFile.FlagsAt(name)), Flags(marks));
        if (wanted == name)
            return;
        _files.Rename($"{_folder}/cur/{name}", $"{_folder}/cur/{wanted}");
        _there[uid] = wanted;
    }

    /// <summary>Begins a message.</summary>
    /// <param name="uid">Its UID.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void Begin(uint uid)
    {
        var path = Temporary(uid);
        _files.Unlink(path);
        _file = _files.Create(path);
        (_length, _size, _heldCr) = (0, 0, false);
    }

    /// <summary>Writes on.</summary>
    /// <param name="octets">Octets, with CRLF line ends; the file gets LF.</param>
    /// <exception cref="StorageException">They cannot be written.</exception>
    public void Append(ReadOnlySpan<byte> octets)
    {
        _size += octets.Length;
        while (!octets.IsEmpty)
        {
            var part = octets[..Math.Min(octets.Length, BufferSize)];
            Write(_buffer.AsSpan(0, LineEnds.ToLf(part, _buffer, ref _heldCr)));
            octets = octets[part.Length..];
        }
    }

    /// <summary>Ends the message: from now on it is there.</summary>
    /// <param name="uid">Its UID.</param>
    /// <param name="marks">What goes along with it.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void End(uint uid, MessageMarks marks)
    {
        ArgumentNullException.ThrowIfNull(marks);
        if (_heldCr)
            Write("\r"u8);
        _file!.SetModified(marks.InternalDate);
        _file.Dispose();
        _file = null;
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{marks.InternalDate.ToUnixTimeSeconds()}.V{_uidValidity}U{uid}{Mark},S={_length},W={_size}:2,{Flags(marks)}");
        _files.Rename(Temporary(uid), $"{_folder}/cur/{name}");
        _there[uid] = name;
    }

    /// <summary>All is written that is to be: it is on the device when this returns.</summary>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void Finish()
    {
        _files.SyncFolder(_folder + "/cur");
        if (_files is RealFileSystem)
            SystemCalls.SyncFileSystem(_folder);
    }

    /// <summary>Drops what was begun and not ended.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private string Temporary(uint uid) => string.Create(CultureInfo.InvariantCulture, $"{_folder}/tmp/V{_uidValidity}U{uid}{Mark}");

    private void Write(ReadOnlySpan<byte> octets)
    {
        _file!.Write(octets, _length);
        _length += octets.Length;
    }

    // A letter stands for a keyword only once the list of keywords says so: first the list, then the name.
    private string Flags(MessageMarks marks)
    {
        foreach (var keyword in marks.Keywords)
            if (!keyword.Equals(MaildirFile.Forwarded, StringComparison.OrdinalIgnoreCase) && !_keywords.TryAdd(keyword))
                KeywordsLost++;
        if (_keywords.IsChanged)
            _keywords.Write(_files, _folder);
        return MaildirFile.WriteFlags(marks.Flags, marks.Keywords, _keywords);
    }

    private bool TryParse(ReadOnlySpan<char> name, out uint uid)
    {
        uid = 0;
        var mark = name.IndexOf(Mark, StringComparison.Ordinal);
        var dot = name.IndexOf('.');
        if (dot < 0 || mark <= dot || name[dot + 1] != 'V')
            return false;
        var numbers = name[(dot + 2)..mark];
        var u = numbers.IndexOf('U');
        return u > 0 && uint.TryParse(numbers[..u], NumberStyles.None, CultureInfo.InvariantCulture, out var validity) && validity == _uidValidity
            && uint.TryParse(numbers[(u + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out uid);
    }

    // After a power cut a name may be there and its content not.
    private bool IsWhole(string name) => _files.TryStat($"{_folder}/cur/{name}", out var stat) && stat.Length == MaildirFile.Size(name, 'S');
}
