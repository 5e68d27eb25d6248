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

    // The classes that the binder fills are written by hand beside the table of keys: here each key has a value of its own, and has to arrive.
    [Fact]
    public void Every_key_of_the_table_arrives_through_provider_and_binder()
    {
        var text = new StringBuilder();
        foreach (var info in KnownKeys.Sections.Values.Where(info => info.KeysAllowed is null))
        {
            text.Append($"[{(info.NameAllowed is null ? info.Kind : info.Kind + ":x.y")}]\n");
            foreach (var key in info.Keys)
                text.Append($"{key.Name} = {info.Kind} {key.Name}\n");
        }
        text.Append("[spf-rewrite]\n2001:db8::/32 = a:b\n192.0.2.1 = c\n");

        var findings = new Findings("t.ini");
        var raw = RawSettings.Bind(IniDocument.Read(text.ToString(), findings));
        Assert.Empty(findings.Errors);
        var bound = typeof(RawSettings).GetProperties()
            .Where(property => property.Name != nameof(RawSettings.SpfRewrite))
            .Select(property => property.GetValue(raw)!)
            .Select(value => value is System.Collections.IDictionary named ? named["x.y"]! : value)
            .SelectMany(section => section.GetType().GetProperties().Where(property => property.PropertyType == typeof(string)).Select(property => (string?)property.GetValue(section)));
        var expected = KnownKeys.Sections.Values.SelectMany(info => info.Keys.Select(key => $"{info.Kind} {key.Name}"));
        Assert.Equal(expected.Order(), bound.Order());
        Assert.Equal("a:b", raw.SpfRewrite["2001:db8::/32"]);
        Assert.Equal("c", raw.SpfRewrite["192.0.2.1"]);
    }

    [Fact]
    public void A_pipe_is_read_and_too_large_a_file_is_not()
    {
        var file = System.IO.Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "; " + new string('x', 300_000));
            Assert.Equal($"{file}: is larger than 256 kB", Assert.Single(SettingsFile.Load(file).Errors).ToString());
            Assert.Contains("hostname: is missing", Assert.Single(SettingsFile.Load("/dev/null").Errors).ToString(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
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
