using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace HomeMail.Protocol.Sasl;

/// <summary>The text of SCRAM messages (RFC 5802 7): attributes <c>x=value</c> between commas.</summary>
internal static class ScramText
{
    private const int NonceOctets = 18;

    /// <summary>A fresh nonce: 144 random bits in Base64, which has no comma.</summary>
    public static byte[] NewNonce() => Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceOctets)));

    /// <summary>Takes the next attribute off a message, with the comma behind it.</summary>
    /// <returns>False if the message does not go on with this attribute.</returns>
    public static bool TryTake(ref ReadOnlySpan<byte> message, char name, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (message.Length < 2 || message[0] != name || message[1] != '=')
            return false;
        var end = message.IndexOf((byte)',');
        value = end < 0 ? message[2..] : message[2..end];
        message = end < 0 ? default : message[(end + 1)..];
        return true;
    }

    /// <summary>Whether octets can be a nonce: printable ASCII but no comma, one at least (RFC 5802 7 <c>printable</c>).</summary>
    public static bool IsNonce(ReadOnlySpan<byte> value) =>
        !value.IsEmpty && !value.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e) && !value.Contains((byte)',');

    /// <summary>Undoes the escapes of <c>saslname</c>: <c>=2C</c> and <c>=3D</c>, and no other (RFC 5802 5.1).</summary>
    public static bool TryUnescapeName(ReadOnlySpan<byte> value, out byte[] name)
    {
        name = new byte[value.Length];
        var length = 0;
        for (var i = 0; i < value.Length; i++)
        {
            var octet = value[i];
            if (octet == '=')
            {
                var escape = value[(i + 1)..];
                if (escape.StartsWith("2C"u8))
                    octet = (byte)',';
                else if (!escape.StartsWith("3D"u8))
                    return false;
                i += 2;
            }
            name[length++] = octet;
        }
        name = name[..length];
        return true;
    }

    /// <summary>Makes a <c>saslname</c> of a prepared name.</summary>
    public static byte[] EscapeName(string name) =>
        Encoding.UTF8.GetBytes(name.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal));

    /// <summary>Decodes Base64 without the white space that the BCL would skip.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> base64, out byte[] octets)
    {
        octets = new byte[Base64.GetMaxDecodedFromUtf8Length(base64.Length)];
        if (base64.ContainsAny(" \t\r\n"u8)
            || Base64.DecodeFromUtf8(base64, octets, out _, out var written) != OperationStatus.Done)
            return false;
        octets = octets[..written];
        return true;
    }

    /// <summary>Writes octets as Base64.</summary>
    public static void WriteBase64(IBufferWriter<byte> writer, ReadOnlySpan<byte> octets)
    {
        var span = writer.GetSpan(Base64.GetMaxEncodedToUtf8Length(octets.Length));
        Base64.EncodeToUtf8(octets, span, out _, out var written);
        writer.Advance(written);
    }

    /// <summary>Reads an iteration count.</summary>
    public static bool TryReadIterations(ReadOnlySpan<byte> value, out int iterations) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out iterations);
}
