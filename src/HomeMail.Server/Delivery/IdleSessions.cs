namespace HomeMail.Server.Delivery;

/// <summary>
/// Sessions that have done their work and wait a moment for the next message to the same destination. They are few and short-lived: a server is not
/// kept waiting for nothing.
/// </summary>
internal sealed class IdleSessions : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<(Destination To, SmtpClient Session, long Since)> _idle = [];
    private readonly DeliveryOptions _options;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private bool _closed;

    public IdleSessions(DeliveryOptions options, TimeProvider clock)
    {
        _options = options;
        _clock = clock;
        _timer = clock.CreateTimer(static me => ((IdleSessions)me!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many wait.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _idle.Count;
        }
    }

    /// <summary>
    /// Takes a session to a destination out; null if there is none. One that came about by another route is none: the configuration may have been read again,
    /// and now want another family, encryption, or another way.
    /// </summary>
    public SmtpClient? Take(Destination to)
    {
        lock (_gate)
        {
            var index = _idle.FindLastIndex(i => i.To.Key == to.Key && i.To.Route == to.Route);
            if (index < 0)
                return null;
            var session = _idle[index].Session;
            _idle.RemoveAt(index);
            return session;
        }
    }

    /// <summary>Keeps a session, or closes it where it cannot be used again or too many wait.</summary>
    public async ValueTask GiveAsync(Destination to, SmtpClient session)
    {
        SmtpClient? surplus = session;
        if (session.IsUsable && _options.MaxIdle > 0)
        {
            lock (_gate)
            {
                if (!_closed)
                {
                    surplus = _idle.Count < _options.MaxIdle ? null : _idle[0].Session;
                    if (surplus is not null)
                        _idle.RemoveAt(0);
                    _idle.Add((to, session, _clock.GetTimestamp()));
                    _timer.Change(_options.KeepIdle, Timeout.InfiniteTimeSpan);
                }
            }
        }
        if (surplus is not null)
            await surplus.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<SmtpClient> rest;
        lock (_gate)
        {
            _closed = true;
            rest = _idle.ConvertAll(i => i.Session);
            _idle.Clear();
        }
        await _timer.DisposeAsync().ConfigureAwait(false);
        foreach (var session in rest)
            await session.DisposeAsync().ConfigureAwait(false);
    }

    private void Sweep()
    {
        List<SmtpClient> old;
        lock (_gate)
        {
            if (_closed)
                return;
            var cut = _idle.FindIndex(i => _clock.GetElapsedTime(i.Since) < _options.KeepIdle);
            var count = cut < 0 ? _idle.Count : cut;
            old = _idle.GetRange(0, count).ConvertAll(i => i.Session);
            _idle.RemoveRange(0, count);
            if (_idle.Count > 0)
                _timer.Change(_options.KeepIdle - _clock.GetElapsedTime(_idle[0].Since), Timeout.InfiniteTimeSpan);
        }
        foreach (var session in old)
            _ = session.DisposeAsync().AsTask();
    }
}
