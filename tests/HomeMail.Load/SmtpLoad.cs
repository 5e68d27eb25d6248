using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace HomeMail.Load;

/// <summary>
/// Sends a number of messages over a number of sessions, each a thread of its own. A message counts when its last reply has come. One that is answered
/// with 4yz to its end is tried again after a while, as RFC 5321 section 4.2.1 asks of a client; what else is answered than the standard's success ends the
/// session, and counts as a failure.
/// </summary>
internal sealed class SmtpLoad
{
    // Long enough that the asking costs a busy server nothing, short enough that nobody waits for it.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly IPEndPoint _server;
    private readonly int _messages, _perConnection, _recipients;
    private readonly string _tls, _user, _password;
    private readonly byte[] _sender, _content;
    private readonly byte[][] _receivers;
    private readonly Timings _timings;
    private int _next;

    public SmtpLoad(Options options)
    {
        _server = IPEndPoint.Parse(options.Text("server", "127.0.0.1:25"));
        _messages = options.Number("messages", 1000);
        _perConnection = options.Number("per-connection", int.MaxValue);
        _recipients = options.Number("recipients", 1);
        _tls = options.Text("tls", "off");
        var from = options.Text("from", "sender@client.example");
        _sender = Encoding.ASCII.GetBytes($"MAIL FROM:<{from}>\r\n");
        var to = CompositeFormat.Parse(options.Text("to", "user{0}@home.example"));
        _receivers = [.. Enumerable.Range(0, Math.Max(_recipients, options.Number("users", 1)))
            .Select(i => Encoding.ASCII.GetBytes($"RCPT TO:<{string.Format(CultureInfo.InvariantCulture, to, i)}>\r\n"))];
        _user = options.Text("user", "");
        _password = options.Text("password", "");
        _content = Content(options.Number("size", 4096), from);
        _timings = new Timings(_messages);
        Sessions = options.Number("sessions", 1);
    }

    private int Sessions { get; }

    /// <summary>
    /// Where a session stays open for all of its messages, all are opened before the time begins, one after the other: what is measured is their sending, and
    /// a server that lets few wait to be accepted loses none.
    /// </summary>
    public void Run()
    {
        var began = Stopwatch.GetTimestamp();
        using var opened = new Barrier(Sessions, _ => began = Stopwatch.GetTimestamp());
        var threads = Enumerable.Range(0, Sessions).Select(_ => new Thread(() => Session(opened), 256 * 1024)).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        _timings.Tell(Stopwatch.GetElapsedTime(began));
    }

    private void Session(Barrier opened)
    {
        var first = true;
        while (Volatile.Read(ref _next) < _messages)
        {
            try
            {
                using var dialogue = first && _perConnection == int.MaxValue ? OpenInTurn(opened) : Open();
                Send(dialogue);
            }
            catch (Exception error) when (error is IOException or SocketException or AuthenticationException or InvalidDataException)
            {
                _timings.Failed(error.Message);
                // A server that is gone is not asked for ever.
                Interlocked.Increment(ref _next);
            }
            first = false;
        }
    }

    private Dialogue OpenInTurn(Barrier opened)
    {
        try
        {
            lock (opened)
                return Open();
        }
        finally
        {
            opened.SignalAndWait();
        }
    }

    private Dialogue Open()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        socket.Connect(_server);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (_tls == "implicit")
            stream = Tls(stream);
        var dialogue = new Dialogue(stream);
        dialogue.Expect(220);
        dialogue.Say("EHLO client.example\r\n"u8, 250);
        if (_tls == "starttls")
        {
            dialogue.Say("STARTTLS\r\n"u8, 220);
            dialogue = new Dialogue(Tls(stream));
            dialogue.Say("EHLO client.example\r\n"u8, 250);
        }
        if (_user.Length > 0)
            dialogue.Say(Encoding.ASCII.GetBytes($"AUTH PLAIN {Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{_user}\0{_password}"))}\r\n"), 235);
        return dialogue;
    }

    private void Send(Dialogue dialogue)
    {
        for (var sent = 0; sent < _perConnection; sent++)
        {
            var number = Interlocked.Increment(ref _next) - 1;
            if (number >= _messages)
                break;
            var since = Stopwatch.GetTimestamp();
            while (!Message(dialogue, number))
            {
                _timings.Deferred();
                if (Stopwatch.GetElapsedTime(since) > Patience)
                    throw new InvalidDataException("put off for too long");
                Thread.Sleep(Rest);
            }
            _timings.Took(since);
        }
        dialogue.Say("QUIT\r\n"u8, 221);
    }

    // The recipients go round among those there are, so that each gets as much as another.
    private bool Message(Dialogue dialogue, int number)
    {
        dialogue.Say(_sender, 250);
        for (var i = 0; i < _recipients; i++)
            dialogue.Say(_receivers[(int)(((long)number * _recipients + i) % _receivers.Length)], 250);
        dialogue.Say("DATA\r\n"u8, 354);
        return dialogue.Say(_content, 250, orLater: true);
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
            text.Append(CultureInfo.InvariantCulture, $"{line:D6} the quick brown fox jumps over the lazy dog, and then it does so again").Append("\r\n");
        if (text.Length > size)
            text.Length = size;
        if (text[^1] != '\n')
            text.Append("\r\n");
        return Encoding.ASCII.GetBytes(text.Append(".\r\n").ToString());
    }

    private sealed class Dialogue(Stream stream) : IDisposable
    {
        private readonly byte[] _buffer = new byte[4096];

        public void Dispose() => stream.Dispose();

        // False: the answer was 4yz, where that is an answer to go on with.
        public bool Say(ReadOnlySpan<byte> octets, int wanted, bool orLater = false)
        {
            stream.Write(octets);
            return Expect(wanted, orLater);
        }

        // Replies come one at a time here: nothing is pipelined.
        public bool Expect(int wanted, bool orLater = false)
        {
            var length = 0;
            while (!IsWhole(length))
            {
                var read = length < _buffer.Length ? stream.Read(_buffer, length, _buffer.Length - length) : 0;
                if (read == 0)
                    throw new IOException("the server closed the connection");
                length += read;
            }
            if ((_buffer[0] - '0') * 100 + (_buffer[1] - '0') * 10 + _buffer[2] - '0' == wanted)
                return true;
            // 421 comes with an end of the connection.
            if (orLater && _buffer[0] == '4' && !_buffer.AsSpan(0, 3).SequenceEqual("421"u8))
                return false;
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
