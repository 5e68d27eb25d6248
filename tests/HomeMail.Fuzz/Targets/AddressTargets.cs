using System.Text;
using HomeMail.Protocol.Message;

namespace HomeMail.Fuzz.Targets;

/// <summary>Addresses, in paths and in header fields.</summary>
public static class AddressTargets
{
    private static readonly string[] Tokens =
        ["@", ".", "\"", "\\\"", "<", ">", "(", ")", "(a(b)c)", ",", ";", ":", "[", "]", "IPv6:", "::", "192.0.2.1", "xn--", "\r\n ", "\r\n", "\t", "=?utf-8?q?a?=", "\xc3\xbc", "\xe2\x80\x8b", "\xff", "\0", "example.org", "a", "-"];

    /// <summary>A mailbox of SMTP.</summary>
    public static FuzzTarget Address { get; } = new(
        "address", RunAddress, ["a@b.example", "\"a b\"@c.example", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "\xd0\xb4\xd0\xb5\xd0\xb4@\xd0\xbf\xd1\x80.example", "a+b@xn--bcher-kva.example"], Tokens);

    /// <summary>The addresses of a From, Sender or To field.</summary>
    public static FuzzTarget List { get; } = new(
        "address-list", RunList,
        [" Alice <alice@example.org>", " a@b.example, \"c, d\" <e@f.example>", " us: a@b.example, c@d.example;", " (a) a (b) @ (c) b.example (d)", " =?utf-8?q?J=C3=BCrgen?=\r\n <j@example.org>", " undisclosed:;"], Tokens);

    private static void RunAddress(ReadOnlySpan<byte> input)
    {
        var strict = AddressSyntax.TryParseMailbox(input, false, out var ascii);
        var wide = AddressSyntax.TryParseMailbox(input, true, out var address);
        FuzzException.Check(!strict || (wide && ascii!.Equals(address)), "UTF-8 takes away what was fine without");
        if (!wide)
            return;
        FuzzException.Check(input.Length <= (2 * AddressSyntax.MaxLocalPart) + 1 + AddressSyntax.MaxDomain, "too long");
        FuzzException.Check(address!.Domain.Length > 0, "no domain");
        var text = address.ToString();
        FuzzException.Check(AddressSyntax.TryParseMailbox(text, true, out var again) && address.Equals(again), "does not survive its own form");
        FuzzException.Check(text.AsSpan().IndexOfAny('\r', '\n', '\0') < 0, "a line break in an address");
    }

    private static void RunList(ReadOnlySpan<byte> input)
    {
        var addresses = new List<Address>();
        if (!AddressList.TryParse(input, addresses))
            return;
        foreach (var address in addresses)
        {
            FuzzException.Check(address.Domain.Length > 0, "no domain");
            // What can stand in a path reads the same there.
            var text = Encoding.UTF8.GetBytes(address.ToString());
            FuzzException.Check(!AddressSyntax.TryParseMailbox(text, true, out var again) || address.Equals(again), "the two grammars read it differently");
        }
    }
}
