#!/usr/bin/env bash
# A Maildir of 50,000 messages goes in and comes out the same: octets, flags, keywords, dates; also where import and export are killed half
# way, and seen by mbsync. A backup of the running server is put back and works. COUNT=N takes another number of messages.
# needs: python3 isync
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
count=${COUNT:-50000}
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
homemail=$PWD/out/linux-x64/homemail
maildir() { python3 tests/e2e/clients/maildir.py "$@"; }
port=$(free_ports 3)
house "$work/home" "$port" "$homemail" 2> /dev/null

run() {
    "$homemail" run --config "$work/$1/homemail.ini" >> "$work/$1/log" 2>&1 &
    server=$!
    at_exit "stop $server"
    wait_for 20 answers "$port" || { cat "$work/$1/log"; not_ok "HomeMail starts"; finish; }
}

# on HOME COMMAND ARGUMENT...: a command of HomeMail; what it says is in `said`.
on() { said=$("$homemail" "$2" --config "$work/$1/homemail.ini" "${@:3}" 2>&1); }

# says NAME REGEX HOME COMMAND ARGUMENT...: passes when it succeeds and says that.
says() {
    local name=$1 regex=$2
    shift 2
    if on "$@" && grep -qE "$regex" <<< "$said"; then ok "$name: $(tail -n 1 <<< "$said")"; else not_ok "$name"; sed 's/^/      /' <<< "$said"; fi
}

maildir make "$work/in" "$count"
run home

# Killed when it has put in some, wherever that is.
"$homemail" import --config "$work/home/homemail.ini" alice "$work/in" > /dev/null 2>&1 &
killed=$!
some() { [ "$(find "$work/home/data/mail/alice" -name '*.eml' | head -n 200 | wc -l)" = 200 ]; }
wait_for 30 some
{ kill -9 $killed; wait $killed; } 2> /dev/null
before=$(find "$work/home/data/mail/alice" -name '*.eml' | wc -l)
check "an import was killed half way, after $before messages" [ "$before" -lt "$count" ]
says "begun anew it takes the rest" "^[0-9]+ messages? imported, [0-9]+ there already" home import alice "$work/in"
expect "each message is there once" "$count" "$(find "$work/home/data/mail/alice" -name '*.eml' | wc -l)"
says "once more it takes none" "^0 messages imported, $count there already" home import alice "$work/in"
check "mail is still answered" answers "$port"

(timeout -s KILL 0.7 "$homemail" export --config "$work/home/homemail.ini" alice "$work/out"; true) > /dev/null 2>&1
says "an export that was killed goes on" "^[0-9]+ messages exported" home export alice "$work/out"
check "what came out is what went in, octet for octet, with flags, keywords and dates" maildir compare "$work/in" "$work/out"
says "a second export writes none" "^0 messages exported, $count there already" home export alice "$work/out"

cp -a "$work/out" "$work/seen"
mkdir "$work/copy"
printf 'FSync no\nCopyArrivalDate yes\n\nMaildirStore exported\nInbox %s/seen\nSubFolders Maildir++\n\nMaildirStore copy\nInbox %s/copy\nSubFolders Maildir++\n\nChannel all\nFar :exported:\nNear :copy:\nPatterns *\nCreate Near\nSync Pull\nSyncState *\n' \
    "$work" "$work" > "$work/mbsyncrc"
check "mbsync reads the export" mbsync -q -c "$work/mbsyncrc" all
check "and sees the same messages" maildir compare "$work/in" "$work/copy" mbsync

says "a backup of the running server" "^$count messages; [0-9]+ files linked" home backup "$work/backup"
expect "is marked whole" complete "$(cut -d : -f 1 "$work/backup/homemail-backup")"
says "a second one takes what is new" "^$count messages; 0 files linked" home backup "$work/backup"
check_not "the secret is readable by its owner only" [ "$(stat -c %a "$work/backup/secret")" != 600 ]
stop $server

mkdir "$work/restored"
sed "s,$work/home,$work/restored,g" "$work/home/homemail.ini" > "$work/restored/homemail.ini"
cp -a "$work/backup/." "$work/restored/data"
run restored
says "put back, it has all mail" "^$count messages exported" restored export alice "$work/again"
check "unchanged" maildir compare "$work/in" "$work/again"
stop $server

# Without a server the same commands work on the data folder.
maildir make "$work/few" 300
maildir mbox "$work/few" "$work/box"
says "an mbox of Python's library, while no server runs" "^210 messages imported" home import bob "$work/box"
says "and out" "^210 messages exported" home export bob "$work/few.out"
rm -rf "$work"/few/.[A-Z]*
check "is the same" maildir compare "$work/few" "$work/few.out" mbox
finish
