namespace HomeMail.Server.Imap.Structure;

/// <summary>A media type with its parameters (RFC 2045 5). Text is an octet a character.</summary>
/// <param name="Type">Such as <c>text</c>, as it was written.</param>
/// <param name="Subtype">Such as <c>plain</c>, as it was written.</param>
/// <param name="Parameters">Names and values in their order, continuations put together (RFC 2231 3).</param>
public sealed record ContentFacts(string Type, string Subtype, IReadOnlyList<KeyValuePair<string, string>> Parameters)
{
    private static readonly ContentFacts Plain = new("text", "plain", []);
    private static readonly ContentFacts Rfc822 = new("message", "rfc822", []);

    /// <summary>Whether it is a multipart.</summary>
    public bool IsMultipart => Type.Equals("multipart", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a message is inside: message/rfc822 (RFC 2046 5.2.1) or message/global (RFC 6532 3.7).</summary>
    public bool IsMessage => Is("message", "rfc822") || Is("message", "global");

    /// <summary>Whether it is text.</summary>
    public bool IsText => Type.Equals("text", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is a type.</summary>
    public bool Is(string type, string subtype) =>
        Type.Equals(type, StringComparison.OrdinalIgnoreCase) && Subtype.Equals(subtype, StringComparison.OrdinalIgnoreCase);

    /// <summary>A parameter's value, or null.</summary>
    public string? Parameter(string name)
    {
        foreach (var (key, value) in Parameters)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        return null;
    }

    internal static ContentFacts Of(MessagePart part)
    {
        if (part.Field("Content-Type") is not { } value)
            return part.IsDigestPart ? Rfc822 : Plain;
        // RFC 2045 5.2: one that is broken counts as text/plain, in a digest too: RFC 2046 5.1.5 speaks of a missing one only.
        var reader = new ParameterReader(value);
        var type = reader.Token();
        if (type.Length == 0 || !reader.Take('/'))
            return Plain;
        var subtype = reader.Token();
        return subtype.Length == 0 ? Plain : new(type, subtype, reader.Parameters());
    }
}
