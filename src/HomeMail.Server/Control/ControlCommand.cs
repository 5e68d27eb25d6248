using System.Text.Json;

namespace HomeMail.Server.Control;

/// <summary>What a command that is asked for over the control connection does.</summary>
/// <param name="call">The call.</param>
/// <param name="cancel">The server stops.</param>
/// <returns>What the last line says.</returns>
public delegate Task<ControlResult> ControlHandler(ControlCall call, CancellationToken cancel);

/// <summary>One line of the table of commands.</summary>
/// <param name="Name">The name in the request.</param>
/// <param name="Handler">What does it.</param>
/// <param name="Changes">Whether it changes something, so that the log is to say who asked for it.</param>
public sealed record ControlCommand(string Name, ControlHandler Handler, bool Changes = false);

/// <summary>The last line of an answer: <c>result</c>, and where it is not <c>ok</c>, <c>what</c> in words.</summary>
/// <param name="Result">One word.</param>
/// <param name="What">A sentence for people, or null.</param>
/// <param name="More">Writes more properties, or null.</param>
public sealed record ControlResult(string Result, string? What = null, Action<Utf8JsonWriter>? More = null)
{
    /// <summary>The word for what was done.</summary>
    public const string OkWord = "ok";

    /// <summary>The word for what a user of this machine may not ask for.</summary>
    public const string DeniedWord = "denied";

    /// <summary>The connection is the handler's, and has ended: there is nothing more to be said on it.</summary>
    public static ControlResult Detached { get; } = new("detached") { IsLast = true };

    /// <summary>Whether the connection ends with this answer.</summary>
    public bool IsLast { get; init; }

    /// <summary>It was done.</summary>
    public static ControlResult Ok { get; } = new(OkWord);

    /// <summary>It was done, and there is more to tell.</summary>
    /// <param name="more">Writes more properties.</param>
    public static ControlResult OkWith(Action<Utf8JsonWriter> more) => new(OkWord, null, more);

    /// <summary>There is no such thing.</summary>
    /// <param name="what">A sentence.</param>
    public static ControlResult NotFound(string what) => new("not-found", what);

    /// <summary>It could not be done.</summary>
    /// <param name="what">A sentence.</param>
    public static ControlResult Error(string what) => new("error", what);
}

/// <summary>A request that cannot be carried out, for a reason that whoever asks can understand.</summary>
/// <param name="what">A sentence.</param>
public sealed class ControlRefusal(string what) : Exception(what);

/// <summary>One request on a control connection.</summary>
/// <param name="Request">The object of the request.</param>
/// <param name="Channel">The connection, for lines and octets before the last line.</param>
public sealed record ControlCall(JsonElement Request, ControlChannel Channel)
{
    /// <summary>The user id of who asks, by the kernel's word.</summary>
    public uint User { get; init; }

    /// <summary>A text in the request, or null.</summary>
    /// <param name="name">The property.</param>
    /// <exception cref="ControlRefusal">It is no text.</exception>
    public string? OptionalText(string name) =>
        !Request.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw new ControlRefusal($"'{name}' is not a text");

    /// <summary>A text in the request.</summary>
    /// <param name="name">The property.</param>
    /// <exception cref="ControlRefusal">It is missing or no text.</exception>
    public string Text(string name) => OptionalText(name) is { Length: > 0 } text ? text : throw new ControlRefusal($"'{name}' is missing");
}
