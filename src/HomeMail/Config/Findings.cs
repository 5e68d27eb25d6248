namespace HomeMail.Config;

/// <summary>One thing that is wrong with a configuration file.</summary>
/// <param name="File">The file's path as it was given.</param>
/// <param name="Line">The line, from 1; 0 if the file as a whole is meant.</param>
/// <param name="Section">The section as it is written between the brackets, or null.</param>
/// <param name="Key">The key, or null if the section as a whole is meant.</param>
/// <param name="What">What is wrong, in plain words.</param>
/// <param name="Allowed">What is allowed, or null where that goes without saying.</param>
public sealed record Finding(string File, int Line, string? Section, string? Key, string What, string? Allowed)
{
    /// <summary>One line: <c>file:line: [section] key: what is wrong; allowed: ...</c></summary>
    public override string ToString()
    {
        var place = Line > 0 ? $"{File}:{Line}: " : $"{File}: ";
        var section = Section is null ? "" : Key is null ? $"[{Section}]: " : $"[{Section}] ";
        var key = Key is null ? "" : $"{Key}: ";
        var allowed = Allowed is null ? "" : $"; allowed: {Allowed}";
        return $"{place}{section}{key}{What}{allowed}";
    }
}

/// <summary>Collects what is wrong: a reader goes on after an error, so that a file is mended in one round.</summary>
internal sealed class Findings(string file)
{
    private readonly List<Finding> _errors = [];
    private readonly HashSet<Finding> _known = [];
    private readonly List<string> _notes = [];

    public string File => file;

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>The errors in the order of the file's lines.</summary>
    public IReadOnlyList<Finding> Errors => [.. _errors.OrderBy(error => error.Line)];

    public bool HasErrors => _errors.Count > 0;

    public void Error(int line, string? section, string? key, string what, string? allowed)
    {
        var error = new Finding(file, line, section, key, what, allowed);
        // A value that is read in two steps may be found bad in both.
        if (_known.Add(error))
            _errors.Add(error);
    }

    /// <summary>Something worth knowing that does not stop the start.</summary>
    public void Note(string text) => _notes.Add(text);
}
