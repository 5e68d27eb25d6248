#!/usr/bin/env bash
# `homemail doctor` in houses each of which has one thing wrong: it names that thing, and nothing else. Nothing is ever sent.
#
#   internet 203.0.113.1 (DNS; .100 and up: a name server for each trouble), .25 and 198.51.100.25 (mail hosts)  --- wan
#   router   203.0.113.7 outside, 192.168.1.254 inside: NAT-PMP, port 25 forwarded, hairpin as the house has it
#   mail     192.168.1.2, 2001:db8:2::10                                                                           --- lan
#
# needs: iproute2 nftables openssl python3 util-linux
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
binary=${HOMEMAIL:-$PWD/out/linux-x64/homemail}
[ "$(uname -m)" != aarch64 ] || binary=${HOMEMAIL:-$PWD/out/linux-arm64/homemail}
world=$PWD/tests/e2e/peers/doctor_world.py

if [ "$(id -u)" != 0 ] || ! unshare --net true 2> /dev/null; then
    if [ "${CI:-}" = true ]; then not_ok "this needs root, for namespaces"; else skip "doctor: only root can make the namespaces of a house"; fi
    finish
fi

folder=$(mktemp -d)
at_exit "rm -rf $folder"
n=hd$$
for host in inet router mail; do
    ip netns add $n-$host && at_exit "ip netns del $n-$host"
    ip -n $n-$host link set lo up
done
in_inet() { ip netns exec $n-inet "$@"; }
in_router() { ip netns exec $n-router "$@"; }
in_mail() { ip netns exec $n-mail "$@"; }

ip -n $n-router link add wan type veth peer name net0 netns $n-inet
ip -n $n-router link add lan type veth peer name eth0 netns $n-mail
for address in 203.0.113.1/24 203.0.113.25/24 198.51.100.25/32 2001:db8:1::1/64 2001:db8:1::25/64 2001:db8:1::26/64; do
    case $address in *:*) nodad=nodad ;; *) nodad= ;; esac
    ip -n $n-inet address add $address dev net0 $nodad
done
for last in $(seq 100 140); do ip -n $n-inet address add 203.0.113.$last/24 dev net0; done
ip -n $n-router address add 203.0.113.7/24 dev wan
ip -n $n-router address add 2001:db8:1::7/64 dev wan nodad
ip -n $n-router address add 192.168.1.254/24 dev lan
ip -n $n-router address add 2001:db8:2::1/64 dev lan nodad
ip -n $n-mail address add 192.168.1.2/24 dev eth0
ip -n $n-mail address add 2001:db8:2::10/64 dev eth0 nodad
for end in inet:net0 router:wan router:lan mail:eth0; do ip -n $n-${end%:*} link set ${end#*:} up; done
ip -n $n-mail route add default via 192.168.1.254
ip -n $n-mail route add default via 2001:db8:2::1
ip -n $n-router route add default via 203.0.113.1
ip -n $n-router route add default via 2001:db8:1::1
ip -n $n-inet route add 2001:db8:2::/64 via 2001:db8:1::7
in_router sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

# rules HAIRPIN [FILTER]: what the router does with connections from inside to its outer side, and what it drops.
#   public | inner   they come back, from that address        none      they are dropped
#   masked           everybody gets the inner address         another   port 25 leads to another host
#   outer            everybody gets the outer address
rules() {
    local to=192.168.1.2 from='ip saddr 192.168.1.0/24 ip daddr 192.168.1.2 snat to 203.0.113.7' drop=${2-}
    case $1 in
        inner) from='ip saddr 192.168.1.0/24 ip daddr 192.168.1.2 snat to 192.168.1.254' ;;
        masked) from='oifname "lan" masquerade' ;;
        outer) from='ip daddr 192.168.1.2 snat to 203.0.113.7' ;;
        another) to=192.168.1.254:2525 ;;
        none) drop+=' ip saddr 192.168.1.0/24 ct original ip daddr 203.0.113.7 drop;' ;;
    esac
    in_router nft -f - << RULES
