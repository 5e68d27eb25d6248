using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dns;
using HomeMail.Server.Dns;

namespace HomeMail.Server.Authentication;

/// <summary>Answers the questions of evaluations that do no I/O themselves.</summary>
internal static class LookUps
{
    /// <summary>Looks up.</summary>
    /// <param name="resolver">Where.</param>
    /// <param name="question">What.</param>
    /// <param name="client">The address whose PTR is meant by a question for one.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public static async ValueTask<DnsReply> AnswerAsync(this IMailResolver resolver, DnsQuestion question, IPAddress? client, CancellationToken cancel)
    {
        switch (question.Type)
        {
            case DnsType.Txt:
                var txt = await resolver.TxtAsync(question.Name, cancel).ConfigureAwait(false);
                return new DnsReply(StatusOf(txt.Status), Texts: txt.Records);
            case DnsType.Mx:
                var mx = await resolver.MxAsync(question.Name, cancel).ConfigureAwait(false);
                return new DnsReply(StatusOf(mx.Status), Texts: [.. mx.Records.Select(r => r.Exchange)]);
            case DnsType.Ptr:
                var ptr = await resolver.PtrAsync(client!, cancel).ConfigureAwait(false);
                return new DnsReply(StatusOf(ptr.Status), Texts: ptr.Records);
            default:
                var family = question.Type == DnsType.A ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
                var addresses = await resolver.AddressesAsync(question.Name, family, cancel).ConfigureAwait(false);
                return new DnsReply(StatusOf(addresses.Status), addresses.Records);
        }
    }

    private static DnsReplyStatus StatusOf(DnsStatus status) => status switch
    {
        DnsStatus.Found => DnsReplyStatus.Found,
        DnsStatus.NoData => DnsReplyStatus.NoData,
        DnsStatus.NoSuchDomain => DnsReplyStatus.NoSuchDomain,
        _ => DnsReplyStatus.TemporaryFailure,
    };
}
