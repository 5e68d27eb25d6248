#!/usr/bin/env bash
# The OpenWrt package in a root of BusyBox alone, without libc and loader: installed, set up, run by the init script in the jail that it
# asks for, reloaded, upgraded with mail in the queue, removed. opkg, procd and uci are stand-ins: tests/e2e/peers/openwrt/README.md.
# needs: busybox-static swaks file iproute2 util-linux
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
peers=tests/e2e/peers/openwrt
feed=build/openwrt/homemail/files

# UCI sections to an INI file, by the shell that OpenWrt has.
folder=$(mktemp -d)
at_exit "rm -rf --one-file-system $folder"
to_ini() { busybox ash $feed/uci-to-ini 2> "$folder/wrong"; }
complete="config server
	option hostname 'mail.example.org'
	option data '/mnt/a disk/mail'"
expect "sections, names, lists and quoted values become an INI file" "\
[server]
hostname = mail.example.org
data = /mnt/a disk/mail

[domain:example.org]
local-delivery = smtp

[account:alice]
addresses = alice@example.org, a.smith@example.org
password = \$scram-sha-256\$4096\$x=
vacation-text = \"I'm away ; back soon\"

[dns-update]
tsig-name = key

[spf-rewrite]
192.168.1.254 = auto
2001:db8::1 = 2001:db8::25" "$(to_ini << UCI | sed 1,2d
package homemail

config homemail 'main'
	option enabled '1'

$complete

config domain
	option local_delivery 'smtp'
	option name 'example.org'

config account 'alice'
	list addresses 'alice@example.org'
	list addresses 'a.smith@example.org'
	option password '\$scram-sha-256\$4096\$x='
	option vacation_text 'I'\\''m away ; back soon'

config spf_rewrite
	option address '192.168.1.254'

config dns_update
	option tsig_name 'key'

config spf_rewrite
	option address '2001:db8::1'
	option public '2001:db8::25'
UCI
)"
# What is wrong, and the words that say so.
while IFS='|' read -r name words uci; do
    ini=$(printf "%b\n" "$uci" | to_ini)
    expect "$name is refused and writes nothing" "1 0" "$(printf "%b\n" "$uci" | to_ini > "$folder/ini"; echo "$? $(stat -c %s "$folder/ini")")"
    check "... and it is said" grep -q "$words" "$folder/wrong"
done << UCI
no data folder|option data is missing|config server\n\toption hostname 'mail.example.org'
no host name|option hostname is missing|config server\n\toption data '/mnt/x'
a domain without a name|domain number 2: it needs a name|config server s\n\toption hostname 'm.example.org'\n\toption data '/x'\nconfig domain\n\toption tenant 'a'
a value of two lines|more than one line|config server s\n\toption hostname 'm.example.org'\n\toption data '/x\n[evil]'
a comma in a list|has a comma|config server s\n\toption hostname 'm.example.org'\n\toption data '/x'\nconfig account a\n\tlist addresses 'a@x.org,b@x.org'
UCI

check "the packages are made" build/openwrt.sh ipk
version=$(sed -n 's,.*<Version>\(.*\)</Version>.*,\1,p' build/Common.props)-r1
for arch in x86_64:x86-64 aarch64_generic:aarch64; do
    file=out/openwrt/homemail_${version}_${arch%%:*}.ipk
    expect "that for ${arch%%:*} holds a program for it, without a loader" "${arch##*:} static-pie" \
        "$(tar -xzOf "$file" ./data.tar.gz | tar -xzO ./usr/bin/homemail | file -b - | grep -oE 'x86-64|aarch64|static-pie' | sort -r | sort -k1,1 | tr '\n' ' ' | sed 's/ $//; s/^static-pie x86-64$/x86-64 static-pie/')"
done
# Debian has no apk-tools 3: what would be given to it is looked at.
mkdir "$folder/bin"
printf '#!/bin/sh\n[ "$2" = --help ] && exit\nwhile [ $# -gt 1 ]; do case $1 in --files) (cd "$2" && find . -type f | sort) ;; --script) sh -n "${2#*:}" && echo "$2" | cut -d: -f1 ;; --output) : > "$2" ;; esac; shift; done\n' > "$folder/bin/apk"
chmod +x "$folder/bin/apk"
given=$(APK=$folder/bin/apk build/openwrt.sh apk x86_64)
for name in ./usr/bin/homemail ./etc/init.d/homemail ./etc/config/homemail ./lib/apk/packages/homemail.rusers ./lib/apk/packages/homemail.conffiles_static post-install post-upgrade pre-deinstall; do
    check "apk is given $name" grep -qxF "$name" <<< "$given"
