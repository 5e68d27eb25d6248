using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>CREATE.</summary>
internal sealed class CreateChange(MailAccount account, string name, SpecialUse use) : StoreChange
{
    public Mailbox? Result { get; private set; }

    public override bool Alone => true;

    public override bool Step(int step, SyncSet syncs)
    {
        Result = account.Make(name, use);
        return false;
    }
}

/// <summary>DELETE.</summary>
internal sealed class DeleteChange(MailAccount account, string name) : StoreChange
{
    /// <summary>The folder that is out of the way and still has the files; null if there is none.</summary>
    public string? Remains { get; private set; }

    public override bool Alone => true;

    public override bool Step(int step, SyncSet syncs)
    {
        Remains = account.Delete(name);
        return false;
    }
}

/// <summary>RENAME.</summary>
internal sealed class RenameChange(MailAccount account, string from, string to) : StoreChange
{
    public override bool Alone => true;

    public override bool Step(int step, SyncSet syncs)
    {
        account.Rename(from, to);
        return false;
    }
}

/// <summary>SUBSCRIBE, UNSUBSCRIBE.</summary>
internal sealed class SubscribeChange(MailAccount account, string name, bool subscribed) : StoreChange
{
    public override bool Alone => true;

    public override bool Step(int step, SyncSet syncs)
    {
        account.Subscribe(name, subscribed);
        return false;
    }
}

/// <summary>Mailboxes that nobody uses leave memory, closed in order.</summary>
internal sealed class UnloadChange(MailStore store, TimeSpan unusedFor) : StoreChange
{
    public override bool Alone => true;

    public override bool Step(int step, SyncSet syncs)
    {
        foreach (var account in store.OpenAccounts())
            foreach (var mailbox in account.Mailboxes())
                mailbox.Unload(unusedFor);
        return false;
    }
}
