namespace HomeMail.Server.Delivery;

/// <summary>How an attempt ended for one recipient.</summary>
public enum DeliveryOutcome
{
    /// <summary>The next host has answered 250 to the message.</summary>
    Delivered,

    /// <summary>Not now; a later attempt may do better.</summary>
    Deferred,

    /// <summary>For good.</summary>
    Failed,
}

/// <summary>What an attempt has brought for one recipient.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Diagnostic">The reply or reason.</param>
/// <param name="DsnPassedOn">For a delivered one: the next host does DSN, and so owes the success notice that the sender asked for (RFC 3461 5.2.1).</param>
/// <param name="AtMail">For a failed one: MAIL was refused, before the recipient was named.</param>
/// <param name="Security">For one delivered over SMTP: how the session was encrypted, in a few words such as <c>TLS 1.3, DANE</c>.</param>
public sealed record RecipientResult(
    DeliveryOutcome Outcome, Diagnostic Diagnostic, bool DsnPassedOn = false, bool AtMail = false, string? Security = null);
