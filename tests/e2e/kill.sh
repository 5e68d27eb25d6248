#!/usr/bin/env bash
# SIGKILL under load. A client counts what was answered 250, over eight sessions at once; the server starts again by itself each time,
# and in the end nothing that was answered is missing, torn or altered: in the mailboxes, and at a host outside that the queue serves.
# needs: python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh

homemail=$PWD/out/linux-x64/homemail

# killed NAME KILLS MORE...: one run of the counting client on a house of its own. Its results are in the array `result`.
declare -A result
killed() {
    local name=$1 kills=$2 folder port key value
    shift 2
    folder=$(mktemp -d)
    at_exit "rm -rf $folder"
    port=$(free_ports 4)
    house_server='' house_more="
[alias:club@home.example]
members = alice@home.example, aunt@elsewhere.example
[route:*]
via = smarthost:sink
[smarthost:sink]
host = 127.0.0.1:$((port + 3))
tls = off
[queue]
retry-first = 1s
retry-max = 2s
parallel-per-destination = 8" house "$folder" "$port" "$homemail"
    result=()
    while read -r key value; do
        [ "$key" = '#' ] && { echo "      $value"; continue; }
        result[$key]=$value
    done < <(python3 tests/e2e/clients/counting.py "$homemail" "$folder/homemail.ini" "$port" $((port + 3)) --kills "$kills" "$@")
    echo "      $name: seed ${result[seed]-}, ${result[accepted]-} answered of ${result[tried]-} tried, ${result[sent-on]-} of them sent on, slowest start ${result[slowest-start-ms]-} ms"
    expect "$name: it was killed as often as it should" "$kills" "${result[killed]-}"
    expect "$name: it started again by itself each time" "$((kills + 1)) 0" "${result[starts]-} ${result[failed-starts]-}"
    expect "$name: of what was answered 250 nothing is missing" 0 "${result[missing]-}"
    expect "$name: no file is less than a whole message" 0 "${result[torn]-}"
    expect "$name: nobody has what was not sent to him, or more often than it was tried" 0 "${result[surplus]-}"
    expect "$name: what was sent on is what was given" "0 0" "${result[altered]-} ${result[strange]-}"
    expect "$name: nothing was refused" 0 "${result[refused]-}"
    expect "$name: nothing lies about in the spool" 0 "${result[left-over]-}"
    expect "$name: it ends when told to" 0 "${result[exit-code]-}"
    [ "$failed" = 0 ] || { grep -v ' info \| INFO ' "$folder/log" | tail -n 20; }
}

killed "500 messages, one kill" 1 --messages 500 --at 250
expect "all 500 arrived in the end" 500 "${result[accepted]-}"
killed "200 kills" 200 --messages 1000000
check "there was load: more than ten messages a kill" [ "${result[accepted]:-0}" -gt 2000 ]
finish
