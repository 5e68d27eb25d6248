using System.Globalization;
using System.Net;
using HomeMail.Protocol.Message;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Config;

/// <summary>
/// Reads the values of one section. A value that is no good is reported and the default taken in its place, so that reading goes on; the settings
/// that come of it are thrown away in the end.
/// </summary>
internal sealed class SectionReader(Findings findings, SectionInfo info, IniSection? section)
{
    /// <summary>The section as it is written between the brackets.</summary>
    public string Title => section?.Title ?? info.Kind;

    /// <summary>The section's own name.</summary>
    public string Name => section?.Name ?? "";

    /// <summary>Reports a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="what">What is wrong.</param>
    /// <param name="allowed">What is allowed, if that is more special than what the key always allows.</param>
    public void Error(string key, string what, string? allowed = null)
    {
        var line = section is null ? 1 : section.KeyLines.GetValueOrDefault(key, section.Line);
        findings.Error(line, Title, key, what, allowed ?? info.Find(key)?.Allowed ?? info.KeysAllowed);
    }

    /// <summary>Reports the section as a whole.</summary>
    public void SectionError(string what, string? allowed) => findings.Error(section?.Line ?? 1, Title, null, what, allowed);

    /// <summary>Reports a value that is not what the key allows.</summary>
    public void BadValue(string key, string value) => Error(key, $"'{value}' is not allowed");

    /// <summary>The value, or the default if the key is not set. A key that has a default may not be set to nothing.</summary>
    public string Text(string key, string? raw)
    {
        var fallback = info.Find(key)!.Default;
        if (raw is null)
            return fallback;
        if (raw.Length > 0 || fallback.Length == 0)
            return raw;
        Error(key, "has no value");
        return fallback;
    }

    /// <summary>The value of a key that has to be set.</summary>
    public string Required(string key, string? raw)
    {
        if (string.IsNullOrEmpty(raw))
            Error(key, raw is null ? "is missing" : "has no value");
        return raw ?? "";
    }

    /// <summary>The parts of a list. Empty parts are errors: they are left from a typing slip.</summary>
    public string[] List(string key, string? raw)
    {
        var text = Text(key, raw);
        if (text.Length == 0)
            return [];
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        if (parts.Contains(""))
            Error(key, "has an empty place in the list");
        return [.. parts.Where(part => part.Length > 0)];
    }

    public bool OnOff(string key, string? raw) => Choice(key, raw, ("on", true), ("off", false));

    /// <summary>One of some words, in any case.</summary>
    public T Choice<T>(string key, string? raw, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        var text = Text(key, raw);
        foreach (var (word, value) in choices)
            if (string.Equals(word, text, StringComparison.OrdinalIgnoreCase))
                return value;
        BadValue(key, text);
        return choices[0].Value;
    }

    public int Number(string key, string? raw, int least, int most)
    {
        var text = Text(key, raw);
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
            return number;
        BadValue(key, text);
        return raw is null || info.Find(key)!.Default.Length == 0 ? least : Number(key, null, least, most);
    }

    public int? NumberOrOff(string key, string? raw) => IsOff(key, raw) ? null : Number(key, raw, 1, int.MaxValue);

    public long Size(string key, string? raw, long least, long most)
    {
        var text = Text(key, raw);
        if (ValueSyntax.TryParseSize(text, out var size) && size >= least && size <= most)
            return size;
        BadValue(key, text);
        return raw is null || info.Find(key)!.Default.Length == 0 ? least : Size(key, null, least, most);
    }

    public long? SizeOrOff(string key, string? raw, long least, long most) => IsOff(key, raw) ? null : Size(key, raw, least, most);

    public TimeSpan Duration(string key, string? raw, TimeSpan least, TimeSpan most)
    {
        var text = Text(key, raw);
        if (ValueSyntax.TryParseDuration(text, out var duration) && duration >= least && duration <= most)
            return duration;
        BadValue(key, text);
        return raw is null || info.Find(key)!.Default.Length == 0 ? least : Duration(key, null, least, most);
    }

    public TimeSpan? DurationOrOff(string key, string? raw, TimeSpan least, TimeSpan most) => IsOff(key, raw) ? null : Duration(key, raw, least, most);

    /// <summary>An absolute path, or null for nothing.</summary>
    public string? Path(string key, string? raw)
    {
        var text = Text(key, raw);
        if (text.Length == 0)
            return null;
        if (text[0] == '/')
            return text.Length > 1 ? text.TrimEnd('/') : text;
        BadValue(key, text);
        return null;
    }

    public IReadOnlyList<IPEndPoint> Endpoints(string key, string? raw)
    {
        if (IsOff(key, raw))
            return [];
        var endpoints = new List<IPEndPoint>();
        foreach (var part in List(key, raw))
        {
            if (ValueSyntax.TryParseEndpoint(part, -1, out var endpoint))
                endpoints.Add(endpoint);
            else
                BadValue(key, part);
        }
        return endpoints;
    }

    public IReadOnlyList<IPAddress> Addresses(string key, string? raw)
    {
        var addresses = new List<IPAddress>();
        foreach (var part in List(key, raw))
        {
            if (!ValueSyntax.TryParseIP(part, out var address))
                BadValue(key, part);
            else if (addresses.Contains(address))
                Error(key, $"'{part}' is there twice", "each once");
            else
                addresses.Add(address);
        }
        return addresses;
    }

    /// <summary>Domain names in lower case.</summary>
    public IReadOnlyList<string> DomainNames(string key, string? raw)
    {
        var names = new List<string>();
        foreach (var part in List(key, raw))
        {
            if (!ValueSyntax.IsDomain(part))
                BadValue(key, part);
            else if (names.Contains(part.ToLowerInvariant()))
                Error(key, $"'{part}' is there twice", "each once");
            else
                names.Add(part.ToLowerInvariant());
        }
        return names;
    }

    public IReadOnlyList<Address> Mailboxes(string key, IEnumerable<string> parts)
    {
        var mailboxes = new List<Address>();
        foreach (var part in parts)
        {
            if (Mailbox(key, part) is not { } address)
                continue;
            if (mailboxes.Exists(other => other.Key == address.Key))
                Error(key, $"'{part}' is there twice", "each once");
            else
                mailboxes.Add(address);
        }
        return mailboxes;
    }

    /// <summary>A mail address at a domain name, or null after an error.</summary>
    public Address? Mailbox(string key, string text)
    {
        if (TryParseMailbox(text) is { } address)
            return address;
        Error(key, $"'{text}' is no mail address", "local-part@domain (RFC 5321 4.1.2), the domain in ASCII");
        return null;
    }

    /// <summary>A mail address at a domain name, or null. A literal has no place in a configuration: what it means changes with the house's address.</summary>
    public static Address? TryParseMailbox(string text) =>
        AddressSyntax.TryParseMailbox(text, allowUtf8: true, out var address) && ValueSyntax.IsDomain(address!.Domain) ? address : null;

    /// <summary>A password's keys, or null for none.</summary>
    public ScramCredential? Credential(string key, string? raw)
    {
        var text = Text(key, raw);
        if (text.Length == 0)
            return null;
        if (ScramCredential.TryParse(text, out var credential))
            return credential;
        // What is there may be the password itself: it is not repeated in a message that others may see.
        Error(key, text.StartsWith('$') ? "is damaged or of another kind" : "is not in its stored form");
        return null;
    }

    private bool IsOff(string key, string? raw) => string.Equals(raw ?? info.Find(key)!.Default, "off", StringComparison.OrdinalIgnoreCase);
}
