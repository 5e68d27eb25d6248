using System.Text;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Smtp;
using HomeMail.Server.Authentication;
using HomeMail.Server.Smtp;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

public sealed partial class MessageIntake
{
    // A message that has been here so often goes round between us and somebody who sends it back.
    private const int MaxOwnHops = 4;

    /// <summary>
    /// Sorts the recipients into links and an envelope; each account gets one copy, however many of its addresses were named. What is held until a time
    /// (RFC 4865) is held for the accounts here too: they wait in the envelope with the mailbox they are for, and <see cref="HeldMail"/> delivers to them.
    /// </summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="message">The message.</param>
    /// <param name="facts">What was found out about a message from outside; null for one of the house.</param>
    /// <param name="judged">What was decided about it, or null where nobody decides.</param>
    private DeliveryPlan Plan(MailTransaction transaction, ReceivedMessage message, OriginFacts? facts, JudgedMail? judged)
    {
        var settings = options();
        var names = settings.Names;
        var plan = new DeliveryPlan();
        var queued = new List<EnvelopeRecipient>();
        var principal = transaction.Client.Principal;
        var mayAnswer = principal.IsOurs || facts is { IsSenderVerified: true };
        var isHeld = transaction.Mail.HoldUntil > clock.GetUtcNow();
        var subject = new RuleSubject(message.Header, message.Header.Length + message.Body.BodyLength, facts);
        var mayForward = principal.IsOurs || !IsForged(names, subject, facts);
        Address? forwardedBy = null;
        foreach (var recipient in transaction.Recipients)
        {
            var destinations = (Destinations)recipient.Resolution;
            foreach (var account in destinations.Accounts)
                ToAccount(names.Account(account)!, recipient);
            if (destinations.Outside.Count > 0)
                Outward(recipient.Address, destinations.Outside, destinations.ForwardedBy, recipient);
            // Who asked to be told of success is told by the queue, which is where DSNs are made.
            if (recipient.Notify.HasFlag(DsnNotify.Success) && destinations.Accounts.Any(account => judged?.IsTaken(account) ?? true) && mayAnswer && !isHeld)
                queued.Add(new EnvelopeRecipient
                {
                    Address = recipient.Address,
                    Notify = recipient.Notify,
                    OriginalRecipient = recipient.OriginalRecipient,
                    // Where no link is made for this very address, another one's has been, or a rule's.
                    Status = plan.Deliveries.Exists(d => Equals(d.Recipient, recipient.Address)) ? RecipientStatus.Local : RecipientStatus.Delivered,
                });
        }
        if (queued.Count > 0)
            plan.Envelope = Envelope(transaction, message, queued, mayAnswer, forwardedBy is null || principal.IsOurs ? transaction.Mail.Sender
                : Rewriting is null ? transaction.Mail.Sender : Rewriting.Rewrite(transaction.Mail.Sender, forwardedBy.Domain, mayAnswer));
        return plan;

        void ToAccount(HostedAccount account, TransactionRecipient recipient)
        {
            if (plan.Deliveries.Exists(d => d.Account == account.Name) || queued.Exists(q => q.Local?.Account == account.Name) || plan.Wanted.Exists(w => w.Account == account))
                return;
            var delivery = new LocalDelivery(account.Name, LocalDelivery.Inbox) { Recipient = recipient.Address };
            // Rules are for mail that is wanted: they bring nothing back that was refused, and junk stays junk.
            if (judged is not null && (judged.Reply is not null || !judged.IsWanted(account.Name)))
            {
                if (judged.Place(delivery) is { } placed)
                    Put(account, recipient, placed);
                return;
            }
            plan.Wanted.Add((account, recipient.Address));
            var rule = account.Rules.FirstOrDefault(r => r.Fits(subject));
            if (rule is { Discard: true })
            {
                plan.Dropped.Add((recipient.Address, DeliveryWords.Discarded, $"rule {rule.Name} of {account.Name}"));
                return;
            }
            if (rule is { Forward.Count: > 0 } && account.Addresses.Count > 0 && ByRule(account, rule, recipient))
                return;
            Put(account, recipient, rule is null ? delivery : delivery with { Mailbox = rule.Mailbox ?? LocalDelivery.Inbox, Reason = $"rule {rule.Name}" });
        }

        void Put(HostedAccount account, TransactionRecipient recipient, LocalDelivery delivery)
        {
            if (isHeld && judged is not { Reply: not null })
                queued.Add(HeldMail.Recipient(account, recipient, delivery, transaction.Mail.HoldUntil!.Value));
            else
                plan.Deliveries.Add(delivery);
        }

        // False if it may not go on; then the account has it as if there were no rule.
        bool ByRule(HostedAccount account, MailRule rule, TransactionRecipient recipient)
        {
            if (!mayForward || OwnHops(message.Header.Span, settings.Hostname) >= MaxOwnHops || Limits?.TakeForward(account.Name) == false)
                return false;
            var tenant = names.TenantOf(new Principal(PrincipalKind.Account, account.Name));
            var went = false;
            foreach (var member in rule.Forward)
            {
                if (names.Resolve(member, tenant) is not { } found)
                    continue;
                // Rules of others do not act on what a rule has sent to them: so there is no circle within the house.
                foreach (var name in found.Accounts)
                    if (!plan.Deliveries.Exists(d => d.Account == name))
                        plan.Deliveries.Add(new LocalDelivery(name, LocalDelivery.Inbox) { Recipient = member, Reason = $"rule {rule.Name} of {account.Name}" });
                foreach (var address in found.Outside)
                    Queue(address, DsnNotify.Unspecified, null);
                if (found.Outside.Count > 0)
                    forwardedBy ??= account.Addresses[0];
                went = true;
            }
            if (went)
                plan.Dropped.Add((recipient.Address, DeliveryWords.Forwarded, $"rule {rule.Name} of {account.Name}, to {string.Join(", ", rule.Forward)}"));
            return went;
        }

        void Outward(Address recipient, IReadOnlyList<Address> addresses, Address? alias, TransactionRecipient asked)
        {
            // Junk is never forwarded outside, nor what bears the name of the house without being from it: the next host would take our word for it.
            if (judged is { IsSentOn: false } || (alias is not null && !mayForward))
            {
                plan.IsKeptInside = true;
                plan.Dropped.Add((recipient, DeliveryWords.Discarded, "not sent on: it is junk, or bears a name of this house without proof"));
                return;
            }
            if (alias is not null)
            {
                forwardedBy ??= alias;
                Limits?.TakeForward(alias.Key);
            }
            foreach (var address in addresses)
                Queue(address, asked.Notify, asked.OriginalRecipient);
        }

        void Queue(Address address, DsnNotify notify, string? original)
        {
            if (!queued.Exists(q => q.Local is null && q.Status == RecipientStatus.Waiting && q.Address.Equals(address)))
                queued.Add(new EnvelopeRecipient { Address = address, Notify = notify, OriginalRecipient = original, NextAttempt = clock.GetUtcNow() });
        }
    }

