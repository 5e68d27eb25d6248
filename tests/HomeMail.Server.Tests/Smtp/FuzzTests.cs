using System.Text;
using HomeMail.Fuzz;
using HomeMail.Fuzz.Targets;
using Xunit;

namespace HomeMail.Server.Tests.Smtp;

/// <summary>A short run of every fuzz target, always the same; <c>make fuzz</c> has the long ones.</summary>
public class FuzzTests
{
    private static readonly FuzzTarget Fragile = new("fragile", static input => FuzzException.Check(!input.Contains((byte)'!'), "broke"), ["abc"], ["!"]);

    public static TheoryData<string> Targets => [.. AllTargets.List.Select(static t => t.Name)];

    [Theory, MemberData(nameof(Targets))]
    public void A_short_run(string name)
    {
        var target = AllTargets.List.Single(t => t.Name == name);
        var report = RandomDriver.Run(target, 1, 20_000, TimeSpan.FromMinutes(2));
        Assert.True(report.Failure is null, $"{report.Failure}\nwith the input {Convert.ToHexString(report.FailedInput ?? [])}");
        Assert.Equal(20_000, report.Inputs);
    }

    [Theory, MemberData(nameof(Targets))]
    public void Its_seeds(string name)
    {
        var target = AllTargets.List.Single(t => t.Name == name);
        foreach (var seed in target.Seeds)
            target.Run(Encoding.Latin1.GetBytes(seed));
    }

    [Fact]
    public void What_is_wrong_is_found_and_can_be_had_again()
    {
        var report = RandomDriver.Run(Fragile, 3, 10_000, TimeSpan.MaxValue);
        Assert.Contains("broke", report.Failure, StringComparison.Ordinal);
        Assert.Contains((byte)'!', report.FailedInput!);
        var again = RandomDriver.Run(Fragile, 3, 10_000, TimeSpan.MaxValue);
        Assert.Equal(report.Inputs, again.Inputs);
        Assert.Equal(report.FailedInput, again.FailedInput);
        Assert.NotEqual(report.FailedInput, RandomDriver.Run(Fragile, 4, 10_000, TimeSpan.MaxValue).FailedInput);
    }

    [Fact]
    public void An_allocation_without_measure_is_found()
    {
        var greedy = new FuzzTarget("greedy", static input => GC.KeepAlive(new byte[input.Length * input.Length]), [new string('x', 3000)], ["y"]);
        Assert.Contains("allocated", RandomDriver.Run(greedy, 1, 10_000, TimeSpan.MaxValue).Failure, StringComparison.Ordinal);
    }
}
