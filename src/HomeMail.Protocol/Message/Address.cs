namespace HomeMail.Protocol.Message;

/// <summary>
/// A mail address as RFC 5321 4.1.2 names it: a local part and a domain (or an address literal in brackets).
/// The null reverse-path <c>&lt;&gt;</c> is a <see langword="null"/> reference, never an empty <see cref="Address"/>.
/// </summary>
/// <remarks>
/// The domain is kept as it came, but compared without regard to ASCII case; the local part is compared as it
/// stands. Look-ups in what this server hosts use <see cref="Key"/>, which folds the case of both: no house has two
/// people whose addresses differ in case alone.
/// </remarks>
public sealed class Address : IEquatable<Address>
{
    /// <summary>Builds an address from parts that are already known to be valid.</summary>
    /// <param name="localPart">The local part without quoting (RFC 5321 4.1.2: a quoted string and its plain form are one).</param>
    /// <param name="domain">A domain name without a trailing dot, or an address literal with its brackets.</param>
    public Address(string localPart, string domain)
    {
        ArgumentNullException.ThrowIfNull(localPart);
        ArgumentException.ThrowIfNullOrEmpty(domain);
        LocalPart = localPart;
        Domain = domain;
    }

    /// <summary>The local part, unquoted. UTF-8 local parts (RFC 6531) are held as UTF-16 text.</summary>
    public string LocalPart { get; }

    /// <summary>The domain or bracketed literal, as received.</summary>
    public string Domain { get; }

    /// <summary>The form used to look up what is hosted here: local part and domain in lower case, unquoted.</summary>
    public string Key => string.Concat(LocalPart.ToLowerInvariant(), "@", Domain.ToLowerInvariant());

    /// <summary>Whether the domain is an address literal such as <c>[192.0.2.1]</c> (RFC 5321 4.1.3).</summary>
    public bool IsLiteral => Domain[0] == '[';

    /// <summary>Whether either part has a character outside ASCII, so that SMTPUTF8 (RFC 6531) is needed to convey it.</summary>
    public bool NeedsSmtpUtf8 => !System.Text.Ascii.IsValid(LocalPart) || !System.Text.Ascii.IsValid(Domain);

    /// <inheritdoc/>
    public bool Equals(Address? other) =>
        other is not null && string.Equals(LocalPart, other.LocalPart, StringComparison.Ordinal)
        && string.Equals(Domain, other.Domain, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Address);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(LocalPart, StringComparer.OrdinalIgnoreCase.GetHashCode(Domain));

    /// <summary>The wire form <c>local@domain</c>, with the local part quoted where its characters need it (RFC 5321 4.1.2).</summary>
    public override string ToString() => string.Concat(AddressSyntax.QuoteLocalPart(LocalPart), "@", Domain);
}
