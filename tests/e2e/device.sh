#!/usr/bin/env bash
# The device of the design: 128 MB, two Cortex-A53 cores, BusyBox and no libc, in qemu. README's way from scp to first mail is typed into it;
# then the server works, is measured, is short of memory, loses power under load, and wakes up in 1970.
# needs: curl swaks python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/device/machine.sh

# The world has no way to the packages.
if [ -z "${HOMEMAIL_WORLD:-}" ]; then
    [ "$(id -u)" = 0 ] || without_root
    mkdir -p out/log
    fetch || { not_ok "the packages of which the device is made can be had"; tail -n 5 out/log/device-fetch.log; finish; }
fi
own_world
zone "example.org. MX 10 mail.example.org." "mail.example.org. A 203.0.113.10"
machine=$world/machine
mkdir "$machine"
house_network || { not_ok "the device has a network"; finish; }

# held NAME VALUE: a measured number against its line in build/budgets.txt.
held() {
    local most unit
    read -r most unit _ < <(sed -n "s/^device-$1 *//p" build/budgets.txt)
    if [[ ! ${2:-} =~ ^[0-9]+$ ]]; then not_ok "$1: could not be measured"
    elif [[ ! ${most:-} =~ ^[0-9]+$ ]]; then not_ok "$1: build/budgets.txt has no line for it"
    elif [ "$2" -gt "$most" ]; then not_ok "$1: $2 $unit, $most at most"
    else ok "$1: $2 $unit, $most at most"; fi
}

