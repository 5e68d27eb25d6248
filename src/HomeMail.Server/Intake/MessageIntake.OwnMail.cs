using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Protocol.Text;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

public sealed partial class MessageIntake
{
    /// <inheritdoc/>
    public ValueTask<bool> AcceptAsync(Address? sender, Address? recipient, ReadOnlyMemory<byte> message, bool smtpUtf8, CancellationToken cancel) =>
        AcceptAsync(sender, recipient, message, smtpUtf8, null, cancel);

    // What is written in the name of an account reaches who is a stranger to it as a stranger's would.
    private async ValueTask<bool> AcceptAsync(
        Address? sender, Address? recipient, ReadOnlyMemory<byte> message, bool smtpUtf8, string? tenant, CancellationToken cancel)
    {
        var settings = options();
        var destinations = recipient is null ? null : settings.Names.Resolve(recipient, tenant);
        // A DSN about what was sent on from here finds the same way back as one that comes in.
        if (sender is null && recipient is not null && SenderRewriting.IsRewritten(recipient) && settings.Names.Domain(recipient.Domain) is not null)
            Return(sender, recipient, out destinations);
        // Nobody is there to be told: postmaster is.
        if (destinations is null && settings.Names.Postmaster is { } postmaster)
            destinations = new Destinations([postmaster], []);
        if (destinations is null)
        {
            log.Error("undeliverable", ("to", recipient?.ToString() ?? "postmaster"), ("what", "there is no account to get it"));
            return true;
        }

        using var body = Begin();
        var end = message.Span.IndexOf("\r\n\r\n"u8);
        var header = end < 0 ? message : message[..(end + 4)];
        body.Append(message.Span[header.Length..]);
        using var local = new PooledWriter(128);
        local.Write(TraceFields.ReturnPath(sender));
        using var travel = new PooledWriter(2048);
        if (SigningDomain(settings.Names, header.Span) is { } domain)
            await SignAsync(settings, domain, header, body, travel, cancel).ConfigureAwait(false);
        travel.Write($"Received: by {settings.Hostname} (HomeMail) id {body.Id};\r\n\t{TraceFields.Date(clock.GetUtcNow())}\r\n");
        var envelope = destinations.Outside.Count == 0 ? null : new Envelope
        {
            Id = body.Id,
            Arrived = clock.GetUtcNow(),
            Sender = sender,
            Principal = Principal.Server.ToString(),
            EightBit = !Ascii.IsValid(message.Span[header.Length..]),
            SmtpUtf8 = smtpUtf8,
            Recipients = [.. destinations.Outside.Select(address => new EnvelopeRecipient
            {
                Address = address,
                Notify = DsnNotify.Never,
                NextAttempt = clock.GetUtcNow(),
            })],
        };
        LocalDelivery[] deliveries = [.. destinations.Accounts.Select(account => new LocalDelivery(account, LocalDelivery.Inbox) { Recipient = recipient })];
        var result = await CommitAsync(
            new CommitRequest
            {
                Message = body,
                LocalTrace = local.WrittenMemory,
                TravelTrace = travel.WrittenMemory,
                Header = header,
                Local = deliveries,
                Envelope = envelope,
            },
            sender, null, Principal.Server, null, cancel).ConfigureAwait(false);
        return result.IsCommitted;
    }

    // Mail of the server comes from its hostname; the key of the hosted domain above it is aligned with that (RFC 9989 4.10).
    private static string? SigningDomain(HostedNames names, ReadOnlySpan<byte> header)
    {
        var author = AuthorDomain.Of(header);
        if (author.Kind != AuthorDomainKind.One)
            return null;
        return names.DomainAbove(author.Domain)?.Name;
    }
}