done
rm -f out/openwrt/*.apk
check_not "without apk-tools no apk is made" env APK="$folder/none" build/openwrt.sh apk

if [ "$(id -u)" != 0 ] || [ "$(uname -m)" != x86_64 ]; then
    skip "openwrt: only root can make a root to install in, and the package tried is the one for x86_64"
    finish
fi

# A root like OpenWrt's: BusyBox, /var in memory, a network of its own, and a stick.
root=$folder/root
# A mount of its own, so that jails can be made in it.
mkdir "$root"
mount --bind "$root" "$root" && mount --make-private "$root"
at_exit "umount -l $root"
mkdir -p "$root"/{bin,sbin,etc/{config,init.d,rc.d,ssl/certs},lib,usr/{bin,sbin,lib/opkg/info},tmp,proc,sys,dev,mnt/stick,root}
cp /bin/busybox "$root/bin/busybox"
chroot "$root" /bin/busybox --install -s /bin
ln -s tmp "$root/var"
ln -s /tmp/resolv.conf "$root/etc/resolv.conf"
printf 'root:x:0:0:root:/root:/bin/ash\n' > "$root/etc/passwd"
printf 'root:x:0:\n' > "$root/etc/group"
cp $peers/functions.sh "$root/lib/functions.sh"
cp $peers/rc.common "$root/etc/rc.common"
cp $peers/procd $peers/uci "$root/sbin/"
cp $peers/opkg "$root/bin/opkg"
mkdir "$folder/stick"
mount -t tmpfs none "$root/tmp" && mount -t proc none "$root/proc" && mount -t sysfs -o ro none "$root/sys" && mount --bind "$folder/stick" "$root/mnt/stick"
at_exit "umount -l $root/mnt/stick $root/sys $root/proc $root/dev/urandom $root/dev/null $root/tmp 2> /dev/null"
for device in null urandom; do : > "$root/dev/$device"; mount --bind /dev/$device "$root/dev/$device"; done
unshare --net sleep 100000 &
holder=$!
at_exit "kill $holder"
unshared() { [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
wait_for 5 unshared
nsenter --target $holder --net ip link set lo up
echo 'nameserver 127.0.0.1' > "$root/tmp/resolv.conf"
at_root() { nsenter --target $holder --net chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
ln -s ../../bin/env "$root/usr/bin/env"
at_net() { nsenter --target $holder --net "$@"; }
at_exit "at_root /sbin/procd stop homemail"
# Not by at_root: $! would be a shell's, and the log would outlive the test.
nsenter --target $holder --net chroot "$root" /bin/syslogd -n -O /tmp/messages &
logger=$!
at_exit "kill $logger 2> /dev/null"
wait_for 5 test -S "$root/dev/log"
service() { at_root /etc/init.d/homemail "$@"; }
log() { cat "$root/tmp/messages" 2> /dev/null; }
answers_at_25() { at_net bash -c 'exec 3<> /dev/tcp/127.0.0.1/25 && read -r -t 5 line <&3 && [[ $line == 220* ]]' 2> /dev/null; }
pid() { cat "$root/tmp/procd/homemail.pid"; }
uci_set() { sed -i "s|^\t#*option $1 .*|\toption $1 '$2'|" "$root/etc/config/homemail"; }

# Two versions: the same package, by another number.
cp "out/openwrt/homemail_${version}_x86_64.ipk" "$root/tmp/old.ipk"
mkdir -p "$folder/new/control"
tar -xzf "$root/tmp/old.ipk" -C "$folder/new"
tar -xzf "$folder/new/control.tar.gz" -C "$folder/new/control"
sed -i 's/^Version: .*/Version: 9/' "$folder/new/control/control"
tar -czf "$folder/new/control.tar.gz" -C "$folder/new/control" .
tar -czf "$root/tmp/new.ipk" -C "$folder/new" ./debian-binary ./data.tar.gz ./control.tar.gz

at_root opkg install /tmp/old.ipk > "$folder/install" 2>&1
check "without a configuration nothing is started, and it is said" grep -q 'homemail setup writes one' "$root/tmp/messages"
check_not "... by nobody" test -e "$root/tmp/procd/homemail.pid"
check "it is enabled" test -L "$root/etc/rc.d/S95homemail"
check "its user is there" grep -q '^homemail:' "$root/etc/passwd"
expect "sendmail is the program" "$version" "$(tar -xzOf "$root/tmp/old.ipk" ./control.tar.gz | tar -xzO ./control | sed -n 's/^Version: //p' | head -n 1)"
for name in /usr/sbin/sendmail /usr/bin/mailq /usr/bin/newaliases; do
    expect "$name is the program" /usr/bin/homemail "$(at_root readlink -f $name)"
done
expect "what is kept by sysupgrade is named" /etc/homemail/ "$(cat "$root/lib/upgrade/keep.d/homemail")"

# The usual folder is in memory here.
output=$(echo 'open sesame' | at_root homemail setup --hostname mail.home.example --account alice --resolver 127.0.0.1:1 2>&1)
check "setup does not put mail into memory unasked" grep -q 'data is needed: in /var/lib/homemail mail is kept in memory' <<< "$output"
echo 'open sesame' | at_root homemail setup --hostname mail.home.example --account alice --resolver 127.0.0.1:1 --data /mnt/stick/mail > "$folder/setup" 2>&1
expect "setup makes a configuration" 0 $?
check "... and says how to start" grep -q 'Start it: /etc/init.d/homemail start' "$folder/setup"
printf '[policy]\ngreylist = off\nfirst-time-delay = off\n' >> "$root/etc/homemail/homemail.ini"

