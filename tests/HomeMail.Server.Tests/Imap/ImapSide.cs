using System.IO.Compression;
using System.Text;
using HomeMail.Server.Tests.Transcripts;

namespace HomeMail.Server.Tests.Imap;

/// <summary>The client's side of a connection: it writes while it reads, in plain text, TLS, and compressed.</summary>
internal sealed class ImapSide(Connection connection)
{
    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;
    private Task _writing = Task.CompletedTask;
    private DeflateStream? _from;
    private DeflateStream? _to;

    public Connection Connection => connection;

    public bool IsEmpty => _start == _end;

    public Task SecureAsync() => connection.SecureAsync();

    /// <summary>From now on both ways are compressed (RFC 4978 3).</summary>
    public void Compress()
    {
        _from = new DeflateStream(connection.Stream, CompressionMode.Decompress, leaveOpen: true);
        _to = new DeflateStream(connection.Stream, CompressionLevel.Optimal, leaveOpen: true);
    }

    /// <summary>Ends when all was written.</summary>
    public Task WrittenAsync() => _writing;

    /// <summary>Begins to write, so many octets at a time.</summary>
    public void Write(byte[] octets, int block) => _writing = WriteAsync(octets, block);

    private async Task WriteAsync(byte[] octets, int block)
    {
        try
        {
            for (var at = 0; at < octets.Length; at += Math.Min(block, octets.Length - at))
            {
                var part = octets.AsMemory(at, Math.Min(block, octets.Length - at));
                await (_to ?? connection.Stream).WriteAsync(part);
                if (_to is not null)
                    await _to.FlushAsync();
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The server has closed; the dialogue says whether it should have.
        }
    }

    /// <summary>The next line, without its CRLF; null at the end.</summary>
    public async Task<string?> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            while (_start < _end)
            {
                var c = (char)_buffer[_start++];
                line.Append(c);
                if (c == '\n' && line.Length > 1 && line[^2] == '\r')
                    return line.ToString(0, line.Length - 2);
            }
            _start = 0;
            try
            {
                _end = await (_from ?? connection.Stream).ReadAsync(_buffer);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
            {
                _end = 0;
            }
            if (_end == 0)
                return line.Length == 0 ? null : "(cut off) " + line;
        }
    }
}

/// <summary>A connection that is a stream already.</summary>
internal sealed class OpenConnection(Stream stream) : Connection
{
    public override Stream Stream { get; protected set; } = stream;

    protected override void EndPlainOutput() => Stream.Dispose();
}