    private Envelope Envelope(MailTransaction transaction, ReceivedMessage message, List<EnvelopeRecipient> queued, bool mayAnswer, Address? sender) => new()
    {
        Id = message.Body.Id,
        Arrived = clock.GetUtcNow(),
        Sender = sender,
        Principal = transaction.Client.Principal.ToString(),
        SenderVerified = mayAnswer,
        EnvelopeId = transaction.Mail.EnvelopeId,
        Return = transaction.Mail.Return,
        EightBit = message.EightBit || transaction.Mail.EightBitMime,
        // What was asked for says little: there are clients that always ask (RFC 6531 3.6). The body counts only if the client says that it may have
        // headers of its own in UTF-8.
        SmtpUtf8 = message.Summary.NeedsSmtpUtf8 || (transaction.Mail.SmtpUtf8 && message.EightBit)
            || sender is { NeedsSmtpUtf8: true } || queued.Exists(static q => q.Address.NeedsSmtpUtf8),
        RequireTls = transaction.Mail.RequireTls,
        TlsOptional = !transaction.Mail.RequireTls && SaysTlsOptional(message.Header.Span),
        ReleaseAt = transaction.Mail.HoldUntil,
        Recipients = queued,
    };

    /// <summary>
    /// Whether a message of a stranger bears a name of this house in From without proof. Sent on with a reverse-path of ours it would pass SPF, and with it
    /// DMARC, for a name that its sender has no right to.
    /// </summary>
    private static bool IsForged(HostedNames names, RuleSubject subject, OriginFacts? facts)
    {
        if (facts is { Dmarc.Result: DmarcResult.Pass })
            return false;
        if (facts is { Author.Kind: AuthorDomainKind.One })
            return names.DomainAbove(facts.Author.Domain) is not null || names.IsHost(facts.Author.Domain);
        foreach (var address in subject.Addresses("From"))
            if (names.DomainAbove(address.Domain) is not null || names.IsHost(address.Domain))
                return true;
        return false;
    }

    /// <summary>How often a message has been here already: its Received fields that bear our name and mark.</summary>
    private static int OwnHops(ReadOnlySpan<byte> header, string hostname)
    {
        var count = 0;
        var mark = Encoding.ASCII.GetBytes($"by {hostname} (HomeMail) ");
        foreach (var field in new HeaderFields(header))
            if (field.Is("Received"u8) && field.Value.IndexOf(mark) >= 0)
                count++;
        return count;
    }

    // RFC 8689 3: more than one such field must not be, so several say nothing.
    private static bool SaysTlsOptional(ReadOnlySpan<byte> header)
    {
        var (count, isNo) = (0, false);
        foreach (var field in new HeaderFields(header))
        {
            if (!field.Is("TLS-Required"u8))
                continue;
            count++;
            isNo = Ascii.EqualsIgnoreCase(field.Value.Trim(" \t\r\n"u8), "No"u8);
        }
        return count == 1 && isNo;
    }
}
