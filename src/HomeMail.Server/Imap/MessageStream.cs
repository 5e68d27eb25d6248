using HomeMail.Storage.Files;

namespace HomeMail.Server.Imap;

/// <summary>A message file as a stream to read, which can seek. It closes the file.</summary>
internal sealed class MessageStream(IFile file) : PositionedStream
{
    public override long Length => file.Length;

    public override int Read(Span<byte> buffer)
    {
        var read = file.Read(buffer, Position);
        Position += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }
}
