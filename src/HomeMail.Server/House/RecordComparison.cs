using System.Net;
using System.Net.Sockets;
using HomeMail.Protocol.Dkim;
using HomeMail.Protocol.Dmarc;
using HomeMail.Protocol.Dns;
using HomeMail.Protocol.Spf;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;

namespace HomeMail.Server.House;

/// <summary>How a record that is to be published compares with what is there.</summary>
public enum RecordState
{
    /// <summary>It is there, or something that does the same.</summary>
    Ok,

    /// <summary>There is none.</summary>
    Missing,

    /// <summary>There is another one, which does not do the same.</summary>
    Different,

    /// <summary>DNS does not answer.</summary>
    Unknown,
}

/// <summary>A record and what is published of it.</summary>
/// <param name="Record">The record.</param>
/// <param name="State">How it compares.</param>
/// <param name="Found">What is there, or why nothing can be said; empty for nothing.</param>
public sealed record ComparedRecord(PublishedRecord Record, RecordState State, string Found)
{
    /// <summary>Whether somebody should do something about it.</summary>
    public bool IsWanting => State != RecordState.Ok && !(Record.Need == RecordNeed.Optional && State == RecordState.Missing);
}

/// <summary>Compares the records of a house with what is published, by what they do and not letter by letter.</summary>
/// <param name="resolver">Where look-ups go.</param>
/// <param name="clock">Time.</param>
public sealed class RecordComparison(IMailResolver resolver, TimeProvider clock)
{
    /// <summary>Compares all records, a few at a time, and gives them in their order.</summary>
    /// <param name="records">The records.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<IReadOnlyList<ComparedRecord>> CompareAsync(IReadOnlyList<PublishedRecord> records, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(records);
        return await Task.WhenAll(records.Select(record => CompareAsync(record, records, cancel))).ConfigureAwait(false);
    }

    private async Task<ComparedRecord> CompareAsync(PublishedRecord record, IReadOnlyList<PublishedRecord> all, CancellationToken cancel) => record.Use switch
    {
        RecordUse.Address => await AddressAsync(record, all, cancel).ConfigureAwait(false),
        RecordUse.Exchange => await ExchangeAsync(record, cancel).ConfigureAwait(false),
        RecordUse.Service => await ServiceAsync(record, cancel).ConfigureAwait(false),
        RecordUse.Reverse => await ReverseAsync(record, all, cancel).ConfigureAwait(false),
        _ => await TextAsync(record, all, cancel).ConfigureAwait(false),
    };

    private async Task<ComparedRecord> AddressAsync(PublishedRecord record, IReadOnlyList<PublishedRecord> all, CancellationToken cancel)
    {
        var family = record.Type == DnsType.A ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var answer = await resolver.AddressesAsync(record.Name, family, cancel).ConfigureAwait(false);
        var ours = all.Where(r => r.Use == RecordUse.Address).Select(r => IPAddress.Parse(r.Data)).ToHashSet();
        // One that is not ours makes part of all mail go to somebody else.
        return Compared(record, answer, string.Join(", ", answer.Records),
            answer.Records.Contains(IPAddress.Parse(record.Data)) && answer.Records.All(ours.Contains));
    }

    private async Task<ComparedRecord> ExchangeAsync(PublishedRecord record, CancellationToken cancel)
    {
        var answer = await resolver.MxAsync(record.Name, cancel).ConfigureAwait(false);
        var host = record.Data[(record.Data.IndexOf(' ', StringComparison.Ordinal) + 1)..];
        return Compared(record, answer, string.Join(", ", answer.Records.OrderBy(r => r.Preference).Select(r => $"{r.Preference} {r.Exchange}.")),
            answer.Records.Any(r => DnsName.Same(r.Exchange, host)));
    }

    private async Task<ComparedRecord> ServiceAsync(PublishedRecord record, CancellationToken cancel)
    {
        var answer = await resolver.SrvAsync(record.Name, cancel).ConfigureAwait(false);
        var parts = record.Data.Split(' ');
        var found = string.Join(", ", answer.Records.Select(r => $"{r.Priority} {r.Weight} {r.Port} {r.Target}."));
        // A service that is not there may as well have no record.
        if (parts[3] == "." && answer.Status is DnsStatus.NoData or DnsStatus.NoSuchDomain)
            return new ComparedRecord(record, RecordState.Ok, "");
        return Compared(record, answer, found, answer.Records.Any(r => DnsName.Same(r.Target, parts[3]) && r.Port.ToString(System.Globalization.CultureInfo.InvariantCulture) == parts[2]));
    }

    private async Task<ComparedRecord> ReverseAsync(PublishedRecord record, IReadOnlyList<PublishedRecord> all, CancellationToken cancel)
    {
        var address = all.Where(r => r.Use == RecordUse.Address).Select(r => IPAddress.Parse(r.Data)).First(a => DnsName.Reverse(a) == record.Name);
        var answer = await resolver.PtrAsync(address, cancel).ConfigureAwait(false);
        return Compared(record, answer, string.Join(", ", answer.Records.Select(name => name + ".")), answer.Records.Any(name => DnsName.Same(name, record.Data)));
    }

    private async Task<ComparedRecord> TextAsync(PublishedRecord record, IReadOnlyList<PublishedRecord> all, CancellationToken cancel)
    {
        var answer = await resolver.TxtAsync(record.Name, cancel).ConfigureAwait(false);
        var texts = answer.Records.Where(text => IsOf(record.Use, text)).ToList();
        if (answer.Status == DnsStatus.Found && texts.Count == 0)
            return new ComparedRecord(record, RecordState.Missing, "");
        var found = string.Join("; and ", texts);
        if (answer.Status != DnsStatus.Found)
            return Compared(record, answer, found, false);
        // More than one is an error with all of these (RFC 7208 4.5, RFC 9989 4.7, RFC 8461 3.1), and undefined with keys.
        if (texts.Count > 1)
            return new ComparedRecord(record, RecordState.Different, found);
        var same = record.Use switch
        {
            RecordUse.Spf or RecordUse.HelloSpf => await CoversAsync(record, texts[0], all, cancel).ConfigureAwait(false),
            RecordUse.DkimKey => DkimKeyRecord.TryParse(texts[0], out var key, out _) && DkimKeyRecord.TryParse(record.Data, out var ours, out _)
                && key.Type == ours.Type && key.Key.AsSpan().SequenceEqual(ours.Key),
            RecordUse.Dmarc => DmarcRecord.TryParse(texts[0], out _),
            _ => true,
        };
        return Compared(record, answer, found, same);
    }

    // Beside others a name may have texts that are no business of mail.
    private static bool IsOf(RecordUse use, string text) => use switch
    {
        RecordUse.Spf or RecordUse.HelloSpf => text.Equals("v=spf1", StringComparison.OrdinalIgnoreCase) || text.StartsWith("v=spf1 ", StringComparison.OrdinalIgnoreCase),
        RecordUse.Dmarc => text.StartsWith("v=DMARC1", StringComparison.Ordinal),
        RecordUse.TlsReporting => text.StartsWith("v=TLSRPTv1", StringComparison.Ordinal),
        RecordUse.MtaSts => text.StartsWith("v=STSv1", StringComparison.Ordinal),
        _ => true,
    };

    // Whatever it says: what counts is that it lets each of our addresses send.
    private async Task<bool> CoversAsync(PublishedRecord record, string text, IReadOnlyList<PublishedRecord> all, CancellationToken cancel)
    {
        var addresses = all.Where(r => r.Use == RecordUse.Address).Select(r => IPAddress.Parse(r.Data)).ToList();
        if (addresses.Count == 0)
            return text.Trim().Equals(record.Data, StringComparison.OrdinalIgnoreCase);
        var checker = new SpfChecker(resolver, clock);
        foreach (var address in addresses)
        {
            var request = SpfRequest.ForMailFrom(address, "postmaster", record.Name, record.Name);
            if ((await checker.CheckAsync(request, cancel).ConfigureAwait(false)).Result != SpfResult.Pass)
                return false;
        }
        return true;
    }

    private static ComparedRecord Compared<T>(PublishedRecord record, DnsAnswer<T> answer, string found, bool isSame) => answer.Status switch
    {
        DnsStatus.TemporaryFailure => new ComparedRecord(record, RecordState.Unknown, answer.Detail ?? "no answer"),
        DnsStatus.Found => new ComparedRecord(record, isSame ? RecordState.Ok : RecordState.Different, found),
        _ => new ComparedRecord(record, RecordState.Missing, ""),
    };
}
