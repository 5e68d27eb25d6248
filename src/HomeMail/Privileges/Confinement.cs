using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using HomeMail.Config;
using HomeMail.Server.Control;
using HomeMail.Storage;

namespace HomeMail.Privileges;

/// <summary>
/// Gives up what a mail server does not need, and then executes the program anew: most of these steps are for one thread, and a process has several
/// before its first line runs. What comes out has the user's ids, one capability, no way to more, and sees its own files. Where a step is impossible it
/// is told, and the others are taken.
/// </summary>
internal sealed class Confinement
{
    // What the first start tells the second one; a third there is not.
    private const string Mark = "HOMEMAIL_CONFINED";
    private const string HeapLimit = "DOTNET_GCHeapHardLimit";
    private const string HeapRange = "DOTNET_GCRegionRange";
    private const string CertificateFile = "SSL_CERT_FILE";
    private const string CertificateFolder = "SSL_CERT_DIR";

    // Where systems keep what they trust; OpenSSL's own idea is that of the machine on which it was built.
    private static readonly string[] CertificateFiles =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

    private const int BindLowPorts = 10;

    // The report of a first start that could not become a second one.
    private static string? s_unfinished;

    private readonly List<string> _done = [];
    private readonly List<string> _missing = [];

    private Confinement()
    {
    }

    /// <summary>What was given up and what could not be; null if nothing was tried.</summary>
    public static (string Done, string Missing)? Report
    {
        get
        {
            if ((s_unfinished ?? Environment.GetEnvironmentVariable(Mark)) is not { } text)
                return null;
            var parts = text.Split('|', 2);
            return (parts[0], parts.Length > 1 ? parts[1] : "");
        }
    }

