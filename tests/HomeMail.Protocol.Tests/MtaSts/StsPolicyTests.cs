using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using HomeMail.Protocol.MtaSts;
using Xunit;

namespace HomeMail.Protocol.Tests.MtaSts;

public class StsPolicyTests
{
    private const string Head = "version: STSv1\r\nmode: enforce\r\n";

    [Theory]
    [InlineData("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n", "Enforce mail.example.com,*.example.net 604800")]
    [InlineData("version: STSv1\r\nmode: testing\r\nmx: A.Example.\r\nmax_age: 1", "Testing a.example 1")]
    [InlineData("max_age:1\nmx:a.example\nmode:enforce\nversion:STSv1", "Enforce a.example 1")]
    [InlineData("version: STSv1  \r\nmode: none \t\r\nmax_age: 86400 \r\n\r\n", "None  86400")]
    [InlineData(Head + "mx: a.example\r\nmax_age: 99999999999", "its max_age is missing or no number")]
    [InlineData(Head + "mx: a.example\r\nmax_age: 9999999999", "Enforce a.example 31557600")]
    [InlineData(Head + "mx: a.example\r\nmax_age: 0", "Enforce a.example 0")]
    [InlineData(Head + "mx: a.example\r\nmax_age: -1", "its max_age is missing or no number")]
    [InlineData(Head + "mx: a.example", "its max_age is missing or no number")]
    [InlineData(Head + "max_age: 1", "it names no host")]
    [InlineData("version: STSv1\nmode: ENFORCE\nmx: a.example\nmax_age: 1", "its mode is missing or unknown")]
    [InlineData("version: STSv1\nmx: a.example\nmax_age: 1", "its mode is missing or unknown")]
    [InlineData("version: STSv2\nmode: none\nmax_age: 1", "its version is not STSv1")]
    [InlineData("mode: none\nmax_age: 1", "its version is not STSv1")]
    [InlineData("", "its version is not STSv1")]
    [InlineData(Head + "mode: none\r\nmax_age: 5\r\nmax_age: 6\r\nmx: a.example", "Enforce a.example 5")]
    [InlineData(Head + "unknown-key: \u00fc, whatever: it is\r\nmx: a.example\r\nmax_age: 5", "Enforce a.example 5")]
    [InlineData(Head + "mx: a.example\r\nmax_age: 5\r\n<html>", "a line is not of the form key: value")]
    [InlineData(Head + "mx : a.example\r\nmax_age: 5", "a line is not of the form key: value")]
    [InlineData(Head + "mx: *.*.example\r\nmax_age: 5", "an mx is no host name")]
    [InlineData(Head + "mx: a b\r\nmax_age: 5", "an mx is no host name")]
    [InlineData(Head + "mx: *\r\nmax_age: 5", "an mx is no host name")]
    public void IsRead(string text, string expected) => Assert.Equal(expected, Words(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void HasALimit()
    {
        var text = "version: STSv1\nmode: none\nmax_age: 1\n";
        Assert.Equal("None  1", Words(Encoding.ASCII.GetBytes(text.PadRight(StsPolicy.MaxLength))));
        Assert.Equal("it is too long", Words(Encoding.ASCII.GetBytes(text.PadRight(StsPolicy.MaxLength + 1))));
    }

    [Theory]
    [InlineData("mail.example.com", true)]
    [InlineData("MAIL.example.com.", true)]
    [InlineData("mx.example.net", true)]
    [InlineData("a.mx.example.net", false)]
    [InlineData("example.net", false)]
    [InlineData(".example.net", false)]
    [InlineData("mxexample.net", false)]
    [InlineData("mail.example.com.evil.example", false)]
    [InlineData("", false)]
    public void NamesHosts(string host, bool allowed) =>
        Assert.Equal(allowed, new StsPolicy(StsMode.Enforce, ["mail.example.com", "*.example.net"], TimeSpan.Zero).Allows(host));

    [Property(MaxTest = 500)]
    public Property WhatIsWrittenIsRead(bool crlf, PositiveInt age, PositiveInt hosts, bool testing)
    {
        var names = Enumerable.Range(0, hosts.Get % 20 + 1).Select(i => (i % 2 == 0 ? "mx" : "*.") + (i % 2 == 0 ? i + ".example.org" : "a" + i + ".example.org")).ToArray();
        var end = crlf ? "\r\n" : "\n";
        var text = new StringBuilder($"version: STSv1{end}mode: {(testing ? "testing" : "enforce")}{end}");
        foreach (var name in names)
            text.Append("mx: ").Append(name).Append(end);
        text.Append(CultureInfo.InvariantCulture, $"max_age: {age.Get}{end}");
        var policy = StsPolicy.Parse(Encoding.ASCII.GetBytes(text.ToString()), out _);
        return (policy is not null && policy.Hosts.SequenceEqual(names) && policy.MaxAge.TotalSeconds == age.Get
            && policy.Mode == (testing ? StsMode.Testing : StsMode.Enforce) && names.All(n => policy.Allows(n.Replace("*", "x", StringComparison.Ordinal)))).ToProperty();
    }

    [Property(MaxTest = 2000)]
    public void OctetsOfAnyKindAreAPolicyOrAReason(byte[] octets) => Assert.Equal(StsPolicy.Parse(octets, out var problem) is null, problem.Length > 0);

    private static string Words(byte[] text) => StsPolicy.Parse(text, out var problem) is { } policy
        ? string.Create(CultureInfo.InvariantCulture, $"{policy.Mode} {string.Join(',', policy.Hosts)} {policy.MaxAge.TotalSeconds}") : problem;
}
