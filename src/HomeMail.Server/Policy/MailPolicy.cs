using System.Globalization;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Spf;

namespace HomeMail.Server.Policy;

/// <summary>
/// The one decision for every way in. A pure function: facts in, verdict with a named ground out; no I/O, no clock, nothing remembered. The order is: what
/// defers for a limit, what refuses, what asks to come again, what is junk, what is taken.
/// </summary>
public static class MailPolicy
{
    // Above this the words alone are enough; where nothing proves the sender, less is.
    private const double JunkWords = 0.95;
    private const double JunkWordsOfUnproven = 0.8;

    // How many signs of a careless host make one suspicious. HELO is one of five and can't get there by itself (RFC 5321 4.1.4).
    private const int Suspicion = 4;

    /// <summary>Decides what becomes of a message for one recipient.</summary>
    /// <param name="facts">What is known of the message.</param>
    /// <param name="recipient">What is known of it for this recipient.</param>
    public static Verdict Decide(MailFacts facts, RecipientFacts recipient)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(recipient);
        var verdict = Limited(facts) ?? ((facts.Way & MailWay.Known) != 0 || facts.IsOurs ? OfKnown(facts, recipient) : OfStranger(facts, recipient));
        // What goes on to another server goes in our name: only what we would put in an inbox does.
        return recipient.Account is null && verdict.Kind is (VerdictKind.Junk or VerdictKind.Keep)
            ? new Verdict(PolicyReasons.NotForwarded, verdict.ToString()) : verdict;
    }

    /// <summary>Whether the sender is proven by something that an answer to it could rely on.</summary>
    /// <param name="facts">What is known of the message.</param>
    public static bool IsProven(MailFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts.Spf == SpfResult.Pass || facts.DkimDomains.Count > 0 || facts.Dmarc == DmarcResult.Pass;
    }

    /// <summary>
    /// Whether the greylist is to be asked at all (RFC 6647): only about strangers under an address of their own whom neither SPF nor DKIM nor the house vouches for.
    /// An inner or masked address is nobody's in particular, so there is nothing to remember it by.
    /// </summary>
    /// <param name="facts">What is known of the message.</param>
    public static bool IsForGreylist(MailFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return facts.Way == MailWay.Stranger && !facts.IsOurs && !facts.IsAddressUnknown && facts.Allowed == Allowance.None && facts.TrustedSealer is null && !IsProven(facts);
    }

    private static Verdict? Limited(MailFacts facts) => facts is { Limit: { } limit, MayDefer: true }
        ? new Verdict(PolicyReasons.Limit, Words(limit)) : null;

    /// <summary>A limit in words for a reply: which, and until when.</summary>
    /// <param name="limit">The limit.</param>
    public static string Words(LimitReached limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        return string.Create(CultureInfo.InvariantCulture, $"{limit.Name}; possible again at {limit.Until.UtcDateTime:yyyy-MM-dd HH:mm} UTC");
    }

    /// <summary>Who a known principal is need not be asked; what it sends and whether the recipient wants it does.</summary>
    private static Verdict OfKnown(MailFacts facts, RecipientFacts recipient)
    {
        if (Taken(recipient) is { } taken)
            return taken;
        if (recipient.Standing is Standing.Bad or Standing.Hopeless)
            return new Verdict(PolicyReasons.ReputationBad, recipient.StandingOf);
        return Words(recipient, JunkWords) ?? new Verdict(facts.IsOurs ? PolicyReasons.Returned : PolicyReasons.Accepted);
    }

    private static Verdict OfStranger(MailFacts facts, RecipientFacts recipient)
    {
        var isForged = facts is { Dmarc: DmarcResult.Fail, TrustedSealer: null };
        if (isForged && facts.DmarcPolicy == DmarcPolicy.Reject && facts.Rules.DmarcReject != DmarcRejectAction.Off)
            return new Verdict(facts.Rules.DmarcReject == DmarcRejectAction.Refuse ? PolicyReasons.DmarcReject : PolicyReasons.DmarcRejectJunk, facts.Author);
        if (facts.Allowed == Allowance.Sender)
            return new Verdict(PolicyReasons.Allowed);
        // What the account knows for sure comes before what others say of an address. It is known for verified senders only.
        var quarantined = isForged && facts.DmarcPolicy == DmarcPolicy.Quarantine;
        var houseAuthor = facts is { IsHouseAuthor: true, IsThisMachine: false, TrustedSealer: null } && facts.Dmarc != DmarcResult.Pass;
        if (!quarantined && !houseAuthor && facts.AuthorKind is AuthorDomainKind.One or AuthorDomainKind.Missing && Taken(recipient) is { } taken)
            return taken;
        if (facts.BlockLists.Count > 0 && !facts.IsAddressUnknown && facts.Allowed == Allowance.None)
            return new Verdict(PolicyReasons.BlockListed, $"{facts.Client} by {facts.BlockLists[0]}");
        if (recipient.Standing == Standing.Hopeless)
            return new Verdict(PolicyReasons.ReputationRefused, recipient.StandingOf);
        if (facts is { ComeAgainAt: { } again, MayDefer: true } && IsForGreylist(facts))
            return new Verdict(PolicyReasons.Greylist, string.Create(CultureInfo.InvariantCulture, $"after {again.UtcDateTime:HH:mm:ss} UTC"));
        if (quarantined)
            return new Verdict(PolicyReasons.DmarcQuarantine, facts.Author);
        return Junk(facts, recipient, houseAuthor) ?? Undecided(facts) ?? Accept(facts, recipient);
    }

    private static Verdict? Junk(MailFacts facts, RecipientFacts recipient, bool houseAuthor)
    {
        if (houseAuthor)
            return new Verdict(PolicyReasons.HouseAuthor, facts.Author);
        if (facts.AuthorKind is not (AuthorDomainKind.One or AuthorDomainKind.Missing))
            return new Verdict(PolicyReasons.AuthorUnclear);
        if (facts is { Spf: SpfResult.Fail, IsAddressUnknown: false, TrustedSealer: null, DkimDomains.Count: 0, Allowed: Allowance.None } && facts.Dmarc != DmarcResult.Pass)
            return new Verdict(PolicyReasons.SpfFail, facts.SpfDomain);
        if (recipient.Standing == Standing.Bad)
            return new Verdict(PolicyReasons.ReputationBad, recipient.StandingOf);
        if (Words(recipient, IsProven(facts) || facts.TrustedSealer is not null ? JunkWords : JunkWordsOfUnproven) is { } junk)
            return junk;
        return Signs(facts) is { Length: > 0 } signs ? new Verdict(PolicyReasons.Suspicious, signs) : null;
    }

    // Only here, where nothing else has decided, does what DNS would have said matter. A program of this machine has no queue that could wait for it.
    private static Verdict? Undecided(MailFacts facts)
    {
        if (facts.Dmarc != DmarcResult.TempError || facts.TrustedSealer is not null || facts.Rules.DmarcReject == DmarcRejectAction.Off || facts.IsThisMachine)
            return null;
        return facts.IsTroubleLong ? new Verdict(PolicyReasons.DnsTroubleLong, facts.Author)
            : facts.MayDefer ? new Verdict(PolicyReasons.DnsTrouble, facts.Author) : null;
    }

    private static Verdict Accept(MailFacts facts, RecipientFacts recipient)
    {
        var isFirst = recipient.Standing == Standing.Unknown && facts is { Way: MailWay.Stranger, IsAddressUnknown: false, Allowed: Allowance.None }
            && facts.Rules.FirstTimeDelay > TimeSpan.Zero;
        var detail = facts.TrustedSealer is { } sealer && facts.Dmarc == DmarcResult.Fail ? $"{sealer} saw that {facts.Author} had sent it" : "";
        return new Verdict(isFirst ? PolicyReasons.FirstTime : PolicyReasons.Accepted, detail) { Delay = isFirst ? facts.Rules.FirstTimeDelay : TimeSpan.Zero };
    }

    private static Verdict? Taken(RecipientFacts recipient) =>
        recipient.IsCorrespondent ? new Verdict(PolicyReasons.Correspondent)
        : recipient.Standing == Standing.Good ? new Verdict(PolicyReasons.ReputationGood, recipient.StandingOf) : null;

    private static Verdict? Words(RecipientFacts recipient, double most) => recipient.Junk is { } junk && junk >= most
        ? new Verdict(PolicyReasons.Content, string.Create(CultureInfo.InvariantCulture, $"{junk:0.000}")) : null;

    /// <summary>The signs of a careless host, or an empty text if they are too few. Of a masked address none is known.</summary>
    private static string Signs(MailFacts facts)
    {
        if (facts.Way != MailWay.Stranger || facts.IsAddressUnknown || facts.Allowed != Allowance.None || facts.DkimDomains.Count > 0)
            return "";
        var count = 0;
        var signs = "";
        Add(facts.Reverse is "fail" or "permerror", "no reverse DNS");
        Add(!facts.IsHelloName, "HELO without a host name");
        Add(!facts.IsEncrypted, "no TLS");
        Add(facts.Spf is SpfResult.SoftFail or SpfResult.PermError or SpfResult.Fail, "SPF");
        Add(facts.AuthorKind == AuthorDomainKind.Missing, "no From");
        return count >= Suspicion ? signs : "";

        void Add(bool isSo, string what)
        {
            if (!isSo)
                return;
            count++;
            signs += (signs.Length == 0 ? "" : ", ") + what;
        }
    }
}
