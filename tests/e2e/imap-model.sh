#!/usr/bin/env bash
# Random commands of several sessions against the published binary, which is killed (-9) again and again; a model keeps the truth.
# IMAP_MODEL_SECONDS=600 for longer, IMAP_MODEL_SEED for a run that is to be seen again.
# needs: python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
homemail=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || homemail=$PWD/out/linux-arm64/homemail
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
port=$(free_ports 2)
imaps=$((port + 1))
house_listen=$(printf 'smtp = 127.0.0.1:%d\nsubmission = off\nsubmissions = off' "$port") house "$work/home" "$port" "$homemail" 2> /dev/null
sed -i "s/^imaps = off/imaps = 127.0.0.1:$imaps/" "$work/home/homemail.ini"
seconds=${IMAP_MODEL_SECONDS:-40} seed=${IMAP_MODEL_SEED:-$RANDOM}
# Its own process is what is killed, so nothing stands between.
printf '#!/bin/sh\nexec "%s" run --config "%s" >> "%s" 2>&1\n' "$homemail" "$work/home/homemail.ini" "$work/log" > "$work/serve"
chmod +x "$work/serve"
if python3 tests/e2e/clients/imap-model.py "$imaps" "$seconds" "$seed" "$work/serve" > "$work/said" 2>&1; then
    ok "$seconds s, $(tail -n 1 "$work/said")"
else
    not_ok "$seconds s of random commands and kills"
    tail -n 25 "$work/said" | sed 's/^/      /'
    grep -E ' (error|warn) ' "$work/log" | tail -n 5
fi
check_not "no fault is in the log" grep -E ' error (fault|store)' "$work/log"
finish
