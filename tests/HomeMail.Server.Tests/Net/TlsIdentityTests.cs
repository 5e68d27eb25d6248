using HomeMail.Server.Net;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Net;

/// <summary>The certificate that is made here: renewed in time, with the key it had.</summary>
public sealed class TlsIdentityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hm-tls-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 14, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_folder, true);

    private TlsIdentity Load(string hostname = "mail.example.org", bool clockIsSane = true) => TlsIdentity.LoadOrMake(_folder, hostname, _clock, clockIsSane);

    [Fact]
    public void It_stays_until_it_is_about_to_end_and_its_key_stays_for_ever()
    {
        var first = Load();
        Assert.True(first.IsOwn);
        Assert.True(first.IsSelfSigned);
        Assert.Equal(first.Certificate.Thumbprint, Load().Certificate.Thumbprint);
        _clock.Advance(TimeSpan.FromDays(3650 - 61));
        Assert.Equal(first.Certificate.Thumbprint, Load().Certificate.Thumbprint);
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.True(TlsIdentity.IsDue(first.Certificate, "mail.example.org", _clock.GetUtcNow()));
        Assert.Equal(first.Certificate.Thumbprint, Load(clockIsSane: false).Certificate.Thumbprint);
        var second = Load();
        Assert.NotEqual(first.Certificate.Thumbprint, second.Certificate.Thumbprint);
        Assert.Equal(Key(first), Key(second));
        Assert.True(second.Certificate.HasPrivateKey);
        Assert.True(second.Certificate.NotAfter.ToUniversalTime() > _clock.GetUtcNow().AddDays(3000).UtcDateTime);
    }

    [Fact]
    public void Another_name_is_another_certificate_of_the_same_key()
    {
        var first = Load();
        var second = Load("mx.example.net");
        Assert.True(second.Certificate.MatchesHostname("mx.example.net"));
        Assert.Equal(Key(first), Key(second));
    }

    [Fact]
    public void A_certificate_that_is_lost_is_made_of_the_key_that_is_left()
    {
        var first = Load();
        File.Delete(_folder + "/self-signed.crt");
        Assert.Equal(Key(first), Key(Load()));
    }

    [Fact]
    public void A_certificate_of_a_time_to_come_is_none()
    {
        _clock.Advance(TimeSpan.FromDays(36500));
        var first = Load();
        _clock.AdjustTime(new DateTimeOffset(2026, 3, 14, 0, 0, 0, TimeSpan.Zero));
        var second = Load();
        Assert.NotEqual(first.Certificate.Thumbprint, second.Certificate.Thumbprint);
        Assert.True(second.Certificate.NotBefore.ToUniversalTime() < _clock.GetUtcNow());
    }

    [Fact]
    public void What_openwrt_keeps_is_found()
    {
        Assert.Null(AcmeFiles.Find("mail.example.org", _folder));
        Put("etc/acme/mail.example.org_ecc/fullchain.cer");
        Assert.Null(AcmeFiles.Find("mail.example.org", _folder));
        Put("etc/acme/mail.example.org_ecc/mail.example.org.key");
        Assert.Equal(_folder + "/etc/acme/mail.example.org_ecc/fullchain.cer", AcmeFiles.Find("mail.example.org", _folder)!.Value.Certificate);
        Put("etc/ssl/acme/*.example.org.fullchain.crt");
        Put("etc/ssl/acme/*.example.org.key");
        Assert.Equal(_folder + "/etc/ssl/acme/*.example.org.key", AcmeFiles.Find("www.example.org", _folder)!.Value.Key);
        Put("etc/ssl/acme/mail.example.org.fullchain.crt");
        Put("etc/ssl/acme/mail.example.org.key");
        Assert.Equal((_folder + "/etc/ssl/acme/mail.example.org.fullchain.crt", _folder + "/etc/ssl/acme/mail.example.org.key"), AcmeFiles.Find("mail.example.org", _folder));
    }

    private void Put(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, path))!);
        File.WriteAllText(Path.Combine(_folder, path), "x");
    }

    private static string Key(TlsIdentity identity) => Convert.ToHexString(identity.Certificate.PublicKey.ExportSubjectPublicKeyInfo());
}
