namespace HomeMail.Fuzz;

/// <summary>Something that must do right whatever octets it gets. It throws if it does not.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Run">Takes one input.</param>
/// <param name="Seeds">Inputs to begin with: one of each kind that the grammar has.</param>
/// <param name="Tokens">Pieces that mean something to it.</param>
public sealed record FuzzTarget(string Name, FuzzInput Run, string[] Seeds, string[] Tokens);

/// <summary>Takes one input.</summary>
/// <param name="input">The octets.</param>
public delegate void FuzzInput(ReadOnlySpan<byte> input);

/// <summary>A target has done what it must not.</summary>
public sealed class FuzzException(string message) : Exception(message)
{
    /// <summary>Throws unless something is so.</summary>
    public static void Check(bool isSo, string what)
    {
        if (!isSo)
            throw new FuzzException(what);
    }
}
