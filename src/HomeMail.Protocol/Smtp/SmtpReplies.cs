namespace HomeMail.Protocol.Smtp;

/// <summary>Every reply that the SMTP server gives, in one place, so that a line in somebody's log can be found here.</summary>
public static partial class SmtpReplies
{
    // Session

    /// <summary>QUIT (RFC 5321 4.1.1.10).</summary>
    public static readonly SmtpReply Bye = new(221, "2.0.0", "Bye");

    /// <summary>RSET, NOOP.</summary>
    public static readonly SmtpReply Ok = new(250, "2.0.0", "OK");

    /// <summary>VRFY (RFC 5321 3.5.3): neither yes nor no.</summary>
    public static readonly SmtpReply CannotVerify = new(252, "2.5.0", "Cannot say; send the message and see");

    /// <summary>VRFY without an argument.</summary>
    public static readonly SmtpReply VrfyNeedsName = new(501, "5.5.4", "Syntax: VRFY name");

    /// <summary>HELP.</summary>
    public static readonly SmtpReply Help = new(214, "2.0.0", "HomeMail speaks RFC 5321");

    /// <summary>STARTTLS accepted (RFC 3207 4).</summary>
    public static readonly SmtpReply ReadyForTls = new(220, "2.0.0", "Ready to start TLS");

    /// <summary>STARTTLS while TLS is on.</summary>
    public static readonly SmtpReply TlsAlready = new(503, "5.5.1", "TLS is on already");

    /// <summary>STARTTLS where there is no certificate.</summary>
    public static readonly SmtpReply TlsNotAvailable = new(454, "4.7.0", "TLS not available now");

    /// <summary>STARTTLS with an argument (RFC 3207 4).</summary>
    public static readonly SmtpReply TlsNoArguments = new(501, "5.5.4", "STARTTLS takes no argument");

    /// <summary>A command that is not known.</summary>
    public static readonly SmtpReply UnknownCommand = new(500, "5.5.2", "Command not known");

    /// <summary>A command that is known, but not served.</summary>
    public static readonly SmtpReply NotImplemented = new(502, "5.5.1", "Command not implemented");

    /// <summary>A line over the limit.</summary>
    public static readonly SmtpReply LineTooLong = new(500, "5.5.2", "Line too long");

    /// <summary>A command line that ends in a bare LF.</summary>
    public static readonly SmtpReply BareLineFeed = new(500, "5.5.2", "Lines must end in CRLF");

    /// <summary>Too many commands that are not known.</summary>
    public static readonly SmtpReply TooManyErrors = new(421, "4.7.0", "Too many errors, closing");

    /// <summary>Too many commands.</summary>
    public static readonly SmtpReply TooManyCommands = new(421, "4.7.0", "Too many commands, closing");

    /// <summary>Somebody speaks HTTP or the like.</summary>
    public static readonly SmtpReply NotSmtp = new(421, "4.7.0", "This is a mail server, closing");

    /// <summary>The client spoke before the greeting (RFC 5321 4.3.1).</summary>
    public static readonly SmtpReply EarlyTalker = new(554, "5.5.1", "Wait for the greeting before you speak");

    /// <summary>The idle time is over (RFC 5321 4.5.3.2.7).</summary>
    public static readonly SmtpReply IdleTooLong = new(421, "4.4.2", "Nothing heard for too long, closing");

    /// <summary>The session's time is over.</summary>
    public static readonly SmtpReply SessionTooLong = new(421, "4.4.2", "Session too long, closing");

    /// <summary>Data come in too slowly.</summary>
    public static readonly SmtpReply TooSlow = new(421, "4.4.2", "Data come in too slowly, closing");

    /// <summary>The server stops (RFC 5321 3.8).</summary>
    public static readonly SmtpReply ShuttingDown = new(421, "4.3.2", "Server is stopping, try again soon");

    /// <summary>All connections are taken.</summary>
    public static readonly SmtpReply TooManyConnections = new(421, "4.3.2", "Too many connections, try again later");

    /// <summary>All connections of one address are taken.</summary>
    public static readonly SmtpReply TooManyFromAddress = new(421, "4.7.0", "Too many connections from your address");

    /// <summary>Memory is short.</summary>
    public static readonly SmtpReply Busy = new(421, "4.3.2", "Too busy now, try again later");

