using System.Runtime.CompilerServices;
using System.Text;

namespace HomeMail.Server.Tests;

/// <summary>
/// MailKit, which some tests use as a client, shares MimeKit with the server, and MimeKit remembers which charsets .NET did not know when it was first asked.
/// The server tells .NET before it asks; so must a test that asks first.
/// </summary>
internal static class CodePages
{
    [ModuleInitializer]
    internal static void Register() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
}
