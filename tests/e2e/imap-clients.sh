#!/usr/bin/env bash
# Mail programs read the published binary over IMAPS, each with the certificate verified: mbsync both ways with 5,000 messages and
# flags, mutt on a terminal, offlineimap, fetchmail, curl, imaplib. Python's imaplib looks at what they have done.
# needs: isync mutt tmux offlineimap3 fetchmail curl openssl python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
port=$(free_ports 3)
imaps=$((port + 1)) submissions=$((port + 2))

imaps_house "$work" "$port" "$homemail"
serve() {
    "$homemail" run --config "$work/home/homemail.ini" >> "$work/log" 2>&1 &
    server=$!
    wait_for 20 answers "$port" || { cat "$work/log"; not_ok "HomeMail starts"; finish; }
}
at_exit 'stop $server'
serve

look() { python3 tests/e2e/clients/imap.py "$imaps" "$@"; }
found() { look alice count "$@"; }
# soon NUMBER MAILBOX [KEY...]: waits until a search finds so many.
finds() { [ "$(found "${@:2}")" = "$1" ]; }
soon() { local name=$1; shift; if wait_for 20 finds "$@"; then ok "$name"; else not_ok "$name"; echo "      $(found "${@:2}") and not $1"; fi; }
said() { "$@" > "$work/said" 2>&1 || { tail -n 15 "$work/said" >&2; return 1; }; }

check "imaplib: sorts, threads, copies, expunges, renames" look alice tour

# mbsync
mkdir -p "$work/mbsync"
cat > "$work/mbsyncrc" << RC
FSync no

IMAPAccount home
Host localhost
Port $imaps
SSLType IMAPS
CertificateFile $work/ca.pem
User alice
Pass alice-secret

IMAPStore far
Account home

MaildirStore near
Path $work/mbsync/
Inbox $work/mbsync/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
RC
sync() { said mbsync -c "$work/mbsyncrc" -q all; }
near() { find "$work/mbsync/$1" -type f -path '*/[cn][ue][rw]/*' -name "${2:-*}" | wc -l; }
check "5,000 messages are appended" look alice fill INBOX 5000
check "mbsync fetches them" sync
expect "... all" 5000 "$(near INBOX)"
expect "... seen" 1666 "$(near INBOX '*:2,*S*')"
expect "... flagged" 1000 "$(near INBOX '*:2,*F*')"
# Changes on both sides at once: 100 go here, 100 others there; 200 get flags here, 200 others there; 50 are new on either.
python3 - "$work/mbsync/INBOX" << 'PY'
import os, re, sys
folder = sys.argv[1]
numbers = {}
for sub in ("cur", "new"):
    for name in os.listdir(f"{folder}/{sub}"):
        with open(f"{folder}/{sub}/{name}") as file:
            numbers[int(re.search(r"^Subject: message (\d+)", file.read(), re.M)[1])] = (sub, name)
for i in range(1, 101):
    os.remove("/".join((folder, *numbers[i])))
for i in range(101, 301):
    sub, name = numbers[i]
    base, _, flags = name.partition(":2,")
    os.rename(f"{folder}/{sub}/{name}", f"{folder}/cur/{base}:2," + "".join(sorted(set(flags) | {"R"})))
for i in range(50):
    with open(f"{folder}/new/1.here{i}.host", "w") as file:
        file.write(f"From: alice@home.example\nSubject: from here {i}\nMessage-ID: <here{i}@near.example>\n\nwritten here\n")
PY
python3 - "$imaps" << 'PY'
import sys
sys.path.insert(0, "tests/e2e/clients")
import imap
c = imap.connect(sys.argv[1], "alice")
imap.ok(c.select())
imap.ok(c.store("1001:1100", "+FLAGS.SILENT", "(\\Deleted)"))
imap.ok(c.store("1201:1400", "+FLAGS.SILENT", "(\\Answered)"))
imap.ok(c.expunge())
for i in range(50):
    imap.ok(c.append("INBOX", None, None, f"Subject: from there {i}\r\nMessage-ID: <there{i}@far.example>\r\n\r\nwritten there\r\n".encode()))
c.logout()
PY
check "mbsync brings together what both sides have changed" sync
expect "... here" 4900 "$(near INBOX)"
expect "... there" 4900 "$(found INBOX)"
expect "... answered here" 400 "$(near INBOX '*:2,*R*')"
expect "... and there" 400 "$(found INBOX ANSWERED)"
expect "... new from here" 50 "$(found INBOX SUBJECT '"from here"')"
kill -9 "$server"
wait "$server" 2> /dev/null
serve
before=$(find "$work/mbsync/INBOX" -type f -path '*/[cn][ue][rw]/*' | sort | md5sum)
check "after kill -9 mbsync finds it all as it was" sync
expect "... and changes nothing" "$before" "$(find "$work/mbsync/INBOX" -type f -path '*/[cn][ue][rw]/*' | sort | md5sum)"

# mutt, on a terminal
export HOME=$work LC_ALL=C.UTF-8
cat > "$work/muttrc" << RC
set folder=imaps://alice@localhost:$imaps/ spoolfile=+Letters imap_pass=alice-secret imap_authenticators=plain record=+Sent postponed=+Drafts copy=yes
set smtp_url=smtps://alice@localhost:$submissions smtp_pass=alice-secret smtp_authenticators=plain
set ssl_ca_certificates_file=$work/ca.pem ssl_verify_host=yes certificate_file=$work/certificates
set from=alice@home.example realname=Alice use_from=yes hostname=client.home.example
set delete=yes confirmappend=no confirmcreate=no sleep_time=0 mark_old=no imap_check_subscribed=no sort=mailbox-order
set mail_check=1 timeout=1 imap_idle=yes header_cache=
RC
curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/" -X 'CREATE Letters' > /dev/null
for n in one two three four; do
    printf 'From: %s@elsewhere.example\r\nTo: alice@home.example\r\nSubject: letter %s\r\nMessage-ID: <%s@letters.example>\r\n\r\nthe text of letter %s\r\n' $n $n $n $n > "$work/letter"
    check "curl appends letter $n" curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/Letters" -T "$work/letter"
