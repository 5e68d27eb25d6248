using HomeMail.Server.Authentication;
using HomeMail.Server.Dns;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace HomeMail.Server.Tests.Authentication;

public sealed class DkimRotationTests : IDisposable
{
    private const string Domain = "example.org";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("homemail-rotation-");
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-11-25T00:00:00Z", null));
    private readonly ZoneResolver _zone = new();
    private readonly DkimKeys _keys;
    private readonly DkimRotation _rotation;
    private bool _sane = true;

    public DkimRotationTests()
    {
        _keys = new DkimKeys(_folder.FullName);
        _rotation = new DkimRotation(_keys, _zone, _clock, () => _sane, Log.None);
        _keys.Use(Domain, "hm1");
    }

    private DkimRotationRequest Request => new(_folder.FullName, Domain, "hm1");

    public void Dispose()
    {
        _keys.Dispose();
        _folder.Delete(true);
    }

    [Fact]
    public async Task NewKeysSignOnceTheyAreSeenAndTheOldOnesGoWhenTheyAreSafeTo()
    {
        var request = Request;
        request.Write();
        Assert.Empty(request.Keys());
        await StepAsync();
        var made = request.Keys();
        Assert.Equal(["hm2", "hm2-ed"], made.Select(k => k.Selector));
        Assert.Equal("hm1", _keys.For(Domain)[0].Selector);
        await StepAsync();
        Assert.Equal("hm1", _keys.For(Domain)[0].Selector); // nothing is published yet

        _zone.Txt(made[0].RecordName, made[0].RecordText).Txt(made[1].RecordName, made[0].RecordText);
        await StepAsync();
        Assert.Equal("hm1", _keys.For(Domain)[0].Selector); // one of them is wrong
        _zone.Remove(made[1].RecordName).Txt(made[1].RecordName, made[1].RecordText);
        await StepAsync();
        Assert.Equal(made.Select(k => k.RecordText), _keys.For(Domain).Select(k => k.RecordText));

        using var restarted = new DkimKeys(_folder.FullName);
        Assert.Equal("hm2", restarted.Use(Domain, "hm1")[0].Selector);
        _clock.Advance(DkimRotation.KeepRetired - TimeSpan.FromMinutes(1));
        await StepAsync();
        Assert.True(Exists("hm1") && Exists("hm1-ed"));
        _clock.Advance(TimeSpan.FromMinutes(2));
        _sane = false;
        await StepAsync();
        Assert.True(Exists("hm1"));
        _sane = true;
        await StepAsync();
        Assert.False(Exists("hm1") || Exists("hm1-ed"));
        Assert.True(Exists("hm2"));
    }

    [Fact]
    public async Task AskingAgainMakesNoOtherKeys()
    {
        Request.Write();
        await StepAsync();
        var first = Request.Keys();
        Request.Write();
        await StepAsync();
        Assert.Equal(first.Select(k => k.RecordText), Request.Keys().Select(k => k.RecordText));
    }

    [Fact]
    public async Task AnotherSelectorInTheConfigurationWins()
    {
        Request.Write();
        await StepAsync();
        foreach (var key in Request.Keys())
            _zone.Txt(key.RecordName, key.RecordText);
        await StepAsync();
        Assert.Equal("hm2", _keys.For(Domain)[0].Selector);
        Assert.Equal("own", _keys.Use(Domain, "own")[0].Selector);
        await _rotation.StepAsync(Domain, "own", default);
        Assert.Equal("own", _keys.For(Domain)[0].Selector);
    }

    [Theory]
    [InlineData("hm1", "hm2")]
    [InlineData("hm9", "hm10")]
    [InlineData("mail", "mail2")]
    [InlineData("s2026", "s2027")]
    [InlineData("20261125123456", "20261125123457")]
    public async Task TheNextSelectorCountsUp(string current, string next)
    {
        _keys.Use(Domain, current);
        var request = new DkimRotationRequest(_folder.FullName, Domain, current);
        request.Write();
        await _rotation.StepAsync(Domain, current, default);
        Assert.Equal(next, request.Keys()[0].Selector);
    }

    [Fact]
    public async Task ARetiredSelectorIsNotUsedAgain()
    {
        Request.Write();
        await StepAsync();
        foreach (var key in Request.Keys())
            _zone.Txt(key.RecordName, key.RecordText);
        await StepAsync();
        _keys.Use(Domain, "hm0"); // hm1 is retired, but its record still stands
        var request = new DkimRotationRequest(_folder.FullName, Domain, "hm0");
        request.Write();
        await _rotation.StepAsync(Domain, "hm0", default);
        Assert.Equal("hm2", request.Keys()[0].Selector);
    }

    [Fact]
    public async Task TheServerLooksForRequestsWhileItRuns()
    {
        using var stop = new CancellationTokenSource();
        var running = _rotation.RunAsync(() => [(Domain, "hm1")], stop.Token);
        Request.Write();
        while (Request.Keys().Count == 0)
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }
        Assert.Equal("hm2", Request.Keys()[0].Selector);
        await stop.CancelAsync();
        await running;
    }

    private ValueTask StepAsync() => _rotation.StepAsync(Domain, "hm1", default);

    private bool Exists(string selector) => File.Exists(Path.Combine(_folder.FullName, Domain, selector + ".pem"));
}
