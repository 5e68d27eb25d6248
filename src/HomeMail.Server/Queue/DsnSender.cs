using HomeMail.Protocol.Smtp;
using HomeMail.Server.Delivery;
using HomeMail.Server.Intake;
using HomeMail.Storage;
using HomeMail.Storage.State;

namespace HomeMail.Server.Queue;

/// <summary>
/// Decides who is told what, and sends it. The sender is told if the address is really the sender's; of a failure that no sender may be told, postmaster
/// is. Nothing is ever sent to the null reverse-path, and nothing about a notice to postmaster: there the chain ends (RFC 5321 6.1, RFC 3464 2).
/// </summary>
/// <param name="mail">Takes what is sent.</param>
/// <param name="store">For the message that it is about.</param>
/// <param name="composer">Writes it.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
public sealed class DsnSender(IGeneratedMail mail, IQueueStore store, DsnComposer composer, TimeProvider clock, Log log)
{
    /// <summary>Is told who was told, or null.</summary>
    public DeliveryHistory? History { get; init; }

    /// <summary>Whether a recipient's outcome has not been told yet.</summary>
    /// <param name="recipient">The recipient.</param>
    public static bool IsOwed(EnvelopeRecipient recipient) => IsOwed(recipient, DsnKind.Failure) || IsOwed(recipient, DsnKind.Success);

    /// <summary>Whether a DSN of a kind is owed for a recipient.</summary>
    /// <param name="recipient">The recipient.</param>
    /// <param name="kind">The kind.</param>
    public static bool IsOwed(EnvelopeRecipient recipient, DsnKind kind)
    {
        ArgumentNullException.ThrowIfNull(recipient);
        return kind switch
        {
            DsnKind.Failure => recipient.Status == RecipientStatus.Failed,
            DsnKind.Success => recipient.Status == RecipientStatus.Delivered && recipient.Notify.HasFlag(DsnNotify.Success),
            _ => false,
        };
    }

    /// <summary>Tells what is to be told about recipients of a message.</summary>
    /// <param name="envelope">The envelope.</param>
    /// <param name="recipients">The recipients.</param>
    /// <param name="kind">What has become of them.</param>
    /// <param name="tried">Those that were tried just now; for others the time of the attempt is not known any more.</param>
    /// <param name="retryUntil">For a delay: until when it is tried.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>True if nothing is left to be told about them: it was told, or nobody is to be. False: try again later.</returns>
    public async ValueTask<bool> SendAsync(
        Envelope envelope, IReadOnlyList<EnvelopeRecipient> recipients, DsnKind kind, IReadOnlyList<EnvelopeRecipient> tried,
        DateTimeOffset? retryUntil, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        var toPostmaster = envelope.Sender is null || !envelope.SenderVerified;
        // Postmaster is told of failures only: anybody could ask for notices of success in a stranger's name.
        if (toPostmaster && kind != DsnKind.Failure)
            return Untold(envelope, recipients, kind, "no sender may be told");
        // What answers a message of ours bears NOTIFY=NEVER; that it was lost is still worth knowing here (RFC 3461 5.2).
        var wanted = envelope.Sender is null ? recipients : [.. recipients.Where(r => IsWanted(r, kind))];
        if (wanted.Count == 0)
            return Untold(envelope, recipients, kind, "the sender does not want to know");

        ReturnedMessage message;
        try
        {
            using var content = new MailContent(store.OpenMessage(envelope.Id), envelope.TravelOffset);
            message = ReturnedMessage.Read(content);
        }
        catch (IOException e)
        {
            log.Error("dsn-disk", ("id", envelope.Id.ToString()), ("error", e.Message));
            return false;
        }
        if (envelope.Sender is null && envelope.Principal == "server" && message.AutoSubmitted?.StartsWith("auto-generated", StringComparison.OrdinalIgnoreCase) == true)
            return Untold(envelope, recipients, kind, "it was itself a notice to postmaster");

        var report = new DsnReport(envelope, wanted, kind)
        {
            ToPostmaster = toPostmaster,
            LastAttempt = wanted.All(tried.Contains) ? clock.GetUtcNow() : null,
            RetryUntil = retryUntil,
        };
        var dsn = composer.Compose(report, message);
        var recipient = toPostmaster ? null : envelope.Sender;
        bool accepted;
        try
        {
            accepted = await mail.AcceptAsync(null, recipient, dsn.Octets, dsn.SmtpUtf8, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            accepted = false;
        }
        if (accepted)
            History?.Add(envelope.Id, recipient?.ToString() ?? "postmaster", DeliveryWords.Told, $"{kind} of {string.Join(", ", wanted.Select(r => r.Address))}");
        if (accepted)
            log.Info("dsn", ("id", envelope.Id.ToString()), ("kind", kind.ToString()), ("to", recipient?.ToString() ?? "postmaster"), ("recipients", wanted.Count));
        else
            log.Error("dsn-deferred", ("id", envelope.Id.ToString()), ("kind", kind.ToString()));
        return accepted;
    }

    private static bool IsWanted(EnvelopeRecipient recipient, DsnKind kind) => kind switch
    {
        DsnKind.Failure => recipient.Notify == DsnNotify.Unspecified || recipient.Notify.HasFlag(DsnNotify.Failure),
        DsnKind.Delay => recipient.Notify.HasFlag(DsnNotify.Delay),
        _ => recipient.Notify.HasFlag(DsnNotify.Success),
    };

    private bool Untold(Envelope envelope, IReadOnlyList<EnvelopeRecipient> recipients, DsnKind kind, string why)
    {
        log.Info("dsn-untold", ("id", envelope.Id.ToString()), ("kind", kind.ToString()), ("recipients", recipients.Count), ("reason", why));
        return true;
    }
}
