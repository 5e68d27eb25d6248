using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Net;

namespace HomeMail.Server.Authentication;

/// <summary>
/// The private keys in <c>data/dkim</c>: one folder a domain, one file a key, named by its selector. A selector stands for two keys: the RSA key has
/// its name, the Ed25519 key has <c>-ed</c> behind it, since two keys at one name are undefined (RFC 6376 3.6.2.2).
/// </summary>
/// <param name="folder">The folder; made when the first key is.</param>
public sealed class DkimKeys(string folder) : IDisposable
{
    private const string Extension = ".pem";
    private const string Ed25519Suffix = "-ed";

    private readonly ConcurrentDictionary<string, IReadOnlyList<DkimKey>> _keys = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The keys that sign for a domain, RSA first: it is what every verifier knows.</summary>
    /// <param name="domain">The domain.</param>
    /// <returns>None if the domain has no keys, or they are still being made.</returns>
    public IReadOnlyList<DkimKey> For(string domain) => _keys.GetValueOrDefault(domain) ?? [];

    /// <summary>Loads the keys of a selector, and makes those that are not there. Takes seconds on a small device if it has to make one.</summary>
    /// <param name="domain">The domain, in A-labels.</param>
    /// <param name="selector">The selector.</param>
    /// <returns>The keys; from now on they are those that <see cref="For"/> gives.</returns>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read or written.</exception>
    /// <exception cref="CryptographicException">A file is not a key.</exception>
    /// <exception cref="ArgumentException">Domain or selector are not names.</exception>
    public IReadOnlyList<DkimKey> Use(string domain, string selector)
    {
        ArgumentNullException.ThrowIfNull(domain);
        ArgumentNullException.ThrowIfNull(selector);
        domain = domain.ToLowerInvariant();
        if (!IsFileName(domain) || !IsFileName(selector))
            throw new ArgumentException("domain or selector is not a name");
        IReadOnlyList<DkimKey> keys =
        [
            LoadOrCreate(domain, selector, DkimAlgorithm.RsaSha256), LoadOrCreate(domain, selector + Ed25519Suffix, DkimAlgorithm.Ed25519Sha256),
        ];
        _keys[domain] = keys; // the ones before are left to the collector: a signature may be in the making
        return keys;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var keys in _keys.Values)
            foreach (var key in keys)
                key.Dispose();
        _keys.Clear();
    }

    private static bool IsFileName(string name) => DnsName.IsValid(name) && name.AsSpan().IndexOfAny("/\0 ") < 0 && name[0] != '.';

    private DkimKey LoadOrCreate(string domain, string selector, DkimAlgorithm algorithm)
    {
        var path = Path.Combine(folder, domain, selector + Extension);
        if (File.Exists(path))
            return DkimKey.Load(domain, selector, File.ReadAllText(path));
        var key = DkimKey.Create(domain, selector, algorithm);
        PrivateFile.Write(path, Encoding.ASCII.GetBytes(key.ToPem()));
        return key;
    }
}
