using System.Text;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>Reads the lines of a server, and insists on their form: each ends in CRLF, and none has a CR, LF, NUL or more than 512 octets in it.</summary>
internal sealed class ReplyReader(Stream stream)
{
    private const int MaxLine = 512;

    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;
    private string? _pushedBack;

    /// <summary>Whether nothing is left of what was read.</summary>
    public bool IsEmpty => _start == _end && _pushedBack is null;

    /// <summary>Takes a line back, to be read again.</summary>
    public void PushBack(string line) => _pushedBack = line;

    /// <summary>A line without its CRLF; null if the server has closed.</summary>
    public async Task<string?> ReadLineAsync()
    {
        if (_pushedBack is { } again)
        {
            _pushedBack = null;
            return again;
        }
        var line = new StringBuilder();
        while (true)
        {
            while (_start < _end)
            {
                var c = (char)_buffer[_start++];
                line.Append(c);
                if (c != '\n')
                    continue;
                if (line.Length < 2 || line[^2] != '\r')
                    throw new FormatException("a reply line ends in a bare LF: " + TranscriptText.Show(line.ToString()));
                if (line.Length > MaxLine)
                    throw new FormatException($"a reply line of {line.Length} octets");
                var text = line.ToString(0, line.Length - 2);
                if (text.AsSpan().ContainsAny("\r\0"))
                    throw new FormatException("a reply line with CR or NUL in it: " + TranscriptText.Show(text));
                return text;
            }
            _start = 0;
            try
            {
                _end = await stream.ReadAsync(_buffer);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException)
            {
                _end = 0;
            }
            if (_end == 0)
                return line.Length == 0 ? null : throw new FormatException("the server closed amid a line: " + TranscriptText.Show(line.ToString()));
        }
    }
}
