using System.Text;
using HomeMail.Config;
using Xunit;

namespace HomeMail.Server.Tests.Config;

/// <summary>The annotated example is fine, complete, and tells the defaults that hold.</summary>
public class AnnotatedExampleTests
{
    private static string Path => System.IO.Path.Combine(AppContext.BaseDirectory, "homemail.ini");

    // Values that are examples and not defaults: names of this house, required keys, a relay of the usual kind.
    private static readonly string[] Examples = ["relay.proxy-protocol", "device.recipients"];

    [Fact]
    public void It_is_fine() => Assert.Empty(SettingsFile.Load(Path).Errors);

    [Fact]
    public void It_has_every_key_with_its_default()
    {
        var findings = new Findings(Path);
        var document = IniDocument.Read(File.ReadAllText(Path), findings);
        Assert.False(findings.HasErrors);
        foreach (var info in KnownKeys.Sections.Values)
        {
            var sections = document.Sections.Where(section => section.Info == info).ToArray();
            Assert.NotEmpty(sections);
            foreach (var key in info.Keys)
            {
                var section = Array.Find(sections, section => section.KeyLines.ContainsKey(key.Name));
                Assert.True(section is not null, $"[{info.Form}] {key.Name} is not in the example");
                if (key.Default.Length > 0 && !Examples.Contains($"{info.Kind}.{key.Name}"))
                    Assert.Contains($"\n{key.Name}=\"{key.Default}\"\n", "\n" + section.Clean, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Every_key_is_bound_and_none_is_lost()
    {
        var document = IniDocument.Read(File.ReadAllText(Path), new Findings(Path));
        var raw = RawSettings.Bind(document);
        Assert.Equal("mail.example.org", raw.Server.Hostname);
        Assert.Equal("smtp.isp.example:587", raw.Smarthosts["isp"].Host);
        Assert.Equal("64M", raw.Queue.FreeSpaceFloor);
        Assert.Equal("auto", raw.SpfRewrite["192.168.1.254"]);
    }

    [Fact]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public void Others_who_may_read_secrets_are_noted()
    {
        var folder = Directory.CreateTempSubdirectory("homemail-config-");
        try
        {
            var file = System.IO.Path.Combine(folder.FullName, "homemail.ini");
            File.Copy(Path, file);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            Assert.Contains(SettingsFile.Load(file).Notes, note => note.Contains("everybody on this host may read it", StringComparison.Ordinal));
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            Assert.DoesNotContain(SettingsFile.Load(file).Notes, note => note.Contains("everybody", StringComparison.Ordinal));
            File.WriteAllText(file, Configurations.House);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
            Assert.DoesNotContain(SettingsFile.Load(file).Notes, note => note.Contains("everybody", StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error()
    {
        var load = SettingsFile.Load("/nowhere/homemail.ini");
        Assert.Null(load.Settings);
        Assert.Equal("/nowhere/homemail.ini: there is no such file", Assert.Single(load.Errors).ToString());
        Assert.Equal("/: may not be read by this user", Assert.Single(SettingsFile.Load("/").Errors).ToString());
    }
}
