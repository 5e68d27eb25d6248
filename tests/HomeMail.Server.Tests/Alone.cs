using Xunit;

namespace HomeMail.Server.Tests;

/// <summary>What is measured for the whole process is measured while no other test runs.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
