using System.Net;
using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Delivery;

/// <summary>What has been learned in the course of one attempt.</summary>
internal sealed class Attempt(MailTransaction mail, Destination destination, TakePlace place)
{
    private const int MaxDials = 12;

    private SessionFault? _passing;
    private SessionFault? _lasting;
    private Dictionary<int, RecipientResult>? _blamed;

    public MailTransaction Mail { get; } = mail;

    public Destination Destination { get; } = destination;

    public TakePlace Place { get; } = place;

    public Reach Reach { get; set; } = Reach.Untried;

    /// <summary>Connections that were used.</summary>
    public int Dialled { get; set; }

    public bool MayDial => Dialled < MaxDials;

    /// <summary>Remembers why a host could not be used. A reply says more than a connection that failed, a later one no more than an earlier one.</summary>
    public void Note(SessionFault fault)
    {
        if (Reach == Reach.Untried)
            Reach = Reach.Unreachable;
        ref var place = ref fault.IsPermanent ? ref _lasting : ref _passing;
        if (place is null || (place.Diagnostic.Code == 0 && fault.Diagnostic.Code != 0))
            place = fault;
    }

    /// <summary>What a session has said in the end counts for more than why others could not be had.</summary>
    public void Answered(SessionFault fault)
    {
        (_passing, _lasting) = (null, null);
        Note(fault);
    }

    /// <summary>The message may have arrived: it is neither sent elsewhere now nor given up.</summary>
    public void Doubt(SessionFault fault)
    {
        Restore();
        Mail.SetOpen(new RecipientResult(DeliveryOutcome.Deferred, fault.Diagnostic));
    }

    /// <summary>The host is this server.</summary>
    public void Loop(string host)
    {
        Restore();
        Mail.SetOpen(new RecipientResult(DeliveryOutcome.Failed,
            Diagnostic.Of(host, new EnhancedStatusCode(5, 4, 6), "the host is this server itself, which does not host the domain")));
    }

    /// <summary>
    /// Takes back refusals that blame our address, once an attempt, so that the other family may be tried. Before the recipients are named any refusal
    /// over IPv6 counts: nothing but who we are was known then.
    /// </summary>
    /// <returns>Whether there was one.</returns>
    public bool TakeBlamed(IPAddress address)
    {
        if (_blamed is not null)
            return false;
        var isSix = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        var blamed = new Dictionary<int, RecipientResult>();
        for (var i = 0; i < Mail.Results.Count; i++)
            if (Mail.Results[i] is { Outcome: DeliveryOutcome.Failed } result && ((isSix && result.AtMail) || AddressBlame.Is(result.Diagnostic)))
                blamed[i] = result;
        if (blamed.Count == 0)
            return false;
        foreach (var index in blamed.Keys)
            Mail.Set(index, null);
        _blamed = blamed;
        return true;
    }

    /// <summary>Puts refusals back that nobody has spoken about since.</summary>
    /// <returns>Whether all is decided now.</returns>
    public bool RestoreBlamed()
    {
        if (_blamed is null)
            return false;
        Restore();
        return !Mail.IsOpen;
    }

    /// <summary>Nothing is left to try: what is undecided waits if any host might do better later, and fails if none can.</summary>
    public void Close()
    {
        Restore();
        var fault = _passing ?? _lasting
            ?? new SessionFault(Diagnostic.Of(null, new EnhancedStatusCode(4, 4, 4), "no host of the destination could be tried"));
        Mail.SetOpen(new RecipientResult(fault.IsPermanent ? DeliveryOutcome.Failed : DeliveryOutcome.Deferred, fault.Diagnostic));
    }

    private void Restore()
    {
        if (_blamed is null)
            return;
        foreach (var (index, result) in _blamed)
            if (Mail.Results[index] is null)
                Mail.Set(index, result);
    }
}
