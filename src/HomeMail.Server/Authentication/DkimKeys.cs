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

    // A start, a reload and a rotation may ask for one key at a time; it is made once.
    private readonly Lock _making = new();
    private readonly ConcurrentDictionary<string, IReadOnlyList<DkimKey>> _keys = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, (string Selector, DateTime Rsa, DateTime Ed25519)> _stamps = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The keys that sign for a domain, RSA first: it is what every verifier knows.</summary>
    /// <param name="domain">The domain.</param>
    /// <returns>None if the domain has no keys, or they are still being made.</returns>
    public IReadOnlyList<DkimKey> For(string domain) => _keys.GetValueOrDefault(domain) ?? [];

    /// <summary>
    /// Loads the keys that are to sign for a domain: those of its selector, or of the one that a rotation has led to since. Makes those that are not
    /// there, which takes seconds on a small device.
    /// </summary>
    /// <param name="domain">The domain, in A-labels.</param>
    /// <param name="selector">The selector of the configuration; when it is another than before, it wins over a rotation.</param>
    /// <returns>The keys; from now on they are those that <see cref="For"/> gives.</returns>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read or written.</exception>
    /// <exception cref="CryptographicException">A file is not a key.</exception>
    /// <exception cref="ArgumentException">Domain or selector are not names.</exception>
    public IReadOnlyList<DkimKey> Use(string domain, string selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        var current = DkimRotationState.Read(FolderOf(domain), selector).Current;
        // A reload of a configuration with a thousand domains reads only what is another than before.
        if (IsFileName(current) && _keys.TryGetValue(domain, out var known) && _stamps.TryGetValue(domain, out var stamp) && stamp == StampOf(domain, current))
            return known;
        var keys = Load(domain, current);
        _keys[domain] = keys; // the ones before are left to the collector: a signature may be in the making
        _stamps[domain] = StampOf(domain, current);
        return keys;
    }

    /// <summary>Loads the keys of a selector, and makes those that are not there.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">The selector.</param>
    internal IReadOnlyList<DkimKey> Load(string domain, string selector)
    {
        domain = domain.ToLowerInvariant();
        if (!IsFileName(selector))
            throw new ArgumentException("the selector is not a name");
        return [LoadOrCreate(domain, selector, DkimAlgorithm.RsaSha256), LoadOrCreate(domain, selector + Ed25519Suffix, DkimAlgorithm.Ed25519Sha256)];
    }

    /// <summary>Loads the keys of a selector if they are there.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">The selector.</param>
    /// <returns>None if one of them is missing.</returns>
    internal IReadOnlyList<DkimKey> Find(string domain, string selector) =>
        File.Exists(PathOf(domain, selector)) && File.Exists(PathOf(domain, selector + Ed25519Suffix)) ? Load(domain, selector) : [];

    /// <summary>Takes the key files of a selector away.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="selector">The selector.</param>
    internal void Remove(string domain, string selector)
    {
        foreach (var name in new[] { selector, selector + Ed25519Suffix })
            File.Delete(PathOf(domain, name));
    }

    /// <summary>
    /// The keys whose records belong into DNS: those that sign, those that will once they are seen there, and those that have signed mail which is still
    /// under way. Makes none.
    /// </summary>
    /// <param name="domain">The domain, in A-labels.</param>
    /// <param name="selector">The selector of the configuration.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read.</exception>
    /// <exception cref="CryptographicException">A file is not a key.</exception>
    public IReadOnlyList<DkimKey> ToPublish(string domain, string selector)
    {
        var state = DkimRotationState.Read(FolderOf(domain), selector);
        IEnumerable<string> selectors = [state.Current, .. state.Next is null ? Array.Empty<string>() : [state.Next], .. state.Retired.Select(r => r.Selector)];
        return [.. selectors.Distinct(StringComparer.OrdinalIgnoreCase).SelectMany(name => Find(domain, name))];
    }

    /// <summary>The folder of a domain's keys.</summary>
    /// <param name="domain">The domain.</param>
    /// <exception cref="ArgumentException">It is not a name.</exception>
    internal string FolderOf(string domain)
    {
        ArgumentNullException.ThrowIfNull(domain);
        if (!IsFileName(domain))
            throw new ArgumentException("the domain is not a name");
        return Path.Combine(folder, domain.ToLowerInvariant());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var keys in _keys.Values)
            foreach (var key in keys)
                key.Dispose();
        _keys.Clear();
        _stamps.Clear();
    }

    private static bool IsFileName(string name) => DnsName.IsHostLike(name) && name[0] != '.';

    // Which files the keys were read from, as they are now.
    private (string Selector, DateTime Rsa, DateTime Ed25519) StampOf(string domain, string selector) =>
        (selector, File.GetLastWriteTimeUtc(PathOf(domain, selector)), File.GetLastWriteTimeUtc(PathOf(domain, selector + Ed25519Suffix)));

    private string PathOf(string domain, string selector) => Path.Combine(FolderOf(domain), selector + Extension);

    private DkimKey LoadOrCreate(string domain, string selector, DkimAlgorithm algorithm)
    {
        var path = PathOf(domain, selector);
        lock (_making)
        {
            if (File.Exists(path))
                return DkimKey.Load(domain, selector, File.ReadAllText(path));
            var key = DkimKey.Create(domain, selector, algorithm);
            PrivateFile.Write(path, Encoding.ASCII.GetBytes(key.ToPem()));
            return key;
        }
    }
}
