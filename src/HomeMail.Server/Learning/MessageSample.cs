using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Protocol.Message;
using HomeMail.Server.Delivery;
using HomeMail.Server.Policy;
using HomeMail.Storage.Files;

namespace HomeMail.Server.Learning;

/// <summary>The beginning of a message, from which is learned and by which is judged: its tokens, who it is from, and by what it is known again.</summary>
public sealed class MessageSample
{
    /// <summary>How much of a message is looked at, in octets.</summary>
    public const int MostOctets = 192 * 1024;

    private const int MostTokens = 1000;
    private const int ShortestWord = 3;
    private const int LongestWord = 24;
    private const int IdentifyingOctets = 4096;

    private readonly ReadOnlyMemory<byte> _message;
    private HashSet<ulong>? _tokens;

    private MessageSample(ReadOnlyMemory<byte> message) => _message = message;

    /// <summary>Takes a message that is coming in.</summary>
    /// <param name="header">Its header, with the empty line.</param>
    /// <param name="body">Its body, of which no more is read than counts.</param>
    public static MessageSample Of(ReadOnlySpan<byte> header, Stream body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var kept = header[..Math.Min(header.Length, MostOctets)];
        var room = MostOctets - kept.Length;
        var message = new byte[kept.Length + (int)Math.Min(room, Math.Max(0, body.Length))];
        kept.CopyTo(message);
        var read = body.ReadAtLeast(message.AsSpan(kept.Length), message.Length - kept.Length, throwOnEndOfStream: false);
        return new MessageSample(message.AsMemory(0, kept.Length + read));
    }

    /// <summary>Takes a message as it is stored.</summary>
    /// <param name="file">Its file.</param>
    public static MessageSample Of(IFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var message = new byte[Math.Min(file.Length, MostOctets)];
        var count = 0;
        while (count < message.Length && file.Read(message.AsSpan(count), count) is var read && read > 0)
            count += read;
        return new MessageSample(message.AsMemory(0, count));
    }

    /// <summary>By what the message is known again, also as a copy: its identifying fields and the beginning of its body. What trace fields were added does not count.</summary>
    public ulong Key => ReadKey();

    /// <summary>The hashes of its words, each once: those of the text, those of the subject, and whom it names as its author.</summary>
    public IReadOnlyCollection<ulong> Tokens => _tokens ??= ReadTokens();

    /// <summary>What the sender is known by, as the fields say that this server has put in front when the message came.</summary>
    /// <param name="hostname">Our name, which our field bears.</param>
    public IReadOnlyList<SenderIdentity> Identities(string hostname)
    {
        string? sender = null, organisation = null;
        var (spf, dmarc, isKnown) = (false, false, false);
        IPAddress? client = null;
        var dkim = new List<string>();
        var header = MessageText.Header(_message.Span, out _);
        var author = AuthorOf(header);
        foreach (var field in new HeaderFields(header))
        {
            // Ours stand in front of Received; whatever is behind it came with the message.
            if (field.Is("Received"u8))
                break;
            if (!field.Is("Authentication-Results"u8) || !AuthenticationResultsReader.TryRead(field.Value, out var service, out var results)
                || !service.Equals(hostname, StringComparison.OrdinalIgnoreCase))
                continue;
            foreach (var result in results)
            {
                var passed = result.Result == "pass";
                switch (result.Method)
                {
                    case "auth":
                        isKnown |= passed;
                        break;
                    case "spf":
                        (spf, sender) = (passed && result.Property("smtp.mailfrom") is not null, result.Property("smtp.mailfrom"));
                        break;
                    case "dkim" when passed && result.Property("header.d") is { } domain:
                        dkim.Add(domain);
                        break;
                    case "dmarc":
                        (dmarc, organisation) = (passed, result.Property("policy.domain"));
                        break;
                    case "iprev" when IPAddress.TryParse(result.Property("policy.iprev"), out var address) && !SpecialPurpose.Is(address) && result.Result != "none":
                        client = address;
                        break;
                }
            }
        }
        return isKnown && author is not null
            ? SenderIdentities.OfKnown(author) : SenderIdentities.Of(sender, spf, dkim, author, dmarc, organisation, client);
    }

    /// <summary>The address in From, if there is exactly one.</summary>
    /// <param name="header">The header.</param>
    public static string? AuthorOf(ReadOnlySpan<byte> header)
    {
        var addresses = new List<Address>(1);
        foreach (var field in new HeaderFields(header))
            if (field.Is("From"u8) && !AddressList.TryParse(field.Value, addresses))
                return null;
        return addresses.Count == 1 ? addresses[0].Key : null;
    }

    private ulong ReadKey()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var header = MessageText.Header(_message.Span, out var body);
        foreach (var field in new HeaderFields(header))
            if (field.Is("Message-ID"u8) || field.Is("Date"u8) || field.Is("From"u8) || field.Is("Subject"u8))
                hash.AppendData(field.Value.Trim(" \t\r\n"u8));
        hash.AppendData(body[..Math.Min(body.Length, IdentifyingOctets)]);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset());
    }

    private HashSet<ulong> ReadTokens()
    {
        var tokens = new HashSet<ulong>();
        var text = new StringBuilder();
        foreach (var field in new HeaderFields(MessageText.Header(_message.Span, out _)))
        {
            if (field.Is("Subject"u8) || field.Is("From"u8) || field.Is("List-Id"u8))
                AddWords(tokens, EncodedWords.Decode(field.Value), field.Is("Subject"u8) ? 's' : 'h');
        }
        MessageText.Read(_message.Span, text);
        AddWords(tokens, text.ToString(), 't');
        return tokens;
    }

    private static void AddWords(HashSet<ulong> tokens, string text, char kind)
    {
        var start = -1;
        for (var i = 0; i <= text.Length && tokens.Count < MostTokens; i++)
        {
            var c = i < text.Length ? text[i] : ' ';
            // Scripts without spaces are taken two letters at a time.
            if (c is >= '\u2e80' and <= '\ud7ff')
            {
                if (i + 1 < text.Length)
                    Add(tokens, kind, text.AsSpan(i, 2));
                start = -1;
                continue;
            }
            if (char.IsLetterOrDigit(c) || (start >= 0 && c is '.' or '-' or '\'' or '@' && i + 1 < text.Length && char.IsLetterOrDigit(text[i + 1])))
            {
                if (start < 0)
                    start = i;
                continue;
            }
            if (start >= 0 && i - start is >= ShortestWord and <= LongestWord)
                Add(tokens, kind, text.AsSpan(start, i - start));
            start = -1;
        }
    }

    // FNV-1a over the lower-case letters: fast, and nobody gains by a collision but a little noise.
    private static void Add(HashSet<ulong> tokens, char kind, ReadOnlySpan<char> word)
    {
        var hash = 14695981039346656037UL;
        hash = (hash ^ kind) * 1099511628211UL;
        foreach (var c in word)
            hash = (hash ^ char.ToLowerInvariant(c)) * 1099511628211UL;
        tokens.Add(hash ^ (hash >> 29));
    }
}
