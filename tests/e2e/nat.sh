#!/usr/bin/env bash
# A house behind a router that masks its clients: what the server finds out about the place, and that a forger gains nothing by it.
#
#   internet 62.1.2.1 (DNS), .66 (a forger), .25 (an honest host)        --- wan
#   router   62.1.2.7 outside, 192.168.1.254 inside: miniupnpd, and every client that it forwards gets its own inner address
#   mail     192.168.1.2                                                     --- lan
# The addresses are not of the documentation ranges, since miniupnpd takes those for a WAN without an address of its own.
#
# needs: iproute2 nftables miniupnpd swaks knot python3 procps
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
binary=${HOMEMAIL:-$PWD/out/linux-x64/homemail}
[ "$(uname -m)" != aarch64 ] || binary=${HOMEMAIL:-$PWD/out/linux-arm64/homemail}

if [ "$(id -u)" != 0 ] || ! unshare --net true 2> /dev/null; then
    skip "nat: only root can make the namespaces of a house"
    finish
fi

folder=$(mktemp -d)
at_exit "rm -rf $folder"
n=hm$$
for host in inet router mail; do
    ip netns add $n-$host && at_exit "ip netns del $n-$host"
    ip -n $n-$host link set lo up
done
in_inet() { ip netns exec $n-inet "$@"; }
in_router() { ip netns exec $n-router "$@"; }
in_mail() { ip netns exec $n-mail "$@"; }

ip -n $n-router link add wan type veth peer name net0 netns $n-inet
ip -n $n-router link add lan type veth peer name eth0 netns $n-mail
for address in 1 66 25; do ip -n $n-inet address add 62.1.2.$address/24 dev net0; done
ip -n $n-inet link set net0 up
ip -n $n-router address add 62.1.2.7/24 dev wan
ip -n $n-router address add 192.168.1.254/24 dev lan
ip -n $n-router link set wan up
ip -n $n-router link set lan up
ip -n $n-mail address add 192.168.1.2/24 dev eth0
ip -n $n-mail link set eth0 up
ip -n $n-mail route add default via 192.168.1.254
ip -n $n-router route add default via 62.1.2.1
in_router sysctl -q -w net.ipv4.ip_forward=1
# Port 25 is forwarded by hand and masked; what miniupnpd forwards is in chains of its own.
in_router nft -f - << 'EOF'
table ip house {
    chain pre {
        type nat hook prerouting priority -100;
        ip daddr 62.1.2.7 tcp dport 25 dnat to 192.168.1.2
    }
    chain post {
        type nat hook postrouting priority 100;
        oifname "lan" masquerade
        oifname "wan" masquerade
    }
}
table inet filter {
    chain forward {
        type filter hook forward priority 0;
        policy accept;
        jump miniupnpd
    }
    chain miniupnpd {
    }
    chain prerouting {
        type nat hook prerouting priority -100;
        jump prerouting_miniupnpd
    }
    chain postrouting {
        type nat hook postrouting priority 101;
        jump postrouting_miniupnpd
    }
    chain prerouting_miniupnpd {
    }
    chain postrouting_miniupnpd {
    }
}
EOF

# DNS of the internet.
cat > "$folder/zone" << 'EOF'
@ 60 IN SOA ns.home.example. root.home.example. 1 3600 600 86400 60
@ 60 IN NS ns.home.example.
ns 60 IN A 62.1.2.1
@ 60 IN MX 10 mail.home.example.
mail 60 IN A 62.1.2.7
mail 60 IN TXT "v=spf1 a -all"
@ 60 IN TXT "v=spf1 a:mail.home.example -all"
_dmarc 60 IN TXT "v=DMARC1; p=reject"
EOF
cat > "$folder/honest" << 'EOF'
@ 60 IN SOA ns.honest.example. root.honest.example. 1 3600 600 86400 60
@ 60 IN NS ns.honest.example.
ns 60 IN A 62.1.2.1
@ 60 IN TXT "v=spf1 ip4:62.1.2.25 -all"
_dmarc 60 IN TXT "v=DMARC1; p=reject"
EOF
cat > "$folder/knot.conf" << EOF
server:
    rundir: "$folder"
    listen: 62.1.2.1@53
database:
    storage: "$folder"
template:
  - id: default
    storage: "$folder"
    zonefile-load: whole
    journal-content: none
