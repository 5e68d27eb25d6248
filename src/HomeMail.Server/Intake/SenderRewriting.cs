using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Storage.State;
using LiteDB;

namespace HomeMail.Server.Intake;

/// <summary>What a rewritten address leads back to.</summary>
public enum ReturnKind
{
    /// <summary>It is none of ours, or forged, or too old.</summary>
    Unknown,

    /// <summary>To who sent the message.</summary>
    ToSender,

    /// <summary>Nobody has proven to be the sender: postmaster is to know, and no bystander.</summary>
    ToPostmaster,

    /// <summary>This address has brought too much back today.</summary>
    TooMany,
}

/// <summary>
/// Sender rewriting (SRS): mail of strangers that goes on through an alias or a rule has a reverse-path of this house, for which this host may send, and from
/// which a DSN finds its way back. The forms are <c>SRS0=hash=time=domain=local</c>, and <c>SRS1=hash=domain==...</c> for what was rewritten before. The hash is
/// keyed with this server's secret and covers the domain it is of, a time that ends it, and whether the sender was proven: who is not gets nothing back.
/// </summary>
public sealed class SenderRewriting
{
    /// <summary>How long a DSN finds its way back, in days.</summary>
    public const int Lifetime = 21;

    /// <summary>How many messages come back by one address in a day (UTC).</summary>
    public const int ReturnsPerDay = 50;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    private const int HashLength = 8;
    private const int Days = 1024;
    private const string Stored = "#";

    private readonly byte[] _key;
    private readonly TimeProvider _clock;
    private readonly Func<bool> _clockIsSane;
    private readonly StateCollection? _state;

    /// <summary>Makes a rewriter.</summary>
    /// <param name="secret">A secret of this server.</param>
    /// <param name="clock">The time.</param>
    /// <param name="clockIsSane">Whether it can be believed; until then nothing is too old.</param>
    /// <param name="state">Where it is counted, and what is too long for an address is kept; null counts nothing.</param>
    public SenderRewriting(ReadOnlySpan<byte> secret, TimeProvider clock, Func<bool> clockIsSane, StateCollection? state)
    {
        _key = HMACSHA256.HashData(secret, "sender rewriting"u8);
        _clock = clock;
        _clockIsSane = clockIsSane;
        _state = state;
    }

    /// <summary>Whether an address has one of the two forms, whoever made it.</summary>
    /// <param name="address">The address.</param>
    public static bool IsRewritten(Address address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return IsForm(address.LocalPart, '0') || IsForm(address.LocalPart, '1');
    }

