using System.Globalization;

namespace HomeMail.Privileges;

/// <summary>A user of the system as passwd(5) and group(5) have it. A static program has no name service, so the files are read.</summary>
/// <param name="Name">Its name.</param>
/// <param name="User">Its user id.</param>
/// <param name="Group">Its first group's id.</param>
/// <param name="Groups">The ids of all its groups, the first one first.</param>
internal sealed record SystemUser(string Name, uint User, uint Group, IReadOnlyList<uint> Groups)
{
    /// <summary>Looks a user up by name; null if there is none.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static SystemUser? Find(string name, string passwdPath = "/etc/passwd", string groupPath = "/etc/group") =>
        File.Exists(passwdPath) ? Find(name, File.ReadLines(passwdPath), File.Exists(groupPath) ? File.ReadLines(groupPath) : []) : null;

    /// <summary>Looks a user up in the lines of both files. A line that is not as it should be is passed over.</summary>
    public static SystemUser? Find(string name, IEnumerable<string> passwd, IEnumerable<string> groups)
    {
        foreach (var line in passwd)
        {
            // name:password:uid:gid:comment:home:shell
            var fields = line.Split(':');
            if (fields.Length < 4 || fields[0] != name || Id(fields[2]) is not { } user || Id(fields[3]) is not { } group)
                continue;
            var all = new List<uint> { group };
            foreach (var member in groups)
            {
                // name:password:gid:member,member
                var parts = member.Split(':');
                if (parts.Length >= 4 && Id(parts[2]) is { } id && !all.Contains(id) && parts[3].Split(',').Contains(name))
                    all.Add(id);
            }
            return new SystemUser(name, user, group, all);
        }
        return null;
    }

    /// <summary>Looks a user up by id; null if there is none, or the file cannot be read.</summary>
    public static SystemUser? Find(uint user, string passwdPath = "/etc/passwd")
    {
        try
        {
            foreach (var line in File.Exists(passwdPath) ? File.ReadLines(passwdPath) : [])
            {
                var fields = line.Split(':');
                if (fields.Length >= 4 && fields[0].Length > 0 && Id(fields[2]) == user && Id(fields[3]) is { } group)
                    return new SystemUser(fields[0], user, group, [group]);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Then nobody is known.
        }
        return null;
    }

    private static uint? Id(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id != uint.MaxValue ? id : null;
}
