using System.Text;
using Xunit;

namespace HomeMail.Server.Tests.Transcripts;

/// <summary>How the client's octets are cut up.</summary>
public enum Cut
{
    /// <summary>All that can be said before the client must have seen an answer goes out in one write.</summary>
    Whole,

    /// <summary>Each line of the dialogue is a write of its own, and what it is answered is read before the next.</summary>
    Line,

    /// <summary>Each octet is a write of its own, and reaches the server alone.</summary>
    Octet,
}

/// <summary>Plays a dialogue against a server, and looks at what is left of it.</summary>
internal sealed class Player(Transcript transcript, IPlace place, Cut cut)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly StringBuilder _talk = new();
    private Connection? _connection;
    private ReplyReader? _reader;
    private Task _writing = Task.CompletedTask;
    private int _sent;

    public async Task PlayAsync()
    {
        try
        {
            for (var i = 0; i < transcript.Steps.Count; i++)
                await TakeAsync(transcript.Steps[i], i);
            await FinishAsync();
        }
        finally
        {
            if (_connection is not null)
                await _connection.DisposeAsync();
        }
        await place.EndedAsync();
        CheckMailboxes();
        CheckQueue();
        CheckLog();
    }

    private async Task TakeAsync(Step step, int index)
    {
        if (step.Kind is not (StepKind.Send or StepKind.Line or StepKind.Reply or StepKind.End))
            await _writing.WaitAsync(Patience);
        switch (step.Kind)
        {
            case StepKind.Connect:
                await FinishAsync();
                _connection = await place.ConnectAsync(step.Service, step.Peer);
                if (step.Service == Server.Smtp.SmtpRole.Submissions)
                    await _connection.SecureAsync();
                _reader = new ReplyReader(_connection.Stream);
                break;
            case StepKind.Send:
                await SendAsync(step, index);
                break;
            case StepKind.Line:
                await ExpectAsync(step, static (_, _) => true);
                break;
            case StepKind.Reply:
                // A hyphen after the code says that the reply goes on (RFC 5321 4.2.1).
                await ExpectAsync(step, static (line, _) => line is not [_, _, _, '-', ..]);
                break;
            case StepKind.Tls:
                Assert.True(_reader!.IsEmpty, Where(step, "replies are waiting at the handshake"));
                await _connection!.SecureAsync();
                _reader = new ReplyReader(_connection.Stream);
                break;
            case StepKind.Auth:
                await AuthDialogue.RunAsync(step.Text, _connection!, _reader!);
                break;
            case StepKind.Wait:
                await place.WaitAsync(_connection!, Transcript.Span(step.Text));
                break;
            case StepKind.HangUp:
                await _connection!.EndOutputAsync();
                break;
            case StepKind.End:
                var line = await ReadAsync(step);
                Assert.True(line is null, Where(step, $"the server should have closed, and said: {line}"));
                await _connection!.DisposeAsync();
                _connection = null;
                break;
        }
    }

    private async Task SendAsync(Step step, int index)
    {
        if (index < _sent)
            return;
        var octets = Encoding.Latin1.GetBytes(step.Text);
        switch (cut)
        {
            case Cut.Whole:
                var all = new StringBuilder(step.Text);
                for (_sent = index + 1; _sent < transcript.Steps.Count && transcript.Steps[_sent].Kind is StepKind.Send or StepKind.Line or StepKind.Reply; _sent++)
                    if (transcript.Steps[_sent].Kind == StepKind.Send)
                        all.Append(transcript.Steps[_sent].Text);
                Tell("C", all.ToString());
                await _writing.WaitAsync(Patience);
                _writing = WriteAsync(Encoding.Latin1.GetBytes(all.ToString()), int.MaxValue);
                break;
            case Cut.Line:
                Tell("C", step.Text);
                await _writing.WaitAsync(Patience);
                _writing = WriteAsync(octets, int.MaxValue);
                break;
            case Cut.Octet:
                Tell("C", step.Text);
                await _writing.WaitAsync(Patience);
                // A large content octet by octet would take all day.
                _writing = WriteAsync(octets, octets.Length > 20_000 ? 997 : 1);
                break;
        }
    }

    private async Task WriteAsync(byte[] octets, int block)
    {
        try
        {
            for (var at = 0; at < octets.Length; at += Math.Min(block, octets.Length - at))
                await _connection!.Stream.WriteAsync(octets.AsMemory(at, Math.Min(block, octets.Length - at)));
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The server has closed; the dialogue says whether it should have.
        }
    }

    private async Task ExpectAsync(Step step, Func<string, Step, bool> isLast)
    {
        while (true)
        {
            var line = await ReadAsync(step) ?? throw new Xunit.Sdk.XunitException(Where(step, "the server has closed"));
            if (!isLast(line, step))
                continue;
            Assert.True(TranscriptText.Matches(step.Text, line), Where(step, $"expected {TranscriptText.Show(step.Text)}\n  but got  {TranscriptText.Show(line)}"));
            return;
        }
    }

    private async Task<string?> ReadAsync(Step step)
    {
        try
        {
            var line = await _reader!.ReadLineAsync().WaitAsync(Patience);
            Tell("S", line ?? "(closed)");
            return line;
        }
        catch (TimeoutException)
        {
            throw new Xunit.Sdk.XunitException(Where(step, "the server says nothing"));
        }
        catch (FormatException error)
        {
            throw new Xunit.Sdk.XunitException(Where(step, error.Message));
        }
    }

    private async Task FinishAsync()
    {
        if (_connection is null)
            return;
        await _writing.WaitAsync(Patience);
        await _connection.EndOutputAsync();
        var last = transcript.Steps[^1];
        Assert.True(await ReadAsync(last) is null, Where(last, "the server said more than the dialogue has"));
        await _connection.DisposeAsync();
        _connection = null;
    }

    private void CheckMailboxes()
    {
        foreach (var account in (string[])["alice", "bob"])
        {
            var found = place.Mailbox(account);
            var expected = transcript.Stored.FindAll(s => s.Account == account);
            Assert.True(found.Count == expected.Count, $"{transcript.Name}: {account} should have {expected.Count} messages and has {found.Count}\n{_talk}\n{string.Join("\n--\n", found)}");
            for (var i = 0; i < found.Count; i++)
                if (expected[i].Lines is { } lines)
                    CheckMessage(expected[i].LineNumber, lines, found[i]);
        }
    }

    private void CheckMessage(int number, List<string?> expected, string message)
    {
        var lines = message.Split("\r\n");
        Assert.True(lines[^1].Length == 0, $"{transcript.Name}.txt:{number}: the message does not end in a line ending");
        var at = 0;
        for (var i = 0; i < expected.Count; i++)
        {
            if (expected[i] is not { } glob)
            {
                if (i == expected.Count - 1)
                    return;
                while (at < lines.Length - 1 && !TranscriptText.Matches(expected[i + 1]!, lines[at]))
                    at++;
                continue;
            }
            Assert.True(at < lines.Length - 1 && TranscriptText.Matches(glob, lines[at]),
                $"{transcript.Name}.txt:{number}: expected the line {TranscriptText.Show(glob)}\n  but line {at + 1} of the message is {(at < lines.Length - 1 ? TranscriptText.Show(lines[at]) : "its end")}\n--\n{message}");
            at++;
        }
        Assert.True(at == lines.Length - 1, $"{transcript.Name}.txt:{number}: the message goes on: {TranscriptText.Show(lines[Math.Min(at, lines.Length - 1)])}\n--\n{message}");
    }

    private void CheckQueue()
    {
        if (place.Queue() is not { } found)
            return;
        var queue = found.Select(static q => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(q))).ToList();
        Assert.True(queue.Count == transcript.Queued.Count, $"{transcript.Name}: {transcript.Queued.Count} messages should be queued, and there are {queue.Count}: {string.Join("; ", queue)}\n{_talk}");
        for (var i = 0; i < queue.Count; i++)
            Assert.True(TranscriptText.Matches(transcript.Queued[i].Pattern, queue[i]),
                $"{transcript.Name}.txt:{transcript.Queued[i].LineNumber}: expected {TranscriptText.Show(transcript.Queued[i].Pattern)}\n  but queued is {queue[i]}");
    }

    private void CheckLog()
    {
        if (place.Log is not { } log)
            return;
        foreach (var expected in transcript.Logged)
            Assert.True(log.Split('\n').Any(line => TranscriptText.Matches(expected.Pattern, line)) == expected.Wanted,
                $"{transcript.Name}.txt:{expected.LineNumber}: {(expected.Wanted ? "not in the log" : "in the log")}: {TranscriptText.Show(expected.Pattern)}\n{log}");
        foreach (var secret in transcript.Secrets)
            Assert.False(secret.Length >= 12 && log.Contains(secret, StringComparison.Ordinal), $"{transcript.Name}: a secret is in the log: {secret}");
    }

    private void Tell(string who, string text) => _talk.Append(who).Append(": ").AppendLine(TranscriptText.Show(text));

    private string Where(Step step, string what)
    {
        var talk = _talk.ToString();
        return $"{transcript.Name}.txt:{step.LineNumber} ({cut}): {what}\n--\n{(talk.Length > 4000 ? talk[^4000..] : talk)}";
    }
}