# Of the running server there: a line of its status, its log, whether it is quiet.
status() { on_device "sed -n 's/^$1:[^0-9]*//p' /proc/\$(pidof homemail)/status"; }
rss() { status VmRSS | tr -dc 0-9; }
logged() { on_device "grep -q -e '$1' /tmp/log-homemail"; }
greets_now() { greets 192.168.1.1 25; }
inbox_has() { on_device "grep -rlqF -e '$1' /mnt/usb/homemail/mail/$2/INBOX"; }
# rss_at_rest: once it stays the same, for memory is given back after some seconds of quiet.
rss_at_rest() {
    on_device 'pid=$(pidof homemail); same=0; tries=0; last=
        while [ $same -lt 8 ] && [ $tries -lt 40 ]; do
            sleep 1; tries=$((tries + 1)); now=$(sed -n "s/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p" /proc/$pid/status)
            if [ "$now" = "$last" ]; then same=$((same + 1)); else same=0; fi; last=$now
        done; echo $last'
}
# first_220: milliseconds from the start to a greeting, seen from inside the device.
first_220() {
    on_device '/etc/init.d/homemail stop; read from rest < /proc/uptime; /etc/init.d/homemail start
        for try in $(seq 1000); do ! nc 127.0.0.1 25 < /dev/null 2> /dev/null | grep -q ^220 || break; done
        read to rest < /proc/uptime; echo $(( (${to%.*}${to#*.} - ${from%.*}${from#*.}) * 10 ))'
}
# sectors: written to the stick so far, everything that waits included.
sectors() { on_device 'sync; set -- $(cat /sys/block/$(basename $(findfs LABEL=stick))/stat); echo $7'; }
stranger() { outside swaks --server 192.168.1.1:25 --from stranger@elsewhere.example --silent 3 "$@"; }
submits() { swaks --server 192.168.1.1:587 --tls --auth PLAIN --auth-user alice --auth-password device-secret --from alice@example.org --silent 3 "$@"; }
reads() { curl -s --insecure --user alice:device-secret "imaps://192.168.1.1/$1"; }

clean() { e2fsck -fn "$1" 2> /dev/null; }

step() { echo "---   $1 ($SECONDS s)"; }

step "from scp to first mail"
build_machine
if ! boot; then
    not_ok "the device boots"
    finish
fi
ok "the device boots"
expect "it has 128 MB, less what the kernel keeps" yes "$(on_device 'test $(sed -n "s/^MemTotal:[^0-9]*\([0-9]*\).*/\1/p" /proc/meminfo) -lt 110000 && echo yes')"
python3 tests/e2e/device/typed.py README.md device-secret 'router:~# =computer' 'at-home$ =router' 'at-home$ =first mail' > "$machine/typed" 2>&1
typed=$?
cat "$machine/typed"
expect "README's commands for a router work word for word" 0 $typed
check "... and the first mail can be read" grep -q '^It works' "$machine/typed"
[ $failed = 0 ] || { on_device cat /tmp/log-homemail; finish; }

step "what it is there"
expect "it runs as its own user" "925 925 925 925" "$(status Uid | tr -s '\t' ' ')"
expect "... with one capability" 0000000000000400 "$(status CapEff)"
check "... behind Landlock and seccomp" logged 'confined by="user homemail, capability net_bind_service, no_new_privs, landlock [0-9]*, seccomp"'
check "it says that this device trusts nobody's certificates" logged 'lacks=".*no certificates to trust'

# What tests cannot wait for, and a second account, by a reload.
check_not "nobody is bob" stranger --to bob@example.org
on_device "cat >> /etc/homemail/homemail.ini; /etc/init.d/homemail reload" << END
[account:bob]
addresses = bob@example.org
$(sed -n 's/^password = /&/p' <(on_device cat /etc/homemail/homemail.ini) | head -n 1)
[policy]
greylist = off
first-time-delay = off
[limits]
connections-per-address = 100
address-messages-per-day = off
address-size-per-day = off
network-messages-per-day = off
network-size-per-day = off
END
check "it reads its configuration anew when it is told to" wait_for 20 logged ' reload what=done'
check "... and bob gets mail from a stranger" stranger --to bob@example.org --body 'plain, from outside'
check "it is in his INBOX" wait_for 20 inbox_has 'plain, from outside' bob
check "alice submits over STARTTLS" submits --to bob@example.org --body 'inside the house'
check "... and bob has it" wait_for 20 inbox_has 'inside the house' bob
# A second one, that never was root.
on_device 'cat > /mnt/usb/second.ini; mkdir /mnt/usb/second; chown homemail: /mnt/usb/second
    su -s /bin/sh homemail -c "homemail run --config /mnt/usb/second.ini > /tmp/second 2>&1 & echo \$!" > /tmp/second.pid' << 'END'
[server]
hostname = second.example.org
data = /mnt/usb/second
[domain:second.example.org]
[listen]
smtp = [::]:2525
submission = off
submissions = off
imaps = off
END
check "it can be started by somebody else than root" wait_for 30 on_device 'echo QUIT | nc 127.0.0.1 2525 | grep -q ^220'
check "... who has no capability, and is confined as well" on_device \
    'grep -q "^CapPrm:.0*$" /proc/$(cat /tmp/second.pid)/status && grep -q "confined by=\"no_new_privs, landlock [0-9]*, seccomp\"" /tmp/second'
check "... and ends when told to" on_device 'kill $(cat /tmp/second.pid); for i in $(seq 100); do kill -0 $(cat /tmp/second.pid) 2> /dev/null || exit 0; sleep 0.1; done; exit 1'
check "her mailbox can be read" grep -q '^It works' <(reads 'INBOX;UID=1')

step "what it costs"
held start-to-220 "$(first_220)"
wait_for 30 greets_now
held idle-rss "$(rss_at_rest)"
check "a session over TLS" submits --to alice@example.org --body 'for the measurement'
held used-rss "$(rss_at_rest)"
before=$(sectors)
read -r count rate < <(python3 tests/e2e/device/load.py send 50 1)
after=$(sectors)
expect "50 messages of 4 kB, one after the other: all are answered" 50 "${count:-}"
held written-alone $(((after - before) * 512 / 50))
before=$after
read -r count rate < <(python3 tests/e2e/device/load.py send 200 8)
after=$(sectors)
expect "200 messages of 4 kB over eight sessions: all are answered" 200 "${count:-}"
echo "      $rate messages a second"
held written-together $(((after - before) * 512 / 200))
held load-rss "$(status VmHWM | tr -dc 0-9)"

step "short of memory"
pid=$(on_device pidof homemail)
replies=$(python3 tests/e2e/device/load.py big 50 1500000)
echo "      50 large messages at once, answered: $replies"
check "all are answered, by 250 or by 'later'" grep -qE '^((250|421|451|452):[0-9]+ ?)+$' <<< "$replies"
expect "it is the same process" "$pid" "$(on_device pidof homemail)"
expect "the kernel did not have to kill anybody" 0 "$(on_device 'dmesg | grep -ci "out of memory\|oom-kill"')"
held pressed-rss "$(status VmHWM | tr -dc 0-9)"
check "afterwards it takes mail again" wait_for 20 stranger --to alice@example.org --body 'after the rush'

step "the plug is pulled"
submits --to aunt@elsewhere.example --header 'Subject: waits from before' --body 'nobody is there'
expect "mail for outside waits" 1 "$(on_device 'homemail queue --json' | grep -c aunt@elsewhere.example)"
read -r accepted tried < <(python3 tests/e2e/device/load.py plug "$qemu" 150 "$machine/accepted")
wait_for 10 is_off
echo "      $accepted messages were answered 250, of $tried begun"
check "there was load" [ "${accepted:-0}" -ge 150 ]
boot 1970-01-01T00:00:00
check "the device boots again, in 1970" grep -q ' 1970$' <(on_device date)
check "... and the server starts by itself" wait_for 60 greets_now
expect "the journals of the disks are fine" 0 "$(on_device 'dmesg | grep -c "EXT4-fs error"')"

step "in 1970"
check "a stranger's mail is accepted" stranger --to bob@example.org --body 'in the seventies'
check "... and delivered" wait_for 20 inbox_has 'in the seventies' bob
check "TLS works, and so does a log-in" submits --to aunt@elsewhere.example --header 'Subject: waits from 1970' --body 'nobody is there'
check "mail can be read" grep -q 'in the seventies' <(curl -s --insecure --user bob:device-secret 'imaps://192.168.1.1/INBOX;UID=3')
on_device "date -s '@$(date +%s)'" > /dev/null
outside python3 tests/e2e/device/load.py take $outside_ip 2 > "$machine/taken" &
taking=$!
wait_for 10 outside bash -c "exec 3<> /dev/tcp/$outside_ip/25"
check "when the clock is set, what waits is tried" on_device homemail queue retry all
wait $taking
expect "... and arrives outside: what waited from before, and from 1970" "waits from 1970, waits from before" "$(sort "$machine/taken" | paste -sd , | sed 's/,/, /')"
expect "nothing was given up" 0 "$(on_device 'grep -c " dsn" /tmp/log-homemail')"

step "the end"
from=$SECONDS
check "it ends when it is told to" on_device /etc/init.d/homemail stop
check "... in less than 10 s" [ $((SECONDS - from)) -lt 10 ]
check "the device can be switched off" switch_off
check "the stick's file system has no fault" clean "$machine/stick.img"
check "the flash's neither" clean "$machine/flash.img"
mkdir "$machine/kept"
debugfs -R "rdump /homemail $machine/kept" "$machine/stick.img" > /dev/null 2>&1
read -r missing torn < <(python3 tests/e2e/device/load.py compare "$machine/kept/homemail" "$machine/accepted")
expect "of what was answered 250 nothing is missing" 0 "${missing:-}"
expect "... and nothing is torn" 0 "${torn:-}"
[ "$failed" = 0 ] || tail -n 30 "$machine/console"

step "a Pi"
logs_in=pi@raspberrypi.local
if boot utc pi; then
    python3 tests/e2e/device/typed.py README.md device-secret 'raspberrypi:~ $ =computer, for a Pi' 'at-home$ =Pi' 'at-home$ =first mail' > "$machine/typed" 2>&1
    typed=$?
    expect "README's commands for a Pi work word for word" 0 $typed
    check "... and the first mail can be read" grep -q '^It works' "$machine/typed"
    expect "... from a server that runs as its own user" "999 999 999 999" "$(status Uid | tr -s '\t' ' ')"
    [ $typed = 0 ] || { cat "$machine/typed"; on_device cat /tmp/log-homemail; }
    check "it can be switched off" switch_off
else
    not_ok "the device boots as a Pi"
fi
finish
