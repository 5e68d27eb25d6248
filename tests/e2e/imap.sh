#!/usr/bin/env bash
# Mail read by real clients from the published binary over IMAPS: curl, Python's imaplib, and mbsync both ways.
# needs: swaks curl isync openssl python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
port=$(free_ports 2)
imaps=$((port + 1))
house_listen=$(printf 'smtp = 127.0.0.1:%d\nsubmission = off\nsubmissions = off' "$port") house "$work/home" "$port" "$homemail" 2> /dev/null
sed -i "s/^imaps = off/imaps = 127.0.0.1:$imaps/" "$work/home/homemail.ini"
"$homemail" run --config "$work/home/homemail.ini" > "$work/log" 2>&1 &
server=$!
at_exit 'stop $server'
wait_for 20 answers "$port" || { cat "$work/log"; not_ok "HomeMail starts"; finish; }

check "a message comes in" swaks --silent 3 --server "127.0.0.1:$port" --ehlo c.elsewhere.example --from s@elsewhere.example --to alice@home.example --body 'dinner at eight'
fetched() { curl -sk --url "imaps://127.0.0.1:$imaps/INBOX;MAILINDEX=1" -u "${1:-alice:alice-secret}"; }
check "curl reads it" grep -q 'dinner at eight' <(fetched)
check_not "not with a wrong password" grep -q 'dinner at eight' <(fetched alice:wrong)
check_not "nor as another" grep -q 'dinner at eight' <(fetched bob:bob-secret)

cat > "$work/imap.py" << 'PY'
import imaplib, ssl, sys, time
def connect(name):
    connection = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
    assert connection.login(name, name + "-secret")[0] == "OK"
    return connection
def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]
alice, again = connect("alice"), connect("alice")
assert ok(alice.select()) == [b"1"] and ok(again.select()) == [b"1"]
assert b'"s" "elsewhere.example"' in ok(alice.fetch("1", "(ENVELOPE BODYSTRUCTURE FLAGS)"))[0]
assert ok(alice.search(None, "BODY", "dinner")) == [b"1"] and ok(alice.search(None, "BODY", "breakfast")) == [b""]
assert b"dinner at eight" in ok(alice.fetch("1", "(BODY.PEEK[TEXT])"))[0][1]
ok(alice.create("Archive"))
ok(alice.append("Archive", "\\Seen", imaplib.Time2Internaldate(time.time()), b"Subject: kept\r\n\r\nkept text\r\n"))
assert any(b"Archive" in line for line in ok(alice.list()))
ok(alice.store("1", "+FLAGS", "\\Flagged"))
# The other session hears of it.
again.noop()
assert b"\\Flagged" in ok(again.fetch("1", "(FLAGS)"))[0]
ok(alice.uid("MOVE", "1", "Archive"))
assert ok(again.select()) == [b"0"] and ok(again.select("Archive")) == [b"2"]
for connection in (alice, again):
    connection.logout()
PY
check "imaplib: envelope, search, append, flags, move, two sessions" python3 "$work/imap.py" "$imaps"

# mbsync: what is here goes there and the other way round.
mkdir -p "$work/local"
cat > "$work/mbsyncrc" << RC
IMAPAccount home
Tunnel "openssl s_client -quiet -verify_quiet -connect 127.0.0.1:$imaps 2> /dev/null"
User alice
Pass alice-secret
AuthMechs *

IMAPStore far
Account home

MaildirStore near
Path $work/local/
Inbox $work/local/INBOX
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
python3 - "$imaps" << 'PY'
import imaplib, ssl, sys
c = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
c.login("alice", "alice-secret")
for i in range(300):
    c.append("INBOX", "\\Flagged" if i % 3 else None, None, f"Subject: {i}\r\nMessage-ID: <{i}@lab>\r\n\r\ntext {i}\r\n".encode())
c.logout()
PY
# The certificate is for a name that this machine does not know, so openssl brings the connection.
sync() { mbsync -c "$work/mbsyncrc" -q all > "$work/mbsync" 2>&1 || { cat "$work/mbsync" >&2; return 1; }; }
count() { find "$work/local/$1" -type f -path "*/$2/*" ! -name '.*' | wc -l; }
check "mbsync fetches everything" sync
expect "... 300 messages" 300 "$(($(count INBOX cur) + $(count INBOX new)))"
expect "... 200 of them flagged" 200 "$(find "$work/local/INBOX" -name '*:2,*F*' | wc -l)"
expect "... and the other mailbox" 2 "$(($(count Archive cur) + $(count Archive new)))"
# Local changes: one message less, one more, one flag.
first=$(grep -rl '^Subject: 0$' "$work/local/INBOX" | head -n 1)
rm "$first"
printf 'Subject: from here\nMessage-ID: <here@lab>\n\nwritten here\n' > "$work/local/INBOX/new/1.from-here"
second=$(grep -rl '^Subject: 3$' "$work/local/INBOX" | head -n 1)
mv "$second" "${second%/*}/../cur/$(basename "${second%%:*}"):2,S"
check "mbsync brings local changes" sync
cat > "$work/look.py" << 'PY'
import imaplib, ssl, sys
c = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
c.login("alice", "alice-secret")
assert c.select()[1] == [b"300"]
assert c.search(None, "SUBJECT", '"from here"')[1][0] != b""
assert c.search(None, "HEADER", "Message-ID", "<0@lab>")[1] == [b""]
seen = c.search(None, "SEEN", "HEADER", "Message-ID", "<3@lab>")[1][0]
assert len(seen.split()) == 1, seen
c.logout()
PY
check "... and the server has them" python3 "$work/look.py" "$imaps"
check "a second run changes nothing" sync
kill -9 $server
wait $server 2> /dev/null
"$homemail" run --config "$work/home/homemail.ini" >> "$work/log" 2>&1 &
server=$!
wait_for 20 answers "$port"
check "after kill -9 mbsync finds everything as it was" sync
check "... so does the server" python3 "$work/look.py" "$imaps"
finish
