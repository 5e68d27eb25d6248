using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;
using Xunit;

namespace HomeMail.Storage.Tests;

public sealed class QueueTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;
    private readonly List<StorageNotice> _notices = [];

    public void Dispose() => Directory.Delete(_root, true);

    private DataFolder Open() => DataFolder.Open(_root, TimeProvider.System, _notices.Add);

    private static async Task<(Envelope Envelope, CommitResult Result)> CommitAsync(DataFolder data, params LocalDelivery[] local)
    {
        var id = MessageId.New(TimeProvider.System);
        using var message = data.Spool.Begin(id);
        message.Append("Hello\r\n"u8);
        var envelope = new Envelope
        {
            Id = id,
            Arrived = DateTimeOffset.UtcNow,
            Principal = "account:a%b\tc",
            Sender = new Address("al\"i@ce", "example.org"),
            SenderVerified = true,
            EnvelopeId = "QQ=1\n2",
            Return = DsnReturn.Headers,
            EightBit = true,
            RequireTls = true,
            TlsOptional = true,
            ReleaseAt = DateTimeOffset.UnixEpoch.AddDays(3),
            Held = true,
            Recipients =
            [
                new EnvelopeRecipient { Address = new Address("bob", "example.net"), Notify = DsnNotify.Success | DsnNotify.Delay, OriginalRecipient = "rfc822;b\tob@x", Attempts = 2, NextAttempt = DateTimeOffset.UnixEpoch.AddHours(5), DelayTold = true, LastReply = "mx: 450 4.2.0 später\tnein\u0001" },
                new EnvelopeRecipient { Address = new Address("jürgen", "example.net") },
            ],
        };
        var result = await data.Spool.CommitAsync(new CommitRequest
        {
            Message = message,
            LocalTrace = "Return-Path: <>\r\n"u8.ToArray(),
            TravelTrace = "Received: x\r\n"u8.ToArray(),
            Header = "Subject: x\r\n\r\n"u8.ToArray(),
            Local = local,
            Envelope = envelope,
        });
        return (envelope, result);
    }

    [Fact]
    public async Task An_envelope_comes_back_as_it_was()
    {
        await using var data = Open();
        var (sent, result) = await CommitAsync(data, new LocalDelivery("alice", "INBOX") { Recipient = new Address("alice", "example.org"), Flags = MessageFlags.Seen, Keywords = ["$x"], Reason = "why\tso" });
        Assert.True(result.IsCommitted, result.Detail);
        var read = data.Spool.LoadEnvelope(sent.Id)!;
        Assert.Equal(17, read.TravelOffset);
        Assert.Equal(17 + 13 + 14 + 7, read.Size);
        Assert.Equal((sent.Sender, sent.Principal, sent.EnvelopeId, sent.Return, sent.ReleaseAt), (read.Sender, read.Principal, read.EnvelopeId, read.Return, read.ReleaseAt));
        Assert.Equal((true, true, false, true, true, true), (read.SenderVerified, read.EightBit, read.SmtpUtf8, read.RequireTls, read.TlsOptional, read.Held));
        Assert.Equal(3, read.Recipients.Count);
        var bob = read.Recipients[0];
        Assert.Equal(("mx: 450 4.2.0 später\tnein\u0001", "rfc822;b\tob@x", 2, true), (bob.LastReply, bob.OriginalRecipient, bob.Attempts, bob.DelayTold));
        Assert.Equal("jürgen@example.net", read.Recipients[1].Address.ToString());
        Assert.Equal(RecipientStatus.Delivered, read.Recipients[2].Status);
        Assert.Equal(1u, read.Recipients[2].Local!.Uid);
        using var file = data.Spool.OpenMessage(sent.Id);
        Assert.Equal(read.Size, file.Length);
    }

    [Fact]
    public async Task Only_the_status_octet_is_written_where_only_the_status_changed()
    {
        await using var data = Open();
        var (envelope, _) = await CommitAsync(data);
        var path = Path.Combine(_root, "spool/env", envelope.Id.Value);
        var before = File.ReadAllBytes(path);
        envelope.Recipients[1].Status = RecipientStatus.Delivered;
        await data.Spool.SaveAsync(envelope);
        var after = File.ReadAllBytes(path);
        Assert.Equal(before.Length, after.Length);
        Assert.Equal(1, before.Zip(after).Count(pair => pair.First != pair.Second));
        Assert.Equal(RecipientStatus.Delivered, data.Spool.LoadEnvelope(envelope.Id)!.Recipients[1].Status);
        envelope.Recipients[0].LastReply = "other";
        await data.Spool.SaveAsync(envelope);
        Assert.Equal("other", data.Spool.LoadEnvelope(envelope.Id)!.Recipients[0].LastReply);
        await data.Spool.CloseAsync(envelope);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "spool"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_damaged_envelope_is_set_aside_and_the_others_go_on()
    {
        Envelope first, second;
        await using (var data = Open())
        {
            (first, _) = await CommitAsync(data);
            (second, _) = await CommitAsync(data);
        }
        var path = Path.Combine(_root, "spool/env", first.Id.Value);
        var octets = File.ReadAllBytes(path);
        octets[30] ^= 1;
        File.WriteAllBytes(path, octets);
        await using (var data = Open())
        {
            var entry = Assert.Single(data.Spool.Recover());
            Assert.Equal(second.Id, entry.Id);
            Assert.True(entry.Held);
            Assert.Equal(DateTimeOffset.UnixEpoch.AddDays(3), entry.NextAttempt);
        }
        Assert.Equal("envelope-damaged", Assert.Single(_notices).Kind);
        Assert.True(File.Exists(Path.Combine(_root, "spool/damaged", first.Id.Value + ".env")));
        Assert.True(File.Exists(Path.Combine(_root, "spool/damaged", first.Id.Value + ".eml")));
    }

    [Fact]
    public async Task A_queued_message_can_be_delivered_here_later()
    {
        await using var data = Open();
        var (envelope, _) = await CommitAsync(data);
        var result = await data.Spool.DeliverAsync(envelope, [(envelope.Recipients[0], new LocalDelivery("bob", "Lists/a"))]);
        Assert.True(result.IsCommitted, result.Detail);
        Assert.Equal(("bob", "Lists/a", 1u), (result.Stored[0].Account, result.Stored[0].Mailbox, result.Stored[0].Uid));
        Assert.Equal(RecipientStatus.Delivered, data.Spool.LoadEnvelope(envelope.Id)!.Recipients[0].Status);
        Assert.Equal(51, new FileInfo(Path.Combine(_root, "mail/bob/Lists/a/1.eml")).Length);
    }

    [Fact]
    public async Task A_second_server_on_the_folder_is_refused()
    {
        await using var data = Open();
        var error = Assert.Throws<DataFolderInUseException>(Open);
        Assert.Contains(_root, error.Message);
    }
}
