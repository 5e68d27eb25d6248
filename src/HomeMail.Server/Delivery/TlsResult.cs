namespace HomeMail.Server.Delivery;

/// <summary>What has become of an attempt to encrypt, in the kinds of RFC 8460 4.3.</summary>
public enum TlsResult
{
    /// <summary>Encrypted as the policy asks.</summary>
    Success,

    /// <summary>STARTTLS was not offered or was refused.</summary>
    StartTlsNotSupported,

    /// <summary>The certificate is for another name.</summary>
    CertificateHostMismatch,

    /// <summary>The certificate is out of date.</summary>
    CertificateExpired,

    /// <summary>No trusted root vouches for the certificate.</summary>
    CertificateNotTrusted,

    /// <summary>Anything else about the session: the handshake broke, the host is not of the policy, no TLSA record matches.</summary>
    ValidationFailure,

    /// <summary>No TLSA record is one that can be used.</summary>
    TlsaInvalid,

    /// <summary>The resolver could not vouch for TLSA records.</summary>
    DnssecInvalid,

    /// <summary>A policy is announced and could not be fetched.</summary>
    StsPolicyFetchError,

    /// <summary>A policy was fetched and is malformed.</summary>
    StsPolicyInvalid,

    /// <summary>The host of the policy has not proved its name.</summary>
    StsWebPkiInvalid,
}

/// <summary>The names of <see cref="TlsResult"/> and <see cref="TlsPolicyKind"/> in reports.</summary>
public static class TlsResultNames
{
    /// <summary>The name in RFC 8460 4.3; <c>success</c> is ours.</summary>
    /// <param name="result">The result.</param>
    public static string Name(this TlsResult result) => result switch
    {
        TlsResult.Success => "success",
        TlsResult.StartTlsNotSupported => "starttls-not-supported",
        TlsResult.CertificateHostMismatch => "certificate-host-mismatch",
        TlsResult.CertificateExpired => "certificate-expired",
        TlsResult.CertificateNotTrusted => "certificate-not-trusted",
        TlsResult.TlsaInvalid => "tlsa-invalid",
        TlsResult.DnssecInvalid => "dnssec-invalid",
        TlsResult.StsPolicyFetchError => "sts-policy-fetch-error",
        TlsResult.StsPolicyInvalid => "sts-policy-invalid",
        TlsResult.StsWebPkiInvalid => "sts-webpki-invalid",
        _ => "validation-failure",
    };

    /// <summary>The policy-type of RFC 8460 4.2.</summary>
    /// <param name="policy">The policy.</param>
    public static string ReportType(this TlsPolicyKind policy) => policy switch
    {
        TlsPolicyKind.Dane or TlsPolicyKind.DaneWithoutName => "tlsa",
        TlsPolicyKind.Sts or TlsPolicyKind.StsTesting => "sts",
        _ => "no-policy-found",
    };
}
