namespace HomeMail.Server.Imap.Structure;

/// <summary>A message as FETCH gives it: what is said of its parts holds for the octets of <see cref="File"/>.</summary>
internal interface IMessageText
{
    /// <summary>Its octets, able to seek.</summary>
    Stream File { get; }

    /// <summary>Its MIME structure.</summary>
    MessageStructure Structure { get; }

    /// <summary>Its header; what lies below it need not be there.</summary>
    MessagePart Header { get; }

    /// <summary>How many octets it has.</summary>
    long Length { get; }
}
