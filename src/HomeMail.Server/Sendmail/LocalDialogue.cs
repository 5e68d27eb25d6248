using System.Buffers;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Sendmail;

/// <summary>What came of sending.</summary>
/// <param name="Code">The reply's code (RFC 5321 4.2): 250 if the server has the message, 4xx if it may be tried again, 5xx if not.</param>
/// <param name="Reply">The reply that decided.</param>
/// <param name="About">The recipient that it was about, or null.</param>
public readonly record struct LocalOutcome(int Code, string Reply, string? About = null)
{
    /// <summary>Whether the server has the message, on disk.</summary>
    public bool IsTaken => Code is >= 200 and < 300;

    /// <summary>Whether it may be tried again.</summary>
    public bool IsForNow => Code is >= 400 and < 500;
}

/// <summary>
/// Hands a message of this machine to a session, as <c>sendmail</c> does it through the control socket and the server does it with what was dropped: SMTP, one
/// question at a time. All recipients are taken or none: whoever called is told, and can mend it.
/// </summary>
/// <param name="connection">A session whose client is a user of this machine.</param>
/// <param name="user">The user's name.</param>
/// <param name="machine">This machine's own name, beside <c>localhost</c>: its users at that name are those of the server.</param>
public sealed class LocalDialogue(Stream connection, string user, string machine)
{
    private const int BlockSize = 16 * 1024;
    private const int LongestReply = 64 * 1024;

    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>Sends.</summary>
    /// <param name="mail">What is wanted.</param>
    /// <param name="content">The message, at its beginning; it can be read again from there.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="IOException">The connection broke, or the content cannot be read; the message is not taken unless a reply said so.</exception>
    public async Task<LocalOutcome> SendAsync(LocalMail mail, Stream content, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(mail);
        ArgumentNullException.ThrowIfNull(content);
        var begin = content.Position;
        var greeting = await ReadAsync(cancel).ConfigureAwait(false);
        if (!greeting.IsTaken)
            return greeting;
        var hostname = greeting.Reply.Split(' ') is [_, { Length: > 0 } name, ..] ? name : "localhost";
        var names = new LocalNames(hostname, IsHere);
        var own = names.Complete(user);
        var sender = mail.Sender is null ? own : mail.Sender.Length == 0 ? "" : names.Complete(mail.Sender);
        if (LocalMessage.Read(content, names, sender.Length > 0 ? sender : own, mail.FullName) is not { } message)
            return new LocalOutcome(552, SmtpReplies.HeaderTooBig.ToString());
        var recipients = Recipients(mail, message, names);
        if (recipients.Count == 0)
            return new LocalOutcome(554, "there is no recipient");
        var outcome = await AskAsync("EHLO localhost", cancel).ConfigureAwait(false);
        if (outcome.IsTaken)
            outcome = await AskAsync(MailCommand(mail, sender, recipients, content.Length - begin), cancel).ConfigureAwait(false);
        foreach (var recipient in recipients)
        {
            if (!outcome.IsTaken)
                return outcome;
            var command = $"RCPT TO:<{recipient}>{(mail.Notify is null ? "" : " NOTIFY=" + mail.Notify)}";
            outcome = (await AskAsync(command, cancel).ConfigureAwait(false)) with { About = recipient };
        }
        if (!outcome.IsTaken)
            return outcome;
        outcome = await AskAsync("DATA", cancel).ConfigureAwait(false);
        if (outcome.Code != 354)
            return outcome;
        content.Position = message.BodyStart;
        await SendContentAsync(message.Header, content, cancel).ConfigureAwait(false);
        outcome = await ReadAsync(cancel).ConfigureAwait(false);
        await TrySayAsync("QUIT\r\n", cancel).ConfigureAwait(false);
        return outcome;
    }

