using System.Globalization;
using System.Text;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>Makes messages of odd structure: the same ones each time.</summary>
internal sealed class OddMessages(int seed)
{
    private static readonly string[] Addresses =
    [
        "a@example.org", "\"A B\" <a.b@example.org>", "A B <ab@example.org>", "Group: a@x.org, B <b@y.org>;", "c@example.org (C Comment)", "<d@example.org>",
        "=?utf-8?Q?=C3=BC?= <u@example.org>", "\"q\\\"q\" <q@example.org>", "E F <e@[192.0.2.1]>", "\"local part\"@example.org", "undisclosed:;",
    ];

    private static readonly string[] Types =
    [
        "text/plain", "text/html; charset=utf-8", "TEXT/Plain; charset=\"iso-8859-1\"; format=flowed", "application/octet-stream; name=\"a b.bin\"", "image/png",
        "application/pdf; name*=UTF-8''%C3%BC.pdf", "text/plain; charset=us-ascii (comment)", "text/calendar; method=REQUEST", "message/delivery-status", "audio/basic", "", "text",
        "text/plain; charset = utf-8 ; format = \"flowed\"", "application/x-a; n*0*=us-ascii''a%20; n*1=b; m=1", "text/plain;charset=utf-8;", "(before) text (in) / (after) html", "application/octet-stream;\r\n\tname=\"folded\r\n name\"",
    ];

    private static readonly string[] Encodings = ["7bit", "8bit", "base64", "quoted-printable", "BINARY", "x-odd", ""];

    private static readonly string[] Dispositions = ["inline", "attachment; filename=\"f.txt\"", "attachment; filename=f.txt; size=10", "", "", ""];

    private readonly Random _random = new(seed);
    private int _boundary;

    /// <summary>The next message, with CRLF.</summary>
    public string Next()
    {
        _boundary = 0;
        var message = new StringBuilder();
        Message(message, 0);
        return message.ToString();
    }

    private void Message(StringBuilder message, int depth)
    {
        Maybe(message, "Date: Mon, 5 Jan 2026 10:00:00 +0100\r\n");
        Maybe(message, Pick("Subject: plain\r\n", "Subject: folded\r\n over lines\r\n", "Subject: =?utf-8?B?w7w=?= x\r\n", "Subject: quote \" and \\ back\r\n", "Subject:\r\n"));
        foreach (var field in (string[])["From", "Sender", "Reply-To", "To", "Cc", "Bcc"])
        {
            if (_random.Next(3) > 0)
                message.Append(field).Append(": ").AppendJoin(_random.Next(2) == 0 ? ", " : ",\r\n ", Enumerable.Range(0, 1 + _random.Next(3)).Select(_ => Pick(Addresses))).Append("\r\n");
        }
        Maybe(message, "Message-ID: <1.2@example.org>\r\n");
        Maybe(message, "In-Reply-To: <0.1@example.org>\r\n");
        Maybe(message, "MIME-Version: 1.0\r\n");
        Entity(message, depth);
    }

    private void Entity(StringBuilder message, int depth)
    {
        var choice = depth >= 5 ? 9 : _random.Next(10);
        Maybe(message, "Content-ID: <part@example.org>\r\n");
        if (_random.Next(4) == 0)
            message.Append("Content-Description: some thing\r\n");
        if (_random.Next(6) == 0)
            message.Append("Content-Language: en, de\r\n");
        if (_random.Next(6) == 0)
            message.Append("Content-Location: http://example.org/x\r\n");
        if (_random.Next(6) == 0)
            message.Append("Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n");
        if (Pick(Dispositions) is { Length: > 0 } disposition)
            message.Append("Content-Disposition: ").Append(disposition).Append("\r\n");
        if (choice < 4)
            Multipart(message, depth);
        else if (choice == 4)
        {
            message.Append("Content-Type: message/rfc822\r\n\r\n");
            Message(message, depth + 1);
        }
        else
            Leaf(message);
    }

    private void Multipart(StringBuilder message, int depth)
    {
        var boundary = string.Create(CultureInfo.InvariantCulture, $"=_{_boundary++}_{depth}_");
        if (_random.Next(30) == 0)
        {
            // RFC 2046 5.1.1 asks for a boundary; without one there are no parts.
            message.Append("Content-Type: multipart/mixed\r\n\r\n--").Append(boundary).Append("\r\n\r\nx\r\n");
            return;
        }
        message.Append("Content-Type: multipart/").Append(Pick("mixed", "alternative", "related", "digest", "x-odd")).Append("; boundary=\"").Append(boundary).Append("\"\r\n\r\n");
        if (_random.Next(3) == 0)
            message.Append("a preamble\r\n");
        for (var parts = _random.Next(4); parts >= 0; parts--)
        {
            message.Append("--").Append(boundary).Append(Pick("", "", "", " ", "\t ")).Append("\r\n");
            if (_random.Next(20) == 0)
            {
                // A header that the next delimiter cuts off.
                message.Append("Content-Type: text/html\r\nContent-ID: <cut@example.org>\r\n");
                continue;
            }
            Entity(message, depth + 1);
            message.Append(Pick("\r\n", "\r\n", "\r\n\r\n"));
        }
        if (_random.Next(4) > 0)
            message.Append("--").Append(boundary).Append("--\r\n");
        if (_random.Next(4) == 0)
            message.Append("an epilogue\r\n");
    }

    private void Leaf(StringBuilder message)
    {
        if (Pick(Types) is { Length: > 0 } type)
            message.Append("Content-Type: ").Append(type).Append("\r\n");
        if (Pick(Encodings) is { Length: > 0 } encoding)
            message.Append("Content-Transfer-Encoding: ").Append(encoding).Append("\r\n");
        message.Append("\r\n");
        for (var lines = _random.Next(5); lines > 0; lines--)
            message.Append(Pick("some text", "", "-- ", "--no boundary", "w\u00fc\u00df", "=3D=")).Append("\r\n");
        Maybe(message, "no line end");
    }

    private void Maybe(StringBuilder message, string text)
    {
        if (_random.Next(3) > 0)
            message.Append(text);
    }

    private string Pick(params string[] of) => of[_random.Next(of.Length)];
}
