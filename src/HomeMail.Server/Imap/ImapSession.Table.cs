using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using HomeMail.Protocol.Imap;
using HomeMail.Protocol.Sasl;

namespace HomeMail.Server.Imap;

public sealed partial class ImapSession
{
    [Flags]
    private enum SessionStates : byte
    {
        NotAuthenticated = 1,
        Authenticated = 2,
        Selected = 4,
        LoggedIn = Authenticated | Selected,
        Any = NotAuthenticated | LoggedIn,
    }

    // The reply without its tag; null if it was given already.
    private delegate ValueTask<string?> Handler(ImapSession session);

    /// <param name="States">When it may be given.</param>
    /// <param name="MayExpunge">Whether EXPUNGE may be told at its end (RFC 9051 7.5.1).</param>
    /// <param name="Handler">Who answers.</param>
    private sealed record Command(SessionStates States, bool MayExpunge, Handler Handler);

    private static readonly FrozenDictionary<string, Command> Commands = new Dictionary<string, Command>
    {
        ["CAPABILITY"] = new(SessionStates.Any, true, static s => Now(s.Capability())),
        ["NOOP"] = new(SessionStates.Any, true, static s => Now(s.NoArguments("OK Nothing done"))),
        ["LOGOUT"] = new(SessionStates.Any, false, static s => Now(s.LogOut())),
        ["ID"] = new(SessionStates.Any, true, static s => Now(s.Identify())),
        ["STARTTLS"] = new(SessionStates.NotAuthenticated, false, static s => s.StartTlsAsync()),
        ["AUTHENTICATE"] = new(SessionStates.NotAuthenticated, false, static s => s.AuthenticateAsync()),
        ["LOGIN"] = new(SessionStates.NotAuthenticated, false, static s => s.LogInAsync()),
        ["ENABLE"] = new(SessionStates.LoggedIn, true, static s => Now(s.Enable())),
        ["COMPRESS"] = new(SessionStates.LoggedIn, true, static s => s.CompressAsync()),
        ["NAMESPACE"] = new(SessionStates.LoggedIn, true, static s => Now(s.Namespace())),
        ["SELECT"] = new(SessionStates.LoggedIn, true, static s => s.SelectAsync(isReadOnly: false)),
        ["EXAMINE"] = new(SessionStates.LoggedIn, true, static s => s.SelectAsync(isReadOnly: true)),
        ["CREATE"] = new(SessionStates.LoggedIn, true, static s => s.CreateAsync()),
        ["DELETE"] = new(SessionStates.LoggedIn, true, static s => s.DeleteAsync()),
        ["RENAME"] = new(SessionStates.LoggedIn, true, static s => s.RenameAsync()),
        ["SUBSCRIBE"] = new(SessionStates.LoggedIn, true, static s => s.SubscribeAsync(subscribed: true)),
        ["UNSUBSCRIBE"] = new(SessionStates.LoggedIn, true, static s => s.SubscribeAsync(subscribed: false)),
        ["LIST"] = new(SessionStates.LoggedIn, true, static s => s.ListAsync()),
        ["LSUB"] = new(SessionStates.LoggedIn, true, static s => s.ListSubscribedAsync()),
        ["STATUS"] = new(SessionStates.LoggedIn, true, static s => Now(s.Status())),
        ["APPEND"] = new(SessionStates.LoggedIn, true, static s => s.AppendAsync()),
        ["IDLE"] = new(SessionStates.LoggedIn, true, static s => s.IdleAsync()),
        ["GETQUOTA"] = new(SessionStates.LoggedIn, true, static s => Now(s.GetQuota())),
        ["GETQUOTAROOT"] = new(SessionStates.LoggedIn, true, static s => Now(s.GetQuotaRoot())),
        ["SETQUOTA"] = new(SessionStates.LoggedIn, true, static _ => Now("NO [NOPERM] The quota is set by the one who keeps this house")),
        ["CHECK"] = new(SessionStates.Selected, true, static s => Now(s.NoArguments("OK All is on disk"))),
        ["CLOSE"] = new(SessionStates.Selected, false, static s => s.CloseAsync()),
        ["UNSELECT"] = new(SessionStates.Selected, false, static s => Now(s.Unselect())),
        ["EXPUNGE"] = new(SessionStates.Selected, true, static s => s.ExpungeAsync(isUid: false)),
        ["UID EXPUNGE"] = new(SessionStates.Selected, true, static s => s.ExpungeAsync(isUid: true)),
        ["SEARCH"] = new(SessionStates.Selected, false, static s => s.SearchAsync(isUid: false)),
        ["UID SEARCH"] = new(SessionStates.Selected, true, static s => s.SearchAsync(isUid: true)),
        ["SORT"] = new(SessionStates.Selected, false, static s => s.SortAsync(isUid: false)),
        ["UID SORT"] = new(SessionStates.Selected, true, static s => s.SortAsync(isUid: true)),
        ["THREAD"] = new(SessionStates.Selected, false, static s => s.ThreadAsync(isUid: false)),
        ["UID THREAD"] = new(SessionStates.Selected, true, static s => s.ThreadAsync(isUid: true)),
        ["FETCH"] = new(SessionStates.Selected, false, static s => s.FetchAsync(isUid: false)),
        ["UID FETCH"] = new(SessionStates.Selected, true, static s => s.FetchAsync(isUid: true)),
        ["STORE"] = new(SessionStates.Selected, false, static s => s.StoreAsync(isUid: false)),
        ["UID STORE"] = new(SessionStates.Selected, true, static s => s.StoreAsync(isUid: true)),
        ["COPY"] = new(SessionStates.Selected, true, static s => s.CopyAsync(isUid: false, move: false)),
        ["UID COPY"] = new(SessionStates.Selected, true, static s => s.CopyAsync(isUid: true, move: false)),
        ["MOVE"] = new(SessionStates.Selected, true, static s => s.CopyAsync(isUid: false, move: true)),
        ["UID MOVE"] = new(SessionStates.Selected, true, static s => s.CopyAsync(isUid: true, move: true)),
    }.ToFrozenDictionary();

