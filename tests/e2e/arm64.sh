#!/usr/bin/env bash
# The binary for linux-arm64, run by qemu's user emulation: it starts, and mail gets to where it belongs.
# needs: qemu-user-static swaks file
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh

binary=$PWD/out/linux-arm64/homemail
homemail=(qemu-aarch64-static "$binary")
folder=$(mktemp -d)
at_exit "rm -rf $folder"

check "it is a file for aarch64" grep -q 'ARM aarch64' <(file -b "$binary")
check "it needs no loader" grep -qE 'static-pie linked|statically linked' <(file -b "$binary")
expect "it tells the same version as the one for x64" "$(out/linux-x64/homemail version)" "$(timeout 60 "${homemail[@]}" version)"

port=$(free_ports 3)
house "$folder" "$port" "${homemail[@]}"
"${homemail[@]}" run --config "$folder/homemail.ini" > "$folder/log" 2>&1 &
server=$!
at_exit "stop $server"
check "it greets" wait_for 60 answers "$port"

# The emulated server is slow at TLS; swaks is patient.
inbox=$folder/data/mail
check "a stranger's message to alice is accepted" swaks --timeout 60 --server "127.0.0.1:$port" \
    --from stranger@elsewhere.example --to alice@home.example --header 'Subject: from outside' --body 'over port 25'
check "it is in alice's INBOX" grep -q 'over port 25' "$inbox/alice/INBOX/1.eml"
check "with the reverse-path" grep -q '^Return-Path: <stranger@elsewhere.example>' "$inbox/alice/INBOX/1.eml"
check "and a trace" grep -q '^Received: from ' "$inbox/alice/INBOX/1.eml"
check "alice's submission over STARTTLS with AUTH is accepted" swaks --timeout 60 --server "127.0.0.1:$((port + 1))" --tls \
    --auth PLAIN --auth-user alice --auth-password alice-secret --from alice@home.example --to bob@home.example --body 'inside the house'
check "it is in bob's INBOX" grep -q 'inside the house' "$inbox/bob/INBOX/1.eml"
check_not "a stranger cannot relay" swaks --timeout 60 --server "127.0.0.1:$port" --from stranger@elsewhere.example --to other@elsewhere.example

kill -TERM $server
wait $server
expect "it ends when told to" 0 $?
[ $failed = 0 ] || tail -n 40 "$folder/log"
finish
