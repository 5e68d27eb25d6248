using System.Globalization;
using HomeMail.Protocol.Message;

namespace HomeMail.Config;

/// <summary>Who lives here: domains, accounts, aliases, rules.</summary>
internal sealed partial class SettingsReader
{
    private const int LongestVacationText = 4000;
    private const int LongestVacationSubject = 200;

    private readonly Dictionary<string, DomainSettings> _domains = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, AccountSettings> _accounts = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, AccountSettings> _accountsByAddress = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _localUsers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AliasSettings> _aliases = new(StringComparer.Ordinal);

    private void ReadDomains()
    {
        foreach (var (reader, raw) in Each("domain", _raw.Domains))
        {
            if (!ValueSyntax.IsDomain(reader.Name))
            {
                reader.SectionError($"'{reader.Name}' is no domain name", KnownKeys.Sections["domain"].NameAllowed);
                continue;
            }
            var tenant = reader.Text("tenant", raw.Tenant);
            if (!ValueSyntax.IsName(tenant))
                reader.BadValue("tenant", tenant);
            var selector = reader.Text("dkim-selector", raw.DkimSelector);
            if (!ValueSyntax.IsDomain(selector, needsDot: false) && !selector.All(char.IsAsciiDigit))
                reader.BadValue("dkim-selector", selector);
            var catchAll = reader.Text("catch-all", raw.CatchAll);
            var route = reader.Text("route", raw.Route);
            _domains[reader.Name] = new DomainSettings(
                reader.Name.ToLowerInvariant(),
                tenant,
                reader.Choice("local-delivery", raw.LocalDelivery, ("shortcut", LocalDelivery.Shortcut), ("smtp", LocalDelivery.Smtp)),
                catchAll.Length > 0 ? catchAll : null,
                selector,
                route.Length > 0 ? route.ToLowerInvariant() : null);
        }
    }

    private void ReadAccounts()
    {
        foreach (var (reader, raw) in Each("account", _raw.Accounts))
        {
            if (!ValueSyntax.IsName(reader.Name))
                reader.SectionError($"'{reader.Name}' is no name for an account", KnownKeys.Sections["account"].NameAllowed);
            reader.Required("addresses", raw.Addresses);
            var addresses = reader.Mailboxes("addresses", reader.List("addresses", raw.Addresses));
            DomainSettings? first = null;
            foreach (var address in addresses)
            {
                var domain = HostedDomain(reader, "addresses", address);
                first ??= domain;
                if (domain is not null && !SameTenant(domain.Tenant, first!.Tenant))
                    reader.Error("addresses", $"spans tenants: {first.Name} is of {first.Tenant}, {domain.Name} of {domain.Tenant}");
            }
            var account = new AccountSettings(
                reader.Name,
                first?.Tenant ?? "",
                addresses,
                reader.Credential("password", raw.Password),
                reader.SizeOrOff("quota", raw.Quota, Mega, long.MaxValue),
                reader.NumberOrOff("sends-per-day", raw.SendsPerDay),
                reader.NumberOrOff("new-recipients-per-day", raw.NewRecipientsPerDay))
            {
                Vacation = ReadVacation(reader, raw),
                LocalUsers = ReadLocalUsers(reader, raw.LocalUsers),
            };
            _accounts[reader.Name] = account;
            foreach (var address in addresses)
                if (!_accountsByAddress.TryAdd(address.Key, account))
                    reader.Error("addresses", $"'{address}' belongs to [account:{_accountsByAddress[address.Key].Name}] already", "each address once");
            if (account.Password is null && string.IsNullOrEmpty(raw.Password))
                _findings.Note($"[account:{reader.Name}] has no password: it gets mail, but nobody can log in");
        }
    }

    // Whoever is given to two accounts would send as either.
    private List<string> ReadLocalUsers(SectionReader reader, string? raw)
    {
        var users = new List<string>();
        foreach (var user in reader.List("local-users", raw))
        {
            if (user.Length > 32 || user.AsSpan().ContainsAny(" :/@\""))
                reader.BadValue("local-users", user);
            else if (!_localUsers.TryAdd(user, reader.Name))
                reader.Error("local-users", $"'{user}' is [account:{_localUsers[user]}]'s already", "each user once");
            else
                users.Add(user);
        }
        return users;
    }

