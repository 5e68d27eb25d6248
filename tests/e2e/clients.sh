#!/usr/bin/env bash
# Mail programs submit to HomeMail in every mode that they have: msmtp, mutt, curl and Python's smtplib, with STARTTLS and with TLS from the
# start, with each mechanism, with addresses in UTF-8, and asking for DSNs. GNU SASL logs in with channel binding to TLS 1.3 (RFC 9266), which
# they cannot. All verify the certificate. Postfix is the world outside.
# needs: msmtp mutt curl python3 gsasl
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/peers/postfix.sh
own_world postfix
certificates mail.home.example mx.elsewhere.example
zone "${postfix_zone[@]}"
postfix_start
home

# Nobody's settings but ours.
export HOME=$world/user LC_ALL=C.UTF-8
mkdir -p "$HOME"

# bob_gets NAME TEXT COMMAND...: the command submits a message with TEXT, and bob has it, from alice, by ESMTPSA.
header() { sed -e '/^\r$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header); }
bob_gets() {
    local name=$1 text=$2 got
    shift 2
    got=$("$@" 2>&1) || { not_ok "$name"; sed 's/^/      /' <<< "$got" | tail -n 12; return; }
    if has bob "$text" && grep -q '^Received: .*with ESMTPSA' <(header) && [ "$(head -n 1 "$message")" = $'Return-Path: <alice@home.example>\r' ]; then
        ok "$name"
    else
        not_ok "$name"
        header
    fi
}
letter() { printf 'From: alice@home.example\nTo: bob@home.example\nSubject: from %s\n\n%s\n.\n..dots\n' "$1" "$2"; }
# logged_in MECHANISM: whether the last log-in was by it, as the log says.
logged_in() { expect "  by $1" "$1" "$(sed -n 's/.* login .*mechanism=//p' "$world/home/log" | tail -n 1)"; }

# msmtp
submit_msmtp() { # PORT STARTTLS AUTH TEXT ARGUMENT...
    local port=$1 starttls=$2 auth=$3 text=$4
    shift 4
    cat > "$world/msmtprc" << RC
account house
host mail.home.example
port $port
tls on
tls_starttls $starttls
tls_trust_file $world/ca.pem
auth $auth
user alice
password alice-secret
from alice@home.example
domain client.home.example
RC
    chmod 600 "$world/msmtprc"
    letter msmtp "$text" | msmtp -C "$world/msmtprc" -a house "${@:-bob@home.example}"
}
for mechanism in plain login scram-sha-256; do
    bob_gets "msmtp, STARTTLS, $mechanism" "msmtp starttls $mechanism" submit_msmtp 587 on $mechanism "msmtp starttls $mechanism"
    logged_in "${mechanism^^}"
    bob_gets "msmtp, TLS, $mechanism" "msmtp implicit $mechanism" submit_msmtp 465 off $mechanism "msmtp implicit $mechanism"
done
bob_gets "msmtp that chooses the mechanism" 'msmtp on its own' submit_msmtp 587 on on 'msmtp on its own'
check_not "msmtp trusts no other certificate" submit_msmtp 587 on plain x --tls-trust-file=/etc/ssl/certs/ca-certificates.crt bob@home.example 2> /dev/null

# mutt. With GNU SASL it chooses SCRAM-SHA-256-PLUS of what is offered, although it cannot do channel binding, and gives up; so it is told.
submit_mutt() { # SETTINGS TEXT ARGUMENT...
    local settings=$1 text=$2
    shift 2
    cat > "$world/muttrc" << RC
set folder=$HOME record="" copy=no
set from=alice@home.example realname=Alice envelope_from=yes use_from=yes hostname=client.home.example
set ssl_force_tls=yes ssl_ca_certificates_file=$world/ca.pem ssl_verify_host=yes certificate_file=$HOME/certificates
set charset=utf-8 send_charset="us-ascii:utf-8"
$settings
RC
    printf '%s\n' "$text" | mutt -n -F "$world/muttrc" -s 'from mutt' "$@" -- bob@home.example
}
for mechanism in plain login scram-sha-256; do
    bob_gets "mutt, STARTTLS, $mechanism" "mutt starttls $mechanism" submit_mutt \
        "set smtp_url=smtp://alice@mail.home.example:587 smtp_pass=alice-secret ssl_starttls=yes smtp_authenticators=$mechanism" "mutt starttls $mechanism"
    logged_in "${mechanism^^}"
done
bob_gets "mutt, TLS" 'mutt implicit' submit_mutt 'set smtp_url=smtps://alice@mail.home.example:465 smtp_pass=alice-secret smtp_authenticators=scram-sha-256' 'mutt implicit'
printf 'Straße\n' > "$world/attachment.txt"
bob_gets "mutt, with an attachment and 8-bit text" 'mutt schreibt' submit_mutt 'set smtp_url=smtps://alice@mail.home.example:465 smtp_pass=alice-secret smtp_authenticators=plain allow_8bit=yes' \
    $'mutt schreibt Grüße' -a "$world/attachment.txt"
check "  as it is" grep -q 'Grüße' "$message"
submit_msmtp 587 on plain 'writes msmtprc' > /dev/null
bob_gets "mutt by way of msmtp" 'mutt by msmtp' submit_mutt "set sendmail='msmtp -C $world/msmtprc -a house'" 'mutt by msmtp'

# curl
submit_curl() { # TEXT ARGUMENT...
    local text=$1
    shift
    letter curl "$text" > "$world/letter"
    # What curl uploads has LF alone at its line ends; --crlf makes it what it should be.
    curl -sS --crlf --cacert "$world/ca.pem" --mail-from alice@home.example --mail-rcpt bob@home.example -T "$world/letter" --user alice:alice-secret "$@"
}
for mechanism in PLAIN LOGIN; do
    bob_gets "curl, STARTTLS, $mechanism" "curl starttls $mechanism" submit_curl "curl starttls $mechanism" --ssl-reqd smtp://mail.home.example:587/client.home.example --login-options AUTH=$mechanism
    logged_in $mechanism
    bob_gets "curl, TLS, $mechanism, with an initial response" "curl implicit $mechanism" submit_curl "curl implicit $mechanism" smtps://mail.home.example:465/ --login-options AUTH=$mechanism --sasl-ir
    logged_in $mechanism
done
bob_gets "curl, line ends of LF" 'curl without --crlf' submit_curl 'curl without --crlf' --no-crlf --ssl-reqd smtp://mail.home.example:587/
check_not "  which are CRLF here" grep -qv $'\r$' "$message"
check_not "curl with a wrong password is refused" submit_curl x --user alice:wrong --ssl-reqd smtp://mail.home.example:587/ 2> /dev/null

# smtplib
submit_python() { python3 tests/e2e/clients/submit.py --ca "$world/ca.pem" "$@"; }
for mechanism in PLAIN LOGIN; do
    bob_gets "smtplib, STARTTLS, $mechanism" "smtplib starttls $mechanism" submit_python --auth $mechanism alice@home.example bob@home.example "smtplib starttls $mechanism"
    logged_in $mechanism
    bob_gets "smtplib, TLS, $mechanism, asked for its name" "smtplib implicit $mechanism" submit_python --auth $mechanism --implicit --ask alice@home.example bob@home.example "smtplib implicit $mechanism"
done
bob_gets "smtplib, SIZE and BODY=8BITMIME" 'smtplib eight' submit_python --mail BODY=8BITMIME alice@home.example bob@home.example 'smtplib eight'
check "  with its dots" grep -q $'^\\.\\.dots\r' "$message"

# GNU SASL's own client only logs in; it takes STARTTLS where that is offered (told to, it would not even say EHLO before it).
log_in_gsasl() { # MECHANISM ARGUMENT...
    local mechanism=$1
    shift
    gsasl --smtp --quiet --mechanism "$mechanism" --x509-ca-file="$world/ca.pem" --connect mail.home.example:587 \
        --authentication-id alice --authorization-id '' "$@" < /dev/null
}
check "GNU SASL, bound to TLS 1.3 (tls-exporter)" log_in_gsasl SCRAM-SHA-256-PLUS --password alice-secret
logged_in SCRAM-SHA-256-PLUS
check_not "it is refused with a wrong password" log_in_gsasl SCRAM-SHA-256-PLUS --password wrong 2> /dev/null
check "GNU SASL, not bound" log_in_gsasl SCRAM-SHA-256 --no-cb --password alice-secret
logged_in SCRAM-SHA-256

# Addresses in UTF-8 (RFC 6531)
check "smtplib writes to tante-ü@elsewhere.example: accepted" submit_python alice@home.example 'tante-ü@elsewhere.example' 'utf8 by smtplib'
outside_arrives "and Postfix has it" tante 'utf8 by smtplib'
field "as UTF8SMTPS" 'by mx\.elsewhere\.example \(Postfix\) with UTF8SMTPS'
field "after our UTF8SMTPSA" 'by mail\.home\.example \(HomeMail\) with UTF8SMTPSA'
check "mutt does so: accepted" submit_mutt 'set smtp_url=smtps://alice@mail.home.example:465 smtp_pass=alice-secret smtp_authenticators=plain' 'utf8 by mutt' -c 'tante-ü@elsewhere.example'
outside_arrives "and Postfix has it" tante 'utf8 by mutt'
letter curl 'utf8 by curl' > "$world/letter"
check "curl does so: accepted" curl -sS --crlf --cacert "$world/ca.pem" --mail-from alice@home.example --mail-rcpt 'tante-ü@elsewhere.example' -T "$world/letter" \
    --user alice:alice-secret smtps://mail.home.example:465/
outside_arrives "and Postfix has it" tante 'utf8 by curl'
check "smtplib writes to a host that cannot do it: accepted" submit_python --subject 'ä needs UTF-8' alice@home.example 'tante-ü@old.example' 'utf8 for the old host'
arrives "and it comes back" alice 'old.example'
check "as 5.6.7" grep -qE '^Status: 5\.6\.7' "$message"
printf 'From: tante-ü@elsewhere.example\nTo: alice@home.example\nSubject: Grüße\n\nutf8 from Postfix\n' | postfix_sends -O smtputf8_enable=yes -f 'tante-ü@elsewhere.example' alice@home.example
arrives "Postfix sends from tante-ü@elsewhere.example: alice has it" alice 'utf8 from Postfix'
field "as UTF8SMTPS" 'by mail\.home\.example \(HomeMail\) with UTF8SMTPS id'

# DSNs that somebody asked for (RFC 3461)
told() { # NAME LINE...
    local name=$1 line
    shift
    python3 tests/e2e/clients/dsn.py "$message" > "$world/dsn" 2>&1
    for line in "$@"; do
        grep -qE "^$line\$" "$world/dsn" || { not_ok "$name"; echo "      no line: $line"; sed 's/^/      /' "$world/dsn"; return; }
    done
    ok "$name"
}
check "NOTIFY=SUCCESS for bob: accepted" submit_python --subject 'dsn local' --mail RET=HDRS --mail ENVID=local+2B1 --rcpt NOTIFY=SUCCESS,FAILURE --rcpt 'ORCPT=rfc822;bobby@home.example' alice@home.example bob@home.example 'dsn local'
arrives "alice is told that he has it" alice 'local+1'
told "as asked" 'original-envelope-id local\+1' 'recipient rfc822;bob@home\.example delivered 2\..*' 'original-recipient rfc822;bobby@home\.example' 'returned headers dsn local'
check "NOTIFY=SUCCESS for aunt at Postfix: accepted" submit_python --subject 'dsn remote' --mail RET=FULL --mail ENVID=remote-1 --rcpt NOTIFY=SUCCESS --rcpt 'ORCPT=rfc822;auntie@elsewhere.example' alice@home.example aunt@elsewhere.example 'dsn remote'
arrives "Postfix tells alice that she has it" alice 'remote-1'
told "with what it was told by us" 'reporting-mta dns; ?mx\.elsewhere\.example' 'original-envelope-id remote-1' 'recipient rfc822;aunt@elsewhere\.example delivered 2\..*' 'original-recipient rfc822;auntie@elsewhere\.example'
check "NOTIFY=SUCCESS for a host that knows no DSN: accepted" submit_python --subject 'dsn relayed' --mail ENVID=old-1 --rcpt NOTIFY=SUCCESS alice@home.example aunt@old.example 'dsn relayed'
arrives "alice is told that it was passed on" alice 'old-1'
told "by us" 'reporting-mta dns; ?mail\.home\.example' 'recipient rfc822;aunt@old\.example relayed 2\..*'
check "RET=FULL for somebody unknown: accepted" submit_python --subject 'dsn full' --mail RET=FULL --mail ENVID=full-1 --rcpt NOTIFY=FAILURE alice@home.example nobody@elsewhere.example 'all of it comes back'
arrives "all of it comes back" alice 'full-1'
told "in the DSN" 'recipient rfc822;nobody@elsewhere\.example failed 5\.1\.1' 'returned message dsn full' 'returned text all of it comes back .*'
check "RET=HDRS: accepted" submit_python --subject 'dsn headers' --mail RET=HDRS --mail ENVID=hdrs-1 alice@home.example nobody@elsewhere.example 'this does not come back'
arrives "only the header comes back" alice 'hdrs-1'
told "in the DSN" 'returned headers dsn headers'
check_not "not the text" grep -q 'this does not come back' "$message"
check "NOTIFY=NEVER: accepted" submit_python --mail ENVID=never-1 --rcpt NOTIFY=NEVER alice@home.example nobody@elsewhere.example 'never'
queued() { compgen -G "$world/home/data/spool/env/*" > /dev/null; }
check "then nothing is left to do" wait_for 20 eval '! queued'
check_not "and alice is told nothing" has alice 'never-1'
letter msmtp 'dsn by msmtp' > "$world/letter"
check "msmtp asks for a DSN: accepted" msmtp -C "$world/msmtprc" -a house --dsn-notify=success --dsn-return=hdrs bob@home.example < "$world/letter"
arrives "and alice has it" alice 'Subject: Delivered: from msmtp'
check "mutt asks for a DSN: accepted" submit_mutt 'set smtp_url=smtps://alice@mail.home.example:465 smtp_pass=alice-secret smtp_authenticators=plain dsn_notify=success dsn_return=hdrs' 'dsn by mutt'
arrives "and alice has it" alice 'Subject: Delivered: from mutt'

# FUTURERELEASE (RFC 4865)
check "HOLDFOR: accepted" submit_python --mail HOLDFOR=3 alice@home.example aunt@elsewhere.example 'held for three seconds'
check_not "it is not there at once" outside_has aunt 'held for three seconds'
outside_arrives "but later" aunt 'held for three seconds'

stop $home
[ $failed = 0 ] || tail -n 60 "$world/home/log"
finish
