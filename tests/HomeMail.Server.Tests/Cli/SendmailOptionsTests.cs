using HomeMail.Cli;
using Xunit;

namespace HomeMail.Server.Tests.Cli;

/// <summary>Command lines as programs write them.</summary>
public class SendmailOptionsTests
{
    [Theory]
    [InlineData("sendmail", "-FCronDaemon -i -odi -oem -oi -t -f root", "Send", "root", "CronDaemon", true, true, "")] // Vixie cron
    [InlineData("sendmail", "-FCronDaemon -i -B8BITMIME -oem root", "Send", null, "CronDaemon", false, true, "root")] // Debian's cron
    [InlineData("sendmail", "-ti", "Send", null, null, true, true, "")] // BusyBox crond, PHP: -t -i
    [InlineData("sendmail", "-oem -oi -f alice@example.org -- bob@example.net carol", "Send", "alice@example.org", null, false, true, "bob@example.net carol")] // mutt
    [InlineData("sendmail", "-i -falice@example.org bob@example.net", "Send", "alice@example.org", null, false, true, "bob@example.net")] // git send-email
    [InlineData("sendmail", "-i bob, carol", "Send", null, null, false, true, "bob carol")]
    [InlineData("sendmail", "-r alice -v -n -m -s x", "Send", "alice", null, false, false, "x")]
    [InlineData("sendmail", "-f <> x", "Send", "", null, false, false, "x")]
    [InlineData("sendmail", "-f <alice@example.org> x", "Send", "alice@example.org", null, false, false, "x")]
    [InlineData("sendmail", "-bm -oee -d0.1 -O IgnoreDots=True -h 3 -p UUCP:x -L tag -X /dev/null -Ac x", "Send", null, null, false, true, "x")]
    [InlineData("sendmail", "-bs", "Smtp", null, null, false, false, "")]
    [InlineData("sendmail", "-bp", "Queue", null, null, false, false, "")]
    [InlineData("mailq", "", "Queue", null, null, false, false, "")]
    [InlineData("mailq", "-v", "Queue", null, null, false, false, "")]
    [InlineData("newaliases", "", "Aliases", null, null, false, false, "")]
    [InlineData("sendmail", "-bi", "Aliases", null, null, false, false, "")]
    [InlineData("sendmail", "-I", "Aliases", null, null, false, false, "")]
    [InlineData("sendmail", "-q", "Flush", null, null, false, false, "")]
    [InlineData("sendmail", "-q15m", "Flush", null, null, false, false, "")]
    [InlineData("sendmail", "-bp -q", "Queue", null, null, false, false, "")]
    public void A_command_line(string name, string line, string mode, string? sender, string? fullName, bool fromHeader, bool dotIsText, string recipients)
    {
        var options = SendmailOptions.Parse(name, line.Split(' ', StringSplitOptions.RemoveEmptyEntries), out var problem);
        Assert.Null(problem);
        Assert.Equal((mode, sender, fullName), (options.Mode.ToString(), options.Mail.Sender, options.Mail.FullName));
        Assert.Equal((fromHeader, dotIsText), (options.Mail.FromHeader, options.DotIsText));
        Assert.Equal(recipients, string.Join(' ', options.Mail.Recipients));
    }

    [Fact]
    public void What_is_asked_of_delivery_reports()
    {
        var options = SendmailOptions.Parse("sendmail", ["-N", "success,delay", "-R", "hdrs", "-V", "id=1", "x"], out var problem);
        Assert.Null(problem);
        Assert.Equal(("SUCCESS,DELAY", "HDRS", "id+3D1"), (options.Mail.Notify, options.Mail.Return, options.Mail.EnvelopeId));
    }

    [Theory]
    [InlineData("-bd", "homemail run")]
    [InlineData("-bt", "no mode -bt")]
    [InlineData("-Z", "no option -Z")]
    [InlineData("-f", "needs a value")]
    [InlineData("-N sometimes", "-N takes")]
    [InlineData("-N never,success", "-N takes")]
    [InlineData("-R all", "-R takes")]
    public void What_it_does_not_have(string line, string what)
    {
        SendmailOptions.Parse("sendmail", line.Split(' '), out var problem);
        Assert.Contains(what, problem, StringComparison.Ordinal);
    }
}
