namespace HomeMail.Protocol.Dns;

/// <summary>The record types that mail asks for or meets in answers (RFC 1035 3.2.2, RFC 3596 2.1, RFC 6891 6.1, RFC 6698 7.1).</summary>
public enum DnsType : ushort
{
    /// <summary>An IPv4 address.</summary>
    A = 1,

    /// <summary>A name server.</summary>
    Ns = 2,

    /// <summary>The canonical name of an alias.</summary>
    Cname = 5,

    /// <summary>The start of a zone of authority; in negative answers it carries their lifetime (RFC 2308 5).</summary>
    Soa = 6,

    /// <summary>A pointer to a name, used for reverse look-ups.</summary>
    Ptr = 12,

    /// <summary>A mail exchanger.</summary>
    Mx = 15,

    /// <summary>Text.</summary>
    Txt = 16,

    /// <summary>An IPv6 address.</summary>
    Aaaa = 28,

    /// <summary>The host of a service (RFC 2782).</summary>
    Srv = 33,

    /// <summary>The EDNS pseudo-record.</summary>
    Opt = 41,

    /// <summary>The signature of a record set (RFC 4034 3).</summary>
    Rrsig = 46,

    /// <summary>A TLS certificate association.</summary>
    Tlsa = 52,

    /// <summary>A transaction's signature (RFC 8945 4.2).</summary>
    Tsig = 250,

    /// <summary>Any type: in updates, all record sets of a name (RFC 2136 1.2).</summary>
    Any = 255,
}

/// <summary>Response codes (RFC 1035 4.1.1; BADVERS is RFC 6891 6.1.3).</summary>
public enum DnsResponseCode
{
    /// <summary>NOERROR.</summary>
    NoError = 0,

    /// <summary>FORMERR: the server did not understand the query; old ones answer so to EDNS.</summary>
    FormatError = 1,

    /// <summary>SERVFAIL.</summary>
    ServerFailure = 2,

    /// <summary>NXDOMAIN.</summary>
    NameError = 3,

    /// <summary>NOTIMP.</summary>
    NotImplemented = 4,

    /// <summary>REFUSED.</summary>
    Refused = 5,

    /// <summary>YXDOMAIN: a name exists that should not (RFC 2136 2.2).</summary>
    NameExists = 6,

    /// <summary>YXRRSET: a record set exists that should not (RFC 2136 2.2).</summary>
    SetExists = 7,

    /// <summary>NXRRSET: a record set does not exist that should (RFC 2136 2.2).</summary>
    NoSuchSet = 8,

    /// <summary>NOTAUTH: the server is not authoritative for the zone, or the signature does not hold (RFC 2136 2.2, RFC 8945 5.3.2).</summary>
    NotAuthorized = 9,

    /// <summary>NOTZONE: a name is not in the zone (RFC 2136 2.2).</summary>
    NotZone = 10,

    /// <summary>BADVERS: the EDNS version is not known there.</summary>
    BadVersion = 16,
}
