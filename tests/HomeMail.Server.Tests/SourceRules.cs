using System.Text;
using System.Text.RegularExpressions;

namespace HomeMail.Server.Tests;

/// <summary>
/// What source text must obey that no compiler checks: who may use whom, what a layer may not do, what a static AOT binary cannot do,
/// and how long a file may be. Works on text alone, so that it can be tried on made-up files.
/// </summary>
internal static partial class SourceRules
{
    /// <summary>A source file is one idea; past this many lines it no longer is.</summary>
    public const int MostLines = 500;

    private sealed record Layer(string Folder, string[] Projects, string[] Packages);

    private sealed record Ban(string Folder, Regex Pattern, string Reason, string? Except = null);

    // Project references and packages that each layer may have; anything else is a finding.
    private static readonly Layer[] Layers =
    [
        new("HomeMail.Protocol", [], []),
        new("HomeMail.Storage", ["HomeMail.Protocol"], ["LiteDB"]),
        new("HomeMail.Server", ["HomeMail.Storage", "HomeMail.Protocol"], ["MimeKit"]),
        new("HomeMail", ["HomeMail.Server", "HomeMail.Storage", "HomeMail.Protocol"],
            ["Microsoft.Extensions.Configuration.Binder", "Microsoft.Extensions.Configuration.Ini", "QRCoder"]),
    ];

    // AddressFamily lives in System.Net.Sockets but is only a value: types are named here, not the namespace.
    private const string SocketTypes =
        @"(?<![\w.])(System\.Net\.Sockets\.)?(Socket|SafeSocketHandle|TcpClient|TcpListener|UdpClient|NetworkStream|SslStream|HttpClient|UnixDomainSocketEndPoint)\b";

    private static readonly Ban[] Bans =
    [
        new("src/HomeMail.Protocol/", new(SocketTypes), "Protocol does no I/O"),
        new("src/HomeMail.Protocol/", new(@"(?<![\w.])(System\.IO\.)?(File|Directory|Console)\.\w|\b(FileStream|FileInfo|DirectoryInfo|RandomAccess|StreamReader|StreamWriter)\b"), "Protocol does no I/O"),
        new("src/HomeMail.Protocol/", new(@"\b(async|await|Task|ValueTask|Thread)\b"), "Protocol is synchronous"),
        new("src/HomeMail.Protocol/", new(@"\b(UtcNow|TimeProvider|Stopwatch|TickCount64?)\b|\bDateTime\.Today\b"), "Protocol has no clock"),
        new("src/HomeMail.Storage/", new(SocketTypes), "Storage has no sockets"),
        new("src/HomeMail.Server/Policy/", new(SocketTypes), "Policy knows facts and verdicts, no sockets"),
        new("src/HomeMail.Server/Policy/", ServerFolder("Net"), "Policy knows facts and verdicts, no sockets"),
        new("src/HomeMail.Server/Smtp/", ServerFolder("Imap"), "Smtp and Imap never see each other"),
        new("src/HomeMail.Server/Imap/", ServerFolder("Smtp"), "Smtp and Imap never see each other"),
        new("src/HomeMail.Server/Smtp/", ServerFolder("Queue"), "Smtp hands a finished message to one interface"),
        new("src/HomeMail.Server/Smtp/", ServerFolder("Delivery"), "Smtp hands a finished message to one interface"),
        // tls-exporter (RFC 9266) has no API: the handle is a private field of SslStream. The one exception.
        new("src/", new(@"\bSystem\.Reflection\b|\.GetType\(\)\s*\.\s*Get|\btypeof\s*\([^()]*(\([^()]*\)[^()]*)*\)\s*\.\s*Get|\bActivator\s*\.|(?<![\w.])(System\.)?Type\.GetType\b|\bMakeGeneric(Type|Method)\b|\bAssembly\.Load\w*|\bdynamic\s+\w+\s*[=;,)]"), "no reflection", Except: "src/HomeMail.Server/Net/TlsBindings.cs"),
        new("src/", new(@"\bDateTime(Offset)?\.(Now|Today)\b|\bTimeZoneInfo\.Local\b"), "dates are UTC: the device's TZ strings are not understood"),
        new("src/", new(@"(?<![\w.])(System\.Net\.)?Dns\.(Get|Resolve|Begin)\w*"), "a static binary has no NSS: resolve through IMailResolver"),
        new("src/", new(@"\bEnvironment\.User(Domain)?Name\b"), "throws where there is no passwd entry"),
        new("src/", new(@"\bNotImplementedException\b"), "nothing is left open"),
        // build/Trim.xml takes what fetches certificates out of the program.
        new("src/", new(@"\bnew\s+X509ChainPolicy\b(?![^;]*\bDisableCertificateDownloads\s*=\s*true)|\bnew\s+SslClientAuthenticationOptions\b(?![^;]*\bCertificateChainPolicy\b)|\bSslStreamCertificateContext\s*\.\s*Create\((?![^;]*\boffline\s*:\s*true)"), "nothing is fetched for a certificate"),
        new("src/", new(@"\bnew\s+X509Chain\s*\("), "nothing is fetched for a certificate", Except: "src/HomeMail.Server/Delivery/Trust/DaneJudge.cs"),
        new("src/", new(@"\bSystem\.(Xml|Text\.RegularExpressions|Linq\.Expressions|Net\.Http)\b|(?<![\w.])HttpClient\b"), "half a megabyte and more of program"),
        new("src/", new(@"\b(class|struct|record|interface|enum)\s+\w*(Manager|Helper|Util|Utils|Utilities|Service)\b"), "names are the standards' terms"),
    ];

