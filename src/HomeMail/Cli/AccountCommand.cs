using System.Text.Json;
using QRCoder;

namespace HomeMail.Cli;

/// <summary><c>homemail account</c>: who has mail here, and how much.</summary>
internal static class AccountCommand
{
    public static Task<int> RunAsync(CommandCall call, CancellationToken cancel)
    {
        switch (call.Arguments)
        {
            case [] or ["list"]:
                return ServerCommand.ShowAsync(call, true, "account-list", null, line => ShowAsync(call, line), null, cancel);
            case ["show", var name]:
                return ServerCommand.ShowAsync(call, true, "account-show", json => json.WriteString("account", name), line => ShowAsync(call, line), null, cancel);
            case ["show"]:
                return ServerCommand.MisuseAsync(call, "show needs the name of an account");
            case ["list", ..]:
                return ServerCommand.MisuseAsync(call, $"'{call.Arguments[1]}' is too much");
            default:
                return ServerCommand.MisuseAsync(call, $"there is no '{call.Arguments[0]}'; allowed: list, show");
        }
    }

    private static Task ShowAsync(CommandCall call, JsonElement line)
    {
        if (line.TryGetProperty("mailbox", out _))
            return call.Streams.Out.WriteLineAsync(
                $"    {line.Text("mailbox"),-24} {Words.Count(line.Number("messages"), "message"),16}, {line.Number("unseen")} unseen, {Words.Size(line.Number("bytes"))}");
        var addresses = string.Join(", ", line.GetProperty("addresses").EnumerateArray().Select(address => Words.Printable(address.GetString() ?? "")));
        var used = Words.Size(line.Number("bytes")) + (line.Number("quota") is > 0 and var quota ? $" of {Words.Size(quota)}" : "");
        var note = !line.IsTrue("configured") ? "  (not in the configuration; its mail is kept)" : line.IsTrue("logIn") ? "" : "  (no password: cannot log in)";
        var told = call.Streams.Out.WriteLineAsync($"{line.Text("account"),-16} {used,-12}  {addresses}{note}");
        return line.TryGetProperty("settings", out var settings) ? ShowAsync(call, told, settings) : told;
    }

    // What to type into a mail program, and what a phone's one takes in through its camera.
    private static async Task ShowAsync(CommandCall call, Task before, JsonElement settings)
    {
        await before;
        var output = call.Streams.Out;
        await output.WriteLineAsync("    For a mail program:");
        await output.WriteLineAsync($"      user name  {Words.Printable(settings.Text("user"))}");
        await output.WriteLineAsync("      password   the account's own");
        await WriteServerAsync("reading", "imap", "IMAP");
        await WriteServerAsync("sending", "smtp", "SMTP");
        if (settings.TryGetProperty("code", out var code) && code.GetString() is { } text)
        {
            await output.WriteLineAsync("    Thunderbird for Android and K-9 Mail: Add account, import, scan the code. The password is not in it.");
            using var data = QRCodeGenerator.GenerateQrCode(text, QRCodeGenerator.ECCLevel.L);
            using var drawn = new AsciiQRCode(data);
            await output.WriteLineAsync(drawn.GetGraphicSmall());
        }

        async Task WriteServerAsync(string what, string key, string protocol)
        {
            var ways = settings.GetProperty(key).EnumerateArray()
                .Select(way => $"port {way.Number("port")}, {(way.Text("tls") == "implicit" ? "SSL/TLS" : "STARTTLS")}").ToList();
            await output.WriteLineAsync(ways.Count == 0
                ? $"      {what}    not possible: [listen] has no endpoint for it"
                : $"      {what}    {protocol}, {settings.Text("host")}, {string.Join("; or ", ways)}");
        }
    }
}
