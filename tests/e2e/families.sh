#!/usr/bin/env bash
# Postfix, Exim and OpenSMTPD receive mail from HomeMail and send mail to it: over IPv4 and over IPv6, with TLS and in the clear. A real Postfix that
# refuses our IPv6 address gets the message over IPv4. Each mailbox of a peer is reached in one way only, by the records of its domain:
#
#   v4tls.PEER    MX with an A record,    at a server that offers STARTTLS; our route asks for it, and for the name
#   v4clear.PEER  MX with an A record,    at one that does not
#   v6tls.PEER, v6clear.PEER              the same with AAAA
# needs: python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/peers/postfix.sh
. tests/e2e/peers/exim.sh
. tests/e2e/peers/opensmtpd.sh
# OpenSMTPD 6.8 with OpenSSL 3 fails in each handshake as a server: its key is in another process, which that OpenSSL does not ask. So stunnel stands
# before it, as another implementation of STARTTLS.
own_world postfix exim4-daemon-heavy opensmtpd stunnel4
ways=(v4tls v4clear v6tls v6clear)
# The last number of the addresses of each peer, where it offers TLS and where it does not; both families have the same.
declare -A number=([elsewhere,tls]=25 [elsewhere,clear]=26 [exim,tls]=27 [exim,clear]=29 [bsd,tls]=31 [bsd,clear]=30 [picky,tls]=32)
declare -A user=([elsewhere]=aunt [exim]=nephew [bsd]=niece)
address() { # FAMILY PEER KIND
    case $1 in v4) echo "203.0.113.${number[$2,$3]}" ;; v6) echo "2001:db8::${number[$2,$3]}" ;; esac
}
with_ipv6 203.0.113.{29..32} 2001:db8::{26,27,29,30,31,32}

records=("mail.home.example. AAAA $house_ip6" "$house_ip6 PTR mail.home.example" "mail4.home.example. A $house_ip" "mail6.home.example. AAAA $house_ip6"
    "mx.elsewhere.example. AAAA $outside_ip6" "picky.example. MX 5 mx.picky.example." "mx.picky.example. A $(address v4 picky tls)" "mx.picky.example. AAAA $(address v6 picky tls)")
configuration=
for way in "${ways[@]}"; do
    configuration+=$'\n'"[alias:$way@home.example]"$'\nmembers = bob@home.example\n'
    for peer in elsewhere exim bsd; do
        domain=$way.$peer.example
        type=A
        [[ $way != v6* ]] || type=AAAA
        records+=("$domain. MX 5 mx-$domain." "mx-$domain. $type $(address "${way:0:2}" $peer "${way:2}")")
        [[ $way != *tls ]] || configuration+=$'\n'"[route:$domain]"$'\ntls = required\n'
    done
done
for peer in elsewhere exim bsd; do
    for kind in tls clear; do
        records+=("$(address v6 $peer $kind) PTR mx.$peer.example")
    done
done
names() { echo "mx.$1.example,mx-v4tls.$1.example,mx-v6tls.$1.example"; }
certificates mail.home.example,mail4.home.example,mail6.home.example "$(names elsewhere)" "$(names exim)" "rsa:$(names bsd)"
zone "${exim_zone[0]}" "${exim_zone[1]}" "${opensmtpd_zone[@]}" "${records[@]}"

header() { sed -e '/^\r\?$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header) || header; }
mta() { outside python3 tests/e2e/clients/submit.py --to-mta "$@"; }
out() { python3 tests/e2e/clients/submit.py --ca "$world/ca.pem" "$@"; }
ours() { case $1 in v4*) echo '203\.0\.113\.10' ;; v6*) echo '2001:db8::10' ;; esac; }
holds() { message=$(grep -rlsF -e "$1" "${@:2}" | head -n 1) && [ -n "$message" ]; }
soon() { # NAME TEXT FOLDER...: a file there holds the text within some seconds
    if wait_for 30 holds "${@:2}"; then holds "${@:2}"; ok "$1"; else not_ok "$1"; message=/dev/null; fi
}

# Postfix: which way a message takes to us is a matter of its transport.
boxes= services= transports=
for way in "${ways[@]}"; do
    boxes+=" aunt@$way.elsewhere.example=$way/,"
    transports+=" {$way@home.example=$way:},"
    level=verify protocol=ipv${way:1:1}
    [[ $way != *clear ]] || level=none
    services+="$way unix - - n - - smtp"$'\n'" -o inet_protocols=$protocol -o smtp_tls_security_level=$level"$'\n'
