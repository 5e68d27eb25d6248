namespace HomeMail.Storage.Tests.Simulation;

/// <summary>The power is gone: no step works any more. Not a StorageException, since nothing in the store may handle it.</summary>
public sealed class SimulatedCrash() : Exception("the power is gone");

/// <summary>What a power cut leaves of what was not synced.</summary>
public enum Loss
{
    /// <summary>Everything stays: the process was killed, the kernel lives.</summary>
    Nothing,

    /// <summary>Nothing stays but what was synced.</summary>
    Everything,

    /// <summary>Each unsynced write and name is kept or lost by chance; a write may be torn.</summary>
    Random,
}
