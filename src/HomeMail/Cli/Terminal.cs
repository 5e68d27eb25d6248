using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HomeMail.Cli;

/// <summary>The program's own streams.</summary>
internal static partial class Terminal
{
    private const int StandardInput = 0;
    private const int FlushInput = 2; // TCSAFLUSH
    private const uint Echo = 0x8;
    private const uint EchoNewLine = 0x40;

    // struct termios begins with four flag words, c_lflag last, and has 60 octets in glibc and musl.
    private const int LocalFlags = 12;
    private const int SettingsSize = 128;

    /// <summary>Standard input, output and error as UTF-8, whatever the locale of a bare system says.</summary>
    public static Streams Open()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var input = OpenInput(utf8);
        var error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true };
        return new Streams(
            input,
            new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = true },
            error,
            Console.IsInputRedirected ? null : prompt => AskSecret(prompt, input, error))
        {
            RawIn = OpenRaw(),
            RawOut = Console.OpenStandardOutput(),
            ErrorIsTerminal = !Console.IsErrorRedirected,
        };
    }

    private static Stream OpenRaw()
    {
        try
        {
            return Console.OpenStandardInput();
        }
        catch (UnauthorizedAccessException)
        {
            return Stream.Null;
        }
    }

    private static TextReader OpenInput(Encoding encoding)
    {
        try
        {
            // On a terminal, the console's own stream would edit and echo lines itself.
            return Console.IsInputRedirected
                ? new StreamReader(Console.OpenStandardInput(), encoding)
                : new StreamReader(new FileStream(new SafeFileHandle(StandardInput, ownsHandle: false), FileAccess.Read, bufferSize: 0), encoding);
        }
        catch (UnauthorizedAccessException)
        {
            // A supervisor may start us with standard input closed.
            return TextReader.Null;
        }
    }

    // Console.ReadKey turns the echo off only while it waits; what is typed between two keys would show. Here it is off before the prompt
    // is on the screen, and what was typed ahead is thrown away.
    private static string? AskSecret(string prompt, TextReader input, TextWriter error)
    {
        var before = new byte[SettingsSize];
        var silent = GetAttributes(StandardInput, before) == 0;
        void Restore()
        {
            if (silent)
                _ = SetAttributes(StandardInput, FlushInput, before);
        }

        // Ctrl-C ends the program, but must not leave the terminal mute.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Restore());
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => Restore());
        try
        {
            if (silent)
            {
                var settings = (byte[])before.Clone();
                var flags = BitConverter.ToUInt32(settings, LocalFlags);
                BitConverter.TryWriteBytes(settings.AsSpan(LocalFlags), (flags & ~Echo) | EchoNewLine);
                silent = SetAttributes(StandardInput, FlushInput, settings) == 0;
            }
            error.Write(prompt);
            return input.ReadLine();
        }
        finally
        {
            Restore();
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int descriptor, Span<byte> settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int descriptor, int when, ReadOnlySpan<byte> settings);
}
