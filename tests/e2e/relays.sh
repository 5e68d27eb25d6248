#!/usr/bin/env bash
# Mail servers of others as peers: Postfix, Exim and OpenSMTPD each submit to HomeMail as a smarthost, with the mechanisms and kinds of TLS that
# they have, and Exim and OpenSMTPD exchange mail with it in the other ways they can: CHUNKING, SMTPUTF8, DSN.
# needs: python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/peers/postfix.sh
. tests/e2e/peers/exim.sh
. tests/e2e/peers/opensmtpd.sh
own_world postfix libsasl2-modules exim4-daemon-heavy opensmtpd
certificates mail.home.example mx.elsewhere.example mx.exim.example rsa:mx.bsd.example
zone "${postfix_zone[@]}" "${exim_zone[@]}" "${opensmtpd_zone[@]}"
# Whom alice writes to says by which way it comes.
ways=(plain login scram implicit starttls)
home "$(for way in "${ways[@]}"; do printf '[alias:%s@home.example]\nmembers = bob@home.example\n' "$way"; done)"
export LC_ALL=C.UTF-8

header() { sed -e '/^\r\?$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header); }
logged_in() { expect "  by $1" "$1" "$(sed -n 's/.* login .*mechanism=//p' "$world/home/log" | tail -n 1)"; }
soon() { # NAME COMMAND...: the command finds its message within some seconds
    local name=$1
    shift
    if wait_for 20 "$@"; then "$@"; ok "$name"; else not_ok "$name"; message=/dev/null; fi
}
mta() { outside python3 tests/e2e/clients/submit.py --to-mta "$@"; }
out() { python3 tests/e2e/clients/submit.py --ca "$world/ca.pem" "$@"; }

# Postfix as a house's inner server: it passes on what alice sends, by submission.
printf 'mail.home.example alice:alice-secret\n' > "$world/sasl"
postfix_services=$(for mechanism in plain login scram-sha-256; do
    printf '%s unix - - n - - smtp\n -o smtp_sasl_mechanism_filter=%s\n' "${mechanism%%-*}" $mechanism
done
printf 'implicit unix - - n - - smtp\n -o smtp_tls_wrappermode=yes\n')
postfix_start "smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:$world/sasl
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
transport_maps = inline:{ plain@home.example=plain:[mail.home.example]:587, login@home.example=login:[mail.home.example]:587, {scram@home.example=scram:[mail.home.example]:587}, {implicit@home.example=implicit:[mail.home.example]:465} }"
for way in plain:PLAIN login:LOGIN scram:SCRAM-SHA-256; do
    printf 'From: alice@home.example\nSubject: x\n\nPostfix by %s\n' "$way" | postfix_sends -f alice@home.example "${way%%:*}@home.example"
    arrives "Postfix, STARTTLS, ${way##*:}" bob "Postfix by $way"
    logged_in "${way##*:}"
done
printf 'From: alice@home.example\nSubject: x\n\nPostfix by implicit\n' | postfix_sends -f alice@home.example implicit@home.example
arrives "Postfix, TLS from the start" bob "Postfix by implicit"
field "  as ESMTPSA" 'with ESMTPSA id'

# Exim
exim_start
for mechanism in PLAIN LOGIN; do
    printf $mechanism > "$world/exim/mechanism"
    check "Exim takes mail for us" mta $exim_ip alice@home.example "${mechanism,,}@home.example" "Exim by $mechanism"
    arrives "Exim, STARTTLS, $mechanism" bob "Exim by $mechanism"
    logged_in $mechanism
done
check "Exim takes mail for us" mta $exim_ip alice@home.example implicit@home.example "Exim by implicit"
arrives "Exim, TLS from the start" bob "Exim by implicit"
check "nephew writes to alice: Exim takes it" mta $exim_ip nephew@exim.example alice@home.example "first from nephew"
arrives "alice has it" alice "first from nephew"
field "  over TLS" 'Received: from mx\.exim\.example \(\[203\.0\.113\.27\]\) by mail\.home\.example \(HomeMail\) with ESMTPS id'
check "  with its dots" grep -q $'^\\.\\.dots\r' "$message"
check "  in chunks (BDAT), to a verified host" grep -qE '=> alice@home\.example .* X=TLS1\.[23]:[^ ]* CV=yes .*\bK C="250' "$world/exim/log/mainlog"
check "neffe-ü writes: Exim takes it" mta $exim_ip 'neffe-ü@exim.example' alice@home.example 'utf8 from Exim' --subject 'Grüße'
arrives "alice has it" alice 'utf8 from Exim'
field "  as UTF8SMTPS" 'with UTF8SMTPS id'
check "alice writes to nephew: accepted" out alice@home.example nephew@exim.example 'first for nephew'
soon "nephew has it" exim_has 'first for nephew'
check "  in chunks, over TLS" grep -qE '<= alice@home\.example H=.*mail\.home\.example.* P=esmtps X=TLS.* K ' "$world/exim/log/mainlog"
check "  with its dots" grep -q '^\.\.dots' "$message"
check "alice writes to neffe-ü: accepted" out alice@home.example 'neffe-ü@exim.example' 'utf8 for Exim'
soon "he has it" exim_has 'utf8 for Exim'
field "  by UTF8" 'with utf8esmtps'
check "nephew asks for a DSN: Exim takes it" mta $exim_ip nephew@exim.example alice@home.example 'nephew wants to know' --mail ENVID=nephew-1 --rcpt NOTIFY=SUCCESS
arrives "alice has it" alice 'nephew wants to know'
soon "nephew is told, for SPF says that it is him" exim_has 'nephew-1'
check "  by us" grep -q '^Reporting-MTA: dns; *mail.home.example' "$message"
check "alice asks for a DSN: accepted" out --mail ENVID=alice-1 --rcpt NOTIFY=SUCCESS alice@home.example nephew@exim.example 'alice wants to know'
arrives "Exim tells her" alice 'alice-1'
check "alice writes to nobody there: accepted" out alice@home.example nobody@exim.example 'for nobody at Exim'
arrives "she is told" alice 'nobody@exim.example'
check "nephew writes to nobody here: Exim takes it" mta $exim_ip nephew@exim.example nobody@home.example 'for nobody here'
soon "Exim tells him" exim_has 'nobody@home.example'

# OpenSMTPD
opensmtpd_start
for way in starttls implicit; do
    check "OpenSMTPD takes mail for us" mta $opensmtpd_ip alice@home.example $way@home.example "OpenSMTPD by $way"
    arrives "OpenSMTPD, $way" bob "OpenSMTPD by $way"
    field "  as ESMTPSA" 'with ESMTPSA id'
done
check "niece writes to alice: OpenSMTPD takes it" mta $opensmtpd_ip niece@bsd.example alice@home.example 'first from niece'
arrives "alice has it" alice 'first from niece'
field "  over TLS" 'Received: from mx\.bsd\.example \(\[203\.0\.113\.28\]\) by mail\.home\.example \(HomeMail\) with ESMTPS id'
check "alice writes to niece: accepted" out alice@home.example niece@bsd.example 'first for niece'
# This OpenSMTPD with this OpenSSL fails in each handshake as a server; then the message goes in the clear (RFC 7435).
soon "niece has it" opensmtpd_has 'first for niece'
check "alice asks for a DSN: accepted" out --mail ENVID=alice-2 --rcpt NOTIFY=SUCCESS alice@home.example niece@bsd.example 'alice asks about niece'
arrives "OpenSMTPD tells her" alice 'Reporting-MTA: dns; mx.bsd.example'
check "alice writes to nobody there: accepted" out alice@home.example nobody@bsd.example 'for nobody at OpenSMTPD'
arrives "she is told" alice 'nobody@bsd.example'
check "niece writes to nobody here: OpenSMTPD takes it" mta $opensmtpd_ip niece@bsd.example nobody@home.example 'for nobody here'
soon "OpenSMTPD tells her" opensmtpd_has 'nobody@home.example'

stop $home
[ $failed = 0 ] || { tail -n 40 "$world/home/log" "$world/exim/log/"*  "$world/opensmtpd/log" "$world/postfix/log"; }
finish
