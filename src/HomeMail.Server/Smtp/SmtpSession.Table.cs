using HomeMail.Protocol.Smtp;

namespace HomeMail.Server.Smtp;

public sealed partial class SmtpSession
{
    [Flags]
    private enum Needs : byte
    {
        Nothing = 0,

        /// <summary>HELO or EHLO must have been given (RFC 5321 4.1.4).</summary>
        Hello = 1,

        /// <summary>On submission, the client must have authenticated (RFC 6409 4.3).</summary>
        Authentication = 2,

        /// <summary>MAIL must have been accepted.</summary>
        Transaction = 4,
    }

    private delegate SmtpReply? Handler(SmtpSession session, ReadOnlySpan<byte> arguments);

    private sealed record Command(Needs Needs, Handler Handler);

    private static readonly Command[] Commands = MakeCommands();

    // One row a verb, in the order of the enumeration: what must have come before, and who answers.
    private static Command[] MakeCommands()
    {
        var commands = new Command[(int)SmtpVerb.Foreign + 1];
        commands[(int)SmtpVerb.Unknown] = new(Needs.Nothing, static (_, _) => SmtpReplies.UnknownCommand);
        commands[(int)SmtpVerb.Helo] = new(Needs.Nothing, static (session, arguments) => session.Hello(arguments, extended: false));
        commands[(int)SmtpVerb.Ehlo] = new(Needs.Nothing, static (session, arguments) => session.Hello(arguments, extended: true));
        commands[(int)SmtpVerb.Mail] = new(Needs.Hello | Needs.Authentication, static (session, arguments) => session.Mail(arguments));
        commands[(int)SmtpVerb.Rcpt] = new(Needs.Hello | Needs.Transaction, static (session, arguments) => session.Rcpt(arguments));
        commands[(int)SmtpVerb.Data] = new(Needs.Hello | Needs.Transaction, static (session, arguments) => session.Data(arguments));
        // Its octets follow whatever is answered, so it checks its own order.
        commands[(int)SmtpVerb.Bdat] = new(Needs.Nothing, static (session, arguments) => session.Bdat(arguments));
        commands[(int)SmtpVerb.Rset] = new(Needs.Nothing, static (session, _) => session.Rset());
        commands[(int)SmtpVerb.Noop] = new(Needs.Nothing, static (_, _) => SmtpReplies.Ok);
        commands[(int)SmtpVerb.Quit] = new(Needs.Nothing, static (session, _) => session.Quit());
        commands[(int)SmtpVerb.Vrfy] = new(Needs.Nothing, static (_, arguments) => arguments.IsEmpty ? SmtpReplies.VrfyNeedsName : SmtpReplies.CannotVerify);
        commands[(int)SmtpVerb.Expn] = new(Needs.Nothing, static (_, _) => SmtpReplies.NotImplemented);
        commands[(int)SmtpVerb.Help] = new(Needs.Nothing, static (_, _) => SmtpReplies.Help);
        commands[(int)SmtpVerb.StartTls] = new(Needs.Hello, static (session, arguments) => session.StartTls(arguments));
        commands[(int)SmtpVerb.Auth] = new(Needs.Hello, static (session, arguments) => session.Auth(arguments));
        commands[(int)SmtpVerb.Obsolete] = new(Needs.Nothing, static (_, _) => SmtpReplies.NotImplemented);
        commands[(int)SmtpVerb.Foreign] = new(Needs.Nothing, static (session, _) => session.Foreign());
        return commands;
    }

    private SmtpReply? Dispatch(SmtpVerb verb, ReadOnlySpan<byte> arguments)
    {
        var command = Commands[(int)verb];
        // A device may leave its greeting out.
        if ((command.Needs & Needs.Hello) != 0 && _client.HelloName.Length == 0 && !IsLan)
            return SmtpReplies.HelloFirst;
        if ((command.Needs & Needs.Authentication) != 0 && IsSubmission && _client.Principal.Kind != Server.PrincipalKind.Account)
            return IsTls ? SmtpReplies.AuthFirst : SmtpReplies.TlsFirst;
        if ((command.Needs & Needs.Authentication) != 0 && Device is { Credential: not null } && !_client.Principal.IsOurs)
            return SmtpReplies.AuthFirst;
        if ((command.Needs & Needs.Transaction) != 0 && _transaction is null)
            return SmtpReplies.MailFirst;
        return command.Handler(this, arguments);
    }

    private SmtpReply? Quit()
    {
        Close(SmtpReplies.Bye, "quit");
        return null;
    }

    // Somebody who speaks another protocol may be made to (cross-protocol scripting); no line more of it is read.
    private SmtpReply? Foreign()
    {
        _errors++;
        Close(SmtpReplies.NotSmtp, "not SMTP");
        return null;
    }
}
