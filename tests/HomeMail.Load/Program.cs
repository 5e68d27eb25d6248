using HomeMail.Load;

// A load on a mail server of this machine, or the limits of the machine itself; each prints one line of JSON.
//   smtp --server 127.0.0.1:2525 --sessions 16 --messages 2000 --size 4096 [--recipients N] [--users N] [--per-connection N]
//        [--tls off|starttls|implicit] [--user NAME --password SECRET] [--from ADDRESS] [--to 'user{0}@home.example']
//   disk | disk-groups --folder PATH --sessions 16 --messages 2000 --size 4096
//   loopback --sessions 16 --messages 20000
//   sink --listen 127.0.0.1:2525 [--sessions 128]     takes mail, and does nothing with it
//   serve        does what the lines of its input say, such a line each, until it ends: what is compiled when first used is compiled once
try
{
    if (args is not ["serve"])
    {
        Do(args);
        return 0;
    }
    while (Console.ReadLine() is { } line)
    {
        // What a run leaves behind is not collected during the next one.
        GC.Collect();
        Do(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }
    return 0;
}
catch (Exception error) when (error is ArgumentException or FormatException)
{
    Console.Error.WriteLine($"load: {error.Message}");
    return 2;
}

static void Do(string[] words)
{
    if (words.Length == 0)
        throw new ArgumentException("a verb is needed: smtp, disk, disk-groups, loopback, sink, serve");
    var options = new Options(words.AsSpan(1));
    switch (words[0])
    {
        case "smtp":
            new SmtpLoad(options).Run();
            break;
        case "disk":
            Limits.Disk(options);
            break;
        case "disk-groups":
            Limits.DiskInGroups(options);
            break;
        case "loopback":
            Limits.RoundTrips(options);
            break;
        case "sink":
            Sink.Run(options);
            break;
        default:
            throw new ArgumentException($"'{words[0]}' is no verb; allowed: smtp, disk, disk-groups, loopback, sink, serve");
    }
}
