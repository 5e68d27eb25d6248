using HomeMail.Protocol.Sasl;

namespace HomeMail.Config;

/// <summary>
/// The log-in names of a configuration: an account's name, and each of its addresses. An account without a password is, for a log-in, nobody.
/// </summary>
/// <param name="settings">The configuration.</param>
/// <param name="serverSecret">A secret that is kept over restarts: the salts of unknown names come of it (<see cref="ScramCredential.Decoy"/>).</param>
public sealed class AccountCredentials(Settings settings, ReadOnlyMemory<byte> serverSecret) : ICredentialSource
{
    // A decoy with another iteration count than the accounts have would give itself away. Where they differ, most have the default.
    private readonly int _iterations = settings.Accounts.Values
        .Select(account => account.Password?.Iterations)
        .OfType<int>()
        .GroupBy(iterations => iterations)
        .OrderByDescending(group => group.Count())
        .Select(group => group.Key)
        .FirstOrDefault(ScramCredential.DefaultIterations);

    /// <inheritdoc/>
    public ScramCredential Find(string logInName, out string? account)
    {
        ArgumentNullException.ThrowIfNull(logInName);
        if (!settings.Accounts.TryGetValue(logInName, out var found))
            settings.AccountsByAddress.TryGetValue(logInName.ToLowerInvariant(), out found);
        account = found?.Password is null ? null : found.Name;
        return found?.Password ?? ScramCredential.Decoy(serverSecret.Span, logInName, _iterations);
    }
}
