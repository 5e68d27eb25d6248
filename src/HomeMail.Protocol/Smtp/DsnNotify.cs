namespace HomeMail.Protocol.Smtp;

/// <summary>What a sender asked to be told about a recipient: the NOTIFY parameter of RCPT (RFC 3461 4.1).</summary>
[Flags]
public enum DsnNotify : byte
{
    /// <summary>No NOTIFY parameter: failures are told, delays may be (RFC 3461 4.1).</summary>
    Unspecified = 0,

    /// <summary>NOTIFY=NEVER: no DSN of any kind.</summary>
    Never = 1,

    /// <summary>Tell of delivery.</summary>
    Success = 2,

    /// <summary>Tell of final failure.</summary>
    Failure = 4,

    /// <summary>Tell of unusual delay.</summary>
    Delay = 8,
}

/// <summary>How much of the message a DSN is to return: the RET parameter of MAIL (RFC 3461 4.3).</summary>
public enum DsnReturn : byte
{
    /// <summary>No RET parameter: ours to choose.</summary>
    Unspecified = 0,

    /// <summary>RET=FULL: the whole message.</summary>
    Full = 1,

    /// <summary>RET=HDRS: the header only.</summary>
    Headers = 2,
}
