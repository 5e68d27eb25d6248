using System.Net;

namespace HomeMail.Server.Delivery;

/// <summary>Opens connections. A seam: tests have one without sockets.</summary>
public interface IDialer
{
    /// <summary>Connects to an address.</summary>
    /// <param name="remote">Address and port.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="DialException">The connection did not come about.</exception>
    /// <exception cref="OperationCanceledException">Given up.</exception>
    ValueTask<Stream> DialAsync(IPEndPoint remote, CancellationToken cancel);
}

/// <summary>A connection did not come about.</summary>
/// <param name="message">Why, in plain words, such as <c>connection refused</c>.</param>
public sealed class DialException(string message) : IOException(message);
