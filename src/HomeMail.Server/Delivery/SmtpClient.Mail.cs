using System.Globalization;
using System.Text;
using HomeMail.Protocol.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Delivery;

public sealed partial class SmtpClient
{
    // Commands that are sent before the first reply is read: few enough that their replies never fill a socket while we still write (RFC 2920 3.1).
    private const int Window = 40;

    /// <summary>
    /// Sends a message to the recipients that are still undecided, in as many transactions as the server asks for. Afterwards each is decided,
    /// or the fault says why not.
    /// </summary>
    /// <param name="mail">The message; takes the results.</param>
    /// <returns>Null if all is decided.</returns>
    /// <exception cref="IOException">The message file cannot be read; nothing of it has arrived.</exception>
    public async ValueTask<SessionFault?> SendAsync(MailTransaction mail)
    {
        ArgumentNullException.ThrowIfNull(mail);
        if (Unfit(mail) is { } unfit)
            return unfit;
        try
        {
            while (mail.IsOpen)
            {
                if (_needsReset && !(await CommandAsync("RSET", _options.Timeouts.Mail).ConfigureAwait(false)).IsPositive)
                    throw new PeerException(PeerFault.NotSmtp, "RSET was refused");
                _needsReset = false;
                Transactions++;
                if (await TransactAsync(mail).ConfigureAwait(false) is { } fault)
                    return fault;
                if (mail.IsOpen && !IsUsable)
                    return new SessionFault(Diagnostic.Of(Host, BadConnection, "the host takes no more recipients over this connection"), Again: !_lost);
            }
            return null;
        }
        catch (PeerException e)
        {
            return Broken(e, "sending the message");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // An open DATA can only be ended by a dot or by going away.
            _lost = true;
            throw;
        }
    }

    /// <summary>Says whether this server can carry a message at all: what the message needs and is not offered makes it unfit.</summary>
    /// <param name="mail">The message.</param>
    /// <returns>Null if it can.</returns>
    public SessionFault? Unfit(MailTransaction mail)
    {
        ArgumentNullException.ThrowIfNull(mail);
        var envelope = mail.Envelope;
        if (Offer.MaxSize is { } limit && mail.Content.Length > limit)
            return Lacking(3, 4, string.Create(CultureInfo.InvariantCulture, $"the message has {mail.Content.Length} octets, the host takes {limit}"));
        if (envelope.SmtpUtf8 && !Offer.Has(EhloKeywords.SmtpUtf8))
            return Lacking(6, 7, "the message has addresses or header fields that are not ASCII, and the host does not take them (SMTPUTF8)");
        if (envelope.EightBit && !Offer.Has(EhloKeywords.EightBitMime))
            return Lacking(6, 3, "the message has 8-bit content, and the host does not take it (8BITMIME)");
        // RFC 8689 4.2.1; a DSN goes on without (5).
        if (envelope.RequireTls && envelope.Sender is not null)
        {
            if (!IsVerified && !IsInProcess)
                return Lacking(7, 10, "the sender asked for an encrypted way to a verified host (REQUIRETLS), and this host gives none");
            if (!Offer.Has(EhloKeywords.RequireTls))
                return Lacking(7, 30, "the sender asked for an encrypted way (REQUIRETLS), and the host does not support that");
        }
        return null;
    }

    private SessionFault Lacking(ushort subject, ushort detail, string text) =>
        new(Diagnostic.Of(Host, new EnhancedStatusCode(5, subject, detail), text), IsPermanent: true);