    /// <summary>Memory is short, and this message has to wait.</summary>
    public static readonly SmtpReply MemoryShort = new(452, "4.3.1", "Not enough memory now, try again later");

    // Order

    /// <summary>A command before HELO or EHLO (RFC 5321 4.1.4).</summary>
    public static readonly SmtpReply HelloFirst = new(503, "5.5.1", "Send EHLO first");

    /// <summary>MAIL within a transaction (RFC 5321 4.1.4).</summary>
    public static readonly SmtpReply NestedMail = new(503, "5.5.1", "A transaction is open; RSET ends it");

    /// <summary>RCPT without MAIL.</summary>
    public static readonly SmtpReply MailFirst = new(503, "5.5.1", "Send MAIL first");

    /// <summary>DATA without a recipient that was accepted (RFC 5321 3.3).</summary>
    public static readonly SmtpReply NoRecipients = new(554, "5.5.1", "No valid recipients");

    /// <summary>RCPT amid BDAT chunks.</summary>
    public static readonly SmtpReply ChunksOpenForRcpt = new(503, "5.5.1", "BDAT has begun; recipients cannot follow it");

    /// <summary>DATA amid BDAT chunks (RFC 3030 2).</summary>
    public static readonly SmtpReply ChunksOpen = new(503, "5.5.1", "BDAT has begun; DATA cannot follow it");

    /// <summary>A command that needs TLS where TLS is off (RFC 3207 4).</summary>
    public static readonly SmtpReply TlsFirst = new(530, "5.7.0", "Issue STARTTLS first");

    /// <summary>Submission without authentication (RFC 6409 4.3).</summary>
    public static readonly SmtpReply AuthFirst = new(530, "5.7.0", "Authentication required");

    // Hello

    /// <summary>HELO or EHLO without a name.</summary>
    public static readonly SmtpReply HelloNeedsName = new(501, "5.5.4", "EHLO needs a name");

    // MAIL and RCPT

    /// <summary>MAIL accepted.</summary>
    public static readonly SmtpReply SenderOk = new(250, "2.1.0", "Sender OK");

    /// <summary>RCPT accepted.</summary>
    public static readonly SmtpReply RecipientOk = new(250, "2.1.5", "Recipient OK");

    /// <summary>MAIL without FROM:.</summary>
    public static readonly SmtpReply MailSyntax = new(501, "5.5.4", "Syntax: MAIL FROM:<address>");

    /// <summary>RCPT without TO:.</summary>
    public static readonly SmtpReply RcptSyntax = new(501, "5.5.4", "Syntax: RCPT TO:<address>");

    /// <summary>A reverse-path that is no path.</summary>
    public static readonly SmtpReply BadSenderSyntax = new(501, "5.1.7", "Sender address is not valid");

    /// <summary>A forward-path that is no path.</summary>
    public static readonly SmtpReply BadRecipientSyntax = new(501, "5.1.3", "Recipient address is not valid");

    /// <summary>An address outside ASCII without SMTPUTF8 (RFC 6531 3.5).</summary>
    public static readonly SmtpReply NeedsSmtpUtf8 = new(553, "5.6.7", "Address needs SMTPUTF8");

    /// <summary>A parameter that is not known (RFC 5321 4.1.1.11).</summary>
    public static readonly SmtpReply UnknownParameter = new(555, "5.5.4", "Parameter not known");

    /// <summary>A parameter with a wrong or missing value.</summary>
    public static readonly SmtpReply BadParameter = new(501, "5.5.4", "Parameter has a wrong value");

    /// <summary>A parameter given twice.</summary>
    public static readonly SmtpReply DuplicateParameter = new(501, "5.5.4", "Parameter given twice");

    /// <summary>BODY=BINARYMIME, which is not offered (RFC 3030 3).</summary>
    public static readonly SmtpReply NoBinaryMime = new(555, "5.6.1", "BINARYMIME is not offered");

    /// <summary>HOLDFOR or HOLDUNTIL beyond the limit (RFC 4865 5).</summary>
    public static readonly SmtpReply HoldTooLong = new(501, "5.5.4", "Release time is past the limit");

    /// <summary>REQUIRETLS in plain text (RFC 8689 2).</summary>
    public static readonly SmtpReply RequireTlsNeedsTls = new(530, "5.7.4", "REQUIRETLS needs TLS");