done
bare='smtpd_discard_ehlo_keywords=pipelining,size,vrfy,etrn,starttls,auth,8bitmime,dsn,smtputf8,chunking'
postfix_services="$services[$(address v6 elsewhere tls)]:25 inet n - n - - smtpd
[$(address v6 elsewhere clear)]:25 inet n - n - - smtpd
 -o $bare
$(address v4 picky tls):25 inet n - n - - smtpd
[$(address v6 picky tls)]:25 inet n - n - - smtpd
 -o { smtpd_client_restrictions = check_client_access inline:{ { $house_ip6 = 550 5.7.25 no reverse DNS that we would like } } }"
postfix_start "inet_protocols = all
inet_interfaces = all
smtp_bind_address6 = $outside_ip6
virtual_mailbox_domains = elsewhere.example, picky.example$(printf ', %s.elsewhere.example' "${ways[@]}")
virtual_mailbox_maps = inline:{$boxes aunt@elsewhere.example=aunt/, aunt@picky.example=picky/ }
transport_maps = inline:{$transports }"

# Exim
exim_interfaces="<; $(address v4 exim tls) ; $(address v4 exim clear) ; $(address v6 exim tls) ; $(address v6 exim clear)"
# shellcheck disable=SC2016 # for Exim
exim_tls_hosts='${if match{$received_ip_address}{\N[.:]29$\N}{:}{*}}'
exim_routers=
for way in "${ways[@]}"; do
    other='0::0/0'
    [[ $way != v6* ]] || other=0.0.0.0/0
    exim_routers+=$'\n'"$way:
  driver = dnslookup
  domains = home.example
  local_parts = $way
  ignore_target_hosts = <; $other
  transport = ${way:2}"
done
exim_transports="
tls:
  driver = smtp
  interface = <; $exim_ip ; $(address v6 exim tls)
  hosts_require_tls = *
  tls_verify_certificates = $world/ca.pem
  tls_verify_hosts = *
clear:
  driver = smtp
  interface = <; $exim_ip ; $(address v6 exim tls)
  hosts_avoid_tls = *"
exim_start

# OpenSMTPD, and stunnel before it
lines="listen on $(address v4 bsd clear) hostname mx.bsd.example
listen on $(address v6 bsd clear) hostname mx.bsd.example"
for way in "${ways[@]}"; do
    scheme=smtp+tls
    [[ $way != *clear ]] || scheme=smtp+notls
    lines+="
action \"$way\" relay host $scheme://mail${way:1:1}.home.example helo mx.bsd.example src $(address "${way:0:2}" bsd clear)
match from any for rcpt-to \"$way@home.example\" action \"$way\""
done
opensmtpd_start "$lines"
printf 'foreground = yes\npid =\ndebug = info\ncert = %s/mx.bsd.example.pem\nkey = %s/mx.bsd.example.key\n' "$world" "$world" > "$world/stunnel.conf"
for family in v4 v6; do
    printf '[%stls]\naccept = %s:25\nconnect = %s:25\nprotocol = smtp\n' $family "$(address $family bsd tls)" "$(address $family bsd clear)" >> "$world/stunnel.conf"
done
outside stunnel4 "$world/stunnel.conf" > "$world/stunnel.log" 2>&1 &
check "stunnel stands before OpenSMTPD" wait_for 20 greets_outside "$(address v4 bsd tls)"
for peer in elsewhere exim bsd; do
    for kind in tls clear; do
        for family in v4 v6; do check "$peer answers, $family $kind" wait_for 20 greets_outside "$(address $family $peer $kind)"; done
    done
done

house_smtp='[::]:25' home "$configuration"

# Out: all at once, then what became of each.
for peer in elsewhere exim bsd; do
    for way in "${ways[@]}"; do
        check "alice writes to $peer, $way: accepted" out alice@home.example "${user[$peer]}@$way.$peer.example" "for $peer by $way"
    done
