#!/usr/bin/env bash
# A real Postfix outside: it sends to HomeMail and receives from it, with DNS between them, and each side's DSNs for users that do not
# exist come back to the right mailbox.
# needs: swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/peers/postfix.sh
own_world postfix
certificates mail.home.example mx.elsewhere.example
zone "${postfix_zone[@]}" 'null.example. MX 0 .' 'down.example. MX 0 mail.down.example.' 'mail.down.example. A 203.0.113.99'
postfix_start
home "[alias:club@home.example]
members = alice@home.example, aunt@elsewhere.example
[queue]
retry-first = 1s
retry-max = 2s"

# alice_writes ARGUMENT...: alice submits with swaks.
alice_writes() {
    swaks --server 127.0.0.1:587 --tls --auth PLAIN --auth-user alice --auth-password alice-secret --from alice@home.example "$@" > "$world/swaks" ||
        { tail -n 10 "$world/swaks"; return 1; }
}
# told NAME LINE...: checks that the DSN in `message` says all of these, each a pattern for a line of clients/dsn.py.
told() {
    local name=$1 line
    shift
    python3 tests/e2e/clients/dsn.py "$message" > "$world/dsn" 2>&1
    for line in "$@"; do
        grep -qE "^$line\$" "$world/dsn" || { not_ok "$name"; echo "      no line: $line"; sed 's/^/      /' "$world/dsn"; return; }
    done
    ok "$name"
}
header() { sed -e '/^\r\?$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header); }

# Out
check "alice writes to aunt: accepted" alice_writes --to aunt@elsewhere.example --h-Subject 'to aunt' --body 'first for aunt'
outside_arrives "and Postfix has it in aunt's mailbox" aunt 'first for aunt'
field "over TLS, from the house's name" 'Received: from mail\.home\.example \(mail\.home\.example \[203\.0\.113\.10\]\) \(using TLSv1\.[23] .* by mx\.elsewhere\.example \(Postfix\) with ESMTPS'
field "with one trace field of ours" '^Received: from localhost \(authenticated\) by mail\.home\.example \(HomeMail\) with ESMTPSA id .* for <aunt@elsewhere\.example>;'
expect "from alice" '<alice@home.example>' "$(sed -n 's/^Return-Path: //p' "$message")"
check_not "what is for local eyes stays here" grep -qE '^(Authentication-Results|X-HomeMail)' <(header)
check "one message for bob, aunt and uncle: accepted" alice_writes --to bob@home.example,aunt@elsewhere.example,uncle@elsewhere.example --body 'for three'
arrives "bob has it" bob 'for three'
outside_arrives "aunt has it" aunt 'for three'
outside_arrives "uncle has it" uncle 'for three'
expect "in one transaction" 1 "$(grep -c 'client=' <(grep "$(sed -n 's/.*with ESMTPS id \([0-9A-F]*\).*/\1/p' "$message" | head -n 1)" "$world/postfix/log"))"

# Lines that begin with dots, and a message large enough for several writes, arrive octet by octet.
python3 -c 'import random; r = random.Random(1)
for i in range(40000): print("." * (i % 4) + "%030x" % r.getrandbits(120) * r.randrange(1, 9))' > "$world/large"
check "a large message: accepted" alice_writes --to aunt@elsewhere.example --h-Subject large --body @"$world/large"
outside_arrives "and arrives" aunt 'Subject: large'
expect "octet by octet" "$(sha256sum < "$world/large")" "$(sed '1,/^\r\?$/d' "$message" | tr -d '\r' | head -n 40000 | sha256sum)"

# In
printf 'From: aunt@elsewhere.example\nTo: alice@home.example\nSubject: in\n\nfirst from aunt\n.\n..dots\n' |
    postfix_sends -i -f aunt@elsewhere.example alice@home.example bob@home.example
arrives "aunt writes to alice and bob: alice has it" alice 'first from aunt'
field "over TLS" '^Received: from mx\.elsewhere\.example \(\[203\.0\.113\.25\]\) by mail\.home\.example \(HomeMail\) with ESMTPS id '
expect "with its reverse-path first" 'Return-Path: <aunt@elsewhere.example>' "$(head -n 1 "$message" | tr -d '\r')"
expect "and its dots" $'first from aunt\n.\n..dots' "$(sed '1,/^\r$/d' "$message" | tr -d '\r')"
arrives "bob has it" bob 'first from aunt'
expect "both are the same file" "$(stat -c %i "$message")" "$(stat -c %i "$(grep -lF 'first from aunt' "$(inbox alice)"/*)")"
check "Postfix had verified the certificate" grep -q 'Verified TLS connection established to mail.home.example' "$world/postfix/log"
{ printf 'From: aunt@elsewhere.example\nTo: alice@home.example\nSubject: large in\n\n'; cat "$world/large"; } | postfix_sends -i -f aunt@elsewhere.example alice@home.example
arrives "a large message of hers" alice 'Subject: large in'
expect "is the same octet by octet" "$(sha256sum < "$world/large")" "$(sed '1,/^\r$/d' "$message" | tr -d '\r' | sha256sum)"
printf 'From: aunt@elsewhere.example\nTo: club@home.example\nSubject: club\n\nfor the club\n' | postfix_sends -f uncle@elsewhere.example club@home.example
arrives "uncle writes to an alias: its member here has it" alice 'for the club'
outside_arrives "and the one outside" aunt 'for the club'

# DSNs of ours
check "alice writes to somebody whom Postfix does not know: accepted" alice_writes --to nobody@elsewhere.example,uncle@elsewhere.example --h-Subject 'are you there' --body 'to nobody and uncle'
arrives "and she is told" alice 'multipart/report'
told "in a DSN that a parser understands" 'reverse-path <>' 'to .*alice@home.example.*' 'type multipart/report delivery-status' 'auto-submitted auto-(replied|generated)' \
    'date present' 'message-id present' 'parts text/plain message/delivery-status (message|text)/rfc822(-headers)?' 'reporting-mta dns; ?mail.home.example' 'arrival-date present'
told "about that recipient, with Postfix's words" 'recipient rfc822;nobody@elsewhere\.example failed 5\.1\.1' 'remote-mta dns;mx\.elsewhere\.example' 'diagnostic-code smtp;550 5\.1\.1 .*nobody@elsewhere\.example.*' 'returned (message|headers) are you there'
check_not "not about the other" grep -q 'recipient.*uncle' "$world/dsn"
check_not "nor with defects" grep -q '^defects' "$world/dsn"
outside_arrives "who has it" uncle 'to nobody and uncle'
rm -f "$message"
check "to a domain that takes no mail: accepted" alice_writes --to aunt@null.example --h-Subject 'null MX'
arrives "and told at once (RFC 7505)" alice 'null.example'
told "as 5.1.10" 'recipient rfc822;aunt@null\.example failed 5\.1\.10'
check "to a domain that is not there: accepted" alice_writes --to aunt@nowhere.example --h-Subject 'no such domain'
arrives "and told at once" alice 'nowhere.example'
told "as 5.1.2" 'recipient rfc822;aunt@nowhere\.example failed 5\.(1\.2|4\.4)'
printf 'From: aunt@elsewhere.example\nSubject: x\n\nto old\n' | check "a host that knows no extensions: accepted" alice_writes --to aunt@old.example --body 'in plain words'
outside_arrives "and gets it" old 'in plain words'
field "in the clear" '^Received: from mail\.home\.example \(mail\.home\.example \[203\.0\.113\.10\]\) by mx\.elsewhere\.example \(Postfix\) with ESMTP id'
check "8-bit text for that host: accepted" alice_writes --to aunt@old.example --h-Subject 'eight bits' --body 'Grüße' --add-header 'MIME-Version: 1.0' --add-header 'Content-Type: text/plain; charset=utf-8' --add-header 'Content-Transfer-Encoding: 8bit'
arrives "and comes back, for it is signed" alice 'Subject: Not delivered: eight bits'
told "as 5.6.3" 'recipient rfc822;aunt@old\.example failed 5\.6\.3'

# DSNs of Postfix
check "alice writes to a host that finds out late: accepted" alice_writes --to nobody@slow.example --h-Subject 'found out late' --body 'to the slow one'
arrives "and Postfix tells her" alice 'Final-Recipient: rfc822; nobody@slow.example'
told "in its own DSN" 'reverse-path <>' 'reporting-mta dns; ?mx\.elsewhere\.example' 'recipient rfc822;nobody@slow\.example failed 5\.1\.1'
printf 'From: aunt@elsewhere.example\nTo: nobody@home.example\nSubject: is anybody home\n\nto nobody\n' | postfix_sends -f aunt@elsewhere.example nobody@home.example
outside_arrives "aunt writes to nobody here, and Postfix tells her" aunt 'Final-Recipient: rfc822; nobody@home.example'
told "with our words" 'reverse-path <MAILER-DAEMON>|reverse-path <>' 'recipient rfc822;nobody@home\.example failed 5\.1\.1' 'remote-mta dns;mail\.home\.example' 'diagnostic-code smtp;550 5\.1\.1 .*'
check_not "that says nothing of who is here" grep -qE 'alice|bob' "$world/dsn"

# What cannot be delivered now
postfix_down
check "Postfix is down, alice writes: accepted" alice_writes --to aunt@elsewhere.example --body 'while it was down'
queued() { compgen -G "$world/home/data/spool/env/*" > /dev/null; }
check "it waits in the queue" queued
stop $home
home_again
check "also over a restart" queued
postfix_up
outside_arrives "and arrives when Postfix is back" aunt 'while it was down'
check "then the queue is empty" wait_for 10 eval '! queued'
expect "once" 1 "$(grep -lF 'while it was down' "$world"/postfix/mail/aunt/new/* | wc -l)"

stop $home
[ $failed = 0 ] || { tail -n 40 "$world/home/log"; tail -n 40 "$world/postfix/log"; }
finish
