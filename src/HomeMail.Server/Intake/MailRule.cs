using HomeMail.Protocol.Message;

namespace HomeMail.Server.Intake;

/// <summary>What happens to an account's mail: all conditions that are set must hold, and exactly one action is set. Patterns are as in <see cref="Glob"/>.</summary>
/// <param name="Name">Its name, by which rules are sorted.</param>
public sealed record MailRule(string Name)
{
    /// <summary>A pattern for From: one of its addresses, or the whole of it; or null.</summary>
    public string? From { get; init; }

    /// <summary>A pattern for To and Cc, in the same way; or null.</summary>
    public string? To { get; init; }

    /// <summary>A pattern for Subject, or null.</summary>
    public string? Subject { get; init; }

    /// <summary>A field's name, or null.</summary>
    public string? HeaderName { get; init; }

    /// <summary>A pattern for that field, or null.</summary>
    public string? HeaderPattern { get; init; }

    /// <summary>A pattern for the identifier in List-Id (RFC 2919), or null.</summary>
    public string? ListId { get; init; }

    /// <summary>A size of the message in octets, or null.</summary>
    public long? LargerThan { get; init; }

    /// <summary>A domain in which the author is, as is proven; or null.</summary>
    public string? VerifiedDomain { get; init; }

    /// <summary>Action: the mailbox it goes to, or null.</summary>
    public string? Mailbox { get; init; }

    /// <summary>Action: whom it goes to instead; empty if that is not the action.</summary>
    public IReadOnlyList<Address> Forward { get; init; } = [];

    /// <summary>Action: it goes nowhere.</summary>
    public bool Discard { get; init; }

    /// <summary>Whether a message is one that this rule is for.</summary>
    /// <param name="message">The message.</param>
    public bool Fits(RuleSubject message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return (LargerThan is not { } size || message.Size > size)
            && (VerifiedDomain is null || message.IsVerified(VerifiedDomain))
            && (From is null || message.AnyAddress(From, "From"))
            && (To is null || message.AnyAddress(To, "To", "Cc"))
            && (Subject is null || message.Any(Subject, "Subject"))
            && (HeaderPattern is null || message.Any(HeaderPattern, HeaderName!))
            && (ListId is null || message.AnyListId(ListId));
    }
}
