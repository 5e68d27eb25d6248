using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace HomeMail.Load;

/// <summary>
/// Sends a number of messages over a number of sessions, each a thread of its own. A message counts when its last reply has come; what else is answered
/// than the standard's success ends the session, and counts as a failure.
/// </summary>
internal sealed class SmtpLoad
{
    private readonly IPEndPoint _server;
    private readonly int _messages, _perConnection, _recipients;
    private readonly string _tls, _from, _to, _user, _password;
    private readonly byte[] _content;
    private readonly Timings _timings;
    private int _next;

    public SmtpLoad(Options options)
    {
        _server = IPEndPoint.Parse(options.Text("server", "127.0.0.1:25"));
        _messages = options.Number("messages", 1000);
        _perConnection = options.Number("per-connection", int.MaxValue);
        _recipients = options.Number("recipients", 1);
        _tls = options.Text("tls", "off");
        _from = options.Text("from", "sender@client.example");
        _to = options.Text("to", "user{0}@home.example");
        _user = options.Text("user", "");
        _password = options.Text("password", "");
        _content = Content(options.Number("size", 4096), _from);
        _timings = new Timings(_messages);
        Sessions = options.Number("sessions", 1);
    }

    private int Sessions { get; }

    public void Run()
    {
        var threads = Enumerable.Range(0, Sessions).Select(_ => new Thread(Session, 256 * 1024)).ToList();
        var began = Stopwatch.GetTimestamp();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        _timings.Tell(Stopwatch.GetElapsedTime(began));
    }

    private void Session()
    {
        while (Volatile.Read(ref _next) < _messages)
        {
            try
            {
                Connection();
            }
            catch (Exception error) when (error is IOException or SocketException or AuthenticationException or InvalidDataException)
            {
                _timings.Failed(error.Message);
                // A server that is gone is not asked for ever.
                Interlocked.Increment(ref _next);
            }
        }
    }

    private void Connection()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        socket.Connect(_server);
        Stream stream = new NetworkStream(socket);
        if (_tls == "implicit")
            stream = Tls(stream);
        var dialogue = new Dialogue(stream);
        dialogue.Expect(220);
        dialogue.Say("EHLO client.example\r\n", 250);
        if (_tls == "starttls")
        {
            dialogue.Say("STARTTLS\r\n", 220);
            dialogue = new Dialogue(stream = Tls(stream));
            dialogue.Say("EHLO client.example\r\n", 250);
        }
        if (_user.Length > 0)
            dialogue.Say($"AUTH PLAIN {Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{_user}\0{_password}"))}\r\n", 235);
        for (var sent = 0; sent < _perConnection; sent++)
        {
            var number = Interlocked.Increment(ref _next) - 1;
            if (number >= _messages)
                break;
            var since = Stopwatch.GetTimestamp();
            dialogue.Say($"MAIL FROM:<{_from}>\r\n", 250);
            for (var i = 0; i < _recipients; i++)
                dialogue.Say($"RCPT TO:<{string.Format(System.Globalization.CultureInfo.InvariantCulture, _to, i)}>\r\n", 250);
            dialogue.Say("DATA\r\n", 354);
            dialogue.Send(_content, 250);
            _timings.Took(since);
        }
        dialogue.Say("QUIT\r\n", 221);
        stream.Dispose();
    }

    private static SslStream Tls(Stream stream)
    {
        // A certificate of the test's own: nobody vouches for it.
        var tls = new SslStream(stream, false, static (_, _, _, _) => true);
        tls.AuthenticateAsClient(new SslClientAuthenticationOptions { TargetHost = "mail.home.example", AllowTlsResume = false });
        return tls;
    }

    // A message as people send them: a few fields, lines of text; its size is that of all of it.
    private static byte[] Content(int size, string from)
    {
        var text = new StringBuilder(size + 80);
        text.Append("Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nFrom: <").Append(from).Append(">\r\nTo: <user0@home.example>\r\n");
        text.Append("Subject: a message of ").Append(size).Append(" octets\r\nMessage-ID: <load.").Append(size).Append("@client.example>\r\nMIME-Version: 1.0\r\n\r\n");
        for (var line = 0; text.Length < size; line++)
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{line:D6} the quick brown fox jumps over the lazy dog, and then it does so again").Append("\r\n");
        if (text.Length > size)
            text.Length = size;
        if (text[^1] != '\n')
            text.Append("\r\n");
        return Encoding.ASCII.GetBytes(text.Append(".\r\n").ToString());
    }

    private sealed class Dialogue(Stream stream)
    {
        private readonly byte[] _buffer = new byte[4096];

        public void Say(string line, int wanted)
        {
            Span<byte> octets = stackalloc byte[512];
            stream.Write(octets[..Encoding.ASCII.GetBytes(line, octets)]);
            Expect(wanted);
        }

        public void Send(byte[] content, int wanted)
        {
            stream.Write(content);
            Expect(wanted);
        }

        // Replies come one at a time here: nothing is pipelined.
        public void Expect(int wanted)
        {
            var length = 0;
            while (!IsWhole(length))
            {
                var read = length < _buffer.Length ? stream.Read(_buffer, length, _buffer.Length - length) : 0;
                if (read == 0)
                    throw new IOException("the server closed the connection");
                length += read;
            }
            if ((_buffer[0] - '0') * 100 + (_buffer[1] - '0') * 10 + _buffer[2] - '0' != wanted)
                throw new InvalidDataException(Encoding.Latin1.GetString(_buffer, 0, length).TrimEnd());
        }

        // A last line has no hyphen behind its code.
        private bool IsWhole(int length)
        {
            if (length < 5 || _buffer[length - 1] != '\n')
                return false;
            var start = length >= 2 ? _buffer.AsSpan(0, length - 1).LastIndexOf((byte)'\n') + 1 : 0;
            return length - start > 3 && _buffer[start + 3] != '-';
        }
    }
}
