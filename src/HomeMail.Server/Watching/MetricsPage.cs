using System.Globalization;
using System.Text;
using HomeMail.Server.Web;

namespace HomeMail.Server.Watching;

/// <summary>One value of a metric.</summary>
/// <param name="Label">The label's value, or null for a metric without labels.</param>
/// <param name="Value">The value.</param>
public readonly record struct MetricValue(string? Label, double Value);

/// <summary>A metric: a name, and its values.</summary>
/// <param name="Name">Its name, with the unit and for counters <c>_total</c> at its end.</param>
/// <param name="Help">What it is.</param>
/// <param name="IsCounter">Whether it only grows; else it is a gauge.</param>
/// <param name="Label">The label's name, or null.</param>
/// <param name="Values">The values.</param>
public sealed record Metric(string Name, string Help, bool IsCounter, string? Label, IEnumerable<MetricValue> Values)
{
    /// <summary>A gauge without labels.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">What it is.</param>
    /// <param name="value">Its value; null leaves it out.</param>
    public static Metric Gauge(string name, string help, double? value) => new(name, help, false, null, value is { } known ? [new(null, known)] : []);

    /// <summary>A counter without labels.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="help">What it counts.</param>
    /// <param name="value">Its value; null leaves it out.</param>
    public static Metric Counter(string name, string help, double? value) => new(name, help, true, null, value is { } known ? [new(null, known)] : []);
}

/// <summary>What Prometheus reads: the text format, version 0.0.4.</summary>
/// <param name="metrics">The metrics as they are now.</param>
public sealed class MetricsPage(Func<IEnumerable<Metric>> metrics)
{
    private const string Path = "/metrics";
    private const string Type = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Answers a request.</summary>
    /// <param name="request">The request.</param>
    public WebReply Answer(WebRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Path != Path)
            return WebReply.Plain(404, $"The metrics are at {Path}.");
        return request.Method is "GET" or "HEAD" ? new WebReply(200, Type, Write(metrics())) : WebReply.Plain(405, "Only GET is allowed here.") with { Allow = "GET, HEAD" };
    }

    /// <summary>Writes metrics as text. One without values is left out.</summary>
    /// <param name="metrics">The metrics.</param>
    public static string Write(IEnumerable<Metric> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var text = new StringBuilder(4096);
        foreach (var metric in metrics)
        {
            var isFirst = true;
            foreach (var value in metric.Values)
            {
                if (isFirst)
                    text.Append("# HELP ").Append(metric.Name).Append(' ').Append(metric.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal))
                        .Append("\n# TYPE ").Append(metric.Name).Append(metric.IsCounter ? " counter\n" : " gauge\n");
                isFirst = false;
                text.Append(metric.Name);
                if (metric.Label is not null)
                    text.Append('{').Append(metric.Label).Append("=\"").Append(Escaped(value.Label ?? "")).Append("\"}");
                text.Append(' ').Append(value.Value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
            }
        }
        return text.ToString();
    }

    private static string Escaped(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