    /// <summary>The reverse-path with which a message goes on. A null reverse-path stays null (RFC 5321 4.5.5).</summary>
    /// <param name="sender">The reverse-path it came with.</param>
    /// <param name="domain">The hosted domain in whose name it goes on.</param>
    /// <param name="verified">Whether the sender was proven to be who it says.</param>
    public Address? Rewrite(Address? sender, string domain, bool verified)
    {
        if (sender is null)
            return null;
        var rest = sender.LocalPart;
        // Who rewrote it first is told, and not each of a chain (the first one knows where it came from).
        var again = IsForm(rest, '0') ? $"{sender.Domain}={rest[4..]}" : IsForm(rest, '1') && rest.IndexOf('=', 5) is > 0 and var hash ? rest[(hash + 1)..] : null;
        var address = again is null ? Make("SRS0", $"{sender.Domain}={rest}", domain, verified) : Make("SRS1", again, domain, verified);
        if (AddressSyntax.QuoteLocalPart(address.LocalPart) is { Length: <= AddressSyntax.MaxLocalPart } local && Encoding.UTF8.GetByteCount(local) <= AddressSyntax.MaxLocalPart)
            return address;
        if (_state is null)
            return null;
        var token = Text(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(sender.ToString())), 16);
        _state.Upsert("long " + token, new BsonDocument { ["address"] = sender.ToString() }, _clock.GetUtcNow().AddDays(Lifetime));
        return Make("SRS0", $"{Stored}={token}", domain, verified);
    }

    /// <summary>Where mail for a rewritten address goes. Only the null reverse-path may use it: whatever else comes there is no answer.</summary>
    /// <param name="address">The address.</param>
    /// <param name="original">Who sent the message, if it leads there.</param>
    public ReturnKind Return(Address address, out Address? original)
    {
        ArgumentNullException.ThrowIfNull(address);
        original = null;
        var text = address.LocalPart.ToLowerInvariant();
        if (!IsRewritten(address) || text.Length < 5 + HashLength + 4)
            return ReturnKind.Unknown;
        var isFirst = text[3] == '0';
        var hash = text.Substring(5, HashLength);
        var timeAt = 5 + HashLength + (isFirst ? 1 : 0);
        if ((isFirst && text[timeAt - 1] != '=') || text[timeAt + 2] != '=')
            return ReturnKind.Unknown;
        var time = text.Substring(timeAt, 2);
        var content = address.LocalPart[(timeAt + 3)..];
        var verified = Same(hash, Hash(text[..4], time, content, address.Domain, true));
        if (!verified && !Same(hash, Hash(text[..4], time, content, address.Domain, false)))
            return ReturnKind.Unknown;
        if (_clockIsSane() && Age(time) > Lifetime)
            return ReturnKind.Unknown;
        if (!verified)
            return ReturnKind.ToPostmaster;
        original = Original(isFirst, content);
        return original is null ? ReturnKind.Unknown : Count(text) ? ReturnKind.ToSender : ReturnKind.TooMany;
    }

    private Address? Original(bool isFirst, string content)
    {
        var equals = content.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            return null;
        var (domain, rest) = (content[..equals], content[(equals + 1)..]);
        if (domain == Stored)
            return AddressSyntax.TryParseMailbox(_state?.Find("long " + rest.ToLowerInvariant())?["address"].AsString ?? "", true, out var kept) ? kept : null;
        var local = isFirst ? rest : "SRS0" + rest;
        return AddressSyntax.TryParseMailbox($"{AddressSyntax.QuoteLocalPart(local)}@{domain}", true, out var address) ? address : null;
    }

    private bool Count(string key)
    {
        if (_state is null)
            return true;
        var today = Day();
        var count = _state.Find(key) is { } found && found["day"].AsInt32 == today ? found["count"].AsInt32 : 0;
        if (count >= ReturnsPerDay)
            return false;
        _state.Upsert(key, new BsonDocument { ["day"] = today, ["count"] = count + 1 }, _clock.GetUtcNow().AddDays(1));
        return true;
    }

    private Address Make(string form, string content, string domain, bool verified)
    {
        var day = Day() % Days;
        var time = string.Create(CultureInfo.InvariantCulture, $"{Alphabet[day >> 5]}{Alphabet[day & 31]}");
        var separator = form == "SRS0" ? "=" : "";
        return new Address($"{form}={Hash(form, time, content, domain, verified)}{separator}{time}={content}", domain);
    }

    // Some hosts fold the case of local parts on the way back.
    private string Hash(string form, string time, string content, string domain, bool verified) => Text(
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{form}\0{time}\0{content}\0{domain}\0{(verified ? "sender" : "nobody")}".ToLowerInvariant())), HashLength);

    private static bool Same(string a, string b) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(a), Encoding.UTF8.GetBytes(b));

    private static string Text(ReadOnlySpan<byte> octets, int length)
    {
        var text = new StringBuilder(length);
        for (var i = 0; i < length; i++)
            text.Append(Alphabet[octets[i] & 31]);
        return text.ToString();
    }

    private int Age(string time)
    {
        var (high, low) = (Alphabet.IndexOf(time[0], StringComparison.Ordinal), Alphabet.IndexOf(time[1], StringComparison.Ordinal));
        return high < 0 || low < 0 ? Days : (Day() - ((high << 5) | low) + 2 * Days) % Days;
    }

    private int Day() => (int)Math.Max(0, _clock.GetUtcNow().ToUnixTimeSeconds() / 86_400);

    private static bool IsForm(string localPart, char digit) =>
        localPart.Length > 5 && localPart.StartsWith("SRS", StringComparison.OrdinalIgnoreCase) && localPart[3] == digit && localPart[4] is '=' or '+' or '-';
}
