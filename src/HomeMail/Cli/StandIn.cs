using HomeMail.Config;
using HomeMail.Server;
using HomeMail.Server.Control;
using HomeMail.Server.House;
using HomeMail.Server.Net;
using HomeMail.Storage;
using HomeMail.Storage.State;

namespace HomeMail.Cli;

/// <summary>
/// Answers in this process what the server would answer if it ran, as far as that needs only the data folder, which nobody else has meanwhile. Commands talk
/// to it as they talk to the server.
/// </summary>
internal sealed class StandIn : IAsyncDisposable
{
    private readonly DataFolder _data;
    private readonly StateStore _state;
    private readonly Task _session;

    private StandIn(DataFolder data, StateStore state, Task session, Stream connection)
    {
        _data = data;
        _state = state;
        _session = session;
        Connection = connection;
    }

    /// <summary>The connection to talk to; whoever uses it disposes it.</summary>
    public Stream Connection { get; }

    /// <summary>Takes the data folder.</summary>
    /// <param name="settings">The configuration.</param>
    /// <exception cref="IOException">It is not there, a server has it, or it belongs to another user.</exception>
    public static StandIn Open(Settings settings)
    {
        var path = settings.Server.Data;
        if (!Directory.Exists(path))
            throw new IOException($"the server does not run, and there is no data folder {path}");
        // What root made here, the server could not read later.
        if (DataFolder.OwnerOf(path) is { } owner && owner != PeerCredentials.OwnUser)
            throw new IOException($"the server does not run, and its data folder {path} belongs to another user (uid {owner}): start the server first, or call this as that user");
        var data = DataFolder.Open(path, TimeProvider.System);
        data.Spool.Recover();
        var history = new DeliveryHistory(Path.Combine(path, DataCommands.HistoryFolder), TimeProvider.System, int.MaxValue, long.MaxValue);
        var state = new StateStore(Path.Combine(path, DataCommands.StateFile), TimeProvider.System);
        var names = ServerMap.Names(settings, []);
        var (client, server) = StreamPair.Create();
        var session = new ControlSession(
            [.. DataCommands.Table(data, history, state, () => names, () => ServerMap.MailServices(settings), TimeProvider.System), .. HouseCommands.MaskTable(new MaskedAddresses(static _ => false, state.Collection("masked"), TimeProvider.System, Log.None))],
            path, TimeProvider.System, Log.None);
        return new StandIn(data, state, Task.Run(() => session.RunAsync(server, PeerCredentials.OwnUser, CancellationToken.None)), client);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await _session;
        _state.Dispose();
        await _data.DisposeAsync();
    }
}
