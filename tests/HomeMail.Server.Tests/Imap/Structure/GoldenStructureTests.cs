using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using HomeMail.Protocol.Text;
using HomeMail.Server.Imap.Structure;
using Xunit;

namespace HomeMail.Server.Tests.Imap.Structure;

/// <summary>What a well-known server answered for real messages: every item and every section has to be the same.</summary>
public sealed class GoldenStructureTests
{
    public static TheoryData<string> Files()
    {
        var data = new TheoryData<string>();
        if (Environment.GetEnvironmentVariable("CI") == "true" || Directory.Exists(SharedFolder()))
        {
            foreach (var line in File.ReadLines(SharedData.Path("mime/golden.jsonl")))
                data.Add(JsonDocument.Parse(line).RootElement.GetProperty("file").GetString()!);
        }
        else
            data.Add("absent");
        return data;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_answers_are_the_same(string file)
    {
        var golden = File.ReadLines(SharedData.Path("mime/golden.jsonl")).Select(l => JsonDocument.Parse(l).RootElement)
            .Single(e => e.GetProperty("file").GetString() == file);
        var message = ToCrLf(File.ReadAllBytes(SharedData.Path(file)));
        var structure = MessageStructureReader.Read(new MemoryStream(message), cancel: TestContext.Current.CancellationToken);
        Compare(golden, structure, message);
        // What comes back from the header cache is the same.
        using var record = new PooledWriter();
        StructureRecord.Write(record, structure, isWhole: true);
        Assert.True(StructureRecord.Has(record.WrittenSpan, parts: true));
        Assert.Equal(structure.Root.Fields, StructureRecord.Fields(record.WrittenSpan));
        Compare(golden, StructureRecord.Read(record.WrittenSpan), message);
    }

    private static void Compare(JsonElement golden, MessageStructure structure, byte[] message)
    {
        Assert.Equal(golden.GetProperty("rfc822size").GetInt64(), structure.Size);
        Assert.Equal(Plain(golden.GetProperty("envelope").GetString()!), Plain(Written(o => StructureWriter.WriteEnvelope(o, structure.Root))));
        Assert.Equal(Plain(golden.GetProperty("body").GetString()!), Plain(Written(o => StructureWriter.WriteBody(o, structure))));
        Assert.Equal(Plain(golden.GetProperty("bodystructure").GetString()!), Plain(Written(o => StructureWriter.WriteBodyStructure(o, structure))));
        foreach (var part in golden.GetProperty("parts").EnumerateArray())
        {
            var section = part.GetProperty("section").GetString()!;
            var (path, text) = Parse(section);
            Assert.True(structure.TryLocate(path, text, out var range), section);
            Assert.Equal($"{section} {part.GetProperty("size").GetInt64()}", $"{section} {range.Length}");
            Assert.Equal(part.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(message.AsSpan((int)range.Offset, (int)range.Length))));
        }
    }

    internal static (int[] Path, SectionText Text) Parse(string section)
    {
        var words = section.Split('.', StringSplitOptions.RemoveEmptyEntries);
        var path = words.TakeWhile(w => char.IsAsciiDigit(w[0])).Select(w => int.Parse(w, CultureInfo.InvariantCulture)).ToArray();
        var text = words.Skip(path.Length).FirstOrDefault() switch { "HEADER" => SectionText.Header, "TEXT" => SectionText.Text, "MIME" => SectionText.Mime, _ => SectionText.Whole };
        return (path, text);
    }

    internal static string Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Encoding.Latin1.GetString(output.WrittenSpan);
    }

    // A literal and a quoted string are the same value (RFC 9051 4.3).
    internal static string Plain(string answer) => Regex.Replace(answer, "\\{(\\d+)\\}\r?\n", m => "\u0001" + m.Groups[1].Value + "\u0002") is var marked
        ? Regex.Replace(marked, "\u0001(\\d+)\u0002", "\u0001$1\u0002") is var text ? Quote(text) : "" : "";

    private static string Quote(string text)
    {
        while (text.IndexOf('\u0001', StringComparison.Ordinal) is >= 0 and var at)
        {
            var end = text.IndexOf('\u0002', at);
            var length = int.Parse(text.AsSpan(at + 1, end - at - 1), CultureInfo.InvariantCulture);
            var value = text.Substring(end + 1, length).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            text = text[..at] + "\"" + value + "\"" + text[(end + 1 + length)..];
        }
        return text;
    }

    internal static byte[] ToCrLf(byte[] octets) =>
        Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(octets).Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal));

    private static string? SharedFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "shared", "data")))
                return Path.Combine(folder.FullName, "shared", "data");
        }
        return null;
    }
}
