using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>In which way a connection has become useless.</summary>
internal enum PeerFault
{
    /// <summary>The peer did not answer in time.</summary>
    TimedOut,

    /// <summary>The peer, or something on the way, has closed the connection or says that it will (421).</summary>
    Closed,

    /// <summary>What came is no SMTP.</summary>
    NotSmtp,
}

/// <summary>The connection to a server is of no use any more.</summary>
internal sealed class PeerException : IOException
{
    /// <summary>A connection that broke.</summary>
    public PeerException(PeerFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>A server that closes the session.</summary>
    public PeerException(RemoteReply reply)
        : base(reply.ToString())
    {
        Fault = PeerFault.Closed;
        Reply = reply;
    }

    /// <summary>In which way.</summary>
    public PeerFault Fault { get; }

    /// <summary>The server's last words, or null.</summary>
    public RemoteReply? Reply { get; }
}
