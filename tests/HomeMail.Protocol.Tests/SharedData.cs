using Xunit;

namespace HomeMail.Protocol.Tests;

/// <summary>Finds the test data that lies beside the repository and is never copied into it.</summary>
internal static class SharedData
{
    /// <summary>The full path of a data file. Skips the test where the data is absent, and fails it where CI says it must be there.</summary>
    public static string Path(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "shared", "data", relative);
            if (File.Exists(candidate) || Directory.Exists(candidate))
                return candidate;
        }
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"shared/data/{relative} must be there in CI");
        Assert.Skip($"shared/data/{relative} is not on this machine");
        return "";
    }
}
