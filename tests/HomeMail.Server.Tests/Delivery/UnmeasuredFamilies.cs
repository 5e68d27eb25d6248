using System.Net;
using HomeMail.Server.Delivery;

namespace HomeMail.Server.Tests.Delivery;

/// <summary>Both families are as good: what a test gets that is about something else.</summary>
internal sealed class UnmeasuredFamilies : IFamilyPreference
{
    public ValueTask<IReadOnlyList<IReadOnlyList<IPAddress>>> OrderAsync(
        MailHost host, FamilyMode mode, string? senderDomain, IReadOnlyList<IPAddress> addresses, CancellationToken cancel) =>
        ValueTask.FromResult(FamilyOrder.Of(mode, addresses));

    public ValueTask<bool> IsHealthyAsync(IPAddress address, string? senderDomain, CancellationToken cancel) => ValueTask.FromResult(true);

    public void Learn(MailHost host, IPAddress address, bool worked)
    {
    }
}
