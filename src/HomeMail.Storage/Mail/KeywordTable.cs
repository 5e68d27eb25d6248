namespace HomeMail.Storage.Mail;

/// <summary>The keywords of a mailbox (RFC 9051 2.3.2): at most 64, each a bit of a message's mask. Compared without regard to case, kept as first given.</summary>
internal sealed class KeywordTable
{
    public const int Capacity = 64;
    private const int MaximumLength = 200;

    private readonly string?[] _names = new string?[Capacity];

    public string? this[int number]
    {
        get => _names[number];
        set => _names[number] = value;
    }

    public bool HasRoom => Array.IndexOf(_names, null) >= 0;

    /// <summary>The number of a name, or -1.</summary>
    public int Find(string name) =>
        Array.FindIndex(_names, known => string.Equals(known, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Gives a name the first free number; -1 if there is none, or it is no keyword (an atom, RFC 9051 9 flag-keyword).</summary>
    public int Add(string name)
    {
        var number = Array.IndexOf(_names, null);
        if (number >= 0 && IsKeyword(name))
            _names[number] = name;
        else
            number = -1;
        return number;
    }

    /// <summary>Frees the numbers that no message has.</summary>
    public void Keep(ulong used)
    {
        for (var i = 0; i < Capacity; i++)
            if ((used & (1UL << i)) == 0)
                _names[i] = null;
    }

    private static bool IsKeyword(string name)
    {
        if (name.Length is 0 or > MaximumLength)
            return false;
        foreach (var c in name)
            if (c is <= ' ' or >= '\x7f' or '(' or ')' or '{' or '%' or '*' or '"' or '\\' or ']')
                return false;
        return true;
    }
}
