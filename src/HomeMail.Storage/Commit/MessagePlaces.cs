using HomeMail.Protocol.Message;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail.Storage.Commit;

/// <summary>The mailboxes one message goes to, while it goes there: UIDs given, links made, and both taken back if it fails.</summary>
internal sealed class MessagePlaces(MailStore mail, StoreWriter writer)
{
    private readonly List<Place> _places = [];

    private readonly record struct Place(Mailbox Mailbox, uint Uid, bool IsDurable);

    private int _linked;

    public int Count => _places.Count;

    /// <summary>Finds or makes the mailbox and gives the message its UID there. The link comes later.</summary>
    public LocalIntent Add(LocalDelivery delivery, MessageId id, long size, DateTimeOffset now)
    {
        var mailbox = mail.ForDelivery(delivery);
        var row = new MessageRow
        {
            Size = (uint)Math.Min(size, uint.MaxValue),
            InternalDate = MessageRow.Seconds(delivery.InternalDate ?? now),
            SaveDate = MessageRow.Seconds(now),
            Flags = delivery.Flags,
            EmailId = id.ToEmailId(),
        };
        var uid = mailbox.StageAdd(writer, row, delivery.Keywords, delivery.Reason);

        // What the file alone does not tell must be in the journal before anybody is told that it was stored.
        var durable = delivery.Flags != MessageFlags.None || delivery.Keywords.Count > 0 || delivery.Reason is not null || delivery.InternalDate is not null;
        _places.Add(new Place(mailbox, uid, durable));
        return new LocalIntent(mailbox.Account.Name, mailbox.Name, mailbox.UidValidity(), uid)
        {
            Flags = delivery.Flags,
            Keywords = delivery.Keywords,
            Reason = delivery.Reason,
            InternalDate = delivery.InternalDate,
        };
    }

    /// <summary>Makes the links, and asks for what must be synced.</summary>
    public void Link(IFileSystem files, string from, StoreChange change, SyncSet syncs)
    {
        foreach (var place in _places)
        {
            MessageLink.Place(files, from, place.Mailbox.Folder, place.Mailbox.MessagePath(place.Uid));
            _linked++;
            syncs.AddFolder(change, place.Mailbox.Folder);
            if (place.IsDurable)
                syncs.Add(change, place.Mailbox.JournalFile);
        }
    }

    public void Undo()
    {
        for (var i = 0; i < _places.Count; i++)
        {
            if (i < _linked)
                _places[i].Mailbox.Discard(_places[i].Uid);
            _places[i].Mailbox.DropStaged(_places[i].Uid);
            if (_places[i].IsDurable)
                _places[i].Mailbox.Distrust();
        }
    }

    /// <summary>The line in the envelope for a delivery that is none of its recipients.</summary>
    public static EnvelopeRecipient Line(LocalDelivery delivery, LocalIntent intent) => new()
    {
        Address = delivery.Recipient ?? new Address(delivery.Account, "localhost"),
        Status = RecipientStatus.Local,
        Local = intent,
    };
}
