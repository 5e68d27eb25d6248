using System.Buffers.Binary;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.State;

/// <summary>
/// How often each token was in wanted mail and in junk, for one account: a file of fixed size, found by hash, of which only the places that are asked for are read. It may be
/// lost: then the account begins to learn anew. A second table in it holds which messages were learned, and as what, so that none is counted twice.
/// </summary>
/// <remarks>
/// The file: 64 octets of header (magic, wanted messages, junk messages), then <see cref="Marks"/> marks of 8 octets (the last octet is the kind), then
/// <see cref="Places"/> places of 4 octets (wanted and junk, 16 bits each). Holes take no room on the disk. Not safe for use from several threads at once.
/// </remarks>
public sealed class TokenTable : IDisposable
{
    /// <summary>Places for tokens; a token has one, and may share it.</summary>
    public const int Places = 1 << 18;

    /// <summary>Messages that are remembered as learned.</summary>
    public const int Marks = 1 << 13;

    private const ulong Magic = 0x3130_4E4B_4F54_4D48; // "HMTOKN01"
    private const int HeaderSize = 64;
    private const int MarkSize = 8;
    private const int PlaceSize = 4;
    private const int Probes = 8;
    private const long PlacesAt = HeaderSize + (Marks * MarkSize);

    // Before a count can't go on, all are halved: what was learned long ago counts less.
    private const int MostMessages = 50_000;

    private readonly IFile _file;

    private TokenTable(IFile file) => _file = file;

    /// <summary>How many wanted messages were learned.</summary>
    public int Good { get; private set; }

    /// <summary>How many junk messages were learned.</summary>
    public int Junk { get; private set; }

    /// <summary>Opens the table of a file, made if need be. What is none is begun anew.</summary>
    /// <param name="path">The file; its folder is made.</param>
    /// <param name="create">False: null if it is not there.</param>
    /// <param name="files">The file system; null is the machine's.</param>
    /// <exception cref="StorageException">It cannot be used.</exception>
    public static TokenTable? Open(string path, bool create, IFileSystem? files = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        files ??= RealFileSystem.Instance;
        if (!files.TryStat(path, out _))
        {
            if (!create)
                return null;
            files.CreateFolder(Path.GetDirectoryName(path)!);
            return Begin(files.Create(path));
        }
        var table = new TokenTable(files.Open(path, write: true));
        try
        {
            Span<byte> header = stackalloc byte[HeaderSize];
            if (table._file.Read(header, 0) == HeaderSize && BinaryPrimitives.ReadUInt64LittleEndian(header) == Magic)
            {
                table.Good = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
                table.Junk = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
                return table;
            }
        }
        catch
        {
            table.Dispose();
            throw;
        }
        table.Dispose();
        files.Unlink(path);
        return Begin(files.Create(path));
    }

    /// <summary>How often a token was seen.</summary>
    /// <param name="token">Its hash.</param>
    public (int Good, int Junk) Count(ulong token)
    {
        Span<byte> place = stackalloc byte[PlaceSize];
        if (_file.Read(place, PlaceAt(token)) < PlaceSize)
            return (0, 0);
        return (BinaryPrimitives.ReadUInt16LittleEndian(place), BinaryPrimitives.ReadUInt16LittleEndian(place[2..]));
    }

    /// <summary>Learns a message, or takes back what was learned of it.</summary>
    /// <param name="tokens">The hashes of its tokens, each once.</param>
    /// <param name="junk">Whether as junk.</param>
    /// <param name="step">1 to learn, -1 to take back.</param>
    public void Learn(IReadOnlyCollection<ulong> tokens, bool junk, int step)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Span<byte> place = stackalloc byte[PlaceSize];
        foreach (var token in tokens)
        {
            var (good, bad) = Count(token);
            BinaryPrimitives.WriteUInt16LittleEndian(place, Bound(junk ? good : good + step));
            BinaryPrimitives.WriteUInt16LittleEndian(place[2..], Bound(junk ? bad + step : bad));
            _file.Write(place, PlaceAt(token));
        }
        if (junk)
            Junk = Math.Max(0, Junk + step);
        else
            Good = Math.Max(0, Good + step);
        if (Math.Max(Good, Junk) >= MostMessages)
            Halve();
        WriteHeader();
    }

    /// <summary>As what a message was learned; null if it was not, or is forgotten.</summary>
    /// <param name="message">The message's hash.</param>
    public bool? LearnedAs(ulong message)
    {
        Span<byte> mark = stackalloc byte[MarkSize];
        return FindMark(message, mark) is >= 0 ? mark[MarkSize - 1] == 2 : null;
    }

    /// <summary>Remembers as what a message was learned. Of those that share its places the one that was there first goes.</summary>
    /// <param name="message">The message's hash.</param>
    /// <param name="junk">As what; null to forget it.</param>
    public void Mark(ulong message, bool? junk)
    {
        Span<byte> mark = stackalloc byte[MarkSize];
        var at = FindMark(message, mark);
        if (at < 0)
            at = FreeMark(message);
        BinaryPrimitives.WriteUInt64LittleEndian(mark, message);
        mark[MarkSize - 1] = junk switch { null => 0, true => 2, false => 1 };
        _file.Write(mark, at);
    }

    /// <summary>Closes the file. It is not synced: what is lost with the power is learned again.</summary>
    public void Dispose() => _file.Dispose();

    private static TokenTable Begin(IFile file)
    {
        var table = new TokenTable(file);
        table.WriteHeader();
        // The end is written, so that every place can be read.
        file.Write(stackalloc byte[PlaceSize], PlacesAt + ((Places - 1L) * PlaceSize));
        return table;
    }

    private static ushort Bound(int count) => (ushort)Math.Clamp(count, 0, ushort.MaxValue);

    private static long PlaceAt(ulong token) => PlacesAt + ((long)(token % Places) * PlaceSize);

    private static long MarkAt(ulong message, int probe) => HeaderSize + ((long)((message + (ulong)probe) % Marks) * MarkSize);

    // The hash's last octet gives way to the kind; 56 bits are enough to tell messages apart.
    private long FindMark(ulong message, Span<byte> mark)
    {
        const ulong Mask = (1UL << 56) - 1;
        for (var probe = 0; probe < Probes; probe++)
        {
            var at = MarkAt(message, probe);
            if (_file.Read(mark, at) == MarkSize && mark[MarkSize - 1] != 0 && (BinaryPrimitives.ReadUInt64LittleEndian(mark) & Mask) == (message & Mask))
                return at;
        }
        return -1;
    }

    private long FreeMark(ulong message)
    {
        Span<byte> mark = stackalloc byte[MarkSize];
        for (var probe = 0; probe < Probes; probe++)
        {
            var at = MarkAt(message, probe);
            if (_file.Read(mark, at) < MarkSize || mark[MarkSize - 1] == 0)
                return at;
        }
        return MarkAt(message, (int)((message >> 32) % Probes));
    }

    private void Halve()
    {
        var block = new byte[64 * 1024];
        for (var at = PlacesAt; at < PlacesAt + (Places * (long)PlaceSize); at += block.Length)
        {
            var read = _file.Read(block, at);
            if (read == 0)
                break;
            for (var i = 0; i + 1 < read; i += 2)
                BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(i), (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan(i)) / 2));
            if (block.AsSpan(0, read).ContainsAnyExcept((byte)0))
                _file.Write(block.AsSpan(0, read), at);
        }
        (Good, Junk) = (Good / 2, Junk / 2);
    }

    private void WriteHeader()
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], Good);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], Junk);
        _file.Write(header, 0);
    }
}