    private static List<string> Recipients(LocalMail mail, LocalMessage message, LocalNames names)
    {
        var recipients = new List<string>();
        foreach (var recipient in mail.Recipients.Select(names.Complete).Concat(mail.FromHeader ? message.Recipients : []))
            if (!recipients.Contains(recipient, StringComparer.OrdinalIgnoreCase))
                recipients.Add(recipient);
        return recipients;
    }

    private static string MailCommand(LocalMail mail, string sender, List<string> recipients, long size)
    {
        var command = new StringBuilder("MAIL FROM:<").Append(sender).Append(CultureInfo.InvariantCulture, $"> SIZE={size} BODY=8BITMIME");
        if (mail.Return is not null)
            command.Append(" RET=").Append(mail.Return);
        if (mail.EnvelopeId is not null)
            command.Append(" ENVID=").Append(mail.EnvelopeId);
        if (!Ascii.IsValid(sender) || !recipients.TrueForAll(static recipient => Ascii.IsValid(recipient)))
            command.Append(" SMTPUTF8");
        return command.ToString();
    }

    // The names that a machine calls itself where nobody has told it better.
    private bool IsHere(string domain) =>
        domain.Equals("localhost", StringComparison.OrdinalIgnoreCase) || domain.Equals("localhost.localdomain", StringComparison.OrdinalIgnoreCase)
        || (machine.Length > 0 && domain.Equals(machine, StringComparison.OrdinalIgnoreCase));

    private async Task SendContentAsync(string header, Stream body, CancellationToken cancel)
    {
        var encoder = new DotEncoder(isChunk: false);
        var output = new byte[BlockSize];
        encoder = await SendAsync(encoder, Encoding.Latin1.GetBytes(header), output, cancel).ConfigureAwait(false);
        var block = new byte[BlockSize];
        int read;
        while ((read = await body.ReadAsync(block, cancel).ConfigureAwait(false)) > 0)
            encoder = await SendAsync(encoder, block.AsMemory(0, read), output, cancel).ConfigureAwait(false);
        var last = encoder.Finish(output);
        await connection.WriteAsync(output.AsMemory(0, last), cancel).ConfigureAwait(false);
    }

    private async ValueTask<DotEncoder> SendAsync(DotEncoder encoder, ReadOnlyMemory<byte> octets, byte[] output, CancellationToken cancel)
    {
        while (true)
        {
            var isAll = encoder.Encode(octets.Span, output, out var consumed, out var written);
            await connection.WriteAsync(output.AsMemory(0, written), cancel).ConfigureAwait(false);
            if (isAll)
                return encoder;
            octets = octets[consumed..];
        }
    }

    private async Task<LocalOutcome> AskAsync(string command, CancellationToken cancel)
    {
        // What stands on a command line, or in a header, is one line of SMTP and no more.
        if (command.AsSpan().ContainsAny('\r', '\n', '\0'))
            return new LocalOutcome(501, "an address has a line break in it");
        await connection.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), cancel).ConfigureAwait(false);
        return await ReadAsync(cancel).ConfigureAwait(false);
    }

    private async Task TrySayAsync(string text, CancellationToken cancel)
    {
        try
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(text), cancel).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // What was to be known is known.
        }
    }

    /// <summary>A reply to its last line, which is what counts; the first one's text for a greeting.</summary>
    private async Task<LocalOutcome> ReadAsync(CancellationToken cancel)
    {
        var size = 0;
        while (true)
        {
            var line = await ReadLineAsync(cancel).ConfigureAwait(false);
            size += line.Length;
            if (line.Length < 3 || size > LongestReply || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
                throw new IOException("the server does not speak SMTP");
            if (line.Length == 3 || line[3] != '-')
                return new LocalOutcome(code, line);
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = await connection.ReadAsync(_buffer, cancel).ConfigureAwait(false);
                if (_end == 0)
                    throw new IOException("the server has ended the connection");
            }
            var octet = _buffer[_start++];
            if (octet == '\n')
                return line.ToString().TrimEnd('\r');
            if (line.Length < LongestReply)
                line.Append((char)octet);
        }
    }
}
