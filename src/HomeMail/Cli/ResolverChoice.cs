using System.Diagnostics.CodeAnalysis;
using HomeMail.Config;
using HomeMail.Server.Dns;

namespace HomeMail.Cli;

/// <summary>Which resolver a command asks: that of <c>--resolver</c>, else of the configuration file, else of resolv.conf.</summary>
internal static class ResolverChoice
{
    /// <summary>Makes the resolver.</summary>
    /// <param name="call">The call.</param>
    /// <param name="resolver">The resolver.</param>
    /// <param name="problem">What is wrong with the option.</param>
    public static bool TryMake(CommandCall call, [NotNullWhen(true)] out IMailResolver? resolver, [NotNullWhen(false)] out string? problem)
    {
        resolver = null;
        problem = null;
        if (call.Options.TryGetValue("--resolver", out var text))
        {
            if (!NameServerSettings.TryParse(text, out var settings))
            {
                problem = $"'{text}' is no resolver; allowed: ADDRESS or ADDRESS:PORT, such as 127.0.0.1:53 or [::1]:53";
                return false;
            }
            resolver = new DnsMailResolver(settings!, TimeProvider.System);
        }
        else
        {
            resolver = ServerMap.Resolver(SettingsFile.Load(call.ConfigPath).Settings?.Server);
        }
        return true;
    }
}