    private async ValueTask<SessionFault?> TransactAsync(MailTransaction mail)
    {
        var batch = mail.Open().Take(Math.Min(_options.MaxRecipients, Offer.MaxRecipients ?? int.MaxValue)).ToArray();
        var accepted = new List<int>(batch.Length);
        var pipelining = Offer.Has(EhloKeywords.Pipelining);
        var chunking = Offer.Has(EhloKeywords.Chunking);
        RemoteReply? mailReply = null, dataReply = null;
        // What a stranger has sent stays a stranger's, though it is we who send it on.
        using var open = mail.Envelope.Principal == Principal.Internet.ToString() ? null
            : OpenDeliveries?.Open(mail.Envelope.Sender, [.. batch.Select(i => mail.Recipients[i].Address)]);

        Append(MailCommand(mail));
        _needsReset = true;
        for (var at = 0; at < batch.Length;)
        {
            if (!pipelining && mailReply is null)
            {
                await _channel.FlushAsync(_options.Timeouts.Mail).ConfigureAwait(false);
                mailReply = await ReadAsync(_options.Timeouts.Mail).ConfigureAwait(false);
                if (!mailReply.IsPositive)
                    break;
            }
            var end = Math.Min(at + (pipelining ? Window : 1), batch.Length);
            for (var i = at; i < end; i++)
                Append(RcptCommand(mail.Recipients[batch[i]]));
            var data = pipelining && !chunking && end == batch.Length;
            if (data)
                Append("DATA");
            await _channel.FlushAsync(_options.Timeouts.Mail).ConfigureAwait(false);

            mailReply ??= await ReadAsync(_options.Timeouts.Mail).ConfigureAwait(false);
            for (; at < end; at++)
            {
                var reply = await ReadAsync(_options.Timeouts.Recipient).ConfigureAwait(false);
                if (mailReply.IsPositive)
                    Judge(mail, batch[at], reply, accepted);
            }
            if (data)
                dataReply = await ReadAsync(_options.Timeouts.DataInitiation).ConfigureAwait(false);
            if (!mailReply.IsPositive)
                break;
        }

        if (!mailReply!.IsPositive || accepted.Count == 0)
        {
            // A server that says 354 to nobody's message gets an empty one (RFC 2920 3.1), and refuses that.
            if (dataReply is { Code: 354 })
                await CommandAsync(".", _options.Timeouts.DataTermination).ConfigureAwait(false);
            return mailReply.IsPositive ? null : MailRefused(mail, mailReply);
        }
        open?.Begin([.. accepted.Select(i => mail.Recipients[i].Address)]);
        return await ContentAsync(mail, accepted, dataReply, chunking, open).ConfigureAwait(false);
    }

    private SessionFault? MailRefused(MailTransaction mail, RemoteReply reply)
    {
        if (!reply.IsPermanent)
            return reply.IsTransient ? Refused(reply) : throw new PeerException(PeerFault.NotSmtp, "the answer to MAIL makes no sense");
        mail.SetOpen(new RecipientResult(DeliveryOutcome.Failed, Diagnostic.Of(Host, reply), AtMail: true));
        return null;
    }

    private void Judge(MailTransaction mail, int index, RemoteReply reply, List<int> accepted)
    {
        if (reply.IsPositive)
            accepted.Add(index);
        else if (reply.IsPermanent && !(accepted.Count > 0 && IsTooMany(reply)))
            mail.Set(index, new RecipientResult(DeliveryOutcome.Failed, Diagnostic.Of(Host, reply)));
        else if (reply.IsTransient && !(accepted.Count > 0 && IsTooMany(reply)))
            mail.Set(index, new RecipientResult(DeliveryOutcome.Deferred, Diagnostic.Of(Host, reply)));
        else if (!reply.IsTransient && !reply.IsPermanent)
            throw new PeerException(PeerFault.NotSmtp, "the answer to RCPT makes no sense");
    }

    // RFC 5321 4.5.3.1.10: 452, and 552 from older servers, mean "not in this transaction" once others were accepted. The recipient stays
    // undecided and comes first in the next one. Multi-tenant hosts say it for recipients of another tenant too.
    private static bool IsTooMany(RemoteReply reply) =>
        reply.Code is 452 or 552 && (reply.Status.IsNone ? reply.Code == 452 : reply.Status is { Subject: 5, Detail: 3 });

    private string MailCommand(MailTransaction mail)
    {
        var envelope = mail.Envelope;
        var line = new StringBuilder("MAIL FROM:<").Append(envelope.Sender?.ToString()).Append('>');
        if (Offer.Has(EhloKeywords.Size))
            line.Append(CultureInfo.InvariantCulture, $" SIZE={mail.Content.Length}");
        if (envelope.EightBit)
            line.Append(" BODY=8BITMIME");
        if (envelope.SmtpUtf8)
            line.Append(" SMTPUTF8");
        if (envelope.RequireTls && Offer.Has(EhloKeywords.RequireTls) && IsEncrypted)
            line.Append(" REQUIRETLS");
        if (Offer.Has(EhloKeywords.Dsn))
            DsnParameters.AppendMail(line, envelope);
        return line.ToString();
    }

    private string RcptCommand(EnvelopeRecipient recipient)
    {
        var line = new StringBuilder("RCPT TO:<").Append(recipient.Address).Append('>');
        if (Offer.Has(EhloKeywords.Dsn))
            DsnParameters.AppendRcpt(line, recipient);
        return line.ToString();
    }
}
