#!/usr/bin/env bash
# The Debian package in a fresh Debian: installed, set up, run by a real systemd, upgraded with mail in the queue, removed, purged.
# needs: mmdebstrap systemd-container debhelper dpkg-dev lintian swaks file
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh

if [ "$(id -u)" != 0 ] || [ "$(uname -m)" != x86_64 ]; then
    skip "debian: only root can make a root to install in, and it is one for amd64"
    finish
fi

folder=$(mktemp -d)
at_exit "rm -rf --one-file-system $folder"
root=$folder/root
version=$(sed -n 's,.*<Version>\(.*\)</Version>.*,\1,p' build/Common.props)

# Debian as it comes, made while the packages are.
mmdebstrap --mode=root --variant=essential --include=adduser,systemd --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
    "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$root" > "$folder/bootstrap.log" 2>&1 &
bootstrap=$!
build/deb.sh amd64 arm64
expect "the packages are made" 0 $?
old=out/deb/homemail_${version}_amd64.deb
other=out/deb/homemail_${version}_arm64.deb
expect "the package for arm64 holds a program for arm64" "arm64 aarch64" \
    "$(dpkg-deb -f "$other" Architecture) $(dpkg-deb --fsys-tarfile "$other" | tar -xO ./usr/bin/homemail | file -b - | grep -o aarch64)"
lintian --allow-root --tag-display-limit 0 --fail-on error,warning,info,override "$old" > "$folder/lintian" 2>&1 &
lint=$!

# A later version: the same package, by another number.
mkdir "$folder/new"
dpkg-deb -R "$old" "$folder/new/tree"
sed -i "s/^Version: .*/Version: $version+1/" "$folder/new/tree/DEBIAN/control"
new=$folder/new/homemail.deb
dpkg-deb --root-owner-group -Znone -b "$folder/new/tree" "$new" > /dev/null

wait $bootstrap
expect "a fresh root is made" 0 $?
[ -x "$root/usr/bin/dpkg" ] || { tail "$folder/bootstrap.log"; finish; }
wait $lint
expect "lintian finds nothing" 0 $?
cat "$folder/lintian"

at_root() { chroot "$root" "$@"; }
mkdir "$root/packages"
cp "$old" "$root/packages/old.deb"
cp "$new" "$root/packages/new.deb"

# Another MTA must go first, and the user decides which.
at_root dpkg -i /packages/old.deb > "$folder/install" 2>&1
expect "it installs" 0 $?
check "... and says that a configuration is missing" grep -q 'homemail setup' "$folder/install"
check_not "... and writes none" test -e "$root/etc/homemail/homemail.ini"
check "its user is there" grep -q '^homemail:x:[0-9]*:[0-9]*:.*:/usr/sbin/nologin$' "$root/etc/passwd"
expect "its folder is its own" "homemail homemail 751" "$(at_root stat -c '%U %G %a' /var/lib/homemail)"
for name in /usr/sbin/sendmail /usr/lib/sendmail /usr/bin/mailq /usr/bin/newaliases; do
    expect "$name is the program" /usr/bin/homemail "$(at_root readlink -f $name)"
done
check "the service is enabled" test -L "$root/etc/systemd/system/multi-user.target.wants/homemail.service"
systemd-analyze verify --man=no --recursive-errors=no --root="$root" /lib/systemd/system/homemail.service > "$folder/verify" 2>&1
expect "systemd finds nothing wrong with the unit" "" "$(grep homemail "$folder/verify")"
exposure=$(systemd-analyze security --root="$root" --offline=yes homemail.service 2> /dev/null | grep -oE 'homemail.service: [0-9.]+' | grep -oE '[0-9.]+$')
check "the unit exposes little (${exposure:-?} of 10, 2.5 at most)" awk "BEGIN { exit !(${exposure:-10} <= 2.5) }"
gzip -dc "$root/usr/share/man/man8/homemail.8.gz" > "$folder/man"
unnamed=$(at_root homemail --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r command; do grep -q "^\.B.*\b$command\b" "$folder/man" || echo "$command"; done)
expect "the manual names each command" "" "$unnamed"

echo 'open sesame' | at_root homemail setup --hostname mail.home.example --account alice --resolver 127.0.0.1:1 > "$folder/setup" 2>&1
expect "homemail setup makes a configuration" 0 $?
expect "... that the server reads and nobody else" "root homemail 640" "$(at_root stat -c '%U %G %a' /etc/homemail/homemail.ini)"
expect "... and keys that are the server's" homemail "$(at_root find /var/lib/homemail -type f -printf '%u\n' | sort -u)"
# Tests cannot wait for a second attempt of a stranger.
printf '[policy]\ngreylist = off\nfirst-time-delay = off\n' >> "$root/etc/homemail/homemail.ini"

# A real systemd, in a container of its own without a network but loopback.
systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no --directory="$root" --boot > "$folder/boot" 2>&1 < /dev/null &
container=$!
at_exit "kill -KILL $container 2> /dev/null; wait $container 2> /dev/null"
first() { init=$(pgrep -P $container | head -n 1); [ -n "$init" ]; }
inside() { nsenter --target "$init" --mount --uts --ipc --net --pid --root --wd "$@"; }
booted() { first && inside systemctl is-active multi-user.target; }
if ! wait_for 60 booted; then
    tail -n 20 "$folder/boot"
    skip "systemd: it cannot be booted in a container here"
    finish
