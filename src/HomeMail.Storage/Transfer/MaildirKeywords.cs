using System.Globalization;
using System.Text;
using HomeMail.Storage.Files;

namespace HomeMail.Storage.Transfer;

/// <summary>The keywords of a Maildir folder, <c>dovecot-keywords</c>: lines of a number and a name; number n is the small letter n in file names.</summary>
internal sealed class MaildirKeywords
{
    /// <summary>How many letters there are.</summary>
    public const int Capacity = 26;

    private const string FileName = "dovecot-keywords";
    private const int LargestFile = 64 * 1024;

    private readonly string?[] _names = new string?[Capacity];

    /// <summary>The name of a number, or null.</summary>
    public string? this[int number] => _names[number];

    /// <summary>Whether a name was added that is not in the file.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Reads the file of a folder; without one there are no keywords.</summary>
    public static MaildirKeywords Read(IFileSystem files, string folder)
    {
        var keywords = new MaildirKeywords();
        byte[] octets;
        try
        {
            using var file = files.Open(folder + "/" + FileName);
            octets = new byte[Math.Min(file.Length, LargestFile)];
            var read = 0;
            while (read < octets.Length && file.Read(octets.AsSpan(read), read) is var count and > 0)
                read += count;
            Array.Resize(ref octets, read);
        }
        catch (StorageException)
        {
            return keywords;
        }
        foreach (var line in Encoding.UTF8.GetString(octets).Split('\n'))
            if (line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space && int.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number < Capacity && line[(space + 1)..].Trim() is { Length: > 0 } name)
                keywords._names[number] = name;
        return keywords;
    }

    /// <summary>The number of a name, or -1.</summary>
    public int Find(string name) => Array.FindIndex(_names, known => known is not null && known.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Gives a name a number; false if all are taken.</summary>
    public bool TryAdd(string name)
    {
        if (Find(name) >= 0)
            return true;
        var free = Array.FindIndex(_names, static known => known is null);
        if (free < 0)
            return false;
        _names[free] = name;
        IsChanged = true;
        return true;
    }

    /// <summary>Writes the file, in one step.</summary>
    public void Write(IFileSystem files, string folder)
    {
        var lines = new StringBuilder();
        for (var i = 0; i < Capacity; i++)
            if (_names[i] is { } name)
                lines.Append(CultureInfo.InvariantCulture, $"{i} {name}\n");
        var beside = folder + "/" + FileName + ".new";
        files.Unlink(beside);
        using (var file = files.Create(beside))
        {
            file.Write(Encoding.UTF8.GetBytes(lines.ToString()), 0);
            file.Sync();
        }
        files.Rename(beside, folder + "/" + FileName);
        IsChanged = false;
    }
}
