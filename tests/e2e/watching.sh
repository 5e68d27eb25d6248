#!/usr/bin/env bash
# What a house watches its server by: status and its exit code for watchdogs, metrics, and OpenWrt's certificates that come later than the server.
# needs: curl openssl swaks python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
own_world
zone
certificates mail.home.example
home $'[device:scanner]\naddress = 192.168.7.50\nmac = 02:00:00:00:07:50\nfrom = scanner@home.example\nrecipients = any'
stop $home
# A network of the house with a device in it, and a gateway that is one too.
ip netns add lan
at_exit 'ip netns delete lan'
ip link add lan type veth peer name device netns lan
ip address add 192.168.7.1/24 dev lan
ip link set lan up
ip netns exec lan ip link set device address 02:00:00:00:07:50
ip netns exec lan ip address add 192.168.7.50/24 dev device
ip netns exec lan ip link set device up
sed -i -e 's,^certificate = .*,certificate = acme,; /^key = /d' -e "s,^smtp = .*,&\nlan = 192.168.7.1:2525\nmetrics = 9925," "$world/home/homemail.ini"
check "the configuration is fine" "$PWD/out/linux-x64/homemail" check --config "$world/home/homemail.ini"
home_again
homemail() { "$PWD/out/linux-x64/homemail" "$1" --config "$world/home/homemail.ini" "${@:2}"; }
# metric NAME: its value.
metric() { curl -s http://127.0.0.1:9925/metrics | sed -n "s/^$1 //p"; }
is_metric() { [ "$(metric "$1")" = "$2" ]; }
fingerprint() { openssl s_client -connect 127.0.0.1:465 < /dev/null 2> /dev/null | openssl x509 -noout -fingerprint -sha256; }

check "status says that all is fine" grep -qE '^health +(fine|wanting: port 25)' <(homemail status)
check "... what was written" grep -qE '^written +[0-9.]+[kMG]? ' <(homemail status)
expect "a watchdog is told by the exit code" 0 "$(homemail status --health > /dev/null; echo $?)"
expect "... also where no server runs" 1 "$(sed "s,^data = .*,data = $world/none," "$world/home/homemail.ini" > "$world/none.ini"; sed -i "s,^socket = .*,socket = $world/none.sock," "$world/none.ini"; "$PWD/out/linux-x64/homemail" status --health --config "$world/none.ini" > /dev/null 2>&1; echo $?)"
expect "metrics are in the text format" 'text/plain; version=0.0.4; charset=utf-8' "$(curl -s -o /dev/null -w '%{content_type}' http://127.0.0.1:9925/metrics)"
check "... which can be parsed" python3 tests/e2e/clients/metrics.py http://127.0.0.1:9925/metrics
expect "nothing has come yet" 0 "$(metric 'homemail_messages_total{event="accepted"}')"
swaks --server 127.0.0.1:25 --from x@elsewhere.example --to bob@home.example --body watched > /dev/null
check "a message is counted" is_metric 'homemail_messages_total{event="accepted"}' 1
check "... and its delivery" is_metric 'homemail_messages_total{event="delivered"}' 1
check "... and its connection" test "$(metric 'homemail_connections_total{service="smtp"}')" -ge 1
expect "it is healthy" 1 "$(metric homemail_healthy)"
swaks --server 127.0.0.1:587 --tls --auth PLAIN --auth-user alice --auth-password wrong --from alice@home.example --to bob@home.example > /dev/null
check "a wrong password is counted" is_metric homemail_login_failures_total 1
check_not "metrics are for this machine alone" outside curl -s -m 2 http://$house_ip:9925/metrics

# The device on its own network, by its hardware address.
device() { ip netns exec lan swaks --server 192.168.7.1:2525 --ehlo scanner --from noreply@scanner.local --to bob@home.example --hide-all "$@"; }
check "a device is known by its hardware address" device --header 'From: "Lobby" <noreply@scanner.local>' --body 'scan one'
arrives "and its mail comes" bob 'scan one'
check "... in its name" grep -q '^From: "Lobby" <scanner@home.example>' "$message"
ip netns exec lan ip link set device down
ip netns exec lan ip link set device address 02:00:00:00:07:99
ip netns exec lan ip link set device up
ip neighbour flush dev lan
check_not "another machine at its address is not" device --body 'scan two'
check "... which the log tells" grep -q 'no-device .*another mac than 02:00:00:00:07:99' "$world/home/log"
check_not "nor is anybody elsewhere" outside swaks --server 192.168.7.1:2525 --from x@y --to bob@home.example --hide-all

# What OpenWrt's acme keeps comes when it comes.
own=$(fingerprint)
mkdir -p /etc/ssl/acme
cp "$world/mail.home.example.pem" /etc/ssl/acme/mail.home.example.fullchain.crt
cp "$world/mail.home.example.key" /etc/ssl/acme/mail.home.example.key
is_acme() { [ "$(fingerprint)" = "$(openssl x509 -in "$world/mail.home.example.pem" -noout -fingerprint -sha256)" ]; }
check_not "until then the certificate is our own" [ -z "$own" ]
check "then it is acme's" wait_for 20 is_acme
stop $home
# What is learned and counted is kept over the end; a fault of that is logged by the end at the latest.
check_not "nothing of the state was lost" grep -q ' error state ' "$world/home/log"
check "... and there it is" test -s "$world/home/data/state.db"
finish
