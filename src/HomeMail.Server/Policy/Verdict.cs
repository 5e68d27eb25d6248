using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Policy;

/// <summary>What becomes of a message for one recipient.</summary>
public enum VerdictKind
{
    /// <summary>It goes to the inbox, or where the account's rules say.</summary>
    Accept,

    /// <summary>It is taken and goes to Junk.</summary>
    Junk,

    /// <summary>It is refused, and kept in Rejects for two weeks.</summary>
    Keep,

    /// <summary>It is to be sent again later.</summary>
    Defer,

    /// <summary>It is refused, and not kept.</summary>
    Reject,
}

/// <summary>A ground for a verdict, as the table in this folder's README has it.</summary>
/// <param name="Name">Its name: in the mailbox's metadata, the history, and for <c>homemail explain</c>.</param>
/// <param name="Kind">The verdict.</param>
/// <param name="Ways">The ways it applies to.</param>
/// <param name="Inputs">The facts it depends on, in words.</param>
/// <param name="Words">What it means, in a sentence for people.</param>
/// <param name="Reply">Makes the reply from the verdict's detail; null where the message is taken.</param>
public sealed record PolicyReason(string Name, VerdictKind Kind, MailWay Ways, string Inputs, string Words, Func<string, SmtpReply>? Reply = null);

/// <summary>What becomes of a message for one recipient, and why.</summary>
/// <param name="Reason">The ground.</param>
/// <param name="Detail">What in particular: the list, the domain, the time; or empty.</param>
public sealed record Verdict(PolicyReason Reason, string Detail = "")
{
    /// <summary>What becomes of it.</summary>
    public VerdictKind Kind => Reason.Kind;

    /// <summary>How long the reply is to be held back.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The reply if this verdict decides alone; null where the message is taken.</summary>
    public SmtpReply? Reply => Reason.Reply?.Invoke(Detail);

    /// <summary>The form in the mailbox's metadata: the name, and after a colon the detail.</summary>
    public override string ToString() => Detail.Length == 0 ? Reason.Name : $"{Reason.Name}: {Detail}";

    /// <summary>
    /// The one reply for all recipients of a message (RFC 5321 3.3 has one for DATA): null, which is to take it, if any accepts; 4xx if none accepts and one
    /// defers; 5xx if all refuse. Of several grounds the first is told.
    /// </summary>
    /// <param name="verdicts">The verdicts, one at least.</param>
    public static SmtpReply? ReplyTo(IReadOnlyList<Verdict> verdicts)
    {
        ArgumentNullException.ThrowIfNull(verdicts);
        Verdict? deferring = null, refusing = null;
        foreach (var verdict in verdicts)
        {
            switch (verdict.Kind)
            {
                case VerdictKind.Accept or VerdictKind.Junk:
                    return null;
                case VerdictKind.Defer:
                    deferring ??= verdict;
                    break;
                default:
                    refusing ??= verdict;
                    break;
            }
        }
        return (deferring ?? refusing)?.Reply;
    }
}
