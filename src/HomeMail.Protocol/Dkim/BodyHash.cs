using System.Security.Cryptography;

namespace HomeMail.Protocol.Dkim;

/// <summary>
/// The hash of a body (RFC 6376 3.4.3, 3.4.4, 3.7), fed with slices of any size; the border between two may lie anywhere. It holds no part of
/// the body: line ends that may turn out to be trailing are counted.
/// </summary>
public sealed class BodyHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Canonicalization _canonicalization;
    private readonly long _limit;
    private readonly byte[] _buffer = new byte[1024];
    private int _buffered;
    private long _pendingLines; // CRLFs seen but not yet hashed: they count only if something follows
    private bool _pendingCr;
    private bool _pendingSpace; // relaxed: white space that is hashed as one space if something follows in its line
    private bool _lineBegun; // something of the present line was hashed, or waits as a space

    /// <summary>Begins a hash.</summary>
    /// <param name="canonicalization">How.</param>
    /// <param name="limit">l=: how many octets of the canonicalised body count; null for all.</param>
    public BodyHash(Canonicalization canonicalization, long? limit = null)
    {
        _canonicalization = canonicalization;
        _limit = limit ?? long.MaxValue;
    }

    /// <summary>The length of the canonicalised body in octets; final after <see cref="Finish"/>.</summary>
    public long CanonicalLength { get; private set; }

    /// <summary>Whether a hash is for these parameters.</summary>
    /// <param name="canonicalization">How.</param>
    /// <param name="limit">l=</param>
    public bool Is(Canonicalization canonicalization, long? limit) => _canonicalization == canonicalization && _limit == (limit ?? long.MaxValue);

    /// <summary>Takes the next slice of the body, in CRLF form.</summary>
    /// <param name="slice">The slice.</param>
    public void Append(ReadOnlySpan<byte> slice)
    {
        while (!slice.IsEmpty)
        {
            if (!_pendingCr && !_pendingSpace)
            {
                // The fast path: octets up to the next one that needs thought.
                var plain = _canonicalization == Canonicalization.Relaxed ? slice.IndexOfAny(" \t\r"u8) : slice.IndexOf((byte)'\r');
                if (plain < 0)
                    plain = slice.Length;
                if (plain > 0)
                {
                    BeginLine();
                    Put(slice[..plain]);
                    slice = slice[plain..];
                    continue;
                }
            }
            Step(slice[0]);
            slice = slice[1..];
        }
    }

    /// <summary>Ends the body.</summary>
    /// <returns>32 octets.</returns>
    public byte[] Finish()
    {
        if (_pendingCr)
            PutOctet((byte)'\r');
        _pendingCr = false;

        // Relaxed: white space at the end of the last line goes, also where that line has no CRLF.
        if (_lineBegun)
            _pendingLines = 0;
        if (_lineBegun || CanonicalLength > 0)
            Put("\r\n"u8);
        else if (_canonicalization == Canonicalization.Simple)
            Put("\r\n"u8); // RFC 6376 3.4.3: an empty body is one CRLF, in simple only
        Flush();
        return _hash.GetHashAndReset();
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void Step(byte b)
    {
        if (_pendingCr)
        {
            _pendingCr = false;
            if (b == '\n')
            {
                _pendingSpace = false;
                _pendingLines++;
                _lineBegun = false;
                return;
            }
            PutOctet((byte)'\r'); // a bare CR is an octet like others
        }
        if (b == '\r')
            _pendingCr = true;
        else if (_canonicalization == Canonicalization.Relaxed && b is (byte)' ' or (byte)'\t')
            _pendingSpace = true;
        else
            PutOctet(b);
    }

    private void PutOctet(byte b)
    {
        BeginLine();
        Put([b]);
    }

    private void BeginLine()
    {
        if (_pendingLines > 0)
        {
            for (; _pendingLines > 0; _pendingLines--)
                Put("\r\n"u8);
        }
        if (_pendingSpace)
            Put(" "u8);
        _pendingSpace = false;
        _lineBegun = true;
    }

    private void Put(ReadOnlySpan<byte> octets)
    {
        var counts = (int)Math.Min(octets.Length, Math.Max(0, _limit - CanonicalLength));
        CanonicalLength += octets.Length;
        octets = octets[..counts];
        if (octets.Length > _buffer.Length - _buffered)
        {
            Flush();
            if (octets.Length > _buffer.Length)
            {
                _hash.AppendData(octets);
                return;
            }
        }
        octets.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += octets.Length;
    }

    private void Flush()
    {
        _hash.AppendData(_buffer.AsSpan(0, _buffered));
        _buffered = 0;
    }
}
