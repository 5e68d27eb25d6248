using System.Text;
using System.Text.Json;

namespace HomeMail.Cli;

/// <summary>Prints results: one plain line each, or with <c>--json</c> one object a line.</summary>
/// <param name="call">The call whose output it is.</param>
internal sealed class ResultWriter(CommandCall call)
{
    private readonly bool _json = call.Options.ContainsKey("--json");

    /// <summary>Prints one result.</summary>
    /// <param name="text">The line for people. What of it came from strangers cannot steer the terminal.</param>
    /// <param name="fields">The object for programs; null values are left out.</param>
    public Task WriteAsync(string text, params ReadOnlySpan<(string Name, object? Value)> fields) =>
        call.Streams.Out.WriteLineAsync(_json ? ToJson(fields) : Printable(text));

    private static string ToJson(ReadOnlySpan<(string Name, object? Value)> fields)
    {
        using var octets = new MemoryStream();
        using (var json = new Utf8JsonWriter(octets))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                switch (value)
                {
                    case null:
                        break;
                    case int number:
                        json.WriteNumber(name, number);
                        break;
                    case bool yes:
                        json.WriteBoolean(name, yes);
                        break;
                    default:
                        json.WriteString(name, value.ToString());
                        break;
                }
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(octets.GetBuffer(), 0, (int)octets.Length);
    }

    private static string Printable(string text) => string.Create(text.Length, text, static (to, from) =>
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = char.IsControl(from[i]) || char.IsSurrogate(from[i]) ? '?' : from[i];
    });
}