done
check "curl finds one of them" grep -qx $'\* SEARCH 3\r' <(curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/Letters?SUBJECT%20three")
check "curl fetches a part of it" grep -q 'the text of letter three' <(curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/Letters/;MAILINDEX=3/;SECTION=TEXT")
check "curl trusts no other certificate" bash -c "! curl -sS -u alice:alice-secret --url imaps://localhost:$imaps/ 2> /dev/null"
screen() { tmux -S "$work/tmux" capture-pane -p -t mutt 2> /dev/null; }
shows() { screen | grep -qE "$1"; }
sees() { if wait_for 20 shows "$2"; then ok "$1"; else not_ok "$1"; screen | sed 's/^/      /'; fi; }
keys() { tmux -S "$work/tmux" send-keys -t mutt "$@"; }
at_exit 'tmux -S "$work/tmux" kill-server 2> /dev/null'
tmux -S "$work/tmux" -f /dev/null new-session -d -s mutt -x 120 -y 40 "TERM=screen mutt -n -F $work/muttrc 2> $work/mutt.err"
sees "mutt opens the mailbox" '4 .*letter four'
keys 1 Enter Enter
sees "... reads a letter" 'the text of letter one'
keys i
sees "... goes back" '4 .*letter four'
keys 2 Enter F
sees "... flags the second" '2  *!.*letter two'
keys 3 Enter s '=Archive2' Enter
sees "... saves the third to another mailbox" '3 *[NO ]*D.*letter three'
keys 4 Enter d
sees "... deletes the fourth" '4 *[NO ]*D.*letter four'
keys '$'
soon "... and all of it is done" 2 Letters
expect "... the third is in the other mailbox" 1 "$(found Archive2 SUBJECT '"letter three"')"
expect "... the first was seen" '\Seen' "$(look alice flags Letters 'letter one')"
expect "... the second is flagged" '\Flagged' "$(look alice flags Letters 'letter two' | tr ' ' '\n' | grep Flagged)"
printf 'From: p@elsewhere.example\r\nSubject: pushed\r\nMessage-ID: <pushed@letters.example>\r\n\r\ncomes while mutt waits\r\n' > "$work/letter"
curl -sS --cacert "$work/ca.pem" -u alice:alice-secret --url "imaps://localhost:$imaps/Letters" -T "$work/letter"
sees "... what arrives is told while it waits (IDLE)" '3 .*pushed'
keys q
mutt_gone() { ! tmux -S "$work/tmux" has-session -t mutt; }
check "... ends" wait_for 20 mutt_gone
send_mutt() { printf 'by mutt with love\n' | mutt -n -F "$work/muttrc" -s 'sent by mutt' -- bob@home.example; }
check "mutt sends" said send_mutt
bob_has() { [ "$(look bob count INBOX SUBJECT '"sent by mutt"')" = 1 ]; }
check "... bob has it" wait_for 20 bob_has
expect "... and Sent a copy, seen" '\Seen' "$(look alice flags Sent 'sent by mutt')"

# offlineimap
cat > "$work/offlineimaprc" << RC
[general]
accounts = home
metadata = $work/offlineimap.meta
ui = quiet
fsync = False
[Account home]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = $work/offlineimap
[Repository far]
type = IMAP
remotehost = localhost
remoteport = $imaps
ssl = yes
sslcacertfile = $work/ca.pem
remoteuser = alice
remotepass = alice-secret
folderfilter = lambda name: name in ('Letters', 'Archive2', 'Sent', 'Offline')
RC
offline() { said offlineimap -c "$work/offlineimaprc" -o -1; }
check "offlineimap fetches" offline
off() { find "$work/offlineimap/$1" -type f -path '*/[cn][ue][rw]/*' -name "${2:-*}" | wc -l; }
expect "... three letters" 3 "$(off Letters)"
expect "... one flagged" 1 "$(off Letters '*:2,*F*')"
first=$(grep -rl 'Subject: letter one' "$work/offlineimap/Letters")
mv "$first" "${first%/*/*}/cur/$(basename "${first%%:*}"):2,RS"
rm "$(grep -rl 'Subject: pushed' "$work/offlineimap/Letters")"
printf 'Subject: written offline\nMessage-ID: <offline@near.example>\n\non the train\n' > "$work/offlineimap/Letters/new/1.offline.host"
check "offlineimap brings local changes" offline
expect "... a flag" '\Answered \Seen' "$(look alice flags Letters 'letter one')"
expect "... an expunge" 0 "$(found Letters SUBJECT pushed)"
expect "... a message" 1 "$(found Letters SUBJECT '"written offline"')"

# fetchmail
(umask 077; cat > "$work/fetchmailrc" << RC
poll localhost protocol imap port $imaps user alice password alice-secret folder Letters ssl sslcertck sslcertfile $work/ca.pem fetchall mda "cat >> $work/fetched"
RC
)
check "fetchmail fetches and deletes" said env FETCHMAILHOME="$work" fetchmail -f "$work/fetchmailrc" --nodetach --nosyslog --pidfile "$work/fetchmail.pid"
expect "... three messages" 3 "$(grep -c '^Subject: ' "$work/fetched")"
expect "... which are gone from the mailbox" 0 "$(found Letters)"
[ $failed = 0 ] || tail -n 30 "$work/log"
finish