    /// <summary>SIZE says more than is taken (RFC 1870 6.1).</summary>
    public static readonly SmtpReply TooBig = new(552, "5.3.4", "Message is too big");

    /// <summary>The message is far over the limit and goes on and on.</summary>
    public static readonly SmtpReply MuchTooBig = new(421, "4.3.4", "Message is far too big, closing");

    /// <summary>The header is over its limit.</summary>
    public static readonly SmtpReply HeaderTooBig = new(552, "5.3.4", "Message header is too big");

    /// <summary>Too many recipients (RFC 5321 4.5.3.1.10).</summary>
    public static readonly SmtpReply TooManyRecipients = new(452, "4.5.3", "Too many recipients, send the rest in another transaction");

    /// <summary>A stranger wants mail sent on.</summary>
    public static readonly SmtpReply RelayDenied = new(550, "5.7.1", "Relaying denied");

    /// <summary>A hosted domain has no such user.</summary>
    public static readonly SmtpReply NoSuchUser = new(550, "5.1.1", "No such user here");

    /// <summary>Mail with a sender for an address that only DSNs come back to.</summary>
    public static readonly SmtpReply ReturnsOnly = new(550, "5.7.1", "This address takes delivery reports only (MAIL FROM:<>)");

    /// <summary>Too many DSNs for one address.</summary>
    public static readonly SmtpReply TooManyReturns = new(450, "4.7.1", "Too many reports for this address today");

    /// <summary>A stranger's message that would go on to the outside, and is junk, or has a name of this house in From and no proof of it.</summary>
    public static readonly SmtpReply NotSentOn = new(550, "5.7.1", "Message is not sent on from here: it looks like junk, or uses our name without proof");

    /// <summary>The mailbox is over its quota.</summary>
    public static readonly SmtpReply MailboxFull = new(452, "4.2.2", "Mailbox is full");

    /// <summary>A recipient whose domain cannot be a mail domain.</summary>
    public static readonly SmtpReply BadRecipientDomain = new(550, "5.1.2", "No mail can be sent to that domain");

    /// <summary>An authenticated sender uses an address that is not its own (MAIL FROM).</summary>
    public static readonly SmtpReply SenderNotYours = new(550, "5.7.1", "Sender address is not one of yours");

    /// <summary>An authenticated sender uses an address that is not its own (From or Sender).</summary>
    public static readonly SmtpReply FromNotYours = new(550, "5.7.1", "From or Sender has an address that is not one of yours");

    /// <summary>A submission without a usable From field.</summary>
    public static readonly SmtpReply FromMissing = new(550, "5.7.1", "Message needs one From field with a valid address");

    // Devices of the house

    /// <summary>The greeting of the LAN endpoint for a client that is no declared device (RFC 5321 3.1).</summary>
    public static readonly SmtpReply NoDevice = new(554, null, "No device is declared for your address; the log says why");

    /// <summary>The device has been taken out of the configuration.</summary>
    public static readonly SmtpReply DeviceUnknown = new(550, "5.7.1", "This device is not declared any more");

    /// <summary>A recipient that the device is not allowed.</summary>
    public static readonly SmtpReply DeviceMayNot = new(550, "5.7.1", "This device may not write to that address");

    // DATA and BDAT

    /// <summary>DATA may go on.</summary>
    public static readonly SmtpReply StartData = new(354, null, "End data with <CR><LF>.<CR><LF>");

    /// <summary>A chunk was taken (RFC 3030 2).</summary>
    public static readonly SmtpReply ChunkOk = new(250, "2.0.0", "Chunk taken");

    /// <summary>DATA with arguments (RFC 5321 4.1.1.4).</summary>
    public static readonly SmtpReply NoArguments = new(501, "5.5.4", "DATA takes no argument");

    /// <summary>What follows can be content or commands, and there is no way to tell.</summary>
    public static readonly SmtpReply OutOfStep = new(421, "4.7.0", "Cannot tell content from commands any more, closing");

    /// <summary>BDAT with wrong arguments.</summary>
    public static readonly SmtpReply BdatSyntax = new(501, "5.5.4", "Syntax: BDAT size [LAST]");

    /// <summary>A message with a bare CR or LF on port 25.</summary>
    public static readonly SmtpReply BareLineEnding = new(550, "5.6.0", "Message has a bare CR or LF; lines must end in CRLF");

