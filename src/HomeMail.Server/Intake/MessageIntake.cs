using System.Globalization;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Spf;
using HomeMail.Protocol.Text;
using HomeMail.Server.Authentication;
using HomeMail.Server.House;
using HomeMail.Server.Policy;
using HomeMail.Server.Smtp;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Storage.State;

namespace HomeMail.Server.Intake;

/// <summary>What the intake is run with; replaced whole by a reload.</summary>
/// <param name="Hostname">Our name.</param>
/// <param name="Names">Who is hosted here.</param>
/// <param name="DkimKeys">The keys that sign for a domain; none while they are still being made.</param>
public sealed record IntakeOptions(string Hostname, HostedNames Names, Func<string, IReadOnlyList<DkimKey>> DkimKeys);

/// <summary>
/// Where every message comes in: from SMTP, and from this server itself. It decides who may send to whom, puts the trace fields in front, commits the
/// message to mailboxes and queue in one step, and only then answers.
/// </summary>
/// <param name="spool">The spool.</param>
/// <param name="origin">Finds out where messages from the internet come from.</param>
/// <param name="usedBytes">How many octets an account's mailboxes have.</param>
/// <param name="options">What the intake is run with, asked for anew for each message.</param>
/// <param name="enqueue">Takes an envelope that is on disk and has something left to do.</param>
/// <param name="clock">Time.</param>
/// <param name="log">The log.</param>
public sealed partial class MessageIntake(
    Spool spool, OriginChecks origin, Func<string, long> usedBytes, Func<IntakeOptions> options, Action<Envelope> enqueue, TimeProvider clock, Log log)
    : IMessageIntake, IGeneratedMail
{
    private const int MaxEarlyLookUps = 5;

    /// <summary>Is told of each message from the internet that was decided about, or null.</summary>
    public IReceptionObserver? Observer { get; init; }

    /// <summary>Is told what becomes of messages, or null.</summary>
    public DeliveryHistory? History { get; init; }

    /// <summary>Decides what becomes of messages; without one all are taken.</summary>
    public Judgement? Judgement { get; init; }

    /// <summary>Keeps what was refused in bounds, or null.</summary>
    public RefusedMail? Refused { get; init; }

    /// <summary>What our own client is sending to ourselves at this moment, or null.</summary>
    public OpenDeliveries? OpenDeliveries { get; init; }

    /// <inheritdoc/>
    public SmtpReply? CheckSender(ClientFacts client, ref MailArguments mail)
    {
        ArgumentNullException.ThrowIfNull(client);
        var names = options().Names;
        if (client.Principal.Kind == PrincipalKind.Device)
        {
            // It may have been taken out of the configuration since it connected.
            if (names.Device(client.Principal.Name) is not { } device)
                return SmtpReplies.DeviceUnknown;
            // The null reverse-path stays: nobody is to be told of what becomes of such mail.
            if (mail.Sender is not null)
                mail.Sender = device.From;
        }
        if (spool.Admit(Math.Max(mail.Size, 0)) is var condition && condition != StorageCondition.None)
            return Reply(condition);
        if (!client.Principal.IsOurs && Judgement?.Limit(client.Peer.Address, origin.Subjects.IsUnknown(client.Peer.Address), Math.Max(mail.Size, 0)) is { } limit)
            return SmtpReplies.LimitReached(MailPolicy.Words(limit));
        // The null reverse-path is anybody's: a receipt is sent with it (RFC 8098 3). Its From is still to be the account's own.
        if (client.Principal.Kind is PrincipalKind.Account or PrincipalKind.Local && mail.Sender is not null && !names.Owns(client.Principal, mail.Sender))
            return SmtpReplies.SenderNotYours;
        return LimitedBy(names, client.Principal) is { } limited ? Limits?.CheckMessage(limited) : null;
    }

    private StrangerGathering Gather(MailTransaction transaction) => new(
        origin.Begin(transaction.Client.Peer.Address, transaction.Client.HelloName, transaction.Mail.Sender, options().Hostname),
        Judgement, transaction.Client.Peer.Address, origin.Subjects.IsUnknown(transaction.Client.Peer.Address));

    /// <inheritdoc/>
    public SpoolMessage Begin() => spool.Begin(MessageId.New(clock));

    /// <inheritdoc/>
    public bool WantsDigest(MailTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        return OpenDeliveries is { Count: > 0 } open && !transaction.Client.Principal.IsOurs && open.MayBe(transaction.Mail.Sender, Paths(transaction));
    }

    private static List<Address> Paths(MailTransaction transaction) => transaction.Recipients.ConvertAll(static recipient => recipient.Address);

    /// <inheritdoc/>
    public async ValueTask<SmtpReply> AcceptAsync(MailTransaction transaction, ReceivedMessage message, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        ArgumentNullException.ThrowIfNull(message);
        var reply = await DecideAsync(transaction, message, cancel).ConfigureAwait(false);
        if (!reply.IsPositive)
            History?.Add(message.Body.Id, $"{transaction.Mail.Sender}", DeliveryWords.Refused, reply.ToString());
        return reply;
    }

    private async ValueTask<SmtpReply> DecideAsync(MailTransaction transaction, ReceivedMessage message, CancellationToken cancel)
    {
        var settings = options();
        var principal = transaction.Client.Principal;
        var authors = new List<Address>(1);
        if (principal.Kind is PrincipalKind.Account or PrincipalKind.Local && CheckAuthor(settings.Names, principal, message, authors) is { } refused)
            return refused;
        using var rewritten = new PooledWriter(principal.Kind == PrincipalKind.Device ? message.Header.Length + 256 : 0);
        if (principal.Kind == PrincipalKind.Device)
        {
            if (settings.Names.Device(principal.Name) is not { } device)
                return SmtpReplies.DeviceUnknown;
            message = AsDevice(device, message, rewritten);
            authors.Add(device.From);
        }

        var id = message.Body.Id;
        using var header = new PooledWriter(message.Header.Length + 256);
        AddMissingFields(settings.Hostname, principal, message, header);
        using var local = new PooledWriter(256);
        local.Write(TraceFields.ReturnPath(transaction.Mail.Sender));
        if (principal.Kind == PrincipalKind.Account)
            local.Write(TraceFields.Authenticated(settings.Hostname, principal.Name));
        OriginFacts? facts = null;
        if (!principal.IsOurs)
        {
            transaction.Gathering ??= Gather(transaction);
            var gathering = ((StrangerGathering)transaction.Gathering).Origin;
            gathering.IsOurs = message.Digest is { } digest && OpenDeliveries!.Take(transaction.Mail.Sender, Paths(transaction), digest);
            facts = await gathering.FinishAsync(message.OriginalHeader, message.Body.OpenBody, cancel).ConfigureAwait(false);
            local.Write(facts.Fields(settings.Hostname));
            transaction.Client.EarlyLookUps = 0;
        }
        var judged = await JudgeAsync(transaction, message, facts, settings, cancel).ConfigureAwait(false);
        if (judged?.Reply is { IsTransient: true } later)
            return later;
        using var travel = new PooledWriter(2048);
        // Signed is what a principal sends from an address that it owns, and nothing else (RFC 6376 2.2): authors are known only then.
        if (authors.Count > 0)
            await SignAsync(settings, SigningDomain(settings.Names, principal, authors[0]), header.WrittenMemory, message.Body, travel, cancel).ConfigureAwait(false);
        var only = transaction.Recipients.Count == 1 ? transaction.Recipients[0].Address : null;
        travel.Write(TraceFields.Received(transaction.Client, settings.Hostname, id, only, transaction.Mail.SmtpUtf8, clock.GetUtcNow()));

        var plan = Plan(transaction, message, facts, judged);
        if (judged?.Reply is { } refusal && plan.Deliveries.Count == 0)
        {
            Observe(transaction, message, facts, judged, [], []);
            return refusal;
        }
        if (Refuse(transaction, message, settings, plan) is { } stopped)
            return stopped;
        var result = plan.IsEmpty ? new CommitResult { Condition = StorageCondition.None } : await CommitAsync(
            new CommitRequest
            {
                Message = message.Body,
                LocalTrace = local.WrittenMemory,
                TravelTrace = travel.WrittenMemory,
                Header = header.WrittenMemory,
                Local = plan.Deliveries,
                Envelope = plan.Envelope,
            },
            transaction.Mail.Sender, transaction.Client.Peer.Address, principal, facts, cancel, judged).ConfigureAwait(false);
        if (!result.IsCommitted)
        {
            GiveBack(settings, principal);
            return Reply(result.Condition);
        }
        Observe(transaction, message, facts, judged, plan.Deliveries, result.Stored);
        await SettleAsync(transaction, message, plan, facts, cancel).ConfigureAwait(false);
        return judged?.Reply ?? SmtpReplies.Accepted(id.Value);
    }

    // The host's own name is not hosted, but below a domain that may be: its key is aligned with the name (RFC 9989 4.10).
    private static string SigningDomain(HostedNames names, Principal principal, Address author) =>
        principal.Kind == PrincipalKind.Local && names.IsHost(author.Domain) && names.DomainAbove(author.Domain) is { } above ? above.Name : author.Domain;

    private async ValueTask SignAsync(
        IntakeOptions settings, string domain, ReadOnlyMemory<byte> header, SpoolMessage message, PooledWriter output, CancellationToken cancel)
    {
        var keys = settings.DkimKeys(settings.Names.Domain(domain)?.Name ?? domain);
        if (keys.Count == 0)
            return;
        using var body = message.OpenBody();
        output.Write(await DkimSigner.SignAsync(header, body, keys, clock.GetUtcNow(), cancel).ConfigureAwait(false));
    }

    /// <summary>Every address in From and Sender must be the account's own, and there must be a From that can be read in one way only.</summary>
    private static SmtpReply? CheckAuthor(HostedNames names, Principal principal, ReceivedMessage message, List<Address> authors)
    {
        if (message.Summary.FromCount != 1 || message.Summary.SenderCount > 1)
            return SmtpReplies.FromMissing;
        var addresses = new List<Address>();
        foreach (var field in new HeaderFields(message.Header.Span))
        {
            if (!field.Is("From"u8) && !field.Is("Sender"u8))
                continue;
            var before = addresses.Count;
            if (!AddressList.TryParse(field.Value, addresses) || addresses.Count == before)
                return SmtpReplies.FromMissing;
            if (field.Is("From"u8))
                authors.AddRange(addresses.Skip(before));
        }
        foreach (var address in addresses)
            if (!names.Owns(principal, address))
                return SmtpReplies.FromNotYours;
        return null;
    }

    /// <summary>A submission gets the Date and Message-ID that it lacks (RFC 6409 8.1, 8.2); what comes from elsewhere stays as it is.</summary>
    private void AddMissingFields(string hostname, Principal principal, ReceivedMessage message, PooledWriter output)
    {
        var header = message.Header.Span;
        if (!principal.IsOurs)
        {
            output.Write(header);
            return;
        }
        output.Write(header[..^2]);
        if (!message.Summary.HasMessageId)
            output.Write(string.Create(CultureInfo.InvariantCulture, $"Message-ID: <{message.Body.Id}@{hostname}>\r\n"));
        if (!message.Summary.HasDate)
            output.Write($"Date: {TraceFields.Date(clock.GetUtcNow())}\r\n");
        output.Write("\r\n"u8);
    }

    private static SmtpReply Reply(StorageCondition condition) =>
        condition is StorageCondition.DiskFull or StorageCondition.ReadOnly ? SmtpReplies.DiskFull : SmtpReplies.StorageFailed;
}
