using System.Security.Cryptography;

namespace HomeMail.Server.Net;

/// <summary>Small files that hold a secret: readable by the server alone, and whole or absent whatever happens while they are written.</summary>
public static class PrivateFile
{
    private const UnixFileMode FileOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderOnly = FileOnly | UnixFileMode.UserExecute;

    /// <summary>Writes a file, and makes its folder where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="octets">All of its content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> octets)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, FolderOnly);
        var temporary = path + ".new";
        File.Delete(temporary);
        using (var stream = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = FileOnly }))
        {
            stream.Write(octets);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads random octets that were made once, and makes them first where there are none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">How many octets.</param>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static byte[] LoadOrMakeSecret(string path, int length)
    {
        if (File.Exists(path) && File.ReadAllBytes(path) is { } octets && octets.Length == length)
            return octets;
        octets = RandomNumberGenerator.GetBytes(length);
        Write(path, octets);
        return octets;
    }
}
