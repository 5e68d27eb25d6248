using HomeMail.Storage.State;

namespace HomeMail.Server.Learning;

/// <summary>
/// The probability that a message is junk, by its words: each token's own probability, weakened where it was seen seldom (Robinson), of which the clearest are
/// combined by Fisher's method, for both hypotheses.
/// </summary>
public static class Classifier
{
    /// <summary>Messages of each kind that must have been learned before the classifier speaks.</summary>
    public const int EnoughOfEach = 20;

    private const int MostTokens = 150;

    // A token that was never seen is even; so much weight has that against what was seen.
    private const double Strength = 0.45;
    private const double Unknown = 0.5;

    // Tokens nearer to even than this say nothing.
    private const double LeastDeviation = 0.1;
    private const int FewestTokens = 5;

    /// <summary>Judges.</summary>
    /// <param name="table">What the account has learned.</param>
    /// <param name="tokens">The message's tokens.</param>
    /// <returns>From 0 to 1, or null where too little is known.</returns>
    public static double? Junk(TokenTable table, IReadOnlyCollection<ulong> tokens)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(tokens);
        if (table.Good < EnoughOfEach || table.Junk < EnoughOfEach)
            return null;
        var clear = new List<double>(tokens.Count);
        foreach (var token in tokens)
        {
            var (good, junk) = table.Count(token);
            if (good + junk == 0)
                continue;
            var junkRate = (double)junk / table.Junk;
            var goodRate = (double)good / table.Good;
            var probability = ((Strength * Unknown) + ((good + junk) * junkRate / (junkRate + goodRate))) / (Strength + good + junk);
            if (Math.Abs(probability - Unknown) >= LeastDeviation)
                clear.Add(Math.Clamp(probability, 0.0001, 0.9999));
        }
        if (clear.Count < FewestTokens)
            return null;
        clear.Sort(static (a, b) => Math.Abs(b - Unknown).CompareTo(Math.Abs(a - Unknown)));
        var count = Math.Min(clear.Count, MostTokens);
        var (forJunk, forGood) = (0.0, 0.0);
        for (var i = 0; i < count; i++)
        {
            forJunk += Math.Log(1 - clear[i]);
            forGood += Math.Log(clear[i]);
        }
        var junkness = 1 - ChiSquare(-2 * forJunk, count);
        var goodness = 1 - ChiSquare(-2 * forGood, count);
        return (1 + junkness - goodness) / 2;
    }

    /// <summary>The probability that chi-square with 2n degrees of freedom is at least x.</summary>
    private static double ChiSquare(double x, int n)
    {
        var half = x / 2;
        // In logarithms: with many tokens the first term is below what a double holds.
        var term = -half;
        var sum = Math.Exp(term);
        for (var i = 1; i < n; i++)
        {
            term += Math.Log(half / i);
            sum += Math.Exp(term);
        }
        return Math.Min(1, sum);
    }
}
