using System.Globalization;

namespace HomeMail.Protocol.Smtp;

/// <summary>A reply as a client has received it (RFC 5321 4.2): the three digits, the enhanced status code if there is one, and the text.</summary>
/// <param name="Code">200 to 599.</param>
/// <param name="Status">The enhanced status code (RFC 2034), or none. Its class is always that of <paramref name="Code"/>.</param>
/// <param name="Text">The text of all lines without codes, a line feed between lines. Printable characters and line feeds only.</param>
public sealed record RemoteReply(int Code, EnhancedStatusCode Status, string Text)
{
    /// <summary>2xx: done.</summary>
    public bool IsPositive => Code is >= 200 and < 300;

    /// <summary>3xx: go on.</summary>
    public bool IsIntermediate => Code is >= 300 and < 400;

    /// <summary>4xx: not now.</summary>
    public bool IsTransient => Code is >= 400 and < 500;

    /// <summary>5xx: not so.</summary>
    public bool IsPermanent => Code is >= 500 and < 600;

    /// <summary>421: the server closes the connection after this reply (RFC 5321 3.8), whatever it was an answer to.</summary>
    public bool IsClosing => Code == 421;

    /// <summary>The enhanced status code, or the general one of the reply's class where the server gave none.</summary>
    public EnhancedStatusCode StatusOrDefault => Status.IsNone ? new EnhancedStatusCode((byte)(Code / 100), 0, 0) : Status;

    /// <summary>Codes and text in one line.</summary>
    public override string ToString()
    {
        var text = Text.Replace('\n', ' ');
        return Status.IsNone
            ? string.Create(CultureInfo.InvariantCulture, $"{Code} {text}").TrimEnd()
            : string.Create(CultureInfo.InvariantCulture, $"{Code} {Status} {text}").TrimEnd();
    }
}
