using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using HomeMail.Protocol.Message;
using HomeMail.Server.ClientSetup;
using HomeMail.Server.Intake;
using HomeMail.Server.Web;
using Xunit;

namespace HomeMail.Server.Tests.ClientSetup;

public class ClientSetupSiteTests
{
    private static readonly HostedNames Names = new(
        "mail.home.example",
        [new HostedDomain("home.example", "home"), new HostedDomain("family.example", "home"), new HostedDomain("shop.example", "shop")],
        [new HostedAccount("alice", [new Address("alice", "home.example")], null)], [], new byte[32]);

    private readonly ClientSetupSite _site = new(
        static () => Names, static () => MailServices.At("mail.home.example", 993, 143, 465, 587), static () => "version: STSv1\r\n", TimeProvider.System);

    private WebReply Get(string host, string path, string query = "", bool isTls = true) => _site.Answer(new WebRequest("GET", path, query, host, isTls, default));

    private WebReply Discover(string email, string host = "autodiscover.home.example", string? schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a", string before = "") =>
        _site.Answer(new WebRequest("POST", "/Autodiscover/Autodiscover.xml", "", host, true, Encoding.UTF8.GetBytes(
            $"<?xml version=\"1.0\" encoding=\"utf-8\"?>{before}<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\"><Request>"
            + $"<EMailAddress>{email}</EMailAddress>{(schema is null ? "" : $"<AcceptableResponseSchema>{schema}</AcceptableResponseSchema>")}</Request></Autodiscover>")));

    [Theory]
    [InlineData("autoconfig.home.example", "/mail/config-v1.1.xml", "emailaddress=alice%40home.example")]
    [InlineData("autoconfig.home.example", "/mail/config-v1.1.xml", "")]
    [InlineData("home.example", "/.well-known/autoconfig/mail/config-v1.1.xml", "emailaddress=alice%40home.example")]
    [InlineData("192.0.2.1", "/mail/config-v1.1.xml", "emailaddress=alice@HOME.example")]
    // Programs send their own placeholder before they know the local part.
    [InlineData("autoconfig.home.example", "/mail/config-v1.1.xml", "emailaddress=%25EMAILADDRESS%25")]
    public void ThunderbirdIsTold(string host, string path, string query)
    {
        var reply = Get(host, path, query);
        Assert.Equal(200, reply.Status);
        var provider = XDocument.Parse(reply.Content).Root!.Element("emailProvider")!;
        Assert.Equal("home.example", provider.Attribute("id")!.Value);
        Assert.Equal(
            ["imap mail.home.example 993 SSL", "imap mail.home.example 143 STARTTLS", "smtp mail.home.example 465 SSL", "smtp mail.home.example 587 STARTTLS"],
            provider.Elements().Where(static e => e.Name.LocalName.EndsWith("Server", StringComparison.Ordinal))
                .Select(static e => $"{e.Attribute("type")!.Value} {e.Element("hostname")!.Value} {e.Element("port")!.Value} {e.Element("socketType")!.Value}"));
        Assert.DoesNotContain("shop", reply.Content, StringComparison.Ordinal);
        Assert.DoesNotContain("family", reply.Content, StringComparison.Ordinal);
    }

    [Fact]
    public void WhoHasAnAccountIsNotTold()
    {
        Assert.Equal(
            Get("autoconfig.home.example", "/mail/config-v1.1.xml", "emailaddress=alice%40home.example"),
            Get("autoconfig.home.example", "/mail/config-v1.1.xml", "emailaddress=nobody%40home.example"));
        Assert.Equal(
            Discover("alice@home.example").Content.Replace("alice", "nobody", StringComparison.Ordinal),
            Discover("nobody@home.example").Content);
        Assert.Equal(200, Get("autoconfig.home.example", "/email.mobileconfig", "email=nobody%40home.example").Status);
    }

    [Theory]
    [InlineData("autoconfig.home.example", "emailaddress=x%40shop.example")] // another tenant's, at this one's host
    [InlineData("autoconfig.shop.example", "emailaddress=x%40home.example")]
    [InlineData("autoconfig.home.example", "emailaddress=x%40elsewhere.example")]
    [InlineData("autoconfig.elsewhere.example", "")]
    [InlineData("autoconfig.home.example", "emailaddress=not-an-address")]
    [InlineData("", "")]
    public void NobodyIsToldOfAnothersDomains(string host, string query) => Assert.Equal(404, Get(host, "/mail/config-v1.1.xml", query).Status);

    [Fact]
    public void ADomainOfTheSameTenantIsTold() =>
        Assert.Contains("<domain>family.example</domain>", Get("autoconfig.home.example", "/mail/config-v1.1.xml", "emailaddress=x%40family.example").Content, StringComparison.Ordinal);

    [Fact]
    public void OutlookIsTold()
    {
        var reply = Discover("bob+x@home.example");
        Assert.Equal(200, reply.Status);
        XNamespace schema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
        var protocols = XDocument.Parse(reply.Content).Descendants(schema + "Protocol").ToList();
        Assert.Equal(
            ["IMAP mail.home.example 993 SSL bob+x@home.example", "SMTP mail.home.example 465 SSL bob+x@home.example"],
            protocols.Select(p => string.Join(' ', ((string[])["Type", "Server", "Port", "Encryption", "LoginName"]).Select(name => p.Element(schema + name)!.Value))));
    }

    [Theory]
    [InlineData("x@home.example", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006", "", "601")]
    [InlineData("x@elsewhere.example", null, "", "601")]
    [InlineData("x@shop.example", null, "", "601")]
    [InlineData("no address", null, "", "600")]
    [InlineData("&e;@home.example", null, "<!DOCTYPE a [<!ENTITY e \"x\">]>", "600")]
    [InlineData("x@home.example", null, "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">", "600")]
    public void WhatIsNotServedIsRefusedByItsNumber(string email, string? schema, string before, string code)
    {
        var reply = Discover(email, schema: schema, before: before);
        Assert.Equal(200, reply.Status);
        Assert.Equal(code, XDocument.Parse(reply.Content).Descendants().Single(static e => e.Name.LocalName == "ErrorCode").Value);
    }

    [Fact]
    public void WhatIsNoXmlIsRefused()
    {
        foreach (var content in (string[])["", "<", "{}", "<a><b><c><d><e><f><g><h><i><EMailAddress>x@home.example</EMailAddress></i></h></g></f></e></d></c></b></a>"])
            Assert.Contains("<ErrorCode>600</ErrorCode>", _site.Answer(new WebRequest("POST", "/autodiscover/autodiscover.xml", "", "home.example", true, Encoding.UTF8.GetBytes(content))).Content, StringComparison.Ordinal);
    }

    [Fact]
    public void OutlookIsLedFromPlainHttpToHttps()
    {
        var reply = Get("autodiscover.home.example", "/autodiscover/autodiscover.xml", isTls: false);
        Assert.Equal((302, "https://mail.home.example/autodiscover/autodiscover.xml"), (reply.Status, reply.Location));
        var second = Get("autodiscover.home.example", "/autodiscover/autodiscover.json", "Email=x%40home.example&Protocol=AutodiscoverV1");
        Assert.Equal("https://mail.home.example/autodiscover/autodiscover.xml", JsonDocument.Parse(second.Content).RootElement.GetProperty("Url").GetString());
        Assert.Equal(400, Get("autodiscover.home.example", "/autodiscover/autodiscover.json", "Protocol=ActiveSync").Status);
    }

    [Fact]
    public void AProfileTakesItsPredecessorsPlace()
    {
        var reply = Get("autoconfig.home.example", "/email.mobileconfig", "email=alice%40home.example");
        Assert.Equal((200, "email.mobileconfig"), (reply.Status, reply.FileName));
        Assert.Equal(reply, Get("autoconfig.home.example", "/email.mobileconfig", "email=alice%40home.example"));
        Assert.NotEqual(reply.Content, Get("autoconfig.home.example", "/email.mobileconfig", "email=bob%40home.example").Content);
        Assert.Contains("<key>IncomingMailServerUsername</key>\n      <string>alice@home.example</string>", reply.Content, StringComparison.Ordinal);
        // Without an address the device asks for it.
        Assert.DoesNotContain("EmailAddress", Get("autoconfig.home.example", "/email.mobileconfig").Content, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAddressIsTextWhateverStandsInIt()
    {
        var reply = Get("autoconfig.home.example", "/email.mobileconfig", "email=" + Uri.EscapeDataString("\"<a>&b\"@home.example"));
        Assert.Contains("&quot;&lt;a&gt;&amp;b&quot;@home.example", reply.Content, StringComparison.Ordinal);
    }

    [Fact]
    public void ThePolicyIsServedWhereItBelongs()
    {
        Assert.Equal("version: STSv1\r\n", Get("mta-sts.home.example", "/.well-known/mta-sts.txt").Content);
        Assert.Equal(404, Get("home.example", "/.well-known/mta-sts.txt").Status);
        Assert.Equal(404, Get("mta-sts.elsewhere.example", "/.well-known/mta-sts.txt").Status);
    }

    [Theory]
    [InlineData("PUT", "/mail/config-v1.1.xml")]
    [InlineData("POST", "/mail/config-v1.1.xml")]
    [InlineData("PUT", "/autodiscover/autodiscover.xml")]
    [InlineData("POST", "/email.mobileconfig")]
    [InlineData("get", "/.well-known/mta-sts.txt")]
    public void OtherMethodsAreNotAllowed(string method, string path)
    {
        var reply = _site.Answer(new WebRequest(method, path, "", "home.example", true, default));
        Assert.Equal(405, reply.Status);
        Assert.NotNull(reply.Allow);
    }

    [Fact]
    public void APhonesCodeIsInItsFormat()
    {
        Assert.Equal(
            """[1,[1,1],[0,"mail.home.example",993,3,1,"alice@home.example"],[[[0,"mail.home.example",587,2,1,"alice@home.example"],["alice@home.example","alice"]]]]""",
            PhoneCode.Compose(new Address("alice", "home.example"), MailServices.At("mail.home.example", 993, 0, 0, 587)));
        Assert.Null(PhoneCode.Compose(new Address("alice", "home.example"), MailServices.At("mail.home.example", 0, 0, 465, 587)));
        Assert.Null(PhoneCode.Compose(new Address("älice", "home.example"), MailServices.At("mail.home.example", 993, 0, 465, 587)));
    }
}
