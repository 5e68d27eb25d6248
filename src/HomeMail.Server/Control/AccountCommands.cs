using System.Text.Json;
using HomeMail.Protocol.Message;
using HomeMail.Server.ClientSetup;
using HomeMail.Server.Intake;
using HomeMail.Storage.Mail;

namespace HomeMail.Server.Control;

/// <summary>Tells of accounts: those of the configuration, and those that have mail here without being in it.</summary>
/// <param name="names">Who is hosted here.</param>
/// <param name="mail">Their mail.</param>
/// <param name="services">Where their mail programs read and send.</param>
public sealed class AccountCommands(Func<HostedNames> names, MailStore mail, Func<MailServices> services)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("account-list", ListAsync), new("account-show", ShowAsync)];

    private async Task<ControlResult> ListAsync(ControlCall call, CancellationToken cancel)
    {
        var configured = names().Accounts;
        var folders = mail.AccountNames();
        foreach (var account in configured)
            await call.Channel.WriteAsync(json => Write(json, account.Name, account, folders.Contains(account.Name)), cancel).ConfigureAwait(false);
        var left = folders.Where(folder => !configured.Any(account => account.Name == folder)).ToList();
        foreach (var folder in left)
            await call.Channel.WriteAsync(json => Write(json, folder, null, true), cancel).ConfigureAwait(false);
        return ControlResult.OkWith(json => json.WriteNumber("accounts", configured.Count + left.Count));
    }

    private async Task<ControlResult> ShowAsync(ControlCall call, CancellationToken cancel)
    {
        var name = call.Text("account");
        var configured = names().Account(name);
        name = configured?.Name ?? name;
        var hasFolder = mail.AccountNames().Contains(name);
        if (configured is null && !hasFolder)
            return ControlResult.NotFound($"there is no account '{name}'");
        await call.Channel.WriteAsync(json =>
        {
            Write(json, name, configured, hasFolder);
            if (configured is { Credential: not null, Addresses: [var address, ..] })
                WriteSettings(json, address);
        }, cancel).ConfigureAwait(false);
        if (!hasFolder)
            return ControlResult.Ok;
        foreach (var mailbox in mail.Account(name).Mailboxes().Where(mailbox => mailbox.IsSelectable))
        {
            var status = mailbox.Status();
            await call.Channel.WriteAsync(json =>
            {
                json.WriteString("mailbox", mailbox.Name);
                if (mailbox.Use != SpecialUse.None)
                    json.WriteString("use", mailbox.Use.ToString());
                json.WriteNumber("messages", status.Messages);
                json.WriteNumber("unseen", status.Unseen);
                json.WriteNumber("bytes", status.Bytes);
            }, cancel).ConfigureAwait(false);
        }
        return ControlResult.Ok;
    }

    // What is typed into a mail program.
    private void WriteSettings(Utf8JsonWriter json, Address address)
    {
        var all = services();
        json.WriteStartObject("settings");
        json.WriteString("user", address.ToString());
        json.WriteString("host", all.Host);
        WritePorts("imap", all.Reading);
        WritePorts("smtp", all.Sending);
        if (PhoneCode.Compose(address, all) is { } code)
            json.WriteString("code", code);
        json.WriteEndObject();

        void WritePorts(string name, IReadOnlyList<MailPort> ports)
        {
            json.WriteStartArray(name);
            foreach (var port in ports)
            {
                json.WriteStartObject();
                json.WriteNumber("port", port.Port);
                json.WriteString("tls", port.IsImplicitTls ? "implicit" : "starttls");
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
    }

    private void Write(Utf8JsonWriter json, string name, HostedAccount? account, bool hasFolder)
    {
        json.WriteString("account", name);
        json.WriteBoolean("configured", account is not null);
        json.WriteStartArray("addresses");
        foreach (var address in account?.Addresses ?? [])
            json.WriteStringValue(address.ToString());
        json.WriteEndArray();
        json.WriteBoolean("logIn", account?.Credential is not null);
        json.WriteNumber("bytes", hasFolder ? mail.UsedBytes(name) : 0);
        if (account?.Quota is { } quota)
            json.WriteNumber("quota", quota);
    }
}
