using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using HomeMail.Protocol.Text;

namespace HomeMail.Server.Control;

/// <summary>
/// One side of a control connection: objects of JSON, one a line, and between two lines the octets of a message in chunks, each with its length in front.
/// Everything is bounded, and nothing waits longer than <see cref="Patience"/>. Used by one task at a time.
/// </summary>
public sealed class ControlChannel : IAsyncDisposable
{
    /// <summary>Octets of the longest line, with its LF.</summary>
    public const int LongestLine = 256 * 1024;

    /// <summary>Octets of the largest chunk.</summary>
    public const int LargestChunk = 64 * 1024;

    private const int LengthSize = 4;

    // What is written gathers to this size, unless it is flushed.
    private const int WriteSize = 32 * 1024;

    // Whoever reads the lines is a program or a terminal, not a browser: < and é stay what they are. Control characters are escaped all the same.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private Stream _stream;
    private readonly TimeProvider _clock;
    private readonly PooledWriter _output = new(4096);
    private readonly Utf8JsonWriter _json;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(LargestChunk + LengthSize);
    private int _start;
    private int _end;

    /// <summary>Takes over a stream.</summary>
    /// <param name="stream">The connection; disposed with this.</param>
    /// <param name="clock">Time.</param>
    public ControlChannel(Stream stream, TimeProvider clock)
    {
        _stream = stream;
        _clock = clock;
        _json = new Utf8JsonWriter(_output, WriterOptions);
    }

    /// <summary>How long one reading or writing may take.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Reads a line.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The object; null at the end of the connection.</returns>
    /// <exception cref="IOException">The line is too long, is no object, ends in its middle, or took too long.</exception>
    public async ValueTask<JsonDocument?> ReadAsync(CancellationToken cancel)
    {
        var searched = 0;
        int length;
        while ((length = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n')) < 0)
        {
            searched = _end - _start;
            if (searched >= LongestLine)
                throw new IOException("the line is too long");
            if (await FillAsync(cancel).ConfigureAwait(false) == 0)
                return searched == 0 ? null : throw new IOException("the connection ended within a line");
        }
        var line = _buffer.AsMemory(_start, searched + length);
        _start += line.Length + 1;
        try
        {
            // The document keeps what it is given, and this buffer is used again.
            var document = JsonDocument.Parse(line.ToArray());
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new IOException("the line is no JSON object");
        }
        catch (JsonException)
        {
            throw new IOException("the line is no JSON object");
        }
    }

    /// <summary>Reads a chunk.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The octets, valid until the next reading; empty where the message ends.</returns>
    /// <exception cref="IOException">The chunk is too large, the connection ended, or it took too long.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadChunkAsync(CancellationToken cancel)
    {
        await NeedAsync(LengthSize, cancel).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadUInt32BigEndian(_buffer.AsSpan(_start));
        if (length > LargestChunk)
            throw new IOException("the chunk is too large");
        await NeedAsync(LengthSize + (int)length, cancel).ConfigureAwait(false);
        var chunk = _buffer.AsMemory(_start + LengthSize, (int)length);
        _start += LengthSize + chunk.Length;
        return chunk;
    }

    /// <summary>Writes a line; it goes out when enough has gathered, or with <see cref="FlushAsync"/>.</summary>
    /// <param name="properties">Writes the properties of the object.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection is broken, or it took too long.</exception>
    public ValueTask WriteAsync(Action<Utf8JsonWriter> properties, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(properties);
        _json.Reset();
        _json.WriteStartObject();
        properties(_json);
        _json.WriteEndObject();
        _json.Flush();
        _output.Write("\n"u8);
        return _output.Length < WriteSize ? ValueTask.CompletedTask : FlushAsync(cancel);
    }

    /// <summary>Writes a chunk; an empty one ends the message.</summary>
    /// <param name="octets">The octets; at most <see cref="LargestChunk"/>.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection is broken, or it took too long.</exception>
    public ValueTask WriteChunkAsync(ReadOnlySpan<byte> octets, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(octets.Length, LargestChunk);
        var frame = _output.GetSpan(LengthSize + octets.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame, octets.Length);
        octets.CopyTo(frame[LengthSize..]);
        _output.Advance(LengthSize + octets.Length);
        return _output.Length < WriteSize ? ValueTask.CompletedTask : FlushAsync(cancel);
    }

    /// <summary>Sends what was written.</summary>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection is broken, or it took too long.</exception>
    public async ValueTask FlushAsync(CancellationToken cancel)
    {
        if (_output.Length == 0)
            return;
        await TimedAsync(async token =>
        {
            await _stream.WriteAsync(_output.WrittenMemory, token).ConfigureAwait(false);
            return 0;
        }, cancel).ConfigureAwait(false);
        _output.Clear();
    }

    /// <summary>Gives the connection away, for another protocol on it. Nothing may have been sent here before it was asked for.</summary>
    /// <exception cref="IOException">Something was.</exception>
    public Stream Detach()
    {
        if (_end > _start)
            throw new IOException("the other side has not waited for its turn");
        var stream = _stream;
        _stream = Stream.Null;
        return stream;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _json.DisposeAsync().ConfigureAwait(false);
        _output.Dispose();
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        await _stream.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask NeedAsync(int count, CancellationToken cancel)
    {
        while (_end - _start < count)
            if (await FillAsync(cancel).ConfigureAwait(false) == 0)
                throw new IOException("the connection ended within a message");
    }

    private ValueTask<int> FillAsync(CancellationToken cancel)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        return TimedAsync(async token =>
        {
            var read = await _stream.ReadAsync(_buffer.AsMemory(_end), token).ConfigureAwait(false);
            _end += read;
            return read;
        }, cancel);
    }

    private async ValueTask<int> TimedAsync(Func<CancellationToken, ValueTask<int>> transfer, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Patience, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            return await transfer(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new IOException("the other side took too long");
        }
    }
}