    /// <summary>Too many Received fields (RFC 5321 6.3).</summary>
    public static readonly SmtpReply TooManyHops = new(554, "5.4.6", "Too many hops, this looks like a mail loop");

    /// <summary>The disk is full (RFC 3463 4.3.1).</summary>
    public static readonly SmtpReply DiskFull = new(452, "4.3.1", "Not enough disk space, try again later");

    /// <summary>Storage has failed in some other way.</summary>
    public static readonly SmtpReply StorageFailed = new(451, "4.3.0", "Message could not be stored, try again later");

    /// <summary>A fault of ours.</summary>
    public static readonly SmtpReply InternalError = new(451, "4.3.0", "Internal error, try again later");

    // AUTH (RFC 4954)

    /// <summary>AUTH accepted.</summary>
    public static readonly SmtpReply AuthOk = new(235, "2.7.0", "Authentication succeeded");

    /// <summary>Wrong user or password.</summary>
    public static readonly SmtpReply AuthFailed = new(535, "5.7.8", "User or password is wrong");

    /// <summary>AUTH is not offered here.</summary>
    public static readonly SmtpReply AuthNotOffered = new(503, "5.5.1", "AUTH is not offered here");

    /// <summary>AUTH in plain text.</summary>
    public static readonly SmtpReply AuthNeedsTls = new(538, "5.7.11", "Encryption required for authentication");

    /// <summary>AUTH when authenticated, or within a transaction (RFC 4954 4).</summary>
    public static readonly SmtpReply AuthAlready = new(503, "5.5.1", "Already authenticated, or amid a transaction");

    /// <summary>A mechanism that is not known.</summary>
    public static readonly SmtpReply AuthUnknownMechanism = new(504, "5.5.4", "Mechanism not known");

    /// <summary>A response that is not Base64.</summary>
    public static readonly SmtpReply AuthBadBase64 = new(501, "5.5.2", "Response is not Base64");

    /// <summary>A response over 12288 octets (RFC 4954 4).</summary>
    public static readonly SmtpReply AuthTooLong = new(500, "5.5.6", "Authentication exchange line is too long");

    /// <summary>The client gave up with <c>*</c>.</summary>
    public static readonly SmtpReply AuthCancelled = new(501, "5.7.0", "Authentication cancelled");

    /// <summary>A response that breaks the mechanism's grammar.</summary>
    public static readonly SmtpReply AuthMalformed = new(501, "5.5.2", "Response is malformed");

    /// <summary>Too many wrong passwords from behind an address that many share (RFC 4954 4.7.0 of section 6).</summary>
    public static readonly SmtpReply AuthNotNow = new(454, "4.7.0", "Too many failed log-ins from your address, try again later");

    /// <summary>This address is blocked for its wrong passwords.</summary>
    public static readonly SmtpReply AuthBlocked = new(421, "4.7.0", "Too many failed log-ins from your address, try again later");

    /// <summary>Too many wrong passwords from here.</summary>
    public static readonly SmtpReply AuthTooMany = new(421, "4.7.0", "Too many failed log-ins, closing");

    // With variable parts

    /// <summary>The greeting (RFC 5321 4.3.1).</summary>
    /// <param name="hostname">Our name.</param>
    /// <param name="sessionId">The session's identifier, which lets our own client see that it talks to itself.</param>
    public static SmtpReply Greeting(string hostname, string sessionId) => new(220, null, $"{hostname} ESMTP HomeMail {sessionId}");

    /// <summary>A message was accepted and is on disk.</summary>
    /// <param name="id">Its identifier.</param>
    public static SmtpReply Accepted(string id) => new(250, "2.6.0", $"Accepted as {id}");

    /// <summary>A chunk was taken (RFC 3030 2).</summary>
    /// <param name="octets">Its size.</param>
    public static SmtpReply ChunkTaken(long octets) => new(250, "2.0.0", $"{octets} octets taken");

    /// <summary>A daily limit of an account is used up.</summary>
    /// <param name="limit">Which limit.</param>
    /// <param name="until">When it will be possible again.</param>
    public static SmtpReply AccountLimit(string limit, DateTimeOffset until) =>
        new(450, "4.7.1", $"Limit reached: {limit}; possible again at {until.UtcDateTime:yyyy-MM-dd HH:mm} UTC");
}