flush ruleset
table ip house {
    chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.7 tcp dport 25 dnat to $to; }
    chain post { type nat hook postrouting priority 100; $from; oifname "wan" masquerade; }
}
table inet filter {
    chain forward { type filter hook forward priority 0; $drop }
}
RULES
}
rules public
echo 203.0.113.7 > "$folder/told"

# The certificates: an authority's, and what can be wrong with one.
(
    cd "$folder"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Test authority' -keyout ca.key -out ca.pem
    sign() { # FILE NAME DAYS
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
        openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -days "$3" -out "$1.pem" -extfile <(echo "subjectAltName=DNS:$2")
    }
    sign good mail.home.example 30
    sign other www.home.example 30
    sign expired mail.home.example -1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.home.example -addext subjectAltName=DNS:mail.home.example \
        -keyout own.key -out own.pem
) > "$folder/openssl.log" 2>&1

# "Not believed" is what the owner says of this resolver, so DANE is off for a reason.
listen=$'smtp = [::]:25\nsubmission = off\nsubmissions = off'
house_server=$'resolver = 203.0.113.1:53\nresolver-trusted = off' house_listen=$listen house_more="dnsbl = bl.example
[tls]
certificate = $folder/good.pem
key = $folder/good.key" house "$folder/house" 0 "$binary"
for name in expired other own gone; do sed "s,$folder/good,$folder/$name," "$folder/house/homemail.ini" > "$folder/$name.ini"; done
sed 's,^smtp = .*,smtp = 192.168.1.2:25,' "$folder/house/homemail.ini" > "$folder/four.ini"

# start [INI]: the server. doctor ...: what it finds. found WANTED NAME: checks that.
start() {
    ip netns exec $n-mail "$binary" run --config "${1:-$folder/house/homemail.ini}" >> "$folder/log" 2>&1 &
    server=$!
    at_exit "stop $server"
    wait_for 30 in_mail bash -c 'exec 3<> /dev/tcp/192.168.1.2/25 && read -r -t 5 line <&3 && [[ $line == 220* ]]' || { cat "$folder/log"; not_ok "HomeMail starts"; finish; }
}
doctor() { in_mail python3 "$world" look "$folder" "$binary" --config "$folder/house/homemail.ini" "$@" 2> "$folder/seconds"; }
found() { expect "$2" "$1" "$(doctor "${@:3}")"; }

start
keys() { # once they are made, which takes a small machine a while
    in_mail "$binary" dns --json --config "$folder/house/homemail.ini" --resolver 192.168.1.254:9 2> /dev/null |
        python3 -c 'import json,sys; keys={r["name"]: r["data"] for r in map(json.loads, sys.stdin) if "_domainkey" in r.get("name", "")}; json.dump(keys, open(sys.argv[1], "w")); sys.exit(len(keys) < 2)' "$folder/keys"
}
check "the keys are made" wait_for 60 keys
ip netns exec $n-inet python3 "$world" serve "$folder" > "$folder/internet.log" 2>&1 & at_exit "stop $!"
ip netns exec $n-router python3 "$world" router "$folder" > "$folder/router.log" 2>&1 & at_exit "stop $!"
check "the internet is there" wait_for 20 test -e "$folder/serving" -a -e "$folder/routing"

# Where this test's folder is, is this machine's affair; that the doctor sees it is checked all the same.
case $(stat -f -c %T "$folder") in overlayfs) kind=disk=container ;; tmpfs | ramfs) kind=disk=memory ;; *) kind= ;; esac
found "$kind" "the disk of this machine is seen as what it is" disk
export IGNORED=$kind

# Before anybody has come from outside: a router that forwards nothing, as far as can be seen.
rules none
found "hairpin=none ports=unseen" "no hairpin, and nobody has come yet"
rules public

slowest=0
while IFS='|' read -r name wanted got seconds; do
    expect "$name" "$wanted" "$got"
    slowest=$(awk -v a="$slowest" -v b="$seconds" 'BEGIN { print (a > b ? a : b) }')
