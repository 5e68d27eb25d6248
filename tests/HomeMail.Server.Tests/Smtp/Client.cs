using System.Net;
using System.Net.Sockets;
using System.Text;
using HomeMail.Server.Tests.Transcripts;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>The client of a test: it says lines and reads replies.</summary>
internal sealed class Client(Stream stream) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private Stream _stream = stream;
    private ReplyReader _reader = new(stream);

    /// <summary>Connects to a listener from an address of this machine.</summary>
    public static async Task<Client> ConnectAsync(IPEndPoint server, string from = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(server);
        return new Client(new NetworkStream(socket, ownsSocket: true));
    }

    public async Task SecureAsync()
    {
        _stream = await TestHouse.SecureAsync(_stream);
        _reader = new ReplyReader(_stream);
    }

    /// <summary>Says something as it stands.</summary>
    public async Task SayAsync(string text) => await _stream.WriteAsync(Encoding.Latin1.GetBytes(text)).AsTask().WaitAsync(Patience);

    /// <summary>The last line of the next reply; null if the server has closed.</summary>
    public async Task<string?> ReplyAsync()
    {
        while (true)
        {
            var line = await _reader.ReadLineAsync().WaitAsync(Patience);
            if (line is not [_, _, _, '-', ..])
                return line;
        }
    }

    /// <summary>Says a line and reads its reply.</summary>
    public async Task<string?> AskAsync(string line)
    {
        await SayAsync(line + "\r\n");
        return await ReplyAsync();
    }

    /// <summary>From greeting to the reply to one message for alice.</summary>
    public async Task<string?> DeliverAsync()
    {
        await SayAsync("EHLO c\r\nMAIL FROM:<x@remote.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: s\r\n\r\n.\r\n");
        for (var i = 0; i < 4; i++)
            await ReplyAsync();
        return await ReplyAsync();
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();
}
