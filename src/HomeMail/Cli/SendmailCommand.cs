using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HomeMail.Config;
using HomeMail.Privileges;
using HomeMail.Server.Control;
using HomeMail.Server.Sendmail;
using HomeMail.Storage.Files;

namespace HomeMail.Cli;

/// <summary>
/// <c>sendmail</c>, <c>mailq</c> and <c>newaliases</c>, for cron, git, mutt and scripts. A message goes to the running server, which knows by the kernel who calls;
/// where none runs, or it cannot take it now, into the drop folder. It needs no configuration; one that it may read tells where both are.
/// </summary>
internal static class SendmailCommand
{
    // sysexits(3).
    private const int Usage = 64;
    private const int DataError = 65;
    private const int NoUser = 67;
    private const int Unavailable = 69;
    private const int TryLater = 75;
    private const int NotPermitted = 77;
    private const int ConfigurationError = 78;

    // What is larger waits in a file.
    private const int LargestInMemory = 1 << 20;

    private const string DefaultData = "/var/lib/homemail";

    /// <summary>The names that make a call of the program one of these.</summary>
    public static bool IsName(string name) => name is "sendmail" or "mailq" or "newaliases";

    /// <summary>Runs a call.</summary>
    /// <param name="name">The name that the program was called by.</param>
    /// <param name="words">The words behind it.</param>
    /// <param name="streams">Where to read and write.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<int> RunAsync(string name, IReadOnlyList<string> words, Streams streams, CancellationToken cancel)
    {
        var options = SendmailOptions.Parse(name, words, out var problem);
        if (problem is not null)
            return await FailAsync(streams, name, problem, Usage);
        if (options.Mode == SendmailMode.Aliases)
            return 0;
        var place = Place.Find(options.Config);
        if (place is null)
            return await FailAsync(streams, name, $"the configuration {options.Config} cannot be read", ConfigurationError);
        return options.Mode switch
        {
            SendmailMode.Smtp => await SpeakAsync(place, streams, cancel),
            SendmailMode.Queue => await SendmailQueue.ListAsync(place.Socket, place.Data, streams, cancel),
            SendmailMode.Flush => await SendmailQueue.FlushAsync(place.Socket, place.Data, cancel),
            _ => await SendAsync(options, place, streams, cancel),
        };
    }

    private static async Task<int> SendAsync(SendmailOptions options, Place place, Streams streams, CancellationToken cancel)
    {
        var mail = options.Mail;
        if (mail.Recipients.Count == 0 && !mail.FromHeader)
            return await FailAsync(streams, "sendmail", "there is no recipient; give addresses, or -t to take them from the message", Usage);
        if (mail.Recipients.Concat([mail.Sender ?? "", mail.FullName ?? ""]).Any(static text => text.AsSpan().ContainsAnyInRange('\0', '\x1f')))
            return await FailAsync(streams, "sendmail", "an address has a control character in it", DataError);
        if (SystemUser.Find(PeerCredentials.OwnUser) is not { } user)
            return await FailAsync(streams, "sendmail", string.Create(CultureInfo.InvariantCulture, $"this machine has no user {PeerCredentials.OwnUser}"), NoUser);
        using var content = await ReadAsync(streams.RawIn, options.DotIsText, cancel);
        var outcome = await HandOverAsync(place, user.Name, mail, content, cancel);
        if (outcome.IsTaken)
        {
            if (options.IsVerbose)
                await streams.Out.WriteLineAsync(Words.Printable(outcome.Reply));
            return 0;
        }
        if (!outcome.IsForNow)
            return await FailAsync(streams, "sendmail", (outcome.About is null ? "" : outcome.About + ": ") + outcome.Reply, ExitCodeOf(outcome));
        return await DropAsync(options, place, outcome, content, streams);
    }

    private static async Task<LocalOutcome> HandOverAsync(Place place, string user, LocalMail mail, Stream content, CancellationToken cancel)
    {
        try
        {
            await using var session = await ConnectAsync(place, cancel);
            return session is null ? new LocalOutcome(421, "the server does not run") : await new LocalDialogue(session, user, Environment.MachineName).SendAsync(mail, content, cancel);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            return new LocalOutcome(421, error.Message);
        }
        finally
        {
            content.Position = 0;
        }
    }

    private static async Task<int> DropAsync(SendmailOptions options, Place place, LocalOutcome outcome, Stream content, Streams streams)
    {
        try
        {
            DroppedFile.Put(place.Drop, file =>
            {
                options.Mail.WriteTo(file);
                content.CopyTo(file);
            });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var why = error is DirectoryNotFoundException ? "there is no such folder" : error is UnauthorizedAccessException ? "this user may not write there" : error.Message;
            return await FailAsync(streams, "sendmail", $"{outcome.Reply}, and the message cannot be left in {place.Drop}: {why}", TryLater);
        }
        if (options.IsVerbose)
            await streams.Out.WriteLineAsync($"{Words.Printable(outcome.Reply)}; left in {place.Drop}");
        return 0;
    }

    /// <summary>SMTP on the standard streams, for programs that want to be told of each recipient.</summary>
    private static async Task<int> SpeakAsync(Place place, Streams streams, CancellationToken cancel)
    {
        Stream? session = null;
        try
        {
            session = await ConnectAsync(place, cancel);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            // As if it did not run.
        }
        if (session is null)
        {
            await streams.RawOut.WriteAsync("421 4.3.2 The mail server does not run\r\n"u8.ToArray(), cancel);
            return TryLater;
        }
        await using (session)
        {
            var forth = SayAsync(streams.RawIn, session, cancel);
            try
            {
                await session.CopyToAsync(streams.RawOut, cancel);
            }
            catch (IOException)
            {
                return TryLater;
            }
            // The other direction may wait for input that never comes.
            await Task.WhenAny(forth, Task.CompletedTask);
        }
        return 0;
    }