    /// <summary>Takes all steps and executes the program anew. It comes back only if that is not to be, or cannot be.</summary>
    /// <returns>Null to go on as it is; else what is wrong, for a start that must not be.</returns>
    public static string? Enter(Settings settings)
    {
        // A build for the JIT is not one file: its own libraries lie beside it, and what it opens is not to be foreseen.
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, "homemail.dll")) || Environment.GetEnvironmentVariable(Mark) is not null)
            return null;
        var self = new Confinement();
        if (self.TakeUser(settings) is { } trouble)
            return trouble;
        self.Restrict(settings);
        return null;
    }

    private string? TakeUser(Settings settings)
    {
        if (PeerCredentials.OwnUser != 0)
        {
            KeepCapability();
            return null;
        }
        var name = settings.Server.User;
        if (name == "root")
            return null;
        if (SystemUser.Find(name) is not { } user)
        {
            _missing.Add($"there is no user {name} ([server] user): everything runs as root");
            return null;
        }
        if (Prepare(settings, user) is { } trouble)
            return trouble;
        if (Native.ProcessControl(Native.SetKeepCapabilities, 1) != 0
            || Native.SetGroups((nuint)user.Groups.Count, [.. user.Groups]) != 0
            || Native.SetGroup(user.Group, user.Group, user.Group) != 0
            || Native.SetUser(user.User, user.User, user.User) != 0)
            return $"cannot become the user {name}: error {Marshal.GetLastPInvokeError()}";
        _done.Add($"user {name}");
        KeepCapability();
        return MayRead(settings, name);
    }

    // Folders that are made now are the user's; what is there already belongs to whom it belongs.
    private static string? Prepare(Settings settings, SystemUser user)
    {
        foreach (var folder in Folders(settings))
        {
            try
            {
                if (Directory.Exists(folder))
                    continue;
                Directory.CreateDirectory(folder);
                if (Native.ChangeOwner(folder, user.User, user.Group) != 0)
                    return $"cannot give {folder} to the user {user.Name}: error {Marshal.GetLastPInvokeError()}";
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return $"cannot make {folder}: {error.Message}";
            }
        }
        return DataFolder.OwnerOf(settings.Server.Data) == user.User
            ? null
            : $"{settings.Server.Data} does not belong to the user {user.Name} ([server] user). If it is to: chown -R {user.Name}: {settings.Server.Data}";
    }

    private static string? MayRead(Settings settings, string name)
    {
        foreach (var file in (string?[])[settings.Path, settings.Tls.Certificate, settings.Tls.Key])
        {
            if (file is null)
                continue;
            try
            {
                using var opened = File.OpenRead(file);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return $"the user {name} ([server] user) cannot read {file}. Let its group read it: chgrp {name} {file}; chmod 640 {file}";
            }
        }
        return null;
    }

    // Addresses change while the server runs, and then it binds its ports anew.
    private void KeepCapability()
    {
        const uint wanted = 1u << BindLowPorts;
        var header = new CapabilityHeader();
        var sets = new CapabilitySet[2];
        if (Native.GetCapabilities(header, sets) != 0 || (sets[0].Permitted & wanted) == 0)
            return;
        sets[0] = new CapabilitySet { Effective = wanted, Permitted = wanted, Inheritable = wanted };
        sets[1] = default;
        if (Native.SetCapabilities(header, sets) == 0 && Native.ProcessControl(Native.CapabilityAmbient, Native.AmbientRaise, BindLowPorts) == 0)
            _done.Add("capability net_bind_service");
        else
            _missing.Add($"the capability to bind low ports: error {Marshal.GetLastPInvokeError()}");
    }

    private void Restrict(Settings settings)
    {
        Note("no_new_privs", Native.ProcessControl(Native.SetNoNewPrivileges, 1) == 0 ? null : $"error {Marshal.GetLastPInvokeError()}");
        SetEnvironment(settings);
        MakeFolders(settings);
        Note(string.Create(CultureInfo.InvariantCulture, $"landlock {Landlock.Version}"), Landlock.Restrict(AllowedPaths.For(settings)));
        Note("seccomp", SystemCallFilter.Restrict());
        _ = Native.SetEnvironment(Mark, ReportText(), 1);
        _ = Native.Execute("/proc/self/exe", Arguments());
        // Nothing is given back: what was given up stays so for this thread, and the others have it still.
        _missing.Add($"cannot execute itself anew (error {Marshal.GetLastPInvokeError()}): what was given up is so for one thread of several, and the heap has no limit");
        s_unfinished = ReportText();
    }

    private string ReportText() => $"{string.Join(", ", _done)}|{string.Join("; ", _missing)}";

    // Landlock knows folders that are there; the server could not make its own behind it. Where one cannot be made, the server says so itself.
    private static void MakeFolders(Settings settings)
    {
        foreach (var folder in Folders(settings))
        {
            try
            {
                Directory.CreateDirectory(folder);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Said when it is needed.
            }
        }
    }

    private static IEnumerable<string> Folders(Settings settings) =>
        ControlSocket.Candidates(settings.Server.Socket, settings.Server.Data).Select(static path => Path.GetDirectoryName(path)!).Prepend(settings.Server.DropFolder).Prepend(settings.Server.Data);

    private void SetEnvironment(Settings settings)
    {
        _ = Native.SetEnvironment(HeapLimit, settings.Server.Memory.ToString("X", CultureInfo.InvariantCulture), 1);
        // With a limit the runtime reserves few addresses for the heap, and it faults when it comes to the last of them: the page of its table that describes
        // those is not there. A heap of many half empty pieces comes that far with little in it. Addresses cost nothing where there is no limit on them.
        if (Environment.GetEnvironmentVariable(HeapRange) is null)
            _ = Native.SetEnvironment(HeapRange, (4L << 30).ToString("X", CultureInfo.InvariantCulture), 1);
        if (Environment.GetEnvironmentVariable(CertificateFile) is not null || Environment.GetEnvironmentVariable(CertificateFolder) is not null)
            return;
        if (Array.Find(CertificateFiles, File.Exists) is { } file)
            _ = Native.SetEnvironment(CertificateFile, file, 1);
        else
            _missing.Add("this system has no certificates to trust (ca-certificates): no server's certificate can be verified");
    }

    private void Note(string step, string? why)
    {
        if (why is null)
            _done.Add(step);
        else
            _missing.Add($"{step}: {why}");
    }

    // As they came, to the octet: it is the kernel that knows.
    private static string?[] Arguments()
    {
        var line = File.ReadAllBytes("/proc/self/cmdline");
        return [.. Encoding.UTF8.GetString(line).TrimEnd('\0').Split('\0'), null];
    }
}
