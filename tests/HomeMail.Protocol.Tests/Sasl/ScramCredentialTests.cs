using System.Text;
using HomeMail.Protocol.Sasl;
using Xunit;

namespace HomeMail.Protocol.Tests.Sasl;

public class ScramCredentialTests
{
    private static readonly byte[] Salt = Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==");

    [Fact]
    public void A_new_credential_takes_its_password_and_no_other()
    {
        var credential = ScramCredential.Create("correct horse");
        Assert.True(credential.Verify("correct horse"u8));
        Assert.False(credential.Verify("correct horsf"u8));
        Assert.False(credential.Verify(""u8));
        Assert.Equal(ScramCredential.DefaultIterations, credential.Iterations);
        Assert.Equal(ScramCredential.SaltLength, credential.Salt.Length);
    }

    [Fact]
    public void Two_credentials_of_one_password_differ() =>
        Assert.NotEqual(ScramCredential.Create("secret").ToString(), ScramCredential.Create("secret").ToString());

    [Fact]
    public void The_stored_form_comes_back_the_same()
    {
        var text = ScramCredential.Create("pencil", 4096, Salt).ToString();
        Assert.StartsWith("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$", text, StringComparison.Ordinal);
        var read = ScramCredential.Parse(text);
        Assert.Equal(text, read.ToString());
        Assert.True(read.Verify("pencil"u8));
    }

    // Made with Python's hashlib.pbkdf2_hmac and hmac from the values of RFC 7677 3.
    [Fact]
    public void Keys_equal_those_of_another_implementation() => Assert.Equal(
        "$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        ScramCredential.Create("pencil", 4096, Salt).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("secret")]
    [InlineData("$scram-sha-256$")]
    [InlineData("$scram-sha-1$4096$W22ZaJ0SNY7soEsUEjb6gQ==$AAAA$AAAA")]
    [InlineData("$scram-sha-256$4095$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$1000001$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$+4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=")]
    [InlineData("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=$")]
    [InlineData("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$4096$AAAA$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$4096$W22ZaJ0SNY7soEs UEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    [InlineData("$scram-sha-256$4096$W22ZaJ0SNY7soEsUEjb6g$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=$wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")]
    public void What_is_no_credential_is_refused(string text)
    {
        Assert.False(ScramCredential.TryParse(text, out var credential));
        Assert.Null(credential);
        Assert.Throws<FormatException>(() => ScramCredential.Parse(text));
    }

    [Fact]
    public void Any_cut_of_the_stored_form_is_refused()
    {
        var text = ScramCredential.Create("pencil", 4096, Salt).ToString();
        for (var length = 0; length < text.Length; length++)
            Assert.False(ScramCredential.TryParse(text.AsSpan(0, length), out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("tab\there")]
    [InlineData("\u00ad")]
    public void A_password_that_could_never_be_given_is_not_made(string password) =>
        Assert.ThrowsAny<ArgumentException>(() => ScramCredential.Create(password));

    [Fact]
    public void A_decoy_is_stable_for_a_name_and_fits_no_password()
    {
        var secret = Encoding.ASCII.GetBytes("0123456789abcdef");
        var decoy = ScramCredential.Decoy(secret, "mallory");
        Assert.Equal(decoy.ToString(), ScramCredential.Decoy(secret, "Mallory").ToString());
        Assert.Equal(decoy.ToString(), ScramCredential.Decoy(secret, "MALLORY@example.org").ToString());
        Assert.NotEqual(decoy.ToString(), ScramCredential.Decoy(secret, "mallary").ToString());
        Assert.NotEqual(decoy.ToString(), ScramCredential.Decoy("another secret.."u8, "mallory").ToString());
        Assert.False(decoy.Verify("mallory"u8));
        Assert.False(decoy.Verify(""u8));
    }

    [Fact]
    public void A_decoy_has_the_shape_of_a_real_one()
    {
        var real = ScramCredential.Create("pencil");
        var decoy = ScramCredential.Decoy("0123456789abcdef"u8, "nobody");
        Assert.Equal(real.Iterations, decoy.Iterations);
        Assert.Equal(real.Salt.Length, decoy.Salt.Length);
        Assert.True(ScramCredential.TryParse(decoy.ToString(), out _));
    }
}
