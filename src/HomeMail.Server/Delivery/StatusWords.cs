using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>What a status code means (RFC 3463 3), in words for whoever wrote the message.</summary>
internal static class StatusWords
{
    /// <summary>One sentence.</summary>
    /// <param name="status">The code.</param>
    /// <param name="domain">The recipient's domain.</param>
    public static string For(EnhancedStatusCode status, string domain) => (status.Subject, status.Detail) switch
    {
        (1, 1) => $"There is no such mailbox at {domain}.",
        (1, 2) => $"{domain} does not exist, or cannot take mail. Is the address spelt right?",
        (1, 3) => "The address is not one that can exist. Is it spelt right?",
        (1, 6) => "The mailbox has moved, and its new address is not known.",
        (1, 10) => $"{domain} says that it takes no mail at all.",
        (1, 7 or 8) => "The other side does not accept your address as a sender.",
        (2, 1) => "The mailbox is switched off.",
        (2, 2) => "The mailbox is full.",
        (2, 3) or (3, 4) => "The message is too big for the other side.",
        (3, 1) => "The other side has no room for mail just now.",
        (3, 2) => "The other side takes no mail just now.",
        (4, 1) => "The other side did not answer.",
        (4, 2 or 0) => "The connection to the other side broke off.",
        (4, 3) => "The address of the other side could not be looked up.",
        (4, 4) => "No usable host was found that takes mail for the address.",
        (4, 6) => "The message would go round in circles.",
        (4, 7) => "The message could not be delivered in time.",
        (6, 3) => "The other side cannot take the characters of this message, and changing them would break its signature.",
        (6, 7) => "The other side cannot take addresses or subjects that are not plain ASCII.",
        (7, 1) => "The other side refuses the message.",
        (7, 5 or 10 or 30) => "The message could not be sent with the encryption that is asked for.",
        (7, 8) => "This server could not log in at the host that sends for it. Its owner has to mend that.",
        (7, 20 or 21 or 22 or 23 or 24 or 25 or 26 or 27) => "The other side refuses the message, because it does not trust where it comes from.",
        _ when status.IsPermanent => "The other side refuses the message.",
        _ => "The other side could not take the message.",
    };
}
