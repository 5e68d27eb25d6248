#!/usr/bin/env bash
# Thunderbird, without a display, with an account of the published binary: it sets it up, reads, flags, moves, deletes, searches, sends, and sees
# what arrives. Python's imaplib looks at what is there then.
# needs: thunderbird openssl python3 curl
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
port=$(free_ports 10)
imaps=$((port + 1)) submissions=$((port + 2))
imaps_house "$work" "$port" "$homemail"
"$homemail" run --config "$work/home/homemail.ini" > "$work/log" 2>&1 &
server=$!
at_exit 'stop $server'
wait_for 20 answers "$port" || { cat "$work/log"; not_ok "HomeMail starts"; finish; }
look() { python3 tests/e2e/clients/imap.py "$imaps" "$@"; }
append() { # SUBJECT
    printf 'From: s@elsewhere.example\r\nTo: alice@home.example\r\nSubject: %s\r\nMessage-ID: <%s@letters.example>\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\nthe text of %s\r\n' "$1" "${1// /-}" "$1" > "$work/letter"
    curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/INBOX" -T "$work/letter"
}
for n in one two three four; do append "letter $n"; done
expect "four letters are there" 4 "$(look alice count INBOX)"

python3 tests/e2e/clients/thunderbird.py "$work" "$imaps" "$submissions" "$work/ca.pem" > "$work/steps" 2>&1 &
driver=$!
waits() { [ -e "$work/waits" ] || ! kill -0 $driver 2> /dev/null; }
wait_for 240 waits
append pushed
wait $driver
steps=0
while read -r result name; do
    steps=$((steps + 1))
    if [ "$result" = ok ]; then ok "Thunderbird $name"; else not_ok "Thunderbird $name"; fi
done < <(grep -E '^(ok|FAIL) ' "$work/steps")
expect "all steps were taken" 11 "$steps"
[ $failed = 0 ] || { cat "$work/steps"; tail -n 5 "$work/out"; tail -n 20 "$work/log"; }
expect "the server has it: read" '\Seen' "$(look alice flags INBOX 'letter one')"
expect "... flagged" '\Flagged' "$(look alice flags INBOX 'letter two' | tr ' ' '\n' | grep Flagged)"
expect "... moved" 1 "$(look alice count Kept SUBJECT '"letter three"')"
expect "... and not left" 0 "$(look alice count INBOX SUBJECT '"letter three"' UNDELETED)"
expect "... deleted" 0 "$(look alice count INBOX SUBJECT '"letter four"' UNDELETED)"
expect "... sent" 1 "$(look bob count INBOX SUBJECT '"sent by Thunderbird"')"
expect "... with a copy" 1 "$(look alice count Sent SUBJECT '"sent by Thunderbird"')"
finish
