using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Cli.Doctor;
using HomeMail.Config;
using HomeMail.Privileges;
using HomeMail.Protocol.Sasl;
using HomeMail.Server.Authentication;
using HomeMail.Server.Control;
using HomeMail.Storage;
using HomeMail.Storage.Files;
using HomeMail.Supervision;

namespace HomeMail.Cli;

/// <summary>
/// <c>homemail setup</c>: asks for what a house needs, writes the configuration, makes keys and certificate, and says what comes next. What is given
/// as an option is not asked; a configuration that is there is never touched.
/// </summary>
internal static class SetupCommand
{
    private const UnixFileMode ForServerAndRoot = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    public static async Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        var path = Path.GetFullPath(call.ConfigPath);
        var streams = call.Streams;
        if (File.Exists(path))
            return await FailAsync(streams, $"{path} is there already, and is not touched; `homemail check` looks at it", ExitCode.FoundWanting);

        var hostname = await AskAsync(call, "--hostname", "Full name of this host, as your MX record will name it (mail.example.org)", null, cancel);
        if (hostname is null || !ValueSyntax.IsDomain(hostname))
            return await FailAsync(streams, Wrong("--hostname", hostname, "a full name such as mail.example.org"), ExitCode.Misuse);
        var parent = hostname[(hostname.IndexOf('.', StringComparison.Ordinal) + 1)..];
        var domain = await AskAsync(call, "--domain", "Domain whose mail comes here", parent.Contains('.', StringComparison.Ordinal) ? parent : hostname, cancel);
        if (domain is null || !ValueSyntax.IsDomain(domain))
            return await FailAsync(streams, Wrong("--domain", domain, "a domain such as example.org"), ExitCode.Misuse);
        var account = await AskAsync(call, "--account", "Name of the first account, which also gets mail to postmaster", null, cancel);
        if (account is null || !ValueSyntax.IsName(account))
            return await FailAsync(streams, Wrong("--account", account, "a name such as alice: letters, digits, '.', '-', '_'"), ExitCode.Misuse);
        var (data, trouble) = await DataAsync(call, cancel);
        if (trouble is not null)
            return await FailAsync(streams, trouble, ExitCode.Misuse);
        var (password, why) = await NewPassword.ReadAsync(streams, cancel);
        if (password is null)
            return await FailAsync(streams, why, ExitCode.Misuse);