fi
property() { inside systemctl show homemail --property="$1" --value; }
active() { [ "$(property ActiveState)" = active ]; }
main() { property MainPID; }
journal() { inside journalctl --unit=homemail --no-pager --output=cat; }
at_net() { nsenter --target "$init" --net "$@"; }
messages() { find "$root/var/lib/homemail/mail/alice" -name '*.eml' | wc -l; }
queued() { inside homemail queue --json | grep -c elsewhere.example; }

check "systemd starts it, and is told when it is ready" wait_for 30 active
expect "... as its user" homemail "$(inside ps -o user= -p "$(main)" 2> /dev/null || inside stat -c %U "/proc/$(main)")"
expect "... with the one capability" 0000000000000400 "$(inside sed -n 's/^CapEff:\s*//p' "/proc/$(main)/status")"
check "... confined by itself once more" grep -q 'confined by="capability net_bind_service, no_new_privs' <(journal)
expect "... of which nothing was impossible but to trust anybody, without ca-certificates" "1 1" \
    "$(journal | grep -c 'confined lacks') $(journal | grep -c 'confined lacks="this system has no certificates to trust')"
expect "... and its words are for systemctl status" "serving mail.home.example, 0 in the queue" "$(property StatusText)"
expect "systemd waits for signs of life" 1min "$(property WatchdogUSec)"

check "it takes mail from a stranger" at_net swaks --server 127.0.0.1:25 --from stranger@elsewhere.example --to alice@home.example --silent 3
expect "... and delivers it" 1 "$(messages)"
check "it takes a submission for somebody elsewhere" at_net swaks --server 127.0.0.1:587 --tls --auth-user alice --auth-password 'open sesame' \
    --from alice@home.example --to friend@elsewhere.example --silent 3
check "... which waits, since there is no network" wait_for 10 queued

before=$(main)
check "systemctl reload is done" inside systemctl reload homemail
check "... by the server" wait_for 10 grep -q ' reload what=done' <(journal)
expect "... which goes on" "$before active" "$(main) $(property ActiveState)"

# An upgrade, with mail in the queue.
ini=$(sha256sum < "$root/etc/homemail/homemail.ini")
inside dpkg -i /packages/new.deb > "$folder/upgrade" 2>&1
expect "it is upgraded" 0 $?
expect "... to the new version" "$version+1" "$(inside dpkg-query -W -f '${Version}' homemail)"
check "... and runs" wait_for 30 active
check "... as another process" test "$before" != "$(main)"
expect "the configuration is as it was" "$ini" "$(sha256sum < "$root/etc/homemail/homemail.ini")"
check "what waited still waits" wait_for 10 queued
expect "what was delivered is there" 1 "$(messages)"
check "it takes mail" at_net swaks --server 127.0.0.1:25 --from stranger@elsewhere.example --to alice@home.example --silent 3
expect "... and delivers it" 2 "$(messages)"

# A server that hangs is started anew; it is stopped here, which looks the same.
mkdir -p "$root/run" && inside mkdir -p /run/systemd/system/homemail.service.d
inside sh -c "printf '[Service]\nWatchdogSec=2\nTimeoutStopSec=5\n' > /run/systemd/system/homemail.service.d/soon.conf"
inside systemctl daemon-reload
inside systemctl restart homemail
before=$(main)
fed() { [ "$(property WatchdogTimestampMonotonic)" -gt $((started + 4000000)) ]; }
started=$(property WatchdogTimestampMonotonic)
check "it gives signs of life" wait_for 10 fed
inside sh -c "kill -STOP $before"
another() { active && [ "$(main)" != "$before" ]; }
check "one that gives none is ended and started anew" wait_for 30 another
check "... for that reason" grep -qi watchdog <(inside journalctl --unit=homemail --no-pager --output=cat)

inside systemctl stop homemail
expect "systemctl stop ends it well" "inactive success" "$(property ActiveState) $(property Result)"
inside systemctl start homemail

inside dpkg -r homemail > "$folder/remove" 2>&1
expect "it is removed" 0 $?
check_not "... and runs no more" active
check "the configuration stays" test -s "$root/etc/homemail/homemail.ini"
expect "mail stays" 2 "$(messages)"
inside dpkg -P homemail > "$folder/purge" 2>&1
expect "it is purged" 0 $?
check_not "the configuration, which has secrets, is gone" test -e "$root/etc/homemail"
expect "mail stays also then" 2 "$(messages)"
check "... and where it is, is said" grep -q /var/lib/homemail "$folder/purge"
inside dpkg -i /packages/new.deb > /dev/null 2>&1
touch "$root/var/lib/homemail/purge"
inside dpkg -P homemail > "$folder/purge" 2>&1
check_not "mail goes when it has been said so before" test -e "$root/var/lib/homemail"
inside systemctl poweroff 2> /dev/null
ended() { ! kill -0 $container; }
wait_for 20 ended
finish
