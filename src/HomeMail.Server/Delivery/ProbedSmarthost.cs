using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>What came of trying a smarthost.</summary>
/// <param name="Offer">What the host offers after the log-in; null if it could not be used.</param>
/// <param name="Fault">Why it could not be used, or null.</param>
/// <param name="Security">How the session was encrypted, in a few words; null if there was none.</param>
public sealed record ProbedSmarthost(EhloCapabilities? Offer, SessionFault? Fault, string? Security = null);
