using System.Buffers.Binary;
using System.Text;

namespace HomeMail.Protocol.Smtp;

/// <summary>The commands of SMTP and its extensions.</summary>
public enum SmtpVerb : byte
{
    /// <summary>None that is known.</summary>
    Unknown,

    /// <summary>HELO (RFC 5321 4.1.1.1).</summary>
    Helo,

    /// <summary>EHLO (RFC 5321 4.1.1.1).</summary>
    Ehlo,

    /// <summary>MAIL (RFC 5321 4.1.1.2).</summary>
    Mail,

    /// <summary>RCPT (RFC 5321 4.1.1.3).</summary>
    Rcpt,

    /// <summary>DATA (RFC 5321 4.1.1.4).</summary>
    Data,

    /// <summary>BDAT (RFC 3030 2).</summary>
    Bdat,

    /// <summary>RSET (RFC 5321 4.1.1.5).</summary>
    Rset,

    /// <summary>NOOP (RFC 5321 4.1.1.9).</summary>
    Noop,

    /// <summary>QUIT (RFC 5321 4.1.1.10).</summary>
    Quit,

    /// <summary>VRFY (RFC 5321 4.1.1.6).</summary>
    Vrfy,

    /// <summary>EXPN (RFC 5321 4.1.1.7).</summary>
    Expn,

    /// <summary>HELP (RFC 5321 4.1.1.8).</summary>
    Help,

    /// <summary>STARTTLS (RFC 3207).</summary>
    StartTls,

    /// <summary>AUTH (RFC 4954).</summary>
    Auth,

    /// <summary>ETRN (RFC 1985), TURN and other verbs of old that are known and not served.</summary>
    Obsolete,

    /// <summary>A verb of another protocol, such as HTTP: nobody who sends it wants to send mail.</summary>
    Foreign,
}

/// <summary>Splits a command line into verb and arguments. The verb is matched on its first four octets as an integer.</summary>
public static class SmtpCommandLine
{
    /// <summary>Reads the verb of a line.</summary>
    /// <param name="line">The line without its line ending.</param>
    /// <param name="arguments">What follows the verb, without the white space around it.</param>
    public static SmtpVerb Parse(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> arguments)
    {
        var end = line.IndexOfAny((byte)' ', (byte)'\t');
        var verb = end < 0 ? line : line[..end];
        arguments = end < 0 ? [] : line[end..].Trim(" \t"u8);
        if (verb.Length == 4)
            return Four(BinaryPrimitives.ReadUInt32BigEndian(verb) & 0xDFDFDFDF);
        if (Ascii.EqualsIgnoreCase(verb, "STARTTLS"u8))
            return SmtpVerb.StartTls;
        return IsForeign(verb) ? SmtpVerb.Foreign : SmtpVerb.Unknown;
    }

    // Clearing bit 5 makes letters capitals; it also maps a few signs onto control characters, which are in no verb.
    private static SmtpVerb Four(uint verb) => verb switch
    {
        ('H' << 24) | ('E' << 16) | ('L' << 8) | 'O' => SmtpVerb.Helo,
        ('E' << 24) | ('H' << 16) | ('L' << 8) | 'O' => SmtpVerb.Ehlo,
        ('M' << 24) | ('A' << 16) | ('I' << 8) | 'L' => SmtpVerb.Mail,
        ('R' << 24) | ('C' << 16) | ('P' << 8) | 'T' => SmtpVerb.Rcpt,
        ('D' << 24) | ('A' << 16) | ('T' << 8) | 'A' => SmtpVerb.Data,
        ('B' << 24) | ('D' << 16) | ('A' << 8) | 'T' => SmtpVerb.Bdat,
        ('R' << 24) | ('S' << 16) | ('E' << 8) | 'T' => SmtpVerb.Rset,
        ('N' << 24) | ('O' << 16) | ('O' << 8) | 'P' => SmtpVerb.Noop,
        ('Q' << 24) | ('U' << 16) | ('I' << 8) | 'T' => SmtpVerb.Quit,
        ('V' << 24) | ('R' << 16) | ('F' << 8) | 'Y' => SmtpVerb.Vrfy,
        ('E' << 24) | ('X' << 16) | ('P' << 8) | 'N' => SmtpVerb.Expn,
        ('H' << 24) | ('E' << 16) | ('L' << 8) | 'P' => SmtpVerb.Help,
        ('A' << 24) | ('U' << 16) | ('T' << 8) | 'H' => SmtpVerb.Auth,
        ('E' << 24) | ('T' << 16) | ('R' << 8) | 'N' => SmtpVerb.Obsolete,
        ('T' << 24) | ('U' << 16) | ('R' << 8) | 'N' => SmtpVerb.Obsolete,
        ('S' << 24) | ('E' << 16) | ('N' << 8) | 'D' => SmtpVerb.Obsolete,
        ('S' << 24) | ('O' << 16) | ('M' << 8) | 'L' => SmtpVerb.Obsolete,
        ('S' << 24) | ('A' << 16) | ('M' << 8) | 'L' => SmtpVerb.Obsolete,
        ('P' << 24) | ('O' << 16) | ('S' << 8) | 'T' => SmtpVerb.Foreign,
        ('H' << 24) | ('E' << 16) | ('A' << 8) | 'D' => SmtpVerb.Foreign,
        _ => SmtpVerb.Unknown,
    };

    private static bool IsForeign(ReadOnlySpan<byte> verb) =>
        Ascii.EqualsIgnoreCase(verb, "GET"u8) || Ascii.EqualsIgnoreCase(verb, "PUT"u8) || Ascii.EqualsIgnoreCase(verb, "CONNECT"u8)
        || Ascii.EqualsIgnoreCase(verb, "OPTIONS"u8) || Ascii.EqualsIgnoreCase(verb, "DELETE"u8) || Ascii.EqualsIgnoreCase(verb, "PATCH"u8)
        || Ascii.EqualsIgnoreCase(verb, "TRACE"u8) || Ascii.EqualsIgnoreCase(verb, "PRI"u8)
        || verb.StartsWith("\x16\x03"u8) || verb.StartsWith("SSH-"u8);
}