    private static async Task SayAsync(Stream input, Stream session, CancellationToken cancel)
    {
        try
        {
            await input.CopyToAsync(session, cancel);
            (session as NetworkStream)?.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // The server has ended it.
        }
    }

    /// <summary>A session of the running server, at its greeting; null if none runs.</summary>
    private static async Task<Stream?> ConnectAsync(Place place, CancellationToken cancel)
    {
        foreach (var path in ControlSocket.Candidates(place.Socket, place.Data))
        {
            if (await ControlSocket.ConnectAsync(path, cancel) is not { } stream)
                continue;
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{{\"command\":\"{SubmitCommand.Name}\"}}\n"), cancel);
            using var answer = JsonDocument.Parse(await ReadLineAsync(stream, cancel));
            if (answer.RootElement.TryGetProperty("ready", out _))
                return stream;
            await stream.DisposeAsync();
            throw new IOException(answer.RootElement.TryGetProperty("what", out var what) ? what.GetString() : "the server does not take it");
        }
        return null;
    }

    // Octet by octet: what comes behind the line is the session's.
    private static async Task<ReadOnlyMemory<byte>> ReadLineAsync(Stream stream, CancellationToken cancel)
    {
        var line = new byte[1024];
        for (var length = 0; length < line.Length; length++)
        {
            if (await stream.ReadAsync(line.AsMemory(length, 1), cancel) == 0)
                throw new IOException("the server has ended the connection");
            if (line[length] == '\n')
                return line.AsMemory(0, length);
        }
        throw new IOException("the server does not speak our language");
    }

    /// <summary>The message, to its end or to the line that has a dot alone.</summary>
    private static async Task<Stream> ReadAsync(Stream input, bool dotIsText, CancellationToken cancel)
    {
        Stream content = new MemoryStream();
        var block = new byte[16 * 1024];
        var scan = new DotScan();
        int read;
        while ((read = await input.ReadAsync(block, cancel)) > 0)
        {
            var length = dotIsText ? -1 : scan.EndIn(block.AsSpan(0, read));
            content.Write(block, 0, length < 0 ? read : length);
            if (length >= 0)
                break;
            if (content is MemoryStream { Length: > LargestInMemory } memory)
            {
                content = new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 4096, FileOptions.DeleteOnClose);
                memory.WriteTo(content);
            }
        }
        // The octets of the last line that turned out to be its end, if they came in pieces.
        if (scan.IsEnded)
            content.SetLength(content.Length - scan.Excess);
        content.Position = 0;
        return content;
    }

    private static int ExitCodeOf(LocalOutcome outcome) => outcome.Reply switch
    {
        var reply when reply.StartsWith("550 5.1.1", StringComparison.Ordinal) => NoUser,
        var reply when reply.Contains(" 5.7.", StringComparison.Ordinal) => NotPermitted,
        _ => outcome.Code switch { 501 or 552 or 553 => DataError, 554 when outcome.About is null => DataError, _ => Unavailable },
    };

    private static async Task<int> FailAsync(Streams streams, string name, string what, int code)
    {
        await streams.Error.WriteLineAsync($"{name}: {Words.Printable(what)}");
        return code;
    }

    /// <summary>Looks for a line of a dot alone, over the borders of blocks.</summary>
    private struct DotScan()
    {
        // 0 at a line's start, 1 behind its dot, 2 behind its dot and CR, 3 within it.
        private int _state;

        /// <summary>Whether it was found.</summary>
        public bool IsEnded { get; private set; }

        /// <summary>Octets of that line that stood in earlier blocks.</summary>
        public int Excess { get; private set; }

        /// <summary>How many octets of a block are content; -1 for all.</summary>
        public int EndIn(ReadOnlySpan<byte> block)
        {
            var start = -_state % 3;
            for (var i = 0; i < block.Length; i++)
            {
                var octet = block[i];
                switch (_state, octet)
                {
                    case (1 or 2, (byte)'\n'):
                        IsEnded = true;
                        Excess = Math.Max(0, -start);
                        return Math.Max(0, start);
                    case (0, (byte)'.'):
                        start = i;
                        _state = 1;
                        break;
                    case (1, (byte)'\r'):
                        _state = 2;
                        break;
                    case (_, (byte)'\n'):
                        _state = 0;
                        break;
                    default:
                        _state = 3;
                        break;
                }
            }
            return -1;
        }
    }

    /// <summary>Where the server and the drop folder are.</summary>
    /// <param name="Socket">The control socket, or null for the default.</param>
    /// <param name="Data">The data folder.</param>
    /// <param name="Drop">The drop folder.</param>
    private sealed record Place(string? Socket, string Data, string Drop)
    {
        /// <summary>As the configuration says, if this user may read it; else where they are by default.</summary>
        public static Place? Find(string? config)
        {
            if (SettingsFile.Load(config ?? SettingsFile.DefaultPath).Settings is { } settings)
                return new Place(settings.Server.Socket, settings.Server.Data, settings.Server.DropFolder);
            return config is not null ? null : new Place(null, DefaultData, Directory.Exists(DropLink.Default) ? DropLink.Default : Path.Combine(DefaultData, ServerSettings.DropName));
        }
    }
}
