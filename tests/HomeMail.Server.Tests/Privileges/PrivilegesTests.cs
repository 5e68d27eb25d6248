using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using HomeMail.Privileges;
using HomeMail.Storage.Files;
using Xunit;

namespace HomeMail.Server.Tests.Privileges;

/// <summary>What is given up, tried on a thread of its own: the restrictions are a thread's, and end with it.</summary>
public sealed class PrivilegesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("homemail").FullName;

    public void Dispose() => Directory.Delete(_root, true);

    [Fact]
    public void A_user_is_found_with_all_its_groups()
    {
        string[] passwd = ["root:x:0:0:root:/root:/bin/sh", "", "homemail", "homemail:x:x:5", "home:x:7:7:::", "homemail:x:812:813:Mail:/var/lib/homemail:/bin/false", "homemail:x:1:1:::"];
        string[] groups = ["root:x:0:", "ssl-cert:x:110:www,homemail", "homemail:x:813:homemail", "bad:x:y:homemail", "mail:x:8:homemailer", "adm:x:4:homemail"];
        var user = SystemUser.Find("homemail", passwd, groups);
        Assert.NotNull(user);
        Assert.Equal((812u, 813u), (user.User, user.Group));
        Assert.Equal([813u, 110u, 4u], user.Groups);
        Assert.Null(SystemUser.Find("nobody-of-this-name", passwd, groups));
        Assert.Equal(0u, SystemUser.Find("root")!.User);
    }

    [Fact]
    public void Landlock_leaves_what_the_rules_name_and_nothing_else()
    {
        Assert.SkipWhen(Landlock.Version < 2, "this kernel has no Landlock of version 2");
        var data = Directory.CreateDirectory(Path.Combine(_root, "data")).FullName;
        var settings = Directory.CreateDirectory(Path.Combine(_root, "settings")).FullName;
        File.WriteAllText(Path.Combine(settings, "ini"), "settings");
        File.WriteAllText(Path.Combine(_root, "secret"), "another's");
        File.CreateSymbolicLink(Path.Combine(data, "sly"), Path.Combine(_root, "secret"));
        OnThread(() =>
        {
            Assert.Null(Restrict());
            Assert.Null(Landlock.Restrict([new(data, PathAccess.Keep), new(settings, PathAccess.Read), new(Path.Combine(_root, "absent"), PathAccess.Read)]));
            Directory.CreateDirectory(Path.Combine(data, "a"));
            Directory.CreateDirectory(Path.Combine(data, "b"));
            File.WriteAllText(Path.Combine(data, "a", "one"), "message");
            // A delivery is a link into another folder.
            RealFileSystem.Instance.Link(Path.Combine(data, "a", "one"), Path.Combine(data, "b", "one"));
            Assert.Equal("message", File.ReadAllText(Path.Combine(data, "b", "one")));
            File.Delete(Path.Combine(data, "b", "one"));
            Assert.Equal("settings", File.ReadAllText(Path.Combine(settings, "ini")));
            Assert.Throws<UnauthorizedAccessException>(() => File.WriteAllText(Path.Combine(settings, "ini"), "mine"));
            Assert.Throws<UnauthorizedAccessException>(() => File.WriteAllText(Path.Combine(settings, "more"), "mine"));
            Assert.Throws<UnauthorizedAccessException>(() => File.ReadAllText(Path.Combine(_root, "secret")));
            Assert.Throws<UnauthorizedAccessException>(() => File.ReadAllText(Path.Combine(data, "sly")));
            Assert.Throws<UnauthorizedAccessException>(() => File.WriteAllText(Path.Combine(_root, "new"), "mine"));
        });
        Assert.Equal("another's", File.ReadAllText(Path.Combine(_root, "secret")));
    }

    [Fact]
    public void Calls_that_no_mail_server_makes_are_refused_and_the_others_are_not()
    {
        const long unshare = 272, unshareArm64 = 97, getpid = 39, getpidArm64 = 172;
        var isArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
        OnThread(() =>
        {
            // With no flags it does nothing, and is allowed to.
            Assert.Equal(0, Native.SystemCall(isArm64 ? unshareArm64 : unshare, 0, 0, 0));
            Assert.Null(Restrict());
            Assert.Null(SystemCallFilter.Restrict());
            Assert.Equal(-1, Native.SystemCall(isArm64 ? unshareArm64 : unshare, 0, 0, 0));
            Assert.Equal(1, Marshal.GetLastPInvokeError());
            Assert.Equal(Environment.ProcessId, Native.SystemCall(isArm64 ? getpidArm64 : getpid, 0, 0, 0));
            // The other interface of the same processor is no way round.
            if (!isArm64)
                Assert.Equal(-1, Native.SystemCall(unshare | 0x40000000, 0, 0, 0));
        });
    }

    private static string? Restrict() => Native.ProcessControl(Native.SetNoNewPrivileges, 1) == 0 ? null : "no_new_privs";

    private static void OnThread(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }
}
