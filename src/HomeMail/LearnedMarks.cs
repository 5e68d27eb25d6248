using HomeMail.Server;
using HomeMail.Server.Imap;
using HomeMail.Server.Learning;
using HomeMail.Storage.Files;
using HomeMail.Storage.Mail;

namespace HomeMail;

/// <summary>Hands what IMAP clients say of junk on to what the accounts learn.</summary>
internal sealed class LearnedMarks(Func<AccountLearning> learning, Log log) : IJunkLearning
{
    public void Learned(string account, Mailbox mailbox, uint uid, bool isJunk) =>
        // Reading a message takes a while, and the client is not to wait for it.
        ThreadPool.QueueUserWorkItem(_ => Learn(account, mailbox, uid, isJunk));

    private void Learn(string account, Mailbox mailbox, uint uid, bool isJunk)
    {
        try
        {
            using var message = mailbox.OpenMessage(uid);
            if (isJunk)
                learning().Junk(account, message);
            else
                learning().NotJunk(account, message);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            log.Info("not-learned", ("account", account), ("what", error.Message));
        }
    }
}
