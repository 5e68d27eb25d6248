using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Message;
using HomeMail.Server.Authentication;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

/// <summary>A message from the internet about which has been decided. Valid during the call.</summary>
/// <param name="Id">The message.</param>
/// <param name="Facts">What was found out about its origin.</param>
/// <param name="Header">Its header as it came.</param>
/// <param name="Recipients">The recipients it was for.</param>
/// <param name="Deliveries">The mailboxes it was for.</param>
/// <param name="Stored">Where it is now, in the same order; none if it was refused.</param>
public readonly record struct Reception(
    MessageId Id, OriginFacts Facts, ReadOnlyMemory<byte> Header, IReadOnlyList<Address> Recipients, IReadOnlyList<LocalDelivery> Deliveries,
    IReadOnlyList<StoredMessage> Stored)
{
    /// <summary>What was done because of the author domain's DMARC policy: nothing, or as with quarantine or reject.</summary>
    public DmarcPolicy Handling { get; init; }

    /// <summary>Why that is not what the owner asks for (RFC 9990 3.1.6), where it is not seen in the facts; or null.</summary>
    public string? Reason { get; init; }
}

/// <summary>Is told of each message from the internet about which has been decided, before the reply. It must be quick, and never fails.</summary>
public interface IReceptionObserver
{
    /// <summary>A message.</summary>
    /// <param name="reception">What became of it.</param>
    void Received(in Reception reception);
}