uci_set mount /mnt/other
service start 2> /dev/null
check "before the stick is mounted nothing is started" grep -q 'nothing is mounted at /mnt/other' "$root/tmp/messages"
uci_set mount /mnt/stick
service start
check "the init script starts it" wait_for 30 answers_at_25
expect "... in a jail with what it uses" "/etc ro /mnt/stick/mail rw" \
    "$(sed -n 's,^mount-\(r.\) \(/etc\|/mnt/stick/mail\)$,\2 \1,p' "$root/tmp/procd/homemail" | sort -u | tr '\n' ' ' | sed 's/ $//')"
seen=/proc/$(pid)/root
check_not "... where other things are not" test -e "$seen/bin"
check "... but those that it needs" test -e "$seen/etc/homemail/homemail.ini"
expect "... as its user" 32768 "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$(pid)/status")"
check "... and its words are in the log" grep -q ' ready host=mail.home.example' "$root/tmp/messages"
check "procd is told what to watch" grep -q 'restart-on-mount /mnt/stick' "$root/tmp/procd/homemail.triggers"

messages() { find "$folder/stick/mail/mail/alice" -name '*.eml' | wc -l; }
queued() { at_root homemail queue --json | grep -q elsewhere.example; }
stranger() { at_net swaks --server 127.0.0.1:25 --from stranger@elsewhere.example --to alice@home.example --silent 3; }
check "it takes mail from a stranger" stranger
expect "... and delivers it to the stick" 1 "$(messages)"
check "it takes a submission for somebody elsewhere" at_net swaks --server 127.0.0.1:587 --tls --auth-user alice --auth-password 'open sesame' \
    --from alice@home.example --to friend@elsewhere.example --silent 3
check "... which waits, since there is no network" wait_for 10 queued

before=$(pid)
service reload
check "reload is a signal" wait_for 10 grep -q ' reload what=done' "$root/tmp/messages"
expect "... to the same process" "$before" "$(pid)"
echo 'nonsense = 1' >> "$root/etc/homemail/homemail.ini"
check_not "a bad configuration is not loaded" service reload 2> /dev/null
check "... and it is said" grep -q 'unknown key' "$root/tmp/messages"
sed -i '$d' "$root/etc/homemail/homemail.ini"
kill -KILL "$before"
another() { [ "$(pid)" != "$before" ] && answers_at_25; }
check "one that dies is started anew" wait_for 30 another

ini=$(sha256sum < "$root/etc/homemail/homemail.ini")
config=$(sha256sum < "$root/etc/config/homemail")
before=$(pid)
at_root opkg install /tmp/new.ipk > "$folder/upgrade" 2>&1
expect "it is upgraded" "0 9" "$? $(sed -n 's/^Version: //p' "$root/usr/lib/opkg/info/homemail.control")"
check "... and runs, as another process" wait_for 30 another
expect "the settings are as they were" "$ini $config" "$(sha256sum < "$root/etc/homemail/homemail.ini") $(sha256sum < "$root/etc/config/homemail")"
check "the new example lies beside" test -e "$root/etc/config/homemail-opkg"
check "what waited still waits" wait_for 10 queued
check "it takes mail" stranger
expect "... and all mail is there" 2 "$(messages)"

# The same house by UCI.
password=$(sed -n 's/^password = //p' "$root/etc/homemail/homemail.ini")
sed -i '/^\toption ini/d' "$root/etc/config/homemail"
check_not "with no settings at all nothing is started" service restart 2> /dev/null
check "... since nobody said where mail is kept" grep -q 'option data is missing' "$root/tmp/messages"
cat >> "$root/etc/config/homemail" << UCI

config server 'server'
	option hostname 'mail.home.example'
	option data '/mnt/stick/mail'

config domain
	option name 'home.example'

config account 'alice'
	list addresses 'alice@home.example'
	option password '$password'

config policy
	option greylist 'off'
	option first_time_delay 'off'
UCI
service restart
check "sections of /etc/config make the same house" wait_for 30 answers_at_25
check "... which takes mail" stranger
expect "... into the same mailbox" 3 "$(messages)"
expect "what was made of them is for the server alone" "0 32768 640" "$(stat -c '%u %g %a' "$root/tmp/etc/homemail/homemail.ini")"

at_root opkg remove homemail > "$folder/remove" 2>&1
expect "it is removed" 0 $?
check_not "... and runs no more" answers_at_25
check_not "... and is not started at boot" test -e "$root/etc/rc.d/S95homemail"
check_not "the program is gone" test -e "$root/usr/bin/homemail"
check "the settings stay" test -s "$root/etc/homemail/homemail.ini" -a -s "$root/etc/config/homemail"
expect "mail stays" 3 "$(messages)"
[ $failed = 0 ] || log | tail -n 60
finish