done < <(in_mail python3 "$world" houses "$folder" "$binary")
check "the slowest took less than 20 s ($slowest)" awk -v s="$slowest" 'BEGIN { exit !(s > 0 && s < 20) }'

# What the router does. Somebody comes from outside first, so the forwarding is known.
check "somebody comes from outside" in_inet bash -c 'exec 3<> /dev/tcp/203.0.113.7/25 && read -r -t 5 line <&3 && [[ $line == 220* ]]'
rules none
found "hairpin=none" "no hairpin"
rules inner
found "hairpin=router-address" "the hairpin has the router's address"
rules another
found "hairpin=another-server" "another host has port 25"
rules public
for told in 100.64.0.7:carrier-nat 192.0.0.2:ds-lite 192.168.0.2:two-routers; do
    echo "${told%:*}" > "$folder/told"
    found "nat=${told#*:}" "the router's outer address is ${told%:*}"
done
echo 203.0.113.7 > "$folder/told"
rules public 'oifname "wan" meta nfproto ipv4 tcp dport 25 drop;'
found "port25:IPv4=blocked" "port 25 is blocked by IPv4"
rules public 'oifname "wan" meta nfproto ipv6 tcp dport 25 drop;'
found "port25:IPv6=blocked" "port 25 is blocked by IPv6"
rules public
in_mail touch -d '+3 days' "$folder/house/data/secret"
found "clock=set-back" "the clock was set back" clock
in_mail touch "$folder/house/data/secret"

# The disk, as the doctor alone sees it.
on_tmpfs() { # SIZE FILLED
    in_mail unshare --mount bash -c 'mount -t tmpfs -o size="$1" house "$2" && head -c "$3" /dev/zero > "$2/full" && IGNORED= python3 "$4" look "$5" "$6" --config "$5/house/homemail.ini" disk' \
        - "$1" "$folder/house/data" "$2" "$world" "$folder" "$binary" 2> /dev/null
}
expect "the data folder is in memory" disk=memory "$(on_tmpfs 900m 1)"
expect "the disk is full" "disk=full disk=memory" "$(on_tmpfs 40m 35000000)"

# A router that masks everybody. The server starts anew: it has not seen a public client since.
stop "$server"
rules masked
start "$folder/four.ini"
found "hairpin=router-address ports=no-ipv6-listener" "the server listens by IPv4 alone"
brings() {
    in_inet python3 - "$1" << 'MAIL'
import smtplib, sys
with smtplib.SMTP("203.0.113.7", 25, "host." + sys.argv[1], timeout=20) as to:
    to.ehlo()
    to.mail("x@" + sys.argv[1])
    to.rcpt("alice@home.example")
MAIL
}
for domain in first.example second.test; do check "$domain comes through the mask" brings $domain; done
masked() { grep -q ' masked .*192\.168\.1\.254' "$folder/log"; }
check "the server notices the mask" wait_for 10 masked
found "hairpin=router-address masking=masked ports=no-ipv6-listener" "the router masks everybody"
reset() { in_mail "$binary" doctor --reset --config "$folder/house/homemail.ini"; }
expect "the memory of masks is reset" "forgotten: 192.168.1.254" "$(reset)"
rules outer
for domain in first.example second.test; do check "$domain comes through the outer address" brings $domain; done
check "the server notices that too" wait_for 10 grep -q ' masked .*203\.0\.113\.7' "$folder/log"
found "masking=masked ports=no-ipv6-listener" "the router masks everybody as the public address"
stop "$server"
rules public
found "hairpin=unknown masking=unknown ports=unseen server=not-asked" "the server does not run"
expect "the memory of masks is reset without the server" "forgotten: 203.0.113.7" "$(reset)"
expect "... and once more: there is none" "nothing was remembered of routers that hide their clients" "$(reset)"

expect "the mail hosts were greeted and left" "EHLO QUIT" "$(sort -u "$folder/verbs" | tr '\n' ' ' | sed 's/ $//')"
[ $failed = 0 ] || tail -n 30 "$folder/log" "$folder/internet.log" "$folder/router.log" >&2
finish
