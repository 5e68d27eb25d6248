using System.Buffers;

namespace HomeMail.Protocol.Sasl;

/// <summary>
/// LOGIN, which no standard describes but every scanner speaks: user name and password, each its own response. Some clients compare the
/// challenges, so they are exactly <c>Username:</c> and <c>Password:</c>; an initial response is the user name.
/// </summary>
internal sealed class LoginServerExchange(ICredentialSource credentials) : SaslServerExchange
{
    private enum Awaiting { Start, Name, Password, Nothing }

    private Awaiting _awaiting;
    private string _name = "";

    public override string Mechanism => "LOGIN";

    public override SaslOutcome Step(ReadOnlySpan<byte> response, bool isInitial, IBufferWriter<byte> challenge)
    {
        switch (_awaiting)
        {
            case Awaiting.Start when !isInitial && response.IsEmpty:
                _awaiting = Awaiting.Name;
                challenge.Write("Username:"u8);
                return SaslOutcome.Continue;

            case Awaiting.Start or Awaiting.Name:
                if (!PasswordLogIn.TryReadName(response, out _name))
                {
                    _awaiting = Awaiting.Nothing;
                    return SaslOutcome.Malformed;
                }
                // An empty name is asked for its password all the same: clients send the two lines in any case.
                AccountName = _name;
                _awaiting = Awaiting.Password;
                challenge.Write("Password:"u8);
                return SaslOutcome.Continue;

            case Awaiting.Password:
                _awaiting = Awaiting.Nothing;
                var outcome = PasswordLogIn.Check(credentials, _name, response, out var account);
                if (outcome == SaslOutcome.Success)
                    AccountName = account;
                return outcome;

            default:
                return SaslOutcome.Malformed;
        }
    }
}