    private static VacationSettings? ReadVacation(SectionReader reader, RawAccount raw)
    {
        var days = reader.Number("vacation-days", raw.VacationDays, 1, 90);
        var (from, until) = (Day(reader, "vacation-from", raw.VacationFrom), Day(reader, "vacation-until", raw.VacationUntil));
        if (until < from)
            reader.Error("vacation-until", "is before vacation-from");
        if (raw.VacationSubject?.Length > LongestVacationSubject)
            reader.Error("vacation-subject", "is too long");
        if (raw.VacationText?.Length > LongestVacationText)
            reader.Error("vacation-text", "is too long");
        if (!string.IsNullOrEmpty(raw.VacationText))
            return new VacationSettings(raw.VacationText.Replace("\\n", "\n", StringComparison.Ordinal), NullIfEmpty(raw.VacationSubject), from, until, days);
        foreach (var (key, value) in ((string, string?)[])[("vacation-subject", raw.VacationSubject), ("vacation-from", raw.VacationFrom), ("vacation-until", raw.VacationUntil)])
            if (!string.IsNullOrEmpty(value))
                reader.Error(key, "has no effect without vacation-text");
        return null;
    }

    private static DateOnly? Day(SectionReader reader, string key, string? raw)
    {
        if (string.IsNullOrEmpty(raw))
            return null;
        if (DateOnly.TryParseExact(raw, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day))
            return day;
        reader.BadValue(key, raw);
        return null;
    }

    private void ReadAliases()
    {
        foreach (var (reader, raw) in Each("alias", _raw.Aliases))
        {
            reader.Required("members", raw.Members);
            var members = reader.Mailboxes("members", reader.List("members", raw.Members));
            if (SectionReader.TryParseMailbox(reader.Name) is not { } address)
            {
                reader.SectionError($"'{reader.Name}' is no mail address", KnownKeys.Sections["alias"].NameAllowed);
                continue;
            }
            if (!_domains.TryGetValue(address.Domain, out var domain))
                reader.SectionError($"the domain of '{address}' is not hosted here", HostedDomains());
            if (_accountsByAddress.TryGetValue(address.Key, out var account))
                reader.SectionError($"'{address}' belongs to [account:{account.Name}] already", "each address once");
            // The document finds titles that are double; this finds one address written in two ways.
            if (!_aliases.TryAdd(address.Key, new AliasSettings(address, domain?.Tenant ?? "", members)))
                reader.SectionError($"'{address}' is an alias already", "each address once");
        }
    }

    private void CheckDomains(IReadOnlyDictionary<string, RouteSettings> routes)
    {
        foreach (var (reader, _) in Each("domain", _raw.Domains))
        {
            if (!_domains.TryGetValue(reader.Name, out var domain))
                continue;
            if (domain.Route is not null && !routes.ContainsKey(domain.Route))
                reader.Error("route", $"there is no [route:{domain.Route}]", OneOf(routes.Keys, "a route"));
            if (domain.CatchAll is null)
                continue;
            if (!_accounts.TryGetValue(domain.CatchAll, out var account))
                reader.Error("catch-all", $"there is no account '{domain.CatchAll}'", OneOf(_accounts.Keys, "an account"));
            else if (!SameTenant(account.Tenant, domain.Tenant))
                reader.Error("catch-all", $"spans tenants: {domain.Name} is of {domain.Tenant}, {account.Name} of {account.Tenant}");
            else
                _domains[domain.Name] = domain with { CatchAll = account.Name };
        }
    }