    /// <summary>What a project file refers to that its layer may not.</summary>
    /// <param name="project">The project's name.</param>
    /// <param name="text">The project file.</param>
    public static IEnumerable<string> CheckProject(string project, string text)
    {
        var layer = Layers.SingleOrDefault(l => l.Folder == project);
        if (layer is null)
        {
            yield return $"{project}: a project that no layer knows";
            yield break;
        }
        foreach (Match match in ProjectReference().Matches(text))
        {
            var name = Path.GetFileNameWithoutExtension(match.Groups[1].Value.Replace('\\', '/'));
            if (!layer.Projects.Contains(name))
                yield return $"{project}: refers to project {name}";
        }
        foreach (Match match in PackageReference().Matches(text))
        {
            if (!layer.Packages.Contains(match.Groups[1].Value))
                yield return $"{project}: refers to package {match.Groups[1].Value}";
        }
    }

    /// <summary>What a source file does that it may not.</summary>
    /// <param name="path">Its path from the root of the repository, with <c>/</c>.</param>
    /// <param name="text">Its text.</param>
    public static IEnumerable<string> CheckSource(string path, string text)
    {
        var lines = text.AsSpan().Count('\n');
        if (lines > MostLines)
            yield return $"{path}: {lines} lines; {MostLines} at most";

        var code = CodeOnly(text);
        foreach (var ban in Bans)
        {
            if (!path.StartsWith(ban.Folder, StringComparison.Ordinal) || path == ban.Except)
                continue;
            foreach (Match match in ban.Pattern.Matches(code))
                yield return $"{path}:{code.AsSpan(0, match.Index).Count('\n') + 1}: '{match.Value.Trim()}': {ban.Reason}";
        }

        // The rules above are by folder, and see names: inside Server both hold only while a file's namespace is its folder's.
        // Elsewhere a folder may sort what is one namespace.
        var folder = Path.GetDirectoryName(path)!.Replace('\\', '/')["src/".Length..].Replace('/', '.');
        foreach (Match match in Namespace().Matches(code))
        {
            var name = match.Groups[1].Value;
            if (name != folder && (folder.StartsWith("HomeMail.Server", StringComparison.Ordinal) || !folder.StartsWith(name + ".", StringComparison.Ordinal)))
                yield return $"{path}: namespace {name} in the folder of {folder}";
        }
    }

    /// <summary>The text with comments and the content of literals replaced by nothing; line breaks stay.</summary>
    /// <param name="text">C# source.</param>
    public static string CodeOnly(string text)
    {
        var code = new StringBuilder(text.Length);
        var at = 0;
        while (at < text.Length)
        {
            var end = EndOfLiteralOrComment(text, at);
            if (end == at)
            {
                code.Append(text[at++]);
                continue;
            }
            if (text[at] is '"' or '\'')
                code.Append(text[at], 2);
            code.Append('\n', text.AsSpan(at, end - at).Count('\n'));
            at = end;
        }
        return code.ToString();
    }

    private static int EndOfLiteralOrComment(string text, int at)
    {
        var rest = text.AsSpan(at);
        if (rest.StartsWith("//"))
            return at + (rest.IndexOf('\n') is >= 0 and var line ? line : rest.Length);
        if (rest.StartsWith("/*"))
            return Closing(text, at + 2, "*/");
        if (rest[0] == '\'')
            return EndOfEscaped(text, at, '\'');
        if (rest[0] != '"')
            return at;
        var quotes = rest.IndexOfAnyExcept('"') is >= 0 and var other ? other : rest.Length;
        if (quotes >= 3)
            return Closing(text, at + quotes, new string('"', quotes));
        if (quotes == 2)
            return at + 2;
        var verbatim = at > 0 && (text[at - 1] == '@' || (text[at - 1] == '$' && at > 1 && text[at - 2] == '@'));
        return verbatim ? EndOfVerbatim(text, at) : EndOfEscaped(text, at, '"');
    }

    private static int Closing(string text, int from, string mark) =>
        text.IndexOf(mark, from, StringComparison.Ordinal) is >= 0 and var found ? found + mark.Length : text.Length;

    private static int EndOfEscaped(string text, int at, char quote)
    {
        for (var i = at + 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == quote)
                return i + 1;
        }
        return text.Length;
    }

    private static int EndOfVerbatim(string text, int at)
    {
        for (var i = at + 1; i < text.Length; i++)
        {
            if (text[i] != '"')
                continue;
            if (i + 1 == text.Length || text[i + 1] != '"')
                return i + 1;
            i++;
        }
        return text.Length;
    }

    // Inside namespace HomeMail.Server the folder's name alone reaches its types; behind Protocol. it is another folder's.
    private static Regex ServerFolder(string name) =>
        new($@"\bHomeMail\.Server\.{name}\b|(?<![\w.])(Server\.)?{name}\.[A-Z]");

    [GeneratedRegex("<ProjectReference\\s+Include=\"([^\"]+)\"")]
    private static partial Regex ProjectReference();

    [GeneratedRegex("<PackageReference\\s+Include=\"([^\"]+)\"")]
    private static partial Regex PackageReference();

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
