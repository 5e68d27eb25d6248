using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using HomeMail.Config;
using HomeMail.Server.Net;
using HomeMail.Storage;
using HomeMail.Storage.Files;

namespace HomeMail;

/// <summary>What is done every minute, whatever else goes on.</summary>
internal sealed partial class HouseServer
{
    private static readonly TimeSpan KeepingInterval = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan CertificateInterval = TimeSpan.FromSeconds(5);

    // A mailbox that nobody reads is out of memory after this time.
    private static readonly TimeSpan MailboxIdle = TimeSpan.FromMinutes(5);

    private string _certificateStamp = "";
    private DateTimeOffset _nextRenewal;

    private async Task KeepHouseAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(KeepingInterval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                _history.MayExpire = IsClockSane();
                _history.Flush();
                _tally.Save();
                _state.MayExpire = IsClockSane();
                _state.Flush();
                await _refused.TidyAsync();
                await TrimAsync();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or StorageClosedException)
        {
            // The end.
        }
    }

    // Whoever renews a certificate need not know who shows it.
    private async Task WatchCertificateAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(CertificateInterval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
                ReadCertificateIfChanged();
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private void ReadCertificateIfChanged()
    {
        var stamp = CertificateStamp(_running.Settings);
        if (stamp == _certificateStamp && !IsRenewalDue())
            return;
        _certificateStamp = stamp;
        try
        {
            _running = Prepare(_running.Settings);
            _log.Info("certificate", ("what", "read anew"), ("until", _running.Smtp.Tls!.Certificate.NotAfter.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)));
        }
        catch (Exception error) when (error is IOException or CryptographicException or UnauthorizedAccessException)
        {
            // Perhaps only the first of the two files is new: the second one changes the stamp again.
            _log.Error("certificate", ("what", error.Message), ("then", "the old certificate stays in force"));
        }
    }

    // Our own certificate is made anew in time; where that fails it is tried again in an hour, and not every few seconds.
    private bool IsRenewalDue()
    {
        if (_running.Smtp.Tls is not { IsOwn: true } own || !IsClockSane() || !TlsIdentity.IsDue(own.Certificate, _running.Settings.Server.Hostname, _clock.GetUtcNow())
            || _clock.GetUtcNow() < _nextRenewal)
            return false;
        _nextRenewal = _clock.GetUtcNow() + TimeSpan.FromHours(1);
        return true;
    }

    private static string CertificateStamp(Settings settings)
    {
        var stamp = new StringBuilder();
        var acme = settings.Tls.FromAcme ? AcmeFiles.Find(settings.Server.Hostname) : null;
        foreach (var path in (string?[])[settings.Tls.Certificate, settings.Tls.Key, acme?.Certificate, acme?.Key])
            if (path is not null && (File.ResolveLinkTarget(path, returnFinalTarget: true) ?? new FileInfo(path)) is FileInfo { Exists: true } file)
                stamp.Append(CultureInfo.InvariantCulture, $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks};");
        return stamp.ToString();
    }

    private async Task TrimAsync()
    {
        try
        {
            await _data.Mail.TrimAsync(MailboxIdle);
        }
        catch (StorageException error)
        {
            _log.Error("store", ("what", error.Message));
        }
    }
}