    private static ValueTask<string?> Now(string? reply) => ValueTask.FromResult(reply);

    private string NoArguments(string reply) => Arguments().IsAtEnd ? reply : "BAD No arguments";

    private string? LogOut()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        _endReason = "logout";
        Send("* BYE Until next time\r\n"u8);
        _isOver = true;
        return "OK Logged out";
    }

    /// <summary>What this server can do. It has what it says in full, and says it only where it may be used.</summary>
    private string Capabilities()
    {
        var text = new StringBuilder("IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID");
        if (_state == SessionStates.NotAuthenticated)
        {
            if (!IsTls)
                return text.Append(_options.Tls is null ? " LOGINDISABLED" : " STARTTLS LOGINDISABLED").ToString();
            foreach (var mechanism in SaslServer.Mechanisms(Bindings is not null))
                text.Append(" AUTH=").Append(mechanism);
            return text.ToString();
        }
        if (!_transport.IsCompressed)
            text.Append(" COMPRESS=DEFLATE");
        return text.Append(" IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE")
            .Append(" ESEARCH SEARCHRES PARTIAL CONDSTORE QRESYNC MULTIAPPEND QUOTA QUOTA=RES-STORAGE WITHIN SAVEDATE OBJECTID UTF8=ACCEPT")
            .Append(" SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES BINARY PREVIEW")
            .Append(CultureInfo.InvariantCulture, $" APPENDLIMIT={_options.MessageSize}").ToString();
    }

    private string Capability()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        Send($"* CAPABILITY {Capabilities()}\r\n");
        return "OK That is all";
    }

    // What clients say of themselves is not needed (RFC 2971 3.1); what we say is what the greeting says.
    private string Identify()
    {
        var reader = Arguments();
        if (!reader.Space())
            return "BAD ID has an argument";
        if (!reader.Word("NIL"u8))
        {
            if (!reader.Take('('))
                return "BAD A list or NIL";
            while (reader.Peek is not ((byte)')' or 0))
            {
                reader.Space();
                if (reader.Peek == ')')
                    break;
                if (!reader.String(out _) || !reader.Space() || (!reader.Word("NIL"u8) && !reader.String(out _)))
                    return "BAD A field and its value";
            }
            if (!reader.Take(')'))
                return "BAD A list ends in a parenthesis";
        }
        if (!reader.IsAtEnd)
            return "BAD Too many arguments";
        Send("* ID (\"name\" \"HomeMail\")\r\n"u8);
        return "OK Pleased";
    }

    private bool _isRev2;
    private bool _isUtf8;
    private bool _hasUtf8Accept;
    private bool _hasCondStore;
    private bool _hasQResync;

    private string Enable()
    {
        var reader = Arguments();
        if (reader.IsAtEnd)
            return "BAD Names of capabilities";
        var enabled = new StringBuilder();
        while (!reader.IsAtEnd)
        {
            if (!reader.Space() || !reader.Atom(out var atom))
                return "BAD Names of capabilities";
            // UTF8=ACCEPT has no octet that ends an atom, so this is all of the name.
            switch (Encoding.ASCII.GetString(atom).ToUpperInvariant())
            {
                case "CONDSTORE":
                    _hasCondStore = true;
                    enabled.Append(" CONDSTORE");
                    break;
                case "QRESYNC":
                    _hasCondStore = _hasQResync = true;
                    enabled.Append(" QRESYNC");
                    break;
                case "IMAP4REV2":
                    // Names and strings are UTF-8 then (RFC 9051 appendix E).
                    _isRev2 = _isUtf8 = true;
                    enabled.Append(" IMAP4rev2");
                    break;
                case "UTF8=ACCEPT":
                    _isUtf8 = _hasUtf8Accept = true;
                    enabled.Append(" UTF8=ACCEPT");
                    break;
            }
        }
        Send($"* ENABLED{enabled}\r\n");
        return "OK Enabled";
    }

    private string Namespace()
    {
        if (!Arguments().IsAtEnd)
            return "BAD No arguments";
        Send("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"u8);
        return "OK That is all";
    }
}
