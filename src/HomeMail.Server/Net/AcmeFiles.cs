namespace HomeMail.Server.Net;

/// <summary>Where OpenWrt's package <c>acme</c> puts certificates: in <c>/etc/ssl/acme</c>, and before version 22.03 in a folder of each name below <c>/etc/acme</c>.</summary>
public static class AcmeFiles
{
    /// <summary>The pairs of chain and key that a host's certificate can be in, the first one that is there first. Also that of all names beside it.</summary>
    /// <param name="hostname">The host's name.</param>
    /// <param name="root">The root folder.</param>
    public static IEnumerable<(string Certificate, string Key)> Candidates(string hostname, string root = "/")
    {
        ArgumentNullException.ThrowIfNull(hostname);
        string[] names = hostname.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? [hostname, "*" + hostname[dot..]] : [hostname];
        foreach (var name in names)
        {
            var shared = Path.Combine(root, "etc/ssl/acme", name);
            yield return (shared + ".fullchain.crt", shared + ".key");
            foreach (var kind in (string[])["_ecc", ""])
            {
                var folder = Path.Combine(root, "etc/acme", name + kind);
                yield return (Path.Combine(folder, "fullchain.cer"), Path.Combine(folder, name + ".key"));
            }
        }
    }

    /// <summary>The pair that is there, or null.</summary>
    /// <param name="hostname">The host's name.</param>
    /// <param name="root">The root folder.</param>
    public static (string Certificate, string Key)? Find(string hostname, string root = "/")
    {
        foreach (var (certificate, key) in Candidates(hostname, root))
            if (File.Exists(certificate) && File.Exists(key))
                return (certificate, key);
        return null;
    }
}