        var text = Configuration(hostname, domain, account, ScramCredential.Create(password).ToString(), data);
        var load = SettingsFile.Parse(path, Encoding.UTF8.GetBytes(text));
        if (load.Settings is not { } settings)
            return await FailAsync(streams, string.Join('\n', load.Errors), ExitCode.Misuse);
        try
        {
            var user = Write(path, text, settings);
            await TellAsync(call, settings, path, account, user, cancel);
            return ExitCode.Fine;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException or StorageException)
        {
            return await FailAsync(streams, error.Message, ExitCode.FoundWanting);
        }
    }

    private static string Wrong(string option, string? value, string allowed) =>
        value is null ? $"{option} is needed: {allowed}" : $"{option}: '{value}' is not {allowed}";

    // Where the usual place is in memory, as on OpenWrt, mail must not get there by nobody having said anything.
    private static async Task<(string? Data, string? Trouble)> DataAsync(CommandCall call, CancellationToken cancel)
    {
        if (call.Options.TryGetValue("--data", out var given))
        {
            await WarnAsync(given);
            return (given, null);
        }
        const string usual = "/var/lib/homemail";
        if (DataPlace.Of(usual) is not { Kind: PlaceKind.Memory } memory)
        {
            await WarnAsync(usual);
            return (null, null);
        }
        const string allowed = "a folder on a disk or a stick, such as /mnt/sda1/homemail";
        if (call.Streams.AskSecret is null)
            return (null, $"--data is needed: in {usual} {memory.Warning}; name {allowed}");
        await call.Streams.Error.WriteAsync($"Folder for mail and keys ({allowed}): ");
        var answer = (await call.Streams.In.ReadLineAsync(cancel))?.Trim();
        if (string.IsNullOrEmpty(answer) || answer[0] != '/')
            return (null, Wrong("--data", answer, allowed));
        await WarnAsync(answer);
        return (answer, null);

        async Task WarnAsync(string folder)
        {
            if (DataPlace.Of(Path.GetFullPath(folder)) is { Warning: { } warning })
                await call.Streams.Error.WriteLineAsync($"note: in {folder} {warning}");
        }
    }

    // A pipe holds the password and nothing else: what is missing is not read from it.
    private static async Task<string?> AskAsync(CommandCall call, string option, string question, string? proposal, CancellationToken cancel)
    {
        if (call.Options.TryGetValue(option, out var given))
            return given.ToLowerInvariant();
        if (call.Streams.AskSecret is null)
            return proposal;
        await call.Streams.Error.WriteAsync(proposal is null ? $"{question}: " : $"{question} [{proposal}]: ");
        var answer = (await call.Streams.In.ReadLineAsync(cancel))?.Trim().ToLowerInvariant();
        return string.IsNullOrEmpty(answer) ? proposal : answer;
    }

    private static string Configuration(string hostname, string domain, string account, string credential, string? data)
    {
        var text = new StringBuilder();
        text.Append("; Written by `homemail setup`. The annotated example tells all keys; what is not here has its default.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"[server]\nhostname = {hostname}\n");
        if (data is not null)
            text.Append(CultureInfo.InvariantCulture, $"data = {data}\n");
        text.Append(CultureInfo.InvariantCulture, $"\n[domain:{domain}]\n\n[account:{account}]\naddresses = {account}@{domain}\npassword = {credential}\n\n");
        text.Append(CultureInfo.InvariantCulture, $"[alias:postmaster@{domain}]\nmembers = {account}@{domain}\n");
        return text.ToString();
    }

    private static SystemUser? Write(string path, string text, Settings settings)
    {
        // As root everything is made for the user that the server will be.
        var user = PeerCredentials.OwnUser == 0 && settings.Server.User != "root" ? SystemUser.Find(settings.Server.User) : null;
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        var made = new List<string>();
        if (!Directory.Exists(settings.Server.Data))
            made.Add(settings.Server.Data);
        Directory.CreateDirectory(settings.Server.Data);
        using (var keys = new DkimKeys(Path.Combine(settings.Server.Data, "dkim")))
            foreach (var domain in settings.Domains.Values)
                _ = keys.Use(domain.Name, domain.DkimSelector);
        _ = ServerMap.Identity(settings, TimeProvider.System);

        // The configuration last: whoever finds one finds the rest.
        using (var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = ForServerAndRoot }))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }
        if (user is null)
            return null;
        Own(path, 0, user.Group);
        foreach (var entry in Directory.EnumerateFileSystemEntries(settings.Server.Data, "*", SearchOption.AllDirectories).Prepend(settings.Server.Data))
            Own(entry, user.User, user.Group);
        return user;
    }

    private static void Own(string path, uint user, uint group)
    {
        if (Native.ChangeOwner(path, user, group) != 0)
            throw new IOException($"cannot give {path} to user {user} and group {group}");
    }

    private static async Task TellAsync(CommandCall call, Settings settings, string path, string account, SystemUser? user, CancellationToken cancel)
    {
        var output = call.Streams.Out;
        var data = settings.Server.Data;
        await output.WriteLineAsync($"{path} is written, keys and a self-signed certificate are in {data}.");
        if (user is null && PeerCredentials.OwnUser == 0 && settings.Server.User != "root")
        {
            var name = settings.Server.User;
            await output.WriteLineAsync($"There is no user {name} yet: the server would run as root. Make one, and give it what is its own:");
            await output.WriteLineAsync($"  {NewUser(name)}\n  chown -R {name}: {data}; chgrp {name} {path}");
        }
        await output.WriteLineAsync($"\nStart it: {Start(path)}");
        await output.WriteLineAsync($"Mail programs: server {settings.Server.Hostname}, user {account}; send by port 465 (TLS) or 587 (STARTTLS), read by IMAP at port 993 (TLS).");
        await output.WriteLineAsync("\nPublish in DNS (`homemail dns` shows it again, `--verify` compares):");
        _ = await DnsCommand.RunAsync(call, cancel);
        await output.WriteLineAsync("\nWhat the doctor finds (`homemail doctor` looks again, best when the server runs):");
        _ = await DoctorCommand.RunAsync(call, cancel);
    }

    // By whatever starts services here, if it was told of this one.
    private static string Start(string path)
    {
        if (path != SettingsFile.DefaultPath)
            return $"homemail run --config {path}";
        string[] units = ["/lib/systemd/system/homemail.service", "/usr/lib/systemd/system/homemail.service", "/etc/systemd/system/homemail.service"];
        return Array.Exists(units, File.Exists) ? "systemctl start homemail" : File.Exists("/etc/init.d/homemail") ? "/etc/init.d/homemail start" : "homemail run";
    }

    // OpenWrt has no program for it, and keeps to the files.
    private static string NewUser(string name) =>
        File.Exists("/usr/sbin/useradd") ? $"useradd --system {name}"
        : File.Exists("/usr/sbin/adduser") ? $"adduser --system --group {name}"
        : $"echo '{name}:x:525:525::/var:/bin/false' >> /etc/passwd; echo '{name}:x:525:' >> /etc/group";

    private static async Task<int> FailAsync(Streams streams, string why, int code)
    {
        await streams.Error.WriteLineAsync($"homemail setup: {why}");
        return code;
    }
}
