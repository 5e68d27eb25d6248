using System.Security.Cryptography;
using HomeMail.Protocol.Message;

namespace HomeMail.Server.House;

/// <summary>
/// The transactions in which our own client sends to one of our own addresses at this moment. A message that comes in at our listener and equals one of
/// them in reverse-path, recipients and every octet is ours, whatever address it comes from. Nothing of this is on the wire, so there is nothing that a
/// stranger could relay or repeat: an entry is used once, and ends with its transaction.
/// </summary>
/// <remarks>
/// Only what somebody of the house sends is entered: mail that came from outside and goes on through an alias stays a stranger's, though it is we who
/// send it.
/// </remarks>
public sealed class OpenDeliveries
{
    private readonly Lock _gate = new();
    private readonly List<OpenDelivery> _open = [];
    private volatile int _count;

    /// <summary>How many are open.</summary>
    public int Count => _count;

    /// <summary>A transaction begins.</summary>
    /// <param name="sender">The reverse-path; null is <c>&lt;&gt;</c>.</param>
    /// <param name="recipients">The recipients that will be named.</param>
    /// <returns>The entry; disposing of it ends it.</returns>
    public OpenDelivery Open(Address? sender, IReadOnlyList<Address> recipients)
    {
        var delivery = new OpenDelivery(this, sender, recipients);
        lock (_gate)
        {
            _open.Add(delivery);
            _count = _open.Count;
        }
        return delivery;
    }

    /// <summary>Whether a message might be one of ours, so that it is worth hashing. With nothing open it costs nothing to ask.</summary>
    /// <param name="sender">The reverse-path.</param>
    /// <param name="recipients">The recipients that were accepted.</param>
    public bool MayBe(Address? sender, IReadOnlyList<Address> recipients)
    {
        ArgumentNullException.ThrowIfNull(recipients);
        if (_count == 0)
            return false;
        lock (_gate)
            return _open.Exists(open => Equals(open.Sender, sender) && recipients.All(open.Recipients.Contains));
    }

    /// <summary>Whether a message is ours. If so, its entry is used up.</summary>
    /// <param name="sender">The reverse-path.</param>
    /// <param name="recipients">The recipients that were accepted.</param>
    /// <param name="digest">The SHA-256 of its octets.</param>
    public bool Take(Address? sender, IReadOnlyList<Address> recipients, ReadOnlySpan<byte> digest)
    {
        ArgumentNullException.ThrowIfNull(recipients);
        lock (_gate)
        {
            foreach (var open in _open)
            {
                if (open.Digest is not { } sent || !Equals(open.Sender, sender) || open.Recipients.Count != recipients.Count
                    || !recipients.All(open.Recipients.Contains) || !CryptographicOperations.FixedTimeEquals(sent, digest))
                    continue;
                _open.Remove(open);
                _count = _open.Count;
                return true;
            }
            return false;
        }
    }

    internal void End(OpenDelivery delivery)
    {
        lock (_gate)
        {
            _open.Remove(delivery);
            _count = _open.Count;
        }
    }

    internal void Publish(Action change)
    {
        lock (_gate)
            change();
    }
}

/// <summary>One transaction of our own client with one of our own addresses.</summary>
public sealed class OpenDelivery : IDisposable
{
    private readonly OpenDeliveries _all;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _endsLine = true;
    private byte _last;

    internal OpenDelivery(OpenDeliveries all, Address? sender, IReadOnlyList<Address> recipients) => (_all, Sender, Recipients) = (all, sender, recipients);

    internal Address? Sender { get; }

    internal IReadOnlyList<Address> Recipients { get; private set; }

    internal byte[]? Digest { get; private set; }

    /// <summary>The recipients that the host has accepted are known, and the content comes.</summary>
    /// <param name="recipients">The recipients.</param>
    public void Begin(IReadOnlyList<Address> recipients) => _all.Publish(() => Recipients = recipients);

    /// <summary>Octets of the content, before anything is done to them for the wire.</summary>
    /// <param name="octets">The octets.</param>
    public void Append(ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty)
            return;
        _hash.AppendData(octets);
        _endsLine = octets[^1] == '\n' && (octets.Length > 1 ? octets[^2] : _last) == '\r';
        _last = octets[^1];
    }

    /// <summary>The content is whole. Must come before its last octet is sent: whoever receives it asks at once.</summary>
    public void Complete()
    {
        // A message ends with a line end on the wire, whether or not it has one (RFC 5321 4.1.1.4).
        if (!_endsLine)
            _hash.AppendData("\r\n"u8);
        var digest = _hash.GetHashAndReset();
        _all.Publish(() => Digest = digest);
    }

    /// <summary>The transaction is over.</summary>
    public void Dispose()
    {
        _all.End(this);
        _hash.Dispose();
    }
}
