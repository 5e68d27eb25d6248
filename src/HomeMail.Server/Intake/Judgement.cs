using System.Net;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Delivery;
using HomeMail.Server.Dns;
using HomeMail.Server.Learning;
using HomeMail.Server.Policy;
using HomeMail.Server.Smtp;
using MailTransaction = HomeMail.Server.Smtp.MailTransaction;

namespace HomeMail.Server.Intake;

/// <summary>What the house has chosen.</summary>
/// <param name="Rules">What goes into the decision.</param>
/// <param name="Greylist">Whether strangers are asked to come again.</param>
/// <param name="AllowNetworks">Clients that no list or greylist concerns.</param>
/// <param name="AllowDomains">Verified domains that none concerns; in lower case.</param>
/// <param name="AllowAddresses">Verified senders that none concerns.</param>
public sealed record JudgementOptions(
    PolicyRules Rules, bool Greylist, IReadOnlyList<IPNetwork> AllowNetworks, IReadOnlyList<string> AllowDomains, IReadOnlyList<Address> AllowAddresses)
{
    /// <summary>What a house without a configuration has.</summary>
    public static JudgementOptions Default { get; } = new(new PolicyRules(), true, [], [], []);
}

/// <summary>
/// Fills in the facts that <see cref="MailPolicy"/> decides upon, and remembers what follows from its verdicts: greylist, limits, what is learned.
/// </summary>
/// <param name="lists">Block lists.</param>
/// <param name="greylist">Who was asked to come again.</param>
/// <param name="trouble">Since when a sender has been deferred for DNS trouble.</param>
/// <param name="limits">How much comes in from where.</param>
/// <param name="learning">What accounts have learned.</param>
/// <param name="options">What the house has chosen, asked for anew for each message.</param>
public sealed class Judgement(
    BlockLists lists, Greylist greylist, Patience trouble, InboundLimits limits, AccountLearning learning, Func<JudgementOptions> options)
{
    // Senders that wait for their reply at a time: beyond that nobody waits, lest waiting takes all connections.
    private const int MostWaiting = 20;

    private int _waiting;

    /// <summary>Whether an address says nothing of who sends from it, apart from what the origin's checks know of routers and relays.</summary>
    /// <param name="client">The address.</param>
    public static bool IsInner(IPAddress client) => SpecialPurpose.Is(client);

    /// <summary>Begins to ask the block lists; not awaited until the message is there.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="isUnknown">Whether it says nothing of who sends.</param>
    /// <param name="cancel">Gives up.</param>
    public Task<IReadOnlyList<string>> BeginLists(IPAddress client, bool isUnknown, CancellationToken cancel) =>
        isUnknown || IsInner(client) || IsAllowedNetwork(options(), client) ? Task.FromResult<IReadOnlyList<string>>([]) : lists.FindAsync(client, cancel);

    /// <summary>The limit that a stranger's next message would go over, or null. Asked at MAIL, before it sends anything.</summary>
    /// <param name="client">The client's address.</param>
    /// <param name="isUnknown">Whether it says nothing of who sends.</param>
    /// <param name="octets">The announced size, or 0.</param>
    public LimitReached? Limit(IPAddress client, bool isUnknown, long octets) => isUnknown || IsInner(client) ? null : limits.Check(client, octets);

    /// <summary>Decides about a message.</summary>
    /// <param name="transaction">Its transaction.</param>
    /// <param name="message">The message.</param>
    /// <param name="origin">What is known of a stranger's origin; null for a known principal.</param>
    /// <param name="listed">The block lists that have the client; null for a known principal.</param>
    /// <param name="isHosted">Whether a domain is of this house.</param>
    public JudgedMail Judge(MailTransaction transaction, ReceivedMessage message, OriginFacts? origin, IReadOnlyList<string>? listed, Func<string, bool> isHosted)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        ArgumentNullException.ThrowIfNull(message);
        MessageSample? sample = null;
        var author = MessageSample.AuthorOf(message.Header.Span);
        var facts = origin is null ? OfPrincipal(transaction.Client.Principal) : OfStranger(transaction.Client, message, origin, listed ?? [], isHosted, author);
        var identities = origin is not null && !origin.IsOurs ? Identities(origin, author) : author is not null ? SenderIdentities.OfKnown(author) : [];

        var recipients = new Dictionary<string, RecipientFacts>(StringComparer.OrdinalIgnoreCase);
        var elsewhere = false;
        foreach (var recipient in transaction.Recipients)
        {
            var destinations = (Destinations)recipient.Resolution;
            elsewhere |= destinations.Outside.Count > 0;
            foreach (var account in destinations.Accounts)
                recipients.TryAdd(account, learning.Look(account, identities, Sample));
        }
        // Its content was judged where somebody here gets it too; for an address elsewhere alone there is nobody whose words it could be held against.
        var outside = new RecipientFacts { Junk = recipients.Count > 0 ? recipients.Values.Max(static r => r.Junk) : null };
        facts = Remembered(facts, transaction, origin, recipients);
        var verdicts = recipients.ToDictionary(static r => r.Key, r => MailPolicy.Decide(facts, r.Value), StringComparer.OrdinalIgnoreCase);
        var judged = new JudgedMail(
            verdicts, elsewhere && !transaction.Client.Principal.IsOurs ? MailPolicy.Decide(facts, outside) : null,
            account => MailPolicy.Decide(facts with { MayDefer = false }, account is null ? outside : recipients[account]));
        Learn(transaction, message, origin, judged, Sample);
        return judged;

        MessageSample Sample()
        {
            if (sample is not null)
                return sample;
            using var body = message.Body.OpenBody();
            return sample = MessageSample.Of(message.Header.Span, body);
        }
    }

    /// <summary>Holds the reply back.</summary>
    /// <param name="delay">How long.</param>
    /// <param name="clock">Time.</param>
    /// <param name="cancel">Gives up.</param>
    public async ValueTask WaitAsync(TimeSpan delay, TimeProvider clock, CancellationToken cancel)
    {
        if (delay <= TimeSpan.Zero)
            return;
        try
        {
            if (Interlocked.Increment(ref _waiting) <= MostWaiting)
                await Task.Delay(delay, clock, cancel).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private static MailFacts OfPrincipal(Principal principal) => new()
    {
        Way = principal.Kind switch { PrincipalKind.Account => MailWay.Account, PrincipalKind.Device => MailWay.Device, PrincipalKind.Local => MailWay.LocalUser, _ => MailWay.Shortcut },
    };

    private MailFacts OfStranger(
        ClientFacts client, ReceivedMessage message, OriginFacts origin, IReadOnlyList<string> listed, Func<string, bool> isHosted, string? author)
    {
        var settings = options();
        var address = origin.Client;
        var isUnknown = origin.IsAddressUnknown || IsInner(address);
        return new MailFacts
        {
            Way = isUnknown ? MailWay.Masked : MailWay.Stranger,
            Rules = settings.Rules,
            IsOurs = origin.IsOurs,
            Client = address.ToString(),
            IsAddressUnknown = isUnknown,
            IsThisMachine = IPAddress.IsLoopback(address),
            Spf = origin.Spf.Result,
            SpfDomain = origin.SpfRequest.Domain,
            DkimDomains = [.. origin.Dkim.Select(static v => v.PassedDomain).OfType<string>()],
            AuthorKind = origin.Author.Kind,
            Author = origin.Author.Domain,
            IsHouseAuthor = origin.Author.Claimed.Any(isHosted),
            Dmarc = origin.Dmarc.Result,
            DmarcPolicy = origin.Dmarc.Policy,
            TrustedSealer = origin.Author.Kind == AuthorDomainKind.One && origin.TrustedArc is { } arc && arc.PassedDmarc(origin.Author.Domain) ? arc.Sealer : null,
            Reverse = origin.Reverse.Result,
            IsHelloName = client.HelloName is ['[', ..] || (client.HelloName.Contains('.', StringComparison.Ordinal) && AddressSyntax.IsDomain(client.HelloName)),
            IsEncrypted = client.TlsVersion is not null,
            BlockLists = listed,
            Allowed = Allowed(settings, origin, author),
            Limit = isUnknown || origin.IsOurs ? null : limits.Check(address, message.Body.BodyLength),
        };
    }

    // What is remembered is touched only where it counts: whom an account knows is not put on the greylist.
    private MailFacts Remembered(MailFacts facts, MailTransaction transaction, OriginFacts? origin, Dictionary<string, RecipientFacts> recipients)
    {
        if (origin is null || facts.Limit is not null)
            return facts;
        var domain = transaction.Mail.Sender?.Domain ?? transaction.Client.HelloName;
        if (options().Greylist && MailPolicy.IsForGreylist(facts) && !recipients.Values.Any(static r => r.IsCorrespondent || r.Standing == Standing.Good))
            facts = facts with { ComeAgainAt = greylist.Visit(origin.Client, origin.Reverse is { Result: "pass" } reverse ? reverse.Name : null, domain) };
        if (facts.Dmarc == DmarcResult.TempError)
            facts = facts with { IsTroubleLong = trouble.IsOver($"{transaction.Mail.Sender} {facts.Author}") };
        return facts;
    }

    private void Learn(MailTransaction transaction, ReceivedMessage message, OriginFacts? origin, JudgedMail judged, Func<MessageSample> sample)
    {
        if (origin is null)
        {
            if (transaction.Client.Principal is { Kind: PrincipalKind.Account, Name: var account } && judged.Reply is null)
                foreach (var recipient in transaction.Recipients)
                    learning.WroteTo(account, recipient.Address);
            return;
        }
        if (judged.Reply is not { IsTransient: true } && !IsInner(origin.Client) && !origin.IsAddressUnknown && !origin.IsOurs)
            limits.Count(origin.Client, message.Body.BodyLength);
        foreach (var (account, verdict) in judged.Accounts)
            if (verdict.Reason == PolicyReasons.Correspondent)
                learning.Delivered(account, sample);
    }

    private static bool IsAllowedNetwork(JudgementOptions settings, IPAddress client)
    {
        foreach (var network in settings.AllowNetworks)
            if (network.Contains(client))
                return true;
        return false;
    }

    private static Allowance Allowed(JudgementOptions settings, OriginFacts origin, string? author)
    {
        foreach (var identity in Identities(origin, author))
        {
            if (identity.Kind == 's' && settings.AllowAddresses.Any(a => a.Key == identity.Name))
                return Allowance.Sender;
            if (identity.Kind == 'd' && SenderIdentities.IsBelow(identity.Name, settings.AllowDomains))
                return Allowance.Sender;
        }
        return !origin.IsAddressUnknown && IsAllowedNetwork(settings, origin.Client) ? Allowance.Network : Allowance.None;
    }

    private static IReadOnlyList<SenderIdentity> Identities(OriginFacts origin, string? author) => SenderIdentities.Of(
        origin.Sender?.Key,
        origin.Spf.Result == SpfResult.Pass && origin.SpfRequest.Identity == SpfIdentity.MailFrom,
        [.. origin.Dkim.Select(static v => v.PassedDomain).OfType<string>()],
        author,
        origin.Dmarc.Result == DmarcResult.Pass,
        origin.Dmarc.PolicyDomain is { } domain && domain != origin.Author.Domain ? domain : null,
        origin.IsAddressUnknown || IsInner(origin.Client) ? null : origin.Client);
}
