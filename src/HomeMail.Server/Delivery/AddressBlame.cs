namespace HomeMail.Server.Delivery;

/// <summary>
/// Recognises refusals that blame our address and not the message: missing reverse DNS or SPF for IPv6, mostly. They are worth one try over the other
/// family. A refusal of the content never is.
/// </summary>
public static class AddressBlame
{
    private static readonly string[] Wordings =
    [
        "ptr record", " ptr ", "reverse", "rdns", "ipv6",
    ];

    /// <summary>Whether a refusal blames the address.</summary>
    /// <param name="diagnostic">The refusal.</param>
    public static bool Is(Diagnostic diagnostic)
    {
        ArgumentNullException.ThrowIfNull(diagnostic);
        if (diagnostic.Code is < 500 or > 599 || diagnostic.Status.Subject != 7)
            return false;
        // RFC 7372 3: 5.7.25 is "reverse DNS validation failed", 5.7.26 "multiple authentication checks failed".
        return diagnostic.Status.Detail == 25
            || (diagnostic.Status.Detail is 1 or 26 && Array.Exists(Wordings, w => diagnostic.Text.Contains(w, StringComparison.OrdinalIgnoreCase)));
    }
}
