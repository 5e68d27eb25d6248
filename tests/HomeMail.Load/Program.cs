using HomeMail.Load;

// A load on a mail server of this machine, or the limits of the machine itself; each prints one line of JSON.
//   smtp --server 127.0.0.1:2525 --sessions 16 --messages 2000 --size 4096 [--recipients N] [--per-connection N]
//        [--tls off|starttls|implicit] [--user NAME --password SECRET] [--from ADDRESS] [--to 'user{0}@home.example']
//   disk | disk-groups --folder PATH --sessions 16 --messages 2000 --size 4096
//   loopback --sessions 16 --messages 20000
try
{
    if (args.Length == 0)
        throw new ArgumentException("a verb is needed: smtp, disk, disk-groups, loopback");
    var options = new Options(args.AsSpan(1));
    switch (args[0])
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
        default:
            throw new ArgumentException($"'{args[0]}' is no verb; allowed: smtp, disk, disk-groups, loopback");
    }
    return 0;
}
catch (Exception error) when (error is ArgumentException or FormatException)
{
    Console.Error.WriteLine($"load: {error.Message}");
    return 2;
}
