using System.Globalization;
using System.Numerics;
using System.Text;

namespace HomeMail.Storage.Files;

/// <summary>
/// Small files of <c>Field: value</c> lines whose last line is a CRC-32C of what is before it. Replaced as a whole: written beside, synced, renamed.
/// </summary>
internal static class FieldFile
{
    private const string CheckField = "Check: ";
    private const int MaximumSize = 4 * 1024 * 1024;

    /// <summary>Replaces a file; durable when this returns.</summary>
    /// <param name="files">The file system.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="name">The file's name; <c>.new</c> is added for the one beside.</param>
    /// <param name="lines">The lines, each with its LF, without the check line.</param>
    public static void Replace(IFileSystem files, string folder, string name, string lines)
    {
        var path = folder + "/" + name;
        var beside = path + ".new";
        files.Unlink(beside);
        using (var file = files.Create(beside))
        {
            file.Write(WithCheck(lines), 0);
            file.Sync();
        }
        files.Rename(beside, path);
        files.SyncFolder(folder);
    }

    /// <summary>Reads a file. Null if it is not there; <paramref name="damaged"/> tells that it is there and can't be believed.</summary>
    public static string[]? Read(IFileSystem files, string path, out bool damaged)
    {
        damaged = false;
        byte[] octets;
        try
        {
            octets = ReadAll(files, path);
        }
        catch (StorageException error) when (error.Error == FileError.NotFound)
        {
            return null;
        }
        if (TryCheck(octets, out var lines))
            return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        damaged = true;
        return null;
    }

    /// <summary>The value of a field, or null.</summary>
    public static string? Value(string[] lines, string field)
    {
        foreach (var line in lines)
            if (line.Length > field.Length + 1 && line[field.Length] == ':' && line.StartsWith(field, StringComparison.Ordinal))
                return line[(field.Length + 1)..].TrimStart();
        return null;
    }

    /// <summary>The value of a field as a number, or 0.</summary>
    public static ulong Number(string[] lines, string field) =>
        ulong.TryParse(Value(lines, field), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    public static byte[] WithCheck(string lines) =>
        Encoding.UTF8.GetBytes(lines + CheckField + Sum(Encoding.UTF8.GetBytes(lines)).ToString("x8", CultureInfo.InvariantCulture) + "\n");

    public static bool TryCheck(ReadOnlySpan<byte> octets, out string lines)
    {
        lines = "";
        // The check line: the field, eight hexadecimal digits, a line feed.
        var body = octets.Length - CheckField.Length - 9;
        if (body < 0 || octets[^1] != '\n')
            return false;
        lines = Encoding.UTF8.GetString(octets[..body]);
        return Encoding.ASCII.GetString(octets[body..^1]) == CheckField + Sum(octets[..body]).ToString("x8", CultureInfo.InvariantCulture);
    }

    public static uint Sum(ReadOnlySpan<byte> octets)
    {
        var sum = uint.MaxValue;
        foreach (var octet in octets)
            sum = BitOperations.Crc32C(sum, octet);
        return ~sum;
    }

    public static byte[] ReadAll(IFileSystem files, string path)
    {
        using var file = files.Open(path);
        var octets = new byte[Math.Min(file.Length, MaximumSize)];
        var read = 0;
        while (read < octets.Length && file.Read(octets.AsSpan(read), read) is var count && count > 0)
            read += count;
        return read == octets.Length ? octets : octets[..read];
    }
}
