using System.Text;
using HomeMail.Config;
using Xunit;

namespace HomeMail.Server.Tests.Config;

/// <summary>Configurations in memory.</summary>
internal static class Configurations
{
    /// <summary>Five lines of a house that is fine; what is appended begins on line 6.</summary>
    public const string House = """
        [server]
        hostname = mail.example.org
        [domain:example.org]
        [account:alice]
        addresses = alice@example.org

        """;

    public static SettingsLoad Parse(string text) => SettingsFile.Parse("t.ini", Encoding.UTF8.GetBytes(text));

    /// <summary>The settings of a text that has to be fine.</summary>
    public static Settings Fine(string text)
    {
        var load = Parse(text);
        Assert.Empty(load.Errors);
        return load.Settings!;
    }

    /// <summary>The settings of the house with something appended.</summary>
    public static Settings HouseWith(string more) => Fine(House + more);
}
