#!/usr/bin/env bash
# What mail programs are told by the published binary: asked as they ask, over HTTP and HTTPS, and the code for a phone read as its camera would.
# needs: curl python3 zbar-tools libxml2-utils swaks
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
port=$(free_ports 5)
imaps=$((port + 3)) web=$((port + 4))
house "$work/home" "$port" "$homemail" 2> /dev/null
sed -i "s/^imaps = off/imaps = 127.0.0.1:$imaps\nautoconfig = 127.0.0.1:$web/" "$work/home/homemail.ini"
"$homemail" run --config "$work/home/homemail.ini" > "$work/log" 2>&1 &
server=$!
at_exit 'stop $server'
wait_for 20 answers "$port" || { cat "$work/log"; not_ok "HomeMail starts"; finish; }

# asked HOST PATH [CURL-OPTION...]: what is answered over HTTPS to a program that looks HOST up.
asked() { local host=$1 path=$2; shift 2; curl -sSk --max-time 10 --connect-to "$host:443:127.0.0.1:$web" "$@" "https://$host$path"; }
plainly() { local host=$1 path=$2; shift 2; curl -sS --max-time 10 --connect-to "$host:80:127.0.0.1:$web" "$@" "http://$host$path"; }
value() { xmllint --xpath "string($1)" - 2> /dev/null; }

expect "autoconfig over HTTPS tells the port" "$imaps" "$(asked autoconfig.home.example '/mail/config-v1.1.xml?emailaddress=alice%40home.example' | value '//incomingServer[@type="imap"]/port')"
expect "... over HTTP too" "mail.home.example" "$(plainly home.example '/.well-known/autoconfig/mail/config-v1.1.xml' | value '//outgoingServer/hostname')"
expect "... of the first one, TLS from the start" "$((port + 2)) SSL" "$(plainly autoconfig.home.example /mail/config-v1.1.xml > "$work/xml"; echo "$(value '//outgoingServer[1]/port' < "$work/xml") $(value '//outgoingServer[1]/socketType' < "$work/xml")")"
expect "nothing is told of a domain that is not here" 404 "$(plainly autoconfig.elsewhere.example /mail/config-v1.1.xml -o /dev/null -w '%{http_code}')"

cat > "$work/request.xml" << 'XML'
<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>alice@home.example</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>
  </Request>
</Autodiscover>
XML
expect "Autodiscover tells Outlook" "$imaps" "$(asked autodiscover.home.example /Autodiscover/Autodiscover.xml -H 'Content-Type: text/xml' -H 'Expect: 100-continue' --data-binary "@$work/request.xml" |
    value '//*[local-name()="Protocol"][*[local-name()="Type"]="IMAP"]/*[local-name()="Port"]')"
expect "... and leads it there from HTTP" "302 https://mail.home.example/autodiscover/autodiscover.xml" \
    "$(plainly autodiscover.home.example /autodiscover/autodiscover.xml -o /dev/null -w '%{http_code} %{redirect_url}')"
sed 's/<Autodiscover/<!DOCTYPE a [<!ENTITY x SYSTEM "file:\/\/\/etc\/passwd">]><Autodiscover/; s/alice@/\&x;@/' "$work/request.xml" > "$work/hostile.xml"
expect "a DTD is refused" 600 "$(asked autodiscover.home.example /autodiscover/autodiscover.xml --data-binary "@$work/hostile.xml" | value '//*[local-name()="ErrorCode"]')"

# Apple's own format, read by somebody else's reader of it.
asked autoconfig.home.example '/email.mobileconfig?email=alice%40home.example' -D "$work/head" > "$work/profile"
expect "Apple's profile" "alice@home.example mail.home.example $imaps True $((port + 2))" "$(python3 - "$work/profile" << 'PY'
import plistlib, sys
mail = plistlib.load(open(sys.argv[1], "rb"))["PayloadContent"][0]
assert mail["PayloadType"] == "com.apple.mail.managed"
print(mail["IncomingMailServerUsername"], mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"], mail["IncomingMailServerUseSSL"], mail["OutgoingMailServerPortNumber"])
PY
)"
check "... as such" grep -qi '^content-type: application/x-apple-aspen-config' "$work/head"
expect "the policy for other servers" "version: STSv1" "$(asked mta-sts.home.example /.well-known/mta-sts.txt | tr -d '\r' | head -n 1)"
expect "a request that is too large" 413 "$(head -c 20000 /dev/zero | plainly home.example /autodiscover/autodiscover.xml --data-binary @- -H 'Expect:' -o /dev/null -w '%{http_code}')"

# The code in the terminal: two modules a character, upper and lower half; read from a picture as a camera would.
shown() { "$homemail" account show alice --config "$work/home/homemail.ini" "$@"; }
shown > "$work/shown"
check "account show tells what to type" grep -q "reading    IMAP, mail.home.example, port $imaps, SSL/TLS" "$work/shown"
python3 - "$work/shown" "$work/code.pgm" << 'PY'
import sys
# On paper: what a terminal fills is black; on a dark terminal it is the other way round, and cameras read both.
filled = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
lines = [line.rstrip("\n") for line in open(sys.argv[1], encoding="utf-8")]
drawn = [line for line in lines if len(line) > 20 and set(line) <= set(filled)]
width = max(map(len, drawn))
rows = []
for line in drawn:
    for half in (0, 1):
        rows.append([filled[c][half] for c in line.ljust(width)])
scale, edge = 6, 4
with open(sys.argv[2], "wb") as picture:
    picture.write(b"P5 %d %d 255\n" % ((width + 2 * edge) * scale, (len(rows) + 2 * edge) * scale))
    for row in [[1] * width] * edge + rows + [[1] * width] * edge:
        octets = b"".join((b"\xff" if module else b"\0") * scale for module in [1] * edge + row + [1] * edge)
        picture.write(octets * scale)
PY
wanted="[1,[1,1],[0,\"mail.home.example\",$imaps,3,1,\"alice@home.example\"],[[[0,\"mail.home.example\",$((port + 2)),3,1,\"alice@home.example\"],[\"alice@home.example\",\"alice\"]]]]"
expect "... and the code says the same, read from a picture" "$wanted" "$(zbarimg --quiet --raw "$work/code.pgm" 2> /dev/null)"
expect "... and --json" "$wanted" "$(shown --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["settings"]["code"])')"
check_not "the password is in none of it" grep -q 'secret\|scram' "$work/shown"
finish
