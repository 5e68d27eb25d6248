using System.Text;

namespace HomeMail.Config;

/// <summary>What came of reading a configuration.</summary>
/// <param name="Settings">The settings, or null if there are errors.</param>
/// <param name="Errors">Everything that is wrong, in the order of the lines.</param>
/// <param name="Notes">What is worth knowing but stops nothing, one line each.</param>
public sealed record SettingsLoad(Settings? Settings, IReadOnlyList<Finding> Errors, IReadOnlyList<string> Notes);

/// <summary>Reads the configuration file. Nothing is kept between two readings, so a reload is another call.</summary>
public static class SettingsFile
{
    /// <summary>Where the file is if nothing else is said.</summary>
    public const string DefaultPath = "/etc/homemail/homemail.ini";

    private const int LargestFile = 256 << 10;

    /// <summary>Reads and checks a file. Never throws for what is in it, nor for its absence.</summary>
    /// <param name="path">The file's path.</param>
    public static SettingsLoad Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] octets;
        bool open;
        try
        {
            using var file = File.OpenRead(path);
            // Not by its length: it may be a pipe.
            octets = new byte[LargestFile + 1];
            var length = file.ReadAtLeast(octets, octets.Length, throwOnEndOfStream: false);
            if (length > LargestFile)
                return Unreadable(path, "is larger than 256 kB");
            octets = octets[..length];
            open = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & UnixFileMode.OtherRead) != 0;
        }
        catch (IOException error)
        {
            // The program has no texts of the library's exceptions in it.
            return Unreadable(path, error is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : "cannot be read");
        }
        catch (UnauthorizedAccessException)
        {
            return Unreadable(path, "may not be read by this user");
        }

        var load = Parse(path, octets);
        if (load.Settings is not { } settings)
            return load;
        var notes = new List<string>(load.Notes);
        if (open && HoldsSecrets(settings))
            notes.Add($"{path} holds secrets, and everybody on this host may read it: chmod o-r {path}");
        foreach (var file in new[] { settings.Tls.Certificate, settings.Tls.Key })
            if (file is not null && !File.Exists(file))
                notes.Add($"[tls] {file} is not there, or may not be seen by this user");
        return load with { Notes = notes };
    }

    /// <summary>Checks a configuration that is in memory.</summary>
    /// <param name="file">The name it goes by in messages.</param>
    /// <param name="octets">The text in UTF-8.</param>
    public static SettingsLoad Parse(string file, ReadOnlySpan<byte> octets)
    {
        var findings = new Findings(file);
        if (octets.StartsWith(Encoding.UTF8.Preamble))
            octets = octets[Encoding.UTF8.Preamble.Length..];
        if (!System.Text.Unicode.Utf8.IsValid(octets))
        {
            findings.Error(LineOfBadOctet(octets), null, null, "the line is not UTF-8", "UTF-8 text");
            return new SettingsLoad(null, findings.Errors, []);
        }
        var document = IniDocument.Read(Encoding.UTF8.GetString(octets), findings);
        var settings = SettingsReader.Read(document, findings);
        if (settings.Domains.Count == 0 && !findings.HasErrors)
            findings.Note("there is no [domain:NAME] section: this server receives mail for nobody");
        if (settings.Devices.Count > 0 && settings.Listen.Lan.Count == 0)
            findings.Note("there are [device:NAME] sections, and [listen] lan is off: devices have nowhere to connect to");
        return new SettingsLoad(findings.HasErrors ? null : settings, findings.Errors, findings.Notes);
    }

    private static SettingsLoad Unreadable(string path, string what) => new(null, [new Finding(path, 0, null, null, what, null)], []);

    private static bool HoldsSecrets(Settings settings) =>
        settings.DnsUpdate is not null
        || settings.Smarthosts.Values.Any(smarthost => smarthost.Password is not null)
        || settings.Accounts.Values.Any(account => account.Password is not null)
        || settings.Devices.Any(device => device.Password is not null);

    private static int LineOfBadOctet(ReadOnlySpan<byte> octets)
    {
        var line = 1;
        while (!octets.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(octets, out _, out var consumed) != System.Buffers.OperationStatus.Done)
                break;
            if (octets[0] == '\n')
                line++;
            octets = octets[consumed..];
        }
        return line;
    }
}