zone:
  - domain: home.example
    file: zone
  - domain: honest.example
    file: honest
EOF
ip netns exec $n-inet knotd -c "$folder/knot.conf" > "$folder/knot.log" 2>&1 & at_exit "stop $!"

cat > "$folder/miniupnpd.conf" << EOF
ext_ifname=wan
listening_ip=lan
port=5000
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
system_uptime=yes
uuid=00000000-0000-0000-0000-000000000001
upnp_table_name=filter
upnp_nat_table_name=filter
allow 1-65535 192.168.1.0/24 1-65535
EOF
begin_gateway() {
    rm -f "$folder/miniupnpd.pid"
    ip netns exec $n-router miniupnpd -d -f "$folder/miniupnpd.conf" -P "$folder/miniupnpd.pid" > "$folder/gateway.log" 2>&1 &
    gateway=$!
    at_exit "stop $gateway"
    # A gateway that is not there is asked again only minutes later.
    wait_for 20 listening || echo "miniupnpd does not listen" >&2
}
listening() { in_router ss -Hlun 'sport = :5351' | grep -q 5351 && in_router ss -Hltn 'sport = :5000' | grep -q 5000; }
begin_gateway

house_server=$'resolver = 62.1.2.1:53\nmap-ports = on' house_listen=$'smtp = 192.168.1.2:25\nsubmission = 192.168.1.2:587\nsubmissions = off' house "$folder/house" 0 $binary
ip netns exec $n-mail $binary run --config "$folder/house/homemail.ini" > "$folder/log" 2>&1 &
server=$!
at_exit "stop $server"
mapped() { in_router nft list table inet filter | grep -q 'dport 587'; }
check "it starts" wait_for 30 grep -q ' ready ' "$folder/log"

check "the router tells the public address" wait_for 40 grep -qE ' addresses public=62\.1\.2\.7 by="?[A-Za-z ]*(Pcp|NatPmp|Upnp)' "$folder/log"
check "submission is forwarded by the router" wait_for 60 grep -qE ' port-mapped port=587 outside=587 gateway=192\.168\.1\.254' "$folder/log"
greets() { in_inet python3 -c 'import socket,sys; s=socket.create_connection(("62.1.2.7",int(sys.argv[1])),5); sys.exit(not s.recv(9).startswith(b"220"))' "$1"; }
check "... and reached from the internet" wait_for 10 greets 587
check "... by a rule of its own" mapped

# mail FROM IP: what became of it, as it was stored.
count() { find "$folder/house/data/mail/alice/INBOX" -name '*.eml' 2> /dev/null | wc -l; }
stored() { cat "$(find "$folder/house/data/mail/alice/INBOX" -name '*.eml' -printf '%f %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)"; }
mail_from() {
    before=$(count)
    in_inet swaks --silent 3 --local-interface "$2" --server 62.1.2.7 --helo "${3:-host.example}" --from "$1" --to alice@home.example --h-From "$1" --timeout 20
}
check "an honest sender is taken in through the mask" mail_from x@honest.example 62.1.2.25
check "... and the mask is no ground to refuse him" wait_for 5 eval '[ "$(count)" -gt $before ]'
stored > "$folder/honest.eml"
check "... with SPF and DMARC left open" grep -q 'spf=none' "$folder/honest.eml"
check "... and nobody's iprev" eval '! grep -q "iprev=fail" "$folder/honest.eml"'
mail_from alice@home.example 62.1.2.66 mail.home.example
before=$(count)
check "a forger behind the mask gets no pass for the house" eval '! grep -rqE "(spf|dmarc)=pass" "$folder/house/data/mail"'
check "... and the log says what was missing" grep -q 'stands for anybody' "$folder/log"

# The provider gives the house another address; the router says so, and nobody starts anything anew.
ip -n $n-router address del 62.1.2.7/24 dev wan
ip -n $n-router address add 62.1.2.8/24 dev wan
ip -n $n-router route replace default via 62.1.2.1
stop "$gateway"
begin_gateway
check "a new public address is noticed while the server runs" wait_for 60 grep -q ' addresses public=62\.1\.2\.8' "$folder/log"

stop "$server"
gone() { ! mapped; }
check "at the end the router forwards nothing more" wait_for 10 gone
[ $failed = 0 ] || { tail -n 60 "$folder/log"; tail -n 20 "$folder/gateway.log"; } >&2
finish
