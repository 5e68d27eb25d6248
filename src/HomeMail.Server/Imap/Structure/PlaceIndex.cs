namespace HomeMail.Server.Imap.Structure;

/// <summary>Finds numbers by a 64-bit key that each of them has: a hash table of four octets a slot, in pieces that are no large objects.</summary>
/// <param name="capacity">How many there will be, about.</param>
/// <param name="key">The key of a number; never 0.</param>
internal sealed class PlaceIndex(int capacity, Func<int, ulong> key)
{
    private const int PieceLength = 16 * 1024;

    // Number + 1, so that 0 is a free slot.
    private int[][] _pieces = Pieces(2 * capacity);
    private int _count;

    private int Slots => _pieces.Length * PieceLength;

    /// <summary>The number that has a key; -1 if there is none.</summary>
    public int Find(ulong wanted) => Slot(_pieces, wanted) - 1;

    /// <summary>Adds a number, or puts it in place of the one that has its key.</summary>
    public void Set(ulong wanted, int number)
    {
        if (_count > Slots / 4 * 3)
            Grow();
        ref var slot = ref Slot(_pieces, wanted);
        if (slot == 0)
            _count++;
        slot = number + 1;
    }

    private ref int Slot(int[][] pieces, ulong wanted)
    {
        var mask = (pieces.Length * PieceLength) - 1;
        // The low bit is always the same; the others are as good as random.
        for (var at = (int)(wanted >> 1) & mask; ; at = (at + 1) & mask)
        {
            ref var slot = ref pieces[at / PieceLength][at % PieceLength];
            if (slot == 0 || key(slot - 1) == wanted)
                return ref slot;
        }
    }

    private void Grow()
    {
        var larger = Pieces(2 * Slots);
        foreach (var piece in _pieces)
            foreach (var number in piece)
                if (number != 0)
                    Slot(larger, key(number - 1)) = number;
        _pieces = larger;
    }

    private static int[][] Pieces(int slots)
    {
        var count = 1;
        while (count * PieceLength < slots)
            count *= 2;
        var pieces = new int[count][];
        for (var i = 0; i < count; i++)
            pieces[i] = new int[PieceLength];
        return pieces;
    }
}
