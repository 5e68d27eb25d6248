using System.Buffers;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Commit;

/// <summary>A message's file in <c>spool/tmp</c>, written as a request says and not yet synced.</summary>
internal sealed class SpooledFile : IDisposable
{
    private readonly Spool _spool;

    public SpooledFile(Spool spool, CommitRequest request)
    {
        _spool = spool;
        Path = spool.TemporaryPath(request.Message.Id);
        File = spool.Files.Create(Path, readOnly: true);
        try
        {
            Write(request);
            if (request.Local is [{ InternalDate: { } date }])
                File.SetModified(date);
        }
        catch
        {
            File.Dispose();
            spool.Discard(Path);
            throw;
        }
    }

    public string Path { get; }

    public IFile File { get; }

    /// <summary>Octets of it.</summary>
    public long Size { get; private set; }

    public void Dispose() => File.Dispose();

    private void Write(CommitRequest request)
    {
        var message = request.Message;
        if (message.BodyFile is not { } body)
        {
            Write(request, message.Buffered);
            return;
        }
        Write(request, default);
        var streamed = message.BodyLength - message.Buffered.Length;
        _spool.Files.Copy(body, 0, File, Size, streamed);
        Size += streamed;
        File.Write(message.Buffered.Span, Size);
        Size += message.Buffered.Length;
    }

    /// <summary>What is in memory goes in one write.</summary>
    private void Write(CommitRequest request, ReadOnlyMemory<byte> body)
    {
        var length = request.LocalTrace.Length + request.TravelTrace.Length + request.Header.Length + body.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            var rest = buffer.AsSpan();
            foreach (var part in (ReadOnlySpan<ReadOnlyMemory<byte>>)[request.LocalTrace, request.TravelTrace, request.Header, body])
            {
                part.Span.CopyTo(rest);
                rest = rest[part.Length..];
            }
            File.Write(buffer.AsSpan(0, length), 0);
            Size = length;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
