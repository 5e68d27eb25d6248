namespace HomeMail.Storage.Mail;

/// <summary>
/// Which UIDs went at which mod-sequence, for QRESYNC's VANISHED (RFC 7162 3.2.5). Bounded: what is older than <see cref="Floor"/> is forgotten,
/// and who asks from there gets every UID that is not there, as the standard allows.
/// </summary>
internal sealed class VanishedLog
{
    private const int MaximumRuns = 4096;

    private readonly List<Run> _runs = [];

    /// <summary>UIDs that went at one mod-sequence.</summary>
    /// <param name="Uids">Which.</param>
    /// <param name="ModSeq">When.</param>
    /// <param name="IsMissing">Nobody expunged them: their files were not there on loading.</param>
    public readonly record struct Run(UidRange Uids, ulong ModSeq, bool IsMissing);

    /// <summary>What vanished at or before this mod-sequence is not known singly.</summary>
    public ulong Floor { get; private set; }

    public IReadOnlyList<Run> Runs => _runs;

    public void SetFloor(ulong modSeq) => Floor = Math.Max(Floor, modSeq);

    /// <summary>Adds UIDs; mod-sequences do not fall.</summary>
    public void Add(UidRange uids, ulong modSeq, bool isMissing = false) => _runs.Add(new Run(uids, modSeq, isMissing));

    /// <summary>Forgets the older half if there are too many.</summary>
    public void Trim()
    {
        if (_runs.Count <= MaximumRuns)
            return;
        var gone = _runs.Count - MaximumRuns / 2;

        // Runs of one mod-sequence stay or go together, else the floor would lie.
        while (gone < _runs.Count && _runs[gone].ModSeq == _runs[gone - 1].ModSeq)
            gone++;
        Floor = _runs[gone - 1].ModSeq;
        _runs.RemoveRange(0, gone);
    }

    public void Clear()
    {
        _runs.Clear();
        Floor = 0;
    }

    /// <summary>All UIDs known to be expunged, or those missing, by first UID, for <see cref="Contains"/>.</summary>
    public List<UidRange> Sorted(bool missing)
    {
        var ranges = new List<UidRange>(_runs.Count);
        foreach (var run in _runs)
            if (run.IsMissing == missing)
                ranges.Add(run.Uids);
        ranges.Sort(static (left, right) => left.First.CompareTo(right.First));
        return ranges;
    }

    /// <summary>Whether a UID is in sorted ranges. A UID goes once, so they do not overlap.</summary>
    public static bool Contains(List<UidRange> sorted, uint uid)
    {
        int low = 0, high = sorted.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (sorted[middle].First <= uid)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high >= 0 && uid <= sorted[high].Last;
    }

    /// <summary>Adds the UIDs that went after a mod-sequence, in ascending order, each once.</summary>
    /// <returns>False if that is not known any more.</returns>
    public bool Since(ulong modSeq, List<UidRange> vanished)
    {
        if (modSeq < Floor)
            return false;
        var first = _runs.Count;
        while (first > 0 && _runs[first - 1].ModSeq > modSeq)
            first--;
        for (var i = first; i < _runs.Count; i++)
            vanished.Add(_runs[i].Uids);
        vanished.Sort(static (left, right) => left.First.CompareTo(right.First));
        return true;
    }
}
