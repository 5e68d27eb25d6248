using HomeMail.Protocol.Message;
using HomeMail.Protocol.Text;
using HomeMail.Server.Smtp;

namespace HomeMail.Server.Intake;

/// <summary>What devices send: they are what the configuration says, whatever they write.</summary>
public sealed partial class MessageIntake
{
    private static ReceivedMessage AsDevice(HostedDevice device, ReceivedMessage message, PooledWriter output)
    {
        AuthorRewriting.Rewrite(message.Header.Span, device.From, output);
        var summary = message.Summary;
        summary.FromCount = 1;
        summary.SenderCount = 0;
        // An eighth bit may have stood in what was rewritten.
        summary.NeedsSmtpUtf8 = !System.Text.Ascii.IsValid(output.WrittenSpan);
        return message.WithHeader(output.WrittenMemory, summary);
    }
}
