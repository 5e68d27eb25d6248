namespace HomeMail.Server.Delivery;

/// <summary>Why a host could not be used for a message, while nothing is known about its recipients.</summary>
/// <param name="Diagnostic">The reply or reason.</param>
/// <param name="IsPermanent">The host will say the same again: if every host of the destination does, the message fails.</param>
/// <param name="InClear">The encryption did not come about; where it is not asked for, the same host may be tried in clear.</param>
/// <param name="MayHaveArrived">The message was sent whole and the answer is missing: no other host is tried now, or it might come twice.</param>
/// <param name="IsLoop">The host is this server itself.</param>
/// <param name="Again">The same host may be tried at once over a new connection.</param>
/// <param name="Tls">For reports: in what way encryption has failed; null if it is not about encryption.</param>
public sealed record SessionFault(
    Diagnostic Diagnostic, bool IsPermanent = false, bool InClear = false, bool MayHaveArrived = false, bool IsLoop = false,
    bool Again = false, TlsResult? Tls = null);
