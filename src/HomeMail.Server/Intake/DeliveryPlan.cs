using HomeMail.Protocol.Message;
using HomeMail.Storage;

namespace HomeMail.Server.Intake;

/// <summary>What is to become of a message: which mailboxes get it, and what is left to the queue.</summary>
internal sealed class DeliveryPlan
{
    /// <summary>The mailboxes.</summary>
    public List<LocalDelivery> Deliveries { get; } = [];

    /// <summary>The envelope, or null if nothing is left to do.</summary>
    public Envelope? Envelope { get; set; }

    /// <summary>Where it does not go, and why: a rule has dropped it, or it may not leave the house.</summary>
    public List<(Address Recipient, string What, string Why)> Dropped { get; } = [];

    /// <summary>Accounts that have it among the mail they want, with the address it was for: those may answer it.</summary>
    public List<(HostedAccount Account, Address Recipient)> Wanted { get; } = [];

    /// <summary>Whether something of it was to leave the house and may not.</summary>
    public bool IsKeptInside { get; set; }

    /// <summary>Whether there is nowhere for it to go.</summary>
    public bool IsEmpty => Deliveries.Count == 0 && Envelope is null;
}
