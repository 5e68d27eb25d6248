using System.Text.Json;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using HomeMail.Storage.Transfer;

namespace HomeMail.Server.Control;

/// <summary>
/// Gives out the messages of an account: <c>export-list</c> tells its mailboxes; <c>export</c> gives one of them, of each message a line with <c>uid</c>,
/// <c>octets</c> and what goes along, and if <c>octets</c> is true the message in chunks.
/// </summary>
/// <param name="mail">All mail.</param>
public sealed class ExportCommands(MailStore mail)
{
    private const int AtOnce = 256;

    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("export-list", ListAsync), new("export", RunAsync)];

    private async Task<ControlResult> ListAsync(ControlCall call, CancellationToken cancel)
    {
        foreach (var mailbox in Account(call).Mailboxes().Where(mailbox => mailbox.IsSelectable))
        {
            var status = mailbox.Status();
            await call.Channel.WriteAsync(json =>
            {
                json.WriteString("mailbox", mailbox.Name);
                json.WriteNumber("uidValidity", status.UidValidity);
                json.WriteNumber("messages", status.Messages);
            }, cancel).ConfigureAwait(false);
        }
        return ControlResult.Ok;
    }

    private async Task<ControlResult> RunAsync(ControlCall call, CancellationToken cancel)
    {
        var name = call.Text("mailbox");
        if (Account(call).Find(name) is not { IsSelectable: true } mailbox)
            return ControlResult.NotFound($"there is no mailbox '{name}'");
        var had = UidSet.Read(call.OptionalText("had") ?? "");
        var messages = new MessageInfo[AtOnce];
        var buffer = new byte[ControlChannel.LargestChunk];
        var next = 0;
        for (uint from = 1; mailbox.Read(from, messages) is var count and > 0 && from != 0; from = messages[count - 1].Uid + 1)
        {
            for (var i = 0; i < count; i++)
            {
                while (next < had.Count && had[next].Last < messages[i].Uid)
                    next++;
                var isHad = next < had.Count && had[next].First <= messages[i].Uid;
                await GiveAsync(call.Channel, mailbox, messages[i], isHad, buffer, cancel).ConfigureAwait(false);
            }
        }
        return ControlResult.Ok;
    }

    private MailAccount Account(ControlCall call)
    {
        var name = call.Text("account");
        return mail.AccountNames().Contains(name) ? mail.Account(name) : throw new ControlRefusal($"there is no mail of an account '{name}'");
    }

    private static async Task GiveAsync(ControlChannel channel, Mailbox mailbox, MessageInfo info, bool isHad, byte[] buffer, CancellationToken cancel)
    {
        IFile? file = null;
        try
        {
            if (!isHad)
                file = mailbox.OpenMessage(info.Uid);
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            // Expunged a moment ago.
            return;
        }
        using (file)
        {
            await channel.WriteAsync(json =>
            {
                json.WriteNumber("uid", info.Uid);
                json.WriteBoolean("octets", file is not null);
                MarksJson.Write(json, new MessageMarks(mailbox.Name, info.Flags, mailbox.KeywordNames(info.Keywords), info.InternalDate));
            }, cancel).ConfigureAwait(false);
            if (file is null)
                return;
            long offset = 0;
            while (file.Read(buffer, offset) is var read and > 0)
            {
                offset += read;
                await channel.WriteChunkAsync(buffer.AsSpan(0, read), cancel).ConfigureAwait(false);
            }
            await channel.WriteChunkAsync([], cancel).ConfigureAwait(false);
        }
    }
}
