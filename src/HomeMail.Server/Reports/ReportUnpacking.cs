using System.Buffers.Binary;
using System.IO.Compression;

namespace HomeMail.Server.Reports;

/// <summary>
/// Unpacks what carries an aggregate report: gzip, a zip with one entry, or the XML itself, told apart by their first octets and not by what a
/// message calls them. What comes out is bounded, in all and against what went in, and is never a packed file again (RFC 9990 8.1).
/// </summary>
public static class ReportUnpacking
{
    /// <summary>The most octets that may come out.</summary>
    public const int MaxUnpacked = 16 * 1024 * 1024;

    // XML of a thousand like records packs well, but not as well as a bomb.
    private const int MaxRatio = 200;
    private const int AlwaysAllowed = 64 * 1024;

    private const uint ZipEntry = 0x04034b50;
    private const uint ZipDirectory = 0x02014b50;
    private const uint ZipEnd = 0x06054b50;
    private const int ZipEndLength = 22;

    /// <summary>Opens the document.</summary>
    /// <param name="packed">What the message carries.</param>
    /// <returns>The XML; reading it throws <see cref="IOException"/> past its bounds, and <see cref="InvalidDataException"/> where it is damaged.</returns>
    /// <exception cref="FormatException">It is nothing of the kind.</exception>
    public static Stream Open(byte[] packed)
    {
        ArgumentNullException.ThrowIfNull(packed);
        if (packed is [0x1f, 0x8b, ..])
            return Bounded(new GZipStream(new MemoryStream(packed, false), CompressionMode.Decompress), packed.Length);
        if (packed.Length > 4 && BinaryPrimitives.ReadUInt32LittleEndian(packed) == ZipEntry)
            return Bounded(OpenZip(packed), packed.Length);
        return LooksLikeXml(packed) ? Bounded(new MemoryStream(packed, false), packed.Length) : throw new FormatException("neither gzip nor zip nor XML");
    }

    private static BoundedOctets Bounded(Stream inner, int packed) => new(inner, Math.Min(MaxUnpacked, AlwaysAllowed + ((long)packed * MaxRatio)));

    // White space or a byte order mark may stand in front.
    private static bool LooksLikeXml(ReadOnlySpan<byte> octets) => octets[..Math.Min(octets.Length, 64)].Contains((byte)'<');

    // The directory at the end says what there is (APPNOTE 4.3); the entry's own header is only where its data begins.
    private static Stream OpenZip(byte[] zip)
    {
        var end = -1;
        for (var i = zip.Length - ZipEndLength; i >= Math.Max(0, zip.Length - ZipEndLength - ushort.MaxValue) && end < 0; i--)
            if (BinaryPrimitives.ReadUInt32LittleEndian(zip.AsSpan(i)) == ZipEnd)
                end = i;
        if (end < 0)
            throw new FormatException("a zip without an end");
        if (Short(zip, end + 10) != 1 || Short(zip, end + 8) != 1 || Short(zip, end + 4) != 0)
            throw new FormatException("not one entry in the zip");
        var directory = Long(zip, end + 16);
        if (directory + 46L > zip.Length || Long(zip, (int)directory) != ZipDirectory)
            throw new FormatException("a zip without a directory");
        var at = (int)directory;
        var (flags, method, size, entry) = (Short(zip, at + 8), Short(zip, at + 10), Long(zip, at + 20), Long(zip, at + 42));
        if ((flags & 1) != 0 || method is not (0 or 8))
            throw new FormatException("a zip that is encrypted or packed in another way");
        if (entry + 30L > zip.Length || Long(zip, (int)entry) != ZipEntry)
            throw new FormatException("a zip without its entry");
        var start = entry + 30L + Short(zip, (int)entry + 26) + Short(zip, (int)entry + 28);
        if (start + size > zip.Length)
            throw new FormatException("a zip that is cut off");
        var data = new MemoryStream(zip, (int)start, (int)size, false);
        return method == 0 ? data : new DeflateStream(data, CompressionMode.Decompress);
    }

    private static int Short(byte[] octets, int at) => BinaryPrimitives.ReadUInt16LittleEndian(octets.AsSpan(at));

    private static uint Long(byte[] octets, int at) => BinaryPrimitives.ReadUInt32LittleEndian(octets.AsSpan(at));

    /// <summary>
    /// A stream that may not be longer than it is allowed to be, nor have a stretch without a tag that only serves to fill memory: names, attributes and
    /// text are read whole by XML readers.
    /// </summary>
    private sealed class BoundedOctets(Stream inner, long most) : Stream
    {
        private const int MaxStretch = 64 * 1024;

        private long _read;
        private int _stretch;
        private bool _begun;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _read; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            var octets = buffer[..read];
            if (!_begun && (octets is [0x1f, 0x8b, ..] || octets.StartsWith("PK"u8)))
                throw new IOException("packed twice");
            _begun |= read > 0;
            _read += read;
            if (_read > most)
                throw new IOException("unpacks to more than a report may have");
            while (!octets.IsEmpty)
            {
                var tag = octets.IndexOf((byte)'<');
                _stretch = tag < 0 ? _stretch + octets.Length : _stretch + tag;
                if (_stretch > MaxStretch)
                    throw new IOException("has a text or a tag longer than a report may have");
                if (tag < 0)
                    break;
                _stretch = 0;
                octets = octets[(tag + 1)..];
            }
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
