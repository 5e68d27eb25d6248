#!/usr/bin/env bash
# The lab of the house: the published server in five houses at once, each behind a router of its own kind (no hairpin; hairpin with the router's inner address, or with
# the public one; every client masked as the inner address, or as the public one), and outside an internet with a name server, a Postfix, an honest host and a
# forger. Prints a table: what was done, the reply, where the message is, SPF and DMARC, and whether all of it and the trace fields are as the design has it.
# needs: nftables iproute2 procps python3 openssl util-linux
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
. tests/e2e/peers/postfix.sh
own_world_at tests/lab/house.sh postfix

certificates mx.elsewhere.example
# The houses' certificates are their own; that is enough for a Postfix that asks for encryption only.
postfix_start 'smtp_tls_security_level = may
smtp_tls_CAfile ='
at_exit "mkdir -p out/log/lab && for n in 1 2 3 4 5; do cp $world/house\$n/log out/log/lab/house\$n.log; done; cp $world/postfix/log out/log/lab/postfix.log"
python3 tests/lab/house.py "$world" "${HOMEMAIL:-$PWD/out/linux-x64/homemail}"
read -r good bad < "$world/judged" || { good=0 bad=1; }
passed=$((passed + good)) failed=$((failed + bad))
finish
