using System.Text;
using MimeKit.Utils;

namespace HomeMail.Server.Imap.Structure;

/// <summary>Encoded words (RFC 2047) in the text of header fields.</summary>
public static class EncodedWords
{
    // MimeKit asks .NET for the encoding of a word, and .NET knows but Unicode, ASCII and Latin-1 by itself.
    static EncodedWords() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>The text of a value; a word in a charset that is not known stands as it is.</summary>
    /// <param name="octets">What holds the value, unfolded.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="count">How many octets it has.</param>
    public static string Decode(byte[] octets, int start, int count) => Rfc2047.DecodeText(octets, start, count);
}
