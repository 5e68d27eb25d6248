using Xunit;

namespace HomeMail.Server.Tests;

/// <summary>Finds the data that nobody here wrote: <c>shared/data</c> beside the repository, or above it.</summary>
internal static class SharedData
{
    private static readonly string? Folder = Locate();

    /// <summary>The path of a file or folder in the shared data. Where the data is absent the test is skipped, or fails if <c>CI=true</c>.</summary>
    /// <param name="relativePath">With forward slashes, such as <c>spf/rfc7208-tests.json</c>.</param>
    public static string Path(string relativePath)
    {
        if (Folder is null)
        {
            Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") != "true", "needs ../shared/data, which is not here");
            Assert.Fail("needs ../shared/data, and CI=true");
        }
        return System.IO.Path.Combine(Folder, relativePath);
    }

    private static string? Locate()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = System.IO.Path.Combine(folder.FullName, "shared", "data");
            if (Directory.Exists(candidate))
                return candidate;
        }
        return null;
    }
}
