using System.Globalization;
using System.Text;
using HomeMail.Server.Net;

namespace HomeMail.Server.Authentication;

/// <summary>Where the rotation of a domain's keys stands, as a small text file beside them.</summary>
/// <param name="Configured">The selector of the configuration when this was written.</param>
/// <param name="Current">The selector that signs.</param>
/// <param name="Next">The selector that will sign once its keys are seen in DNS; or null.</param>
/// <param name="Retired">Selectors that sign no more, and since when.</param>
internal sealed record DkimRotationState(
    string Configured, string Current, string? Next, IReadOnlyList<(string Selector, DateTimeOffset Since)> Retired)
{
    private const string FileName = "rotation";
    private const string RequestName = "rotate";

    /// <summary>Reads the state of a domain.</summary>
    /// <param name="folder">The folder of its keys.</param>
    /// <param name="configured">The selector of the configuration now.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static DkimRotationState Read(string folder, string configured)
    {
        var fresh = new DkimRotationState(configured, configured, null, []);
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return fresh;
        var state = fresh with { Configured = "" };
        var retired = new List<(string, DateTimeOffset)>();
        foreach (var line in File.ReadAllLines(path))
        {
            switch (line.Split(' '))
            {
                case ["configured", var selector]:
                    state = state with { Configured = selector };
                    break;
                case ["current", var selector]:
                    state = state with { Current = selector };
                    break;
                case ["next", var selector]:
                    state = state with { Next = selector };
                    break;
                case ["retired", var selector, var since] when DateTimeOffset.TryParse(
                    since, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time):
                    retired.Add((selector, time));
                    break;
            }
        }
        // Whoever writes another selector into the configuration means it; what was retired before stays so, unless it is that very one.
        retired.RemoveAll(r => r.Item1 == (state.Configured == configured ? state.Current : configured));
        return (state.Configured == configured ? state : fresh) with { Retired = retired };
    }

    /// <summary>Whether somebody has asked for a rotation.</summary>
    /// <param name="folder">The folder of the keys.</param>
    public static bool IsRequested(string folder) => File.Exists(Path.Combine(folder, RequestName));

    /// <summary>Asks the server for a rotation; it is the server that makes keys, since they have to be its own.</summary>
    /// <param name="folder">The folder of the keys.</param>
    /// <exception cref="IOException">The request cannot be written.</exception>
    public static void Request(string folder) => File.WriteAllText(Path.Combine(folder, RequestName), "");

    /// <summary>Takes the request back.</summary>
    /// <param name="folder">The folder of the keys.</param>
    public static void Withdraw(string folder) => File.Delete(Path.Combine(folder, RequestName));

    /// <summary>Writes the state.</summary>
    /// <param name="folder">The folder of the keys.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string folder)
    {
        var text = new StringBuilder().Append("configured ").Append(Configured).Append('\n').Append("current ").Append(Current).Append('\n');
        if (Next is not null)
            text.Append("next ").Append(Next).Append('\n');
        foreach (var (selector, since) in Retired)
            text.Append(CultureInfo.InvariantCulture, $"retired {selector} {since.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}\n");
        PrivateFile.Write(Path.Combine(folder, FileName), Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>The selector after the present one: its number is counted up, or it gets one.</summary>
    public string Following()
    {
        var digits = Current.Length;
        while (digits > 0 && char.IsAsciiDigit(Current[digits - 1]) && Current.Length - digits < 6)
            digits--;
        var number = digits == Current.Length ? 1 : int.Parse(Current.AsSpan(digits), NumberStyles.None, CultureInfo.InvariantCulture);
        string following;
        do
            following = string.Create(CultureInfo.InvariantCulture, $"{Current[..digits]}{++number}");
        while (Retired.Any(r => r.Selector == following)); // a selector never means another key
        return following;
    }
}
