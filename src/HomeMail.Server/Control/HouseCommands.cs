using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using HomeMail.Server.Delivery;
using HomeMail.Server.House;
using HomeMail.Server.Net;

namespace HomeMail.Server.Control;

/// <summary>What the running server knows of the house it stands in, and what it costs; for the doctor.</summary>
/// <param name="addresses">The public addresses.</param>
/// <param name="masked">The routers that hide their clients.</param>
/// <param name="ports">Whether port 25 is open on the way out.</param>
/// <param name="mappings">The ports that the router forwards for us.</param>
/// <param name="sessions">The sessions that run.</param>
/// <param name="notices">What the store has had to say, the latest last.</param>
public sealed class HouseCommands(
    Func<PublicPicture> addresses, MaskedAddresses masked, PortEvidence ports, Func<IReadOnlyList<PortMapping>> mappings, LiveSessions sessions,
    Func<IReadOnlyList<string>> notices)
{
    /// <summary>The commands.</summary>
    public IReadOnlyList<ControlCommand> Table => [new("house", HouseAsync), new("session", SessionAsync), .. MaskTable(masked)];

    /// <summary>The command that needs only the memory of masks.</summary>
    /// <param name="masked">The routers that hide their clients.</param>
    public static IReadOnlyList<ControlCommand> MaskTable(MaskedAddresses masked) => [new("forget-masks", (_, _) => Task.FromResult(Forget(masked)), Changes: true)];

    private async Task<ControlResult> HouseAsync(ControlCall call, CancellationToken cancel)
    {
        await call.Channel.WriteAsync(json =>
        {
            json.WriteStartArray("public");
            foreach (var report in addresses().Reports)
            {
                json.WriteStartObject();
                json.WriteString("address", report.Address.ToString());
                json.WriteString("source", report.Source.ToString());
                json.WriteEndObject();
            }
            json.WriteEndArray();
            Write(json, "masked", masked.Seen);
            json.WriteStartArray("families");
            foreach (var family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
            {
                json.WriteStartObject();
                json.WriteNumber("family", family == AddressFamily.InterNetwork ? 4 : 6);
                Write(json, "blockedSince", ports.BlockedSince(family));
                Write(json, "reachedAt", ports.WorkedAt(family));
                Write(json, "publicClientAt", masked.PublicClientAt(family));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("mapped");
            foreach (var mapping in mappings())
            {
                json.WriteStartObject();
                json.WriteNumber("port", mapping.InternalPort);
                json.WriteNumber("outside", mapping.ExternalPort);
                json.WriteString("by", mapping.By.ToString());
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("notices");
            foreach (var notice in notices())
                json.WriteStringValue(notice);
            json.WriteEndArray();
            json.WriteNumber("heapBytes", GC.GetTotalMemory(false));
            if (WrittenBytes() is { } written)
                json.WriteNumber("writtenBytes", written);
        }, cancel).ConfigureAwait(false);
        return ControlResult.Ok;
    }

    private Task<ControlResult> SessionAsync(ControlCall call, CancellationToken cancel) => Task.FromResult(
        sessions.ClientOf(call.Text("id")) is { } client
            ? ControlResult.OkWith(json => json.WriteString("client", Plain(client).ToString())) : ControlResult.NotFound("there is no such session"));

    private static ControlResult Forget(MaskedAddresses masked)
    {
        var forgotten = masked.Forget();
        return ControlResult.OkWith(json => Write(json, "forgotten", forgotten));
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<IPAddress> addresses)
    {
        json.WriteStartArray(name);
        foreach (var address in addresses)
            json.WriteStringValue(address.ToString());
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, DateTimeOffset? time)
    {
        if (time is { } at)
            json.WriteString(name, at.UtcDateTime);
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    // What this process has had written to disk, by the kernel's account (proc(5), /proc/pid/io).
    private static long? WrittenBytes()
    {
        const string field = "write_bytes:";
        try
        {
            foreach (var line in File.ReadLines("/proc/self/io"))
                if (line.StartsWith(field, StringComparison.Ordinal) && long.TryParse(line.AsSpan(field.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var octets))
                    return octets;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A kernel without that account.
        }
        return null;
    }
}
