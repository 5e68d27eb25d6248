#!/usr/bin/env bash
# swaks as a mail program and as a stranger: submission with STARTTLS and with TLS from the start, each with AUTH; the stored file and its
# trace fields; and what must be refused. Mail to others is in postfix.sh.
# needs: swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
own_world
certificates mail.home.example
zone
home '' 'max-message-size = 64k'

as_alice=(--auth-user alice --auth-password alice-secret --from alice@home.example --to bob@home.example)
verified=(--tls-verify --tls-ca-path "$world/ca.pem" --tls-sni mail.home.example)

# refused NAME REPLY SWAKS-ARGUMENT...: passes when the server gives a reply that begins like this.
refused() {
    local name=$1 reply=$2 got
    shift 2
    got=$(swaks "$@" 2>&1)
    if [ $? != 0 ] && grep -qE "^<(\*\*|~\*) +$reply" <<< "$got"; then ok "$name"; else not_ok "$name"; sed 's/^/      /' <<< "$got" | tail -n 15; fi
}

# field NAME REGEX: passes when the header of `message`, unfolded, has a line like this.
header() { sed -e '/^\r$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header); }

for mechanism in PLAIN LOGIN; do
    check "STARTTLS, AUTH $mechanism: accepted" swaks --server 127.0.0.1:587 --tls "${verified[@]}" --auth $mechanism "${as_alice[@]}" --body "starttls $mechanism"
    check "and in bob's INBOX at once" has bob "starttls $mechanism"
    check "TLS from the start, AUTH $mechanism: accepted" swaks --server 127.0.0.1:465 --tlsc "${verified[@]}" --auth $mechanism "${as_alice[@]}" --body "implicit $mechanism"
    arrives "and in bob's INBOX" bob "implicit $mechanism"
done

check "an address to log in with" swaks --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --auth-user alice@home.example \
    --header 'Bcc: secret@home.example' --header-Subject 'Grüße' --add-header 'X-HomeMail-Lie: yes' --body 'the one that is looked at'
arrives "is as good as the account's name" bob 'the one that is looked at'
expect "the file begins with the reverse-path" 'Return-Path: <alice@home.example>' "$(head -n 1 "$message" | tr -d '\r')"
expect "nobody may write to it" 440 "$(stat -c %a "$message")"
field "it tells who has logged in" '^Authentication-Results: mail\.home\.example; auth=pass smtp\.auth=alice$'
field "and how it came, but not from where" '^Received: from localhost \(authenticated\) by mail\.home\.example \(HomeMail\) with ESMTPSA id [0-9a-z]+ \(using TLSv1\.[23] with cipher [^)]+\) for <bob@home\.example>; (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9 ]+ [A-Z][a-z]+ 20[0-9]+ [0-9:]+ \+0000$'
check_not "no address of the client is in the header" grep -qF 127.0.0.1 <(header)
check_not "no Bcc" grep -qi '^bcc:' <(header)
check_not "nor a field that only this server may make" grep -qi '^x-homemail' <(header)
check_not "every line ends with CRLF" grep -qv $'\r$' "$message"
printf 'From: alice@home.example\nTo: bob@home.example\n\nneither date nor id\n' > "$world/bare"
check "a message without Date and Message-ID is accepted" swaks --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --data @"$world/bare"
arrives "and is in bob's INBOX" bob 'neither date nor id'
field "with a Date" '^Date: [A-Z][a-z]+, [0-9]+ [A-Z][a-z]+ 20'
field "and a Message-ID" '^Message-ID: <[^@ ]+@mail\.home\.example>$'

stranger=(--server 127.0.0.1:25 --ehlo client.elsewhere.example --from stranger@elsewhere.example --to alice@home.example)
for way in 'SMTP:SMTP:--protocol SMTP' 'ESMTP:ESMTP:--protocol ESMTP' 'STARTTLS:ESMTPS:--tls'; do
    IFS=: read -r name with arguments <<< "$way"
    # shellcheck disable=SC2086 # the arguments are words
    check "a stranger, $name: accepted" swaks "${stranger[@]}" $arguments --body "stranger by $name"
    arrives "and in alice's INBOX" alice "stranger by $name"
    field "with a trace that says $with and names the client" "^Received: from client\\.elsewhere\\.example \\(\\[127\\.0\\.0\\.1\\]\\) by mail\\.home\\.example \\(HomeMail\\) with $with id "
done
check "the null reverse-path is accepted" swaks "${stranger[@]}" --from '<>' --h-From 'MAILER-DAEMON@elsewhere.example' --body 'from nobody'
arrives "and in alice's INBOX" alice 'from nobody'
field "as such" '^Return-Path: <>$'
check "postmaster is always there" swaks "${stranger[@]}" --to postmaster@home.example --body 'for the postmaster'

refused "a stranger cannot relay" '550 5\.7\.1' "${stranger[@]}" --to other@elsewhere.example
refused "nor with a percent sign" '550 5\.' "${stranger[@]}" --to other%elsewhere.example@home.example
refused "nor to a user that is not here" '550 5\.1\.1' "${stranger[@]}" --to nobody@home.example
check_not "nor log in at port 25" grep -q AUTH <(swaks "${stranger[@]}" --tls --quit-after TLS 2>&1)
refused "a wrong password" '535 5\.7\.8' --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --auth-password wrong
refused "no log-in in the clear" '5[0-9][0-9] 5\.7\.' --server 127.0.0.1:587 "${as_alice[@]}" --auth PLAIN --auth-optional
refused "no submission without log-in" '530 5\.7\.0' --server 127.0.0.1:587 --tls --from alice@home.example --to bob@home.example
refused "nobody else's MAIL FROM" '550 5\.7\.1' --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --from bob@home.example
refused "nobody else's From" '550 5\.7\.1' --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --header 'From: bob@home.example'
head -c 70000 /dev/zero | tr '\0' x | fold -w 70 > "$world/large"
refused "nothing larger than configured" '552 5\.3\.4' --server 127.0.0.1:587 --tls --auth PLAIN "${as_alice[@]}" --body @"$world/large"

stop $home
finish