    private void CheckAliases()
    {
        var reported = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (reader, _) in Each("alias", _raw.Aliases))
        {
            if (SectionReader.TryParseMailbox(reader.Name) is not { } address || !_aliases.TryGetValue(address.Key, out var alias))
                continue;
            foreach (var member in alias.Members)
                if (_domains.TryGetValue(member.Domain, out var domain) && domain.CatchAll is null && !Exists(member))
                    reader.Error("members", $"'{member}' is in a domain hosted here, but is no account's address and no alias");
            var path = new List<string> { alias.Address.Key };
            if (reported.Contains(path[0]) || !FindLoop(alias, path, []))
                continue;
            reported.UnionWith(path);
            reader.Error("members", $"goes round in a loop: {string.Join(" -> ", path)}", "members that do not lead back");
        }
    }

    // postmaster reaches somebody in every domain (RFC 5321 4.5.1), and so does abuse.
    private bool Exists(Address address) =>
        Find(_accountsByAddress, address) is not null || Find(_aliases, address) is not null
        || address.LocalPart.ToLowerInvariant() is "postmaster" or "abuse";

    // alice+shop@ is alice@, unless it is there by itself.
    private static T? Find<T>(Dictionary<string, T> byAddress, Address address)
        where T : class
    {
        if (byAddress.TryGetValue(address.Key, out var found))
            return found;
        var plus = address.LocalPart.IndexOf('+', StringComparison.Ordinal);
        return plus > 0 ? byAddress.GetValueOrDefault(new Address(address.LocalPart[..plus], address.Domain).Key) : null;
    }

    // Only the alias that the path began with is looked for: a loop further on is found from its own aliases.
    private bool FindLoop(AliasSettings alias, List<string> path, HashSet<string> seen)
    {
        foreach (var member in alias.Members)
        {
            if (Find(_aliases, member) is not { } next)
                continue;
            var key = next.Address.Key;
            path.Add(key);
            if (key == path[0] || (seen.Add(key) && FindLoop(next, path, seen)))
                return true;
            path.RemoveAt(path.Count - 1);
        }
        return false;
    }

    private List<RuleSettings> ReadRules()
    {
        var rules = new List<RuleSettings>();
        foreach (var (reader, raw) in Each("rule", _raw.Rules))
        {
            if (!ValueSyntax.IsName(reader.Name))
                reader.SectionError($"'{reader.Name}' is no name for a rule", KnownKeys.Sections["rule"].NameAllowed);
            var name = reader.Required("account", raw.Account);
            if (name.Length > 0 && !_accounts.ContainsKey(name))
                reader.Error("account", $"there is no account '{name}'", OneOf(_accounts.Keys, "an account"));
            var (headerName, headerPattern) = ReadHeaderCondition(reader, raw.Header);
            long? largerThan = string.IsNullOrEmpty(raw.LargerThan) ? null : reader.Size("larger-than", raw.LargerThan, 1, long.MaxValue);
            if (!string.IsNullOrEmpty(raw.VerifiedDomain) && !ValueSyntax.IsDomain(raw.VerifiedDomain))
                reader.BadValue("verified-domain", raw.VerifiedDomain);
            if (!string.IsNullOrEmpty(raw.Mailbox) && !IsMailboxName(raw.Mailbox))
                reader.BadValue("mailbox", raw.Mailbox);
            if (!string.IsNullOrEmpty(raw.Discard) && !string.Equals(raw.Discard, "on", StringComparison.OrdinalIgnoreCase))
                reader.BadValue("discard", raw.Discard);

            string?[] conditions = [raw.From, raw.To, raw.Subject, raw.Header, raw.ListId, raw.LargerThan, raw.VerifiedDomain];
            if (conditions.All(string.IsNullOrEmpty))
                reader.SectionError("has no condition", "one or more of from, to, subject, header, list-id, larger-than, verified-domain");
            string?[] actions = [raw.Mailbox, raw.Forward, raw.Discard];
            var count = actions.Count(action => !string.IsNullOrEmpty(action));
            if (count != 1)
                reader.SectionError(count == 0 ? "has no action" : "has more than one action", "one of mailbox, forward, discard");

            rules.Add(new RuleSettings(
                reader.Name, _accounts.TryGetValue(name, out var account) ? account.Name : name, NullIfEmpty(raw.From), NullIfEmpty(raw.To),
                NullIfEmpty(raw.Subject), headerName, headerPattern, NullIfEmpty(raw.ListId), largerThan, NullIfEmpty(raw.VerifiedDomain)?.ToLowerInvariant(),
                NullIfEmpty(raw.Mailbox), reader.Mailboxes("forward", reader.List("forward", raw.Forward)), !string.IsNullOrEmpty(raw.Discard)));
        }
        return [.. rules.OrderBy(rule => rule.Name, StringComparer.Ordinal)];
    }

    private static (string? Name, string? Pattern) ReadHeaderCondition(SectionReader reader, string? raw)
    {
        if (string.IsNullOrEmpty(raw))
            return (null, null);
        var colon = raw.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? "" : raw[..colon].TrimEnd();
        var pattern = raw[(colon + 1)..].Trim();
        // RFC 5322 2.2: a field's name is printable ASCII without the colon.
        if (name.Length > 0 && pattern.Length > 0 && !name.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return (name, pattern);
        reader.BadValue("header", raw);
        return (null, null);
    }

    private static bool IsMailboxName(string name)
    {
        foreach (var level in name.Split('/'))
            if (level.Length == 0 || level is "." or ".." || level.AsSpan().ContainsAny('%', '*', '\\') || char.IsWhiteSpace(level[0]) || char.IsWhiteSpace(level[^1]))
                return false;
        return true;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static bool SameTenant(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private static string OneOf(IEnumerable<string> names, string otherwise)
    {
        var list = string.Join(", ", names);
        return list.Length == 0 ? otherwise + " that has a section of its own" : list;
    }
}
