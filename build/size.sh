#!/usr/bin/env bash
# What is in the published binaries: out/size.md, a table by package for each that build/publish.sh has made. It adds up to the file.
#   build/size.sh [RID...]          all that are there by default
# needs: python3
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { set -- out/linux-*/homemail; set -- "${@%/homemail}"; set -- "${@#out/}"; }
[ -e "out/$1/homemail" ] || { echo "size: there is no out/$1/homemail; make build makes it" >&2; exit 1; }
for rid in "$@"; do
    python3 build/size.py "out/$rid/homemail" "src/HomeMail/obj/Release/net10.0/$rid/native" "$rid"
done > out/size.md.new
mv out/size.md.new out/size.md
cat out/size.md
