using System.Net;
using System.Security.Cryptography;
using HomeMail.Config;
using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using HomeMail.Server.House;

namespace HomeMail.Cli;

/// <summary><c>homemail dns</c>: the records to publish, what is published of them, and an update of the addresses.</summary>
internal static class DnsCommand
{
    private static readonly string[] Forms = ["--zone", "--nsupdate", "--verify", "--update"];

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var chosen = Forms.Where(call.Options.ContainsKey).ToList();
        if (chosen.Count > 1)
            return await ServerCommand.MisuseAsync(call, $"{string.Join(" and ", chosen)} do not go together");
        if (!ResolverChoice.TryMake(call, out var resolver, out var problem))
            return await ServerCommand.MisuseAsync(call, problem);
        var load = SettingsFile.Load(call.ConfigPath);
        foreach (var error in load.Errors)
            await call.Streams.Error.WriteLineAsync(error.ToString());
        if (load.Settings is not { } settings)
            return ExitCode.FoundWanting;

        var finder = ServerMap.PublicAddresses(() => settings, new Gateways(TimeProvider.System), resolver, TimeProvider.System);
        var picture = await finder.AskAsync(cancel);
        if (chosen is ["--update"])
            return await UpdateAsync(call, settings, finder, picture, resolver, cancel);
        var (house, unread) = House(settings, picture.Addresses);
        foreach (var domain in unread)
            await call.Streams.Error.WriteLineAsync($"homemail dns: {domain}: its DKIM keys cannot be read here, or are not made yet; start the server once, and call this as its user or root");
        try
        {
            return chosen switch
            {
                ["--zone"] => await DnsListing.ZoneAsync(call.Streams.Out, house),
                ["--nsupdate"] => await DnsListing.NsUpdateAsync(call.Streams.Out, house, settings.DnsUpdate is { } target ? $"{target.Host} {target.Port}" : null),
                ["--verify"] => await VerifyAsync(call, house, unread.Count > 0, resolver, cancel),
                _ => await DnsListing.TableAsync(new ResultWriter(call), house, picture, unread.Count > 0),
            };
        }
        finally
        {
            foreach (var key in house.Domains.SelectMany(d => d.DkimKeys))
                key.Dispose();
        }
    }

    /// <summary>What this house has to publish.</summary>
    /// <param name="settings">The configuration.</param>
    /// <param name="addresses">The public addresses.</param>
    /// <returns>The house, whose keys are the caller's to dispose of, and the domains whose keys cannot be read here.</returns>
    internal static (HouseToPublish House, List<string> Unread) House(Settings settings, IReadOnlyList<IPAddress> addresses)
    {
        var unread = new List<string>();
        // Not disposed of here: the records are made from the keys' public halves later.
        var keys = new DkimKeys(Path.Combine(settings.Server.Data, "dkim"));
        var domains = new List<DomainToPublish>();
        foreach (var domain in settings.Domains.Values)
        {
            IReadOnlyList<DkimKey> found = [];
            try
            {
                found = keys.ToPublish(domain.Name, domain.DkimSelector);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                // Said below.
            }
            if (found.Count == 0)
                unread.Add(domain.Name);
            domains.Add(new DomainToPublish(domain.Name, found, settings.Routes.Values.Any(route => route.Via.Any(static way => way is not null))));
        }
        return (new HouseToPublish
        {
            Hostname = settings.Server.Hostname,
            Addresses = addresses,
            Domains = domains,
            Services =
            [
                ("submissions", ServerMap.Port(settings.Listen.Submissions)), ("submission", ServerMap.Port(settings.Listen.Submission)),
                ("imaps", ServerMap.Port(settings.Listen.Imaps)), ("imap", ServerMap.Port(settings.Listen.Imap)),
            ],
            HasVerifiableCertificate = settings.Tls.Certificate is not null,
        }, unread);
    }

    private static async Task<int> VerifyAsync(CommandCall call, HouseToPublish house, bool isUnread, IMailResolver resolver, CancellationToken cancel)
    {
        var writer = new ResultWriter(call);
        var compared = await new RecordComparison(resolver, TimeProvider.System).CompareAsync(HouseRecords.Compose(house), cancel);
        foreach (var one in compared)
        {
            var state = one.State switch
            {
                RecordState.Ok => "ok",
                RecordState.Missing => one.IsWanting ? "missing" : "optional",
                RecordState.Different => "different",
                _ => "unknown",
            };
            var there = one.State switch
            {
                RecordState.Different => $"; there is {one.Found}",
                RecordState.Unknown => $"; {one.Found}",
                _ => "",
            };
            var note = one.IsWanting && one.Record.Note is { } text ? $" ({text})" : "";
            await writer.WriteAsync(
                one.State == RecordState.Ok ? $"{state,-9} {one.Record.Name} {one.Record.TypeName}" : $"{state,-9} {one.Record.Name} {one.Record.TypeName} {one.Record.ZoneData}{note}{there}",
                ("record", state), ("name", one.Record.Name), ("type", one.Record.TypeName), ("data", one.Record.Data),
                ("found", one.Found.Length > 0 ? one.Found : null), ("note", one.Record.Note));
        }
        var wanting = compared.Count(one => one.IsWanting);
        var missingKeys = isUnread ? ", and some DKIM keys were not looked at" : house.Addresses.Count == 0 ? ", and the house's public address is not known" : "";
        var isFine = wanting == 0 && missingKeys.Length == 0;
        await writer.WriteAsync(
            wanting == 0 ? $"all records are as they should be{missingKeys}" : $"{wanting} of {compared.Count} records are not as they should be{missingKeys}",
            ("result", isFine ? "pass" : "fail"), ("records", compared.Count), ("wanting", wanting));
        return isFine ? ExitCode.Fine : ExitCode.FoundWanting;
    }

    private static async Task<int> UpdateAsync(
        CommandCall call, Settings settings, PublicAddresses finder, PublicPicture picture, IMailResolver resolver, CancellationToken cancel)
    {
        if (ServerMap.DnsUpdate(settings) is not { } target)
            return await ServerCommand.FailAsync(call, "there is no [dns-update] in the configuration");
        var client = new DnsUpdateClient(resolver, TimeProvider.System);
        picture = await finder.TryOutAsync(picture, await client.ServersAsync(target, cancel), cancel);
        var writer = new ResultWriter(call);
        var agreed = picture.Addresses.Where(picture.MayBePublished).ToList();
        foreach (var address in picture.Addresses.Except(agreed))
            await writer.WriteAsync(
                $"{address} is not published: only {string.Join(", ", picture.SourcesOf(address).Select(DnsListing.Name))} knows of it; write it into [server] public-ip if it is right",
                ("address", address), ("published", false));
        if (agreed.Count == 0)
        {
            await writer.WriteAsync("nothing was sent: no public address is sure", ("result", "none"));
            return ExitCode.FoundWanting;
        }
        var result = await client.SetAddressesAsync(target, settings.Server.Hostname, agreed, cancel);
        await writer.WriteAsync(
            $"{settings.Server.Hostname} {string.Join(" ", agreed)}: {result.Text}",
            ("result", result.IsDone ? "pass" : "fail"), ("addresses", string.Join(" ", agreed)), ("zone", result.Zone), ("what", result.Text));
        return result.IsDone ? ExitCode.Fine : ExitCode.FoundWanting;
    }
}
