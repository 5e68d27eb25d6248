#!/usr/bin/env bash
# What the published binaries leave out of their libraries (build/Trim.xml) is not missed: the state is kept, read again, and begun anew when damaged; mail in
# every character set is understood. Under the JIT, where the other tests run, nothing is left out.
# needs: swaks python3 openssl qemu-user-static
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
folder=$(mktemp -d)
at_exit 'rm -rf "$folder"'

look() { # NAME HOMEMAIL...
    local name=$1 work=$folder/$1 port server
    shift
    port=$(free_ports 4)
    house "$work" "$port" "$@" 2> /dev/null
    sed -i -e "s/^imaps = off/imaps = 127.0.0.1:$((port + 3))/" -e '/^addresses = alice/a new-recipients-per-day = 1' "$work/homemail.ini"
    begin() {
        "$@" run --config "$work/homemail.ini" >> "$work/log" 2>&1 &
        server=$!
        wait_for 60 answers "$port" || { cat "$work/log"; not_ok "$name: HomeMail starts"; }
    }
    writes() { swaks --timeout 60 --server "127.0.0.1:$((port + 2))" --tls-on-connect --auth PLAIN --auth-user alice --auth-password alice-secret --from alice@home.example --to "$1"; }
    begin "$@"
    check "$name: the first new recipient of the day is taken" writes first@elsewhere.example
    check_not "$name: another is not" writes second@elsewhere.example
    check "$name: 41 character sets are understood" timeout 300 python3 tests/e2e/clients/charsets.py $((port + 3))
    stop $server
    check "$name: what was learned is in the state" test -s "$work/data/state.db"
    begin "$@"
    check_not "$name: after a restart the count is known" writes second@elsewhere.example
    check "$name: and so is the recipient" writes first@elsewhere.example
    stop $server
    check_not "$name: nothing is wrong with the state" grep -q ' state kind=' "$work/log"
    head -c 70000 /dev/urandom > "$work/data/state.db"
    begin "$@"
    check "$name: after damage all begins anew" writes second@elsewhere.example
    stop $server
    check "$name: which the log tells" grep -q 'kind=state-damaged' "$work/log"
    check "$name: and the damaged file is kept" test -s "$work/data/state.db.damaged"
    begin "$@"
    check_not "$name: and what is new is kept" writes third@elsewhere.example
    stop $server
    expect "$name: damaged once" 1 "$(grep -c ' state kind=' "$work/log")"
    [ $failed = 0 ] || tail -n 30 "$work/log"
}

[ "$(uname -m)" = aarch64 ] || look x64 "$PWD/out/linux-x64/homemail"
if [ "$(uname -m)" = aarch64 ]; then look arm64 "$PWD/out/linux-arm64/homemail"; else look arm64 qemu-aarch64-static "$PWD/out/linux-arm64/homemail"; fi
finish