done
declare -A mail=([elsewhere]=$world/postfix/mail [exim]=$world/exim/mail/new [bsd]=$world/opensmtpd/mail)
for peer in elsewhere exim bsd; do
    for way in "${ways[@]}"; do
        soon "$peer has what came by $way" "for $peer by $way" "${mail[$peer]}"
        check "  with its dots" grep -q $'^\\.\\.dots\r\\?$' "$message"
        case $peer,$way in
            elsewhere,*tls) field "  over that family, with TLS" "^Received: from mail\.home\.example \(.*\[(IPv6:)?$(ours $way)\]\) \(using TLSv1\.[23].* by mx\.elsewhere\.example \(Postfix\) with ESMTPS id" ;;
            elsewhere,*) field "  over that family, in the clear" "^Received: from mail\.home\.example \(.*\[(IPv6:)?$(ours $way)\]\) by mx\.elsewhere\.example \(Postfix\) with E?SMTP id" ;;
            exim,*tls) field "  over that family, with TLS" "^Received: from .*\[$(ours $way)\].* by mx\.exim\.example with esmtps " ;;
            exim,*) field "  over that family, in the clear" "^Received: from .*\[$(ours $way)\].* by mx\.exim\.example with esmtp " ;;
            bsd,*tls)
                field "  with TLS, for it came from stunnel" "^Received: from mail\.home\.example \(.*\[(IPv6:)?(203\.0\.113|2001:db8:).*\]\) by mx\.bsd\.example \(OpenSMTPD\) with ESMTP id"
                check_not "  and from nobody else" grep -qE "\[(IPv6:)?$(ours $way)\]" <(header)
                check "  over that family" grep -qE "Service \[$way\] accepted connection from $(ours $way):" "$world/stunnel.log" ;;
            bsd,*) field "  over that family, in the clear" "^Received: from mail\.home\.example \(.*\[(IPv6:)?$(ours $way)\]\) by mx\.bsd\.example \(OpenSMTPD\) with ESMTP id" ;;
        esac
    done
done

# In
for way in "${ways[@]}"; do
    printf 'From: aunt@elsewhere.example\nSubject: x\n\nfrom elsewhere by %s\n.\n..dots\n' "$way" | postfix_sends -i -f aunt@elsewhere.example "$way@home.example"
    check "Exim takes mail for us, $way" mta $exim_ip nephew@exim.example "$way@home.example" "from exim by $way"
    check "OpenSMTPD takes mail for us, $way" mta "$(address v4 bsd clear)" niece@bsd.example "$way@home.example" "from bsd by $way"
done
for peer in elsewhere exim bsd; do
    for way in "${ways[@]}"; do
        arrives "bob has what $peer sent by $way" bob "from $peer by $way"
        check "  with its dots" grep -q $'^\\.\\.dots\r' "$message"
        with=ESMTP words='in the clear' kind=tls
        [[ $way != *tls ]] || { with=ESMTPS words='with TLS'; }
        # Each peer sends from one address a family.
        [ $peer != bsd ] || kind=clear
        field "  over that family, $words" "^Received: from mx\.$peer\.example \(\[(IPv6:)?$(address "${way:0:2}" $peer $kind | sed 's/\./\\./g')\]\) by mail\.home\.example \(HomeMail\) with $with id"
    done
done

# Where both families lead, IPv6 comes first, for our address has its name; and where that is not good enough for the other side, IPv4 comes next.
check "alice writes to a domain with both families: accepted" out alice@home.example aunt@elsewhere.example 'for both'
soon "it has come" 'for both' "$world/postfix/mail/aunt"
field "  over IPv6" "^Received: from mail\.home\.example \(.*\[IPv6:2001:db8::10\]\)"
refusals() { grep -c 'NOQUEUE: reject: RCPT from .*2001:db8::10.*: 550 5\.7\.25 ' "$world/postfix/log"; }
check "alice writes to one that refuses our IPv6 address: accepted" out alice@home.example aunt@picky.example 'for picky, first'
soon "it has come" 'for picky, first' "$world/postfix/mail/picky"
field "  over IPv4" "^Received: from mail\.home\.example \(.*\[203\.0\.113\.10\]\)"
expect "  after one refusal" 1 "$(refusals)"
check "and again: accepted" out alice@home.example aunt@picky.example 'for picky, second'
soon "it has come" 'for picky, second' "$world/postfix/mail/picky"
expect "  and IPv6 was not asked again" 1 "$(refusals)"
expect "each came once" 2 "$(find "$world/postfix/mail/picky/new" -type f | wc -l)"
check "alice writes to nobody over IPv6: accepted" out alice@home.example nobody@v6tls.elsewhere.example 'for nobody'
arrives "and is told" alice 'nobody@v6tls.elsewhere.example'
check "  at once, for good" grep -q '^Status: 5\.1\.1' "$message"

stop $home
[ $failed = 0 ] || { tail -n 40 "$world/home/log" "$world/exim/log/"* "$world/opensmtpd/log" "$world/postfix/log" "$world/stunnel.log"; }
finish
