using HomeMail.Server.House;
using Xunit;

namespace HomeMail.Server.Tests.House;

public sealed class NetworkEventsTests
{
    [Fact]
    public async Task It_listens_until_it_is_stopped()
    {
        // That it hears is seen in the lab, where addresses change; here nothing may.
        var text = new StringWriter();
        using var stop = new CancellationTokenSource();
        var running = new NetworkEvents(() => { }, TimeProvider.System, new Log(text, TimeProvider.System)).RunAsync(stop.Token);
        Assert.False(running.IsCompleted && text.ToString().Length == 0);
        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }
}
