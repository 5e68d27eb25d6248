namespace HomeMail.Server;

/// <summary>What kind of somebody stands behind a message.</summary>
public enum PrincipalKind : byte
{
    /// <summary>A stranger.</summary>
    Internet,

    /// <summary>An account of this server that has authenticated.</summary>
    Account,

    /// <summary>A declared device of the house, on the LAN endpoint.</summary>
    Device,

    /// <summary>A user of this machine, through <c>sendmail</c>.</summary>
    Local,

    /// <summary>This server itself: DSNs, notices, reports.</summary>
    Server,
}

/// <summary>
/// Who stands behind a message. It is found out by authentication, by the device's address or by the socket's peer, and never from MAIL FROM or From.
/// </summary>
/// <param name="Kind">What kind of somebody.</param>
/// <param name="Name">The name of the account, device or user; empty for the others.</param>
public sealed record Principal(PrincipalKind Kind, string Name)
{
    /// <summary>A stranger.</summary>
    public static Principal Internet { get; } = new(PrincipalKind.Internet, "");

    /// <summary>This server itself.</summary>
    public static Principal Server { get; } = new(PrincipalKind.Server, "");

    /// <summary>Whether this is somebody of the house.</summary>
    public bool IsOurs => Kind != PrincipalKind.Internet;

    /// <summary>The form in envelopes and logs: <c>account:alice</c>, <c>device:scanner</c>, <c>local:user</c>, <c>server</c> or <c>internet</c>.</summary>
    public override string ToString() => Kind switch
    {
        PrincipalKind.Account => "account:" + Name,
        PrincipalKind.Device => "device:" + Name,
        PrincipalKind.Local => "local:" + Name,
        PrincipalKind.Server => "server",
        _ => "internet",
    };
}
