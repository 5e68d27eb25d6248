namespace HomeMail.Cli.Doctor;

/// <summary>How well something is.</summary>
internal enum Health
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>It works, and somebody should know; or it could not be seen.</summary>
    Attention,

    /// <summary>It does not work.</summary>
    Trouble,
}

/// <summary>One thing that the doctor has looked at.</summary>
/// <param name="Subject">What it is: <c>smarthost:isp</c>, <c>spf:example.org</c>.</param>
/// <param name="Health">How well it is.</param>
/// <param name="Code">What was found, in a word that programs can rely on: <c>ok</c>, <c>unknown</c>, or one of the part's own.</param>
/// <param name="Words">What was found, in plain words.</param>
/// <param name="Mend">What to do about it, or null.</param>
internal sealed record DoctorFinding(string Subject, Health Health, string Code, string Words, string? Mend = null)
{
    /// <summary>The code of what is as it should be.</summary>
    public const string OkCode = "ok";

    /// <summary>The code of what could not be seen.</summary>
    public const string UnknownCode = "unknown";

    /// <summary>It is as it should be.</summary>
    public static DoctorFinding Ok(string subject, string words) => new(subject, Health.Ok, OkCode, words);

    /// <summary>It works, and somebody should know.</summary>
    public static DoctorFinding Attention(string subject, string code, string words, string? mend = null) => new(subject, Health.Attention, code, words, mend);

    /// <summary>It does not work.</summary>
    public static DoctorFinding Trouble(string subject, string code, string words, string mend) => new(subject, Health.Trouble, code, words, mend);

    /// <summary>It could not be seen.</summary>
    public static DoctorFinding Unknown(string subject, string words, string? mend = null) => new(subject, Health.Attention, UnknownCode, words, mend);
}

/// <summary>One examination.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Summary">What it looks at.</param>
/// <param name="Look">Looks.</param>
internal sealed record DoctorPart(string Name, string Summary, Func<DoctorScene, CancellationToken, Task<IReadOnlyList<DoctorFinding>>> Look);
