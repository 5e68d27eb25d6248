using System.Globalization;
using System.Security.Cryptography;
using HomeMail.Fuzz;
using HomeMail.Fuzz.Targets;
using SharpFuzz;

// random [--seconds N] [--inputs N] [--seed N] [TARGET...]   inputs made here, the same for the same seed
// afl TARGET                                                 run by afl-fuzz, of an instrumented build
// run TARGET FILE                                            one input again
// seeds TARGET FOLDER                                        writes a target's seeds, to begin with
// list
return args switch
{
    ["list"] => List(),
    ["random", .. var rest] => Random(rest),
    ["afl", var name] => Afl(name),
    ["run", var name, var file] => Again(Find(name), File.ReadAllBytes(file)),
    ["seeds", var name, var folder] => WriteSeeds(Find(name), folder),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("fuzz: list | random [--seconds N] [--inputs N] [--seed N] [TARGET...] | afl TARGET | run TARGET FILE | seeds TARGET FOLDER");
    return 2;
}

static int List()
{
    foreach (var target in AllTargets.List)
        Console.WriteLine(target.Name);
    return 0;
}

static FuzzTarget Find(string name) =>
    AllTargets.List.FirstOrDefault(t => t.Name == name) ?? throw new ArgumentException($"no target {name}; there are {string.Join(", ", AllTargets.List.Select(t => t.Name))}");

static int Random(string[] rest)
{
    var seconds = 0.0;
    var inputs = 0L;
    var seed = 1UL;
    var names = new List<string>();
    for (var i = 0; i < rest.Length; i++)
    {
        if (rest[i] == "--seconds")
            seconds = double.Parse(rest[++i], CultureInfo.InvariantCulture);
        else if (rest[i] == "--inputs")
            inputs = long.Parse(rest[++i], CultureInfo.InvariantCulture);
        else if (rest[i] == "--seed")
            seed = ulong.Parse(rest[++i], CultureInfo.InvariantCulture);
        else
            names.Add(rest[i]);
    }
    var targets = names.Count == 0 ? AllTargets.List : [.. names.Select(Find)];
    var time = seconds > 0 ? TimeSpan.FromSeconds(seconds / targets.Count) : inputs > 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(10.0 / targets.Count);
    var failed = 0;
    long all = 0;
    foreach (var target in targets)
    {
        var report = RandomDriver.Run(target, seed, inputs > 0 ? inputs : long.MaxValue, time);
        all += report.Inputs;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Target,-16} {report.Inputs,11} inputs  {report.Inputs / Math.Max(report.Elapsed.TotalSeconds, 0.001),9:f0} a second  slowest {report.Slowest.TotalMilliseconds,7:f1} ms  most allocated {report.MostAllocated,8}  {(report.Failure is null ? "ok" : "FAILED")}"));
        if (report.Failure is null)
            continue;
        failed++;
        Console.WriteLine($"  {report.Failure}\n  the input is {Keep(report)}");
    }
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{all} inputs in all, {failed} of {targets.Count} targets failed, seed {seed}"));
    return failed == 0 ? 0 : 1;
}

static string Keep(FuzzReport report)
{
    Directory.CreateDirectory("out/fuzz");
    var path = $"out/fuzz/{report.Target}-{Convert.ToHexStringLower(SHA256.HashData(report.FailedInput!))[..12]}";
    File.WriteAllBytes(path, report.FailedInput!);
    return path;
}

// Before the first input an instrumented library must not run, not even to make a table.
static int Afl(string name)
{
    FuzzTarget? target = null;
    Fuzzer.OutOfProcess.Run(stream =>
    {
        using var input = new MemoryStream();
        stream.CopyTo(input);
        target ??= Find(name);
        target.Run(input.GetBuffer().AsSpan(0, (int)input.Length));
    });
    return 0;
}

static int Again(FuzzTarget target, byte[] input)
{
    target.Run(input);
    Console.WriteLine("ok");
    return 0;
}

static int WriteSeeds(FuzzTarget target, string folder)
{
    Directory.CreateDirectory(folder);
    for (var i = 0; i < target.Seeds.Length; i++)
        File.WriteAllBytes(Path.Combine(folder, "seed" + i.ToString(CultureInfo.InvariantCulture)), System.Text.Encoding.Latin1.GetBytes(target.Seeds[i]));
    return 0;
}
