namespace HomeMail.Server.Watching;

/// <summary>Counts what happens, by word. The words are known from the start, so that counting allocates nothing.</summary>
/// <param name="words">The words.</param>
public sealed class EventCounts(params string[] words)
{
    private readonly long[] _counts = new long[words.Length];

    /// <summary>The words.</summary>
    public IReadOnlyList<string> Words => words;

    /// <summary>How often one of the words has been counted.</summary>
    /// <param name="index">Its place among the words.</param>
    public long this[int index] => Interlocked.Read(ref _counts[index]);

    /// <summary>Counts a word; one that is not known is left out.</summary>
    /// <param name="word">The word.</param>
    public void Count(string word)
    {
        var index = Array.IndexOf(words, word);
        if (index >= 0)
            Interlocked.Increment(ref _counts[index]);
    }
}
