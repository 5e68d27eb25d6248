using System.Net;
using System.Text;

namespace HomeMail.Protocol.Spf;

/// <summary>Writes the Received-SPF field (RFC 7208 9.1).</summary>
/// <remarks>
/// Much of what it tells was chosen by strangers: names, addresses, terms of records. Every value is a dot-atom or a quoted string of
/// printable ASCII, bounded in length, so that none can end the field, the comment or the value.
/// </remarks>
public static class ReceivedSpf
{
    private const int MaxValue = 255;

    /// <summary>The result's name as the standard writes it (RFC 7208 2.6, RFC 8601 2.7.2).</summary>
    /// <param name="result">The result.</param>
    public static string Name(SpfResult result) => result switch
    {
        SpfResult.Pass => "pass",
        SpfResult.Fail => "fail",
        SpfResult.SoftFail => "softfail",
        SpfResult.Neutral => "neutral",
        SpfResult.TempError => "temperror",
        SpfResult.PermError => "permerror",
        _ => "none",
    };

    /// <summary>Composes the field, folded, with CRLF at the end.</summary>
    /// <param name="request">What was checked.</param>
    /// <param name="outcome">What came of it.</param>
    /// <param name="receiver">The host that checked.</param>
    /// <param name="more">
    /// Further pairs: names are letters, digits and hyphens; values are free text. For an address that stood in for the one the connection came
    /// from, both and the rule are named here.
    /// </param>
    public static string Compose(
        SpfRequest request, SpfOutcome outcome, string receiver, params ReadOnlySpan<(string Name, string Value)> more)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(receiver);
        var field = new StringBuilder(400).Append("Received-SPF: ").Append(Name(outcome.Result)).Append(" (");
        AppendComment(field, $"{receiver}: {Sentence(outcome.Result, request.Domain, request.Client)}");
        field.Append(")\r\n");
        Pair(field, "receiver", receiver);
        Pair(field, "client-ip", request.Client.ToString());
        if (request.Identity == SpfIdentity.MailFrom)
            Pair(field, "envelope-from", $"{request.LocalPart}@{request.Domain}");
        Pair(field, "helo", request.Helo);
        Pair(field, "identity", request.Identity == SpfIdentity.MailFrom ? "mailfrom" : "helo");
        if (outcome.Mechanism is { } mechanism)
            Pair(field, "mechanism", mechanism);
        if (outcome.Problem is { } problem)
            Pair(field, "problem", problem);
        foreach (var (name, value) in more)
            Pair(field, name, value);
        field.Length -= 3; // the last pair has no semicolon after it
        return field.Append("\r\n").ToString();
    }

    private static string Sentence(SpfResult result, string domain, IPAddress client) => result switch
    {
        SpfResult.Pass => $"domain of {domain} designates {client} as permitted sender",
        SpfResult.Fail => $"domain of {domain} does not designate {client} as permitted sender",
        SpfResult.SoftFail => $"domain of transitioning {domain} does not designate {client} as permitted sender",
        SpfResult.Neutral => $"{client} is neither permitted nor denied by domain of {domain}",
        SpfResult.TempError => $"DNS did not answer while checking {domain}",
        SpfResult.PermError => $"the SPF records of {domain} cannot be interpreted",
        // No record, or nobody who could be asked about.
        _ => $"domain of {domain} says nothing of {client}",
    };

    private static void Pair(StringBuilder field, string name, string value)
    {
        field.Append(' ').Append(name).Append('=');
        value = Printable(value);
        if (IsDotAtom(value))
            field.Append(value);
        else
        {
            field.Append('"');
            foreach (var c in value)
                (c is '"' or '\\' ? field.Append('\\') : field).Append(c);
            field.Append('"');
        }
        field.Append(";\r\n");
    }

    private static void AppendComment(StringBuilder field, string text)
    {
        foreach (var c in Printable(text))
            (c is '(' or ')' or '\\' ? field.Append('\\') : field).Append(c);
    }

    private static string Printable(string text) =>
        string.Create(Math.Min(text.Length, MaxValue), text, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[i] is >= ' ' and < '\x7f' ? from[i] : '?';
        });

    private static bool IsDotAtom(string value)
    {
        var afterDot = true;
        foreach (var c in value)
        {
            if (c == '.')
            {
                if (afterDot)
                    return false;
                afterDot = true;
                continue;
            }
            if (!char.IsAsciiLetterOrDigit(c) && !"!#$%&'*+-/=?^_`{|}~".Contains(c, StringComparison.Ordinal))
                return false;
            afterDot = false;
        }
        return !afterDot;
    }
}
