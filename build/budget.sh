#!/usr/bin/env bash
# Measures what the published program costs and compares it with build/budgets.txt; fails when anything is over.
#   build/budget.sh [BUDGETS]
# needs: swaks python3
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/e2e/harness.sh
budgets=${1:-build/budgets.txt}

folder=$(mktemp -d)
at_exit "rm -rf $folder"
binary=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || binary=$PWD/out/linux-arm64/homemail

port=$(free_ports 4)
house "$folder" "$port" "$binary"

# A house at rest, all listeners open.
begin() {
    "$binary" run --config "$folder/homemail.ini" > "$folder/log" 2>&1 &
    server=$!
}

# Microseconds from start to the first 220. The attempt is made without a new process, which would cost more than it measures.
start_to_220() {
    local from=${EPOCHREALTIME/[.,]/} tries line
    begin
    for ((tries = 0; tries < 200000; tries++)); do
        if { exec 3<> "/dev/tcp/127.0.0.1/$port"; } 2> /dev/null; then
            read -r -t 5 line <&3
            exec 3>&-
            [[ $line == 220* ]] && echo $((${EPOCHREALTIME/[.,]/} - from)) > "$folder/time"
            break
        fi
        kill -0 $server 2> /dev/null || break
    done
    stop $server
}

# rss [TLS]: VmRSS in kB once it has stopped changing; with TLS, after one handshake, which loads the system's trust store.
rss() {
    # Memory is given back after some seconds of quiet.
    local last=0 now same=0 enough=90 deadline
    begin
    wait_for 20 answers "$port" || { stop $server; return 1; }
    if [ $# -gt 0 ] && ! swaks --server "127.0.0.1:$((port + 2))" --tls-on-connect --quit-after EHLO > "$folder/swaks" 2>&1; then
        cat "$folder/swaks" >&2
        stop $server
        return 1
    fi
    deadline=$((SECONDS + 20))
    while [ $SECONDS -lt $deadline ] && [ $same -lt $enough ]; do
        sleep 0.1
        now=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
        if [ "$now" = "$last" ]; then same=$((same + 1)); else same=0; fi
        last=$now
    done
    echo "$last" > "$folder/rss"
    stop $server
}

# connections COUNT: prints how many kB of VmRSS each of that many connections in IDLE over TLS costs, their mailbox selected.
connections() {
    local before after
    grep -q '^connections-per-address' "$folder/homemail.ini" ||
        printf '[limits]\nconnections-per-address = %d\n' $((2 * $1)) >> "$folder/homemail.ini"
    sed -i "s/^imaps = off/imaps = 127.0.0.1:$((port + 3))/" "$folder/homemail.ini"
    begin
    wait_for 20 answers "$port" || { stop $server; return 1; }
    # What the first connections make for all of them is not theirs.
    idle 10
    before=$(settled) || return 1
    exec 3>&-
    idle "$1"
    after=$(settled) || return 1
    exec 3>&-
    stop $server
    echo $(((after - before) / ($1 - 10)))
}

# Connections that stay for as long as descriptor 3 is open.
idle() {
    rm -f "$folder/idle"
    mkfifo "$folder/idle"
    python3 build/idle.py $((port + 3)) alice alice-secret "$1" "$folder/idling" < "$folder/idle" &
    exec 3> "$folder/idle"
    wait_for 60 test -e "$folder/idling" || return 1
    rm -f "$folder/idling"
}

# settled: VmRSS of the server once it has been the same, within some pages, for some seconds.
settled() {
    local last=0 now same=0 deadline=$((SECONDS + 40))
    while [ $SECONDS -lt $deadline ] && [ $same -lt 70 ]; do
        sleep 0.1
        now=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
        if [ $((now - last)) -lt 64 ] && [ $((last - now)) -lt 64 ]; then same=$((same + 1)); else same=0 last=$now; fi
    done
    echo "$now"
}

measure() { # NAME: prints the number
    local run
    case $1 in
        binary-size-*) stat -c %s "out/${1#binary-size-}/homemail" ;;
        start-to-220)
            start_to_220 # not measured: it makes the keys and the certificate
            for run in 1 2 3 4 5; do
                rm -f "$folder/time"
                start_to_220
                cat "$folder/time" || return 1
            done | sort -n | sed -n 3p | awk '{ printf "%.0f\n", $1 / 1000 }' ;;
        idle-rss) rss && cat "$folder/rss" ;;
        used-rss) rss TLS && cat "$folder/rss" ;;
        idle-imap) connections 210 ;;
        *) return 1 ;;
    esac
}

while read -r name most unit _; do
    # What begins with device- is measured in the device, by tests/e2e/device.sh.
    case $name in '' | '#'* | device-*) continue ;; esac
    value=$(measure "$name")
    if [[ ! $most =~ ^[0-9]+$ ]]; then
        not_ok "$name: '$most' is no number"
    elif [[ ! $value =~ ^[0-9]+$ ]]; then
        not_ok "$name: could not be measured"
    elif [ "$value" -gt "$most" ]; then
        not_ok "$name: $value $unit, $most at most"
    else
        ok "$name: $value $unit, $most at most"
    fi
done < "$budgets"
finish
