using System.Net;
using System.Net.Sockets;

namespace HomeMail.Load;

/// <summary>
/// Answers as an SMTP server would, and does nothing with what it is sent: what a generator brings into it is the most that it brings into any. Its clients
/// wait for each reply, so a line ends what has come; mail ends where its dot is, and is neither unstuffed nor kept.
/// </summary>
internal static class Sink
{
    private static ReadOnlySpan<byte> End => "\r\n.\r\n"u8;

    public static void Run(Options options)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(IPEndPoint.Parse(options.Text("listen", "127.0.0.1:2525")));
        listener.Listen(1000);
        // A session is a thread, and none is made for one.
        var threads = Enumerable.Range(0, options.Number("sessions", 128)).Select(_ => new Thread(() => Serve(listener), 256 * 1024)).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
    }

    private static void Serve(Socket listener)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            using var socket = listener.Accept();
            socket.NoDelay = true;
            try
            {
                Answer(socket, buffer);
            }
            catch (SocketException)
            {
                // The client is gone, as clients go that have what they wanted.
            }
        }
    }

    private static void Answer(Socket socket, byte[] buffer)
    {
        var length = 0;
        socket.Send("220 sink.example\r\n"u8);
        while (true)
        {
            var read = socket.Receive(buffer.AsSpan(length));
            if (read == 0)
                return;
            length += read;
            if (buffer[length - 1] != '\n')
                continue;
            var line = buffer.AsSpan(0, length);
            length = 0;
            if (line.StartsWith("DATA"u8))
            {
                socket.Send("354 go on\r\n"u8);
                Swallow(socket, buffer);
            }
            else if (line.StartsWith("QUIT"u8))
            {
                socket.Send("221 bye\r\n"u8);
                return;
            }
            socket.Send("250 ok\r\n"u8);
        }
    }

    // The last octets of what came before stay at the buffer's begin: the end may come in two pieces.
    private static void Swallow(Socket socket, byte[] buffer)
    {
        for (var kept = 0; ;)
        {
            var read = socket.Receive(buffer.AsSpan(kept));
            var have = kept + read;
            if (read == 0 || buffer.AsSpan(0, have).EndsWith(End))
                return;
            kept = Math.Min(have, End.Length - 1);
            buffer.AsSpan(have - kept, kept).CopyTo(buffer);
        }
    }
}
