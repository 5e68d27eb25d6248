using System.Security.Cryptography;

namespace HomeMail.Server.Authentication;

/// <summary>A request to the running server for new signing keys, made by another process through the data folder.</summary>
/// <param name="folder">The folder <c>data/dkim</c>.</param>
/// <param name="domain">The domain.</param>
/// <param name="selector">Its configured selector.</param>
public sealed class DkimRotationRequest(string folder, string domain, string selector)
{
    private readonly string _folder = new DkimKeys(folder).FolderOf(domain);

    /// <summary>Writes the request.</summary>
    /// <exception cref="IOException">It cannot be written: the domain has no keys yet, for one.</exception>
    /// <exception cref="UnauthorizedAccessException">The caller may not.</exception>
    public void Write() => DkimRotationState.Request(_folder);

    /// <summary>The keys that were made for it.</summary>
    /// <returns>None as long as the request is open.</returns>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public IReadOnlyList<DkimKey> Keys()
    {
        if (DkimRotationState.IsRequested(_folder))
            return [];
        var state = DkimRotationState.Read(_folder, selector);
        try
        {
            return new DkimKeys(folder).Find(domain, state.Next ?? state.Current);
        }
        catch (CryptographicException)
        {
            return [];
        }
    }
}
