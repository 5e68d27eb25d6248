using System.Buffers;

namespace HomeMail.Cli;

/// <summary>A message in a file, read as it would travel: with CRLF, also where the file has bare LF as files on Unix do. Its body is never held.</summary>
internal sealed class MessageFile : IDisposable
{
    private const int MostHeader = 1024 * 1024;

    private readonly FileStream _file;
    private readonly bool _addCr;
    private readonly long _bodyStart;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read, or has no header that could end.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public MessageFile(string path)
    {
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var start = new byte[(int)Math.Min(_file.Length, MostHeader)];
        _file.ReadExactly(start);
        var firstLine = start.AsSpan().IndexOf((byte)'\n');
        _addCr = firstLine < 0 || firstLine == 0 || start[firstLine - 1] != '\r';
        var end = HeaderEnd(start);
        if (end < 0 && _file.Length > MostHeader)
        {
            _file.Dispose();
            throw new IOException($"the header is longer than {MostHeader} octets");
        }
        _bodyStart = end < 0 ? _file.Length : end;
        var header = start.AsSpan(0, (int)_bodyStart);
        if (_addCr)
        {
            var output = new ArrayBufferWriter<byte>(header.Length + 256);
            CrlfStream.Convert(header, output);
            Header = output.WrittenMemory;
        }
        else
        {
            Header = header.ToArray();
        }
    }

    /// <summary>The header block in CRLF form.</summary>
    public ReadOnlyMemory<byte> Header { get; }

    /// <summary>The body in CRLF form.</summary>
    public Stream OpenBody()
    {
        _file.Position = _bodyStart;
        return _addCr ? new CrlfStream(_file) : _file;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private int HeaderEnd(ReadOnlySpan<byte> text)
    {
        var empty = _addCr ? "\n\n"u8 : "\r\n\r\n"u8;
        if (text.StartsWith(empty[(empty.Length / 2)..]))
            return empty.Length / 2;
        var at = text.IndexOf(empty);
        return at < 0 ? -1 : at + empty.Length;
    }

    /// <summary>Reads a stream of lines that end in LF, and gives them ending in CRLF.</summary>
    private sealed class CrlfStream(Stream inner) : Stream
    {
        private readonly byte[] _block = new byte[8192];
        private readonly ArrayBufferWriter<byte> _converted = new(16384);
        private int _taken;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public static void Convert(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            foreach (var b in text)
            {
                if (b == '\n')
                    output.Write("\r\n"u8);
                else
                    output.Write([b]);
            }
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_taken == _converted.WrittenCount)
            {
                _converted.ResetWrittenCount();
                _taken = 0;
                Convert(_block.AsSpan(0, inner.Read(_block)), _converted);
            }
            var length = Math.Min(count, _converted.WrittenCount - _taken);
            _converted.WrittenSpan.Slice(_taken, length).CopyTo(buffer.AsSpan(offset));
            _taken += length;
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
