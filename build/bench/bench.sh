#!/usr/bin/env bash
# HomeMail beside the servers that people would pick instead, on this machine, in one run: installs them in a world of the run's own, loads
# them in turn with the same generator, and writes a table to out/bench/.
#   build/bench/bench.sh             everything, 20 to 25 minutes; no third round is begun after 19 minutes
#   ROUNDS=1 SCALE=0.1 PEERS="postfix homemail" SCENARIOS="4kB-16 idle" build/bench/bench.sh      less of it; SCENARIOS are the names in measure.py,
#                                    and limits, idle, smtp-source, calls, drain; KEEP=1 leaves the servers' files in out/bench/world
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
own_world_at build/bench/bench.sh postfix exim4-daemon-light opensmtpd chasquid dovecot-core dovecot-lmtpd opendkim
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
# On this disk, not in the world's memory: what is measured is durable mail.
disk=$PWD/out/bench/world
rm -rf "$disk"
mkdir -p "$disk" out/bench
chmod 755 "$disk"
# Folders in it are spread over the disk, as they are on disks of their own: else one server would search for room where another has just deleted.
chattr +T "$disk" 2> /dev/null || echo "bench: the servers' files cannot be kept apart on this file system"
at_exit '[ -n "${KEEP:-}" ] || rm -rf "$disk"; ungroup'
. build/bench/peers.sh
user vmail 3010
zone 'client.example. TXT "v=spf1 ip4:127.0.0.0/8 -all"' 'far.example. MX 10 mx.far.example.' "mx.far.example. A $outside_ip" \
    'home.example. TXT "v=spf1 mx -all"' 'secure.example. TXT "v=spf1 ip4:127.0.0.0/8 -all"'
certificates mail.home.example
chmod 644 "$world"/mail.home.example.key

# Where few may wait to be accepted (with OpenSMTPD five), the client comes again after a second; with a cookie it would think that it was accepted.
sysctl -qw net.ipv4.tcp_syncookies=0
# A connection is a descriptor, or two.
ulimit -n 16384
peer_sink || { echo "bench: the sink does not start"; exit 1; }
wanted=${PEERS:-postfix postfix-dovecot exim opensmtpd chasquid homemail}
case $wanted in *dovecot* | *chasquid*) dovecot_start || echo "bench: Dovecot does not start" ;; esac
[[ $wanted == *postfix* ]] && {
    user postfix 3001 postdrop
    [[ $wanted == *dovecot* ]] || dovecot_start || echo "bench: Dovecot does not start"
}
for peer in $wanted; do
    "peer_${peer//-/_}" || echo "bench: $peer does not start, and is left out"
done
python3 build/bench/measure.py "$disk/peers" "$disk" "$PWD/out/bench" outside $outside_ip
