using System.Text.Json;

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
        return call.Streams.Out.WriteLineAsync($"{line.Text("account"),-16} {used,-12}  {addresses}{note}");
    }
}
