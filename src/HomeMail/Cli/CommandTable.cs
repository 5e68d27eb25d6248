using HomeMail.Cli.Doctor;
using HomeMail.Config;

namespace HomeMail.Cli;

/// <summary>All commands there are or will be.</summary>
internal static class CommandTable
{
    /// <summary>The option that names the configuration file.</summary>
    public static readonly CommandOption Config = new("--config", "FILE", $"the configuration file (default {SettingsFile.DefaultPath})");

    /// <summary>The option that explains.</summary>
    public static readonly CommandOption Help = new("--help", null, "this text");

    private static readonly CommandOption Json = new("--json", null, "one JSON object a line");
    private static readonly CommandOption Resolver = new("--resolver", "HOST:PORT", "the DNS server to ask");

    // The order is that of `homemail --help`.
    public static readonly Command[] All =
    [
        new("run", "", "Run the server", [], 0, RunCommand.RunAsync),
        new("check", "", "Check the configuration file",
            [new("--paths", null, "show the files and folders that a server of this configuration uses, and how: keep, read, device, execute")], 0, CheckCommand.RunAsync),
        new("setup", "", "Write a configuration, keys and certificate, and say what to publish",
        [
            new("--hostname", "NAME", "the full name of this host"), new("--domain", "NAME", "the domain to host"),
            new("--account", "NAME", "the first account"), Resolver, new("--data", "FOLDER", "where mail and keys are kept (default /var/lib/homemail)"),
        ], 0, SetupCommand.RunAsync),
        new("status", "", "Show how the running server does",
            [Json, new("--health", null, "only whether it takes mail: exit code 0, or 1 for a watchdog to act on")], 0, StatusCommand.RunAsync),
        new("dns", "", "Show the DNS records to publish",
        [
            Resolver, Json, new("--zone", null, "as part of a zone file"), new("--nsupdate", null, "as input for nsupdate"),
            new("--verify", null, "compare with what is published"), new("--update", null, "send the addresses to the name server of [dns-update]"),
        ], 0, DnsCommand.RunAsync),
        new("doctor", "[PART] | smarthost NAME", "Say what is wrong with this house and how to mend it",
            [Resolver, Json, new("--reset", null, "forget which routers mask their clients")], 2, DoctorCommand.RunAsync)
        {
            Notes = [$"Parts: {DoctorCommand.PartNames}.", "It sends no mail, and ends within 20 seconds."],
        },
        new("passwd", "", "Turn a password into the line to paste into an account's section", [], 0, PasswdCommand.RunAsync),
        new("account", "[list] | show NAME", "List accounts, or show one with its mailboxes", [Json], 2, AccountCommand.RunAsync),
        new("queue", "[list] | show ID | retry ID | retry DOMAIN | retry all | hold ID | release ID | drop ID", "Look into the queue and steer it", [Json], 2, QueueCommand.RunAsync),
        new("log", "ID | ADDRESS", "Tell what became of a message, or of an address's messages", [Json], 1, LogCommand.RunAsync),
        new("explain", "ID", "Tell in plain words why a message was treated as it was", [Json], 1, ExplainCommand.RunAsync),
        new("spf", "IP MAIL-FROM [HELO]", "Check SPF", [Resolver, Json], 3, SpfCommand.RunAsync),
        new("dkim", "FILE | rotate DOMAIN", "Check the DKIM signatures of a message, or make new signing keys", [Resolver, Json], 2, DkimCommand.RunAsync),
        new("dmarc", "DOMAIN | --reports [DOMAIN]", "Show the DMARC policy of a domain, or what others report about ours",
            [Resolver, Json, new("--reports", null, "show the aggregate reports that came in")], 1, DmarcCommand.RunAsync),
        new("import", "ACCOUNT PATH", "Import a Maildir or mbox", [new("--mailbox", "NAME", "the mailbox to import into, and below it (default INBOX)")], 2, ImportCommand.RunAsync),
        new("export", "ACCOUNT PATH", "Export an account to a Maildir", [], 2, ExportCommand.RunAsync),
        new("backup", "PATH", "Make a consistent copy of the data folder, also while the server runs", [], 1, BackupCommand.RunAsync),
        new("sendmail", "[ARGUMENTS]", "Take a message as sendmail does; so do the names sendmail, mailq and newaliases of this program", [], int.MaxValue,
            static (call, cancel) => SendmailCommand.RunAsync(call.Command, call.Arguments, call.Streams, cancel)),
        new("version", "", "Show the version", [], 0, VersionCommand.RunAsync),
    ];

    /// <summary>The command of this name, or null.</summary>
    public static Command? Find(string name) => Array.Find(All, command => command.Name == name);
}
