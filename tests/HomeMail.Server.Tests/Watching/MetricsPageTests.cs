using HomeMail.Server.Watching;
using HomeMail.Server.Web;
using Xunit;

namespace HomeMail.Server.Tests.Watching;

public sealed class MetricsPageTests
{
    private static readonly Metric[] Some =
    [
        Metric.Gauge("x_bytes", "Octets\nof \\ x.", 1.5),
        Metric.Gauge("nobody_knows", "Left out.", null),
        new("y_total", "Counted.", true, "kind", [new("a", 3), new("say \"b\"\\\n", 1e15)]),
    ];

    [Fact]
    public void The_text_format() => Assert.Equal(
        """
        # HELP x_bytes Octets\nof \\ x.
        # TYPE x_bytes gauge
        x_bytes 1.5
        # HELP y_total Counted.
        # TYPE y_total counter
        y_total{kind="a"} 3
        y_total{kind="say \"b\"\\\n"} 1000000000000000

        """,
        MetricsPage.Write(Some));

    [Theory]
    [InlineData("GET", "/metrics", 200)]
    [InlineData("HEAD", "/metrics", 200)]
    [InlineData("POST", "/metrics", 405)]
    [InlineData("GET", "/", 404)]
    public void Requests(string method, string path, int status)
    {
        var reply = new MetricsPage(static () => Some).Answer(new WebRequest(method, path, "", "localhost", false, default));
        Assert.Equal(status, reply.Status);
        if (status == 200)
            Assert.Equal("text/plain; version=0.0.4; charset=utf-8", reply.ContentType);
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        var counts = new EventCounts("accepted", "refused");
        counts.Count("accepted");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            counts.Count(i % 2 == 0 ? "accepted" : "unknown");
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((501, 0), (counts[0], counts[1]));
    }
}
