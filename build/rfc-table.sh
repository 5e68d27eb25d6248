#!/usr/bin/env bash
# Holds README's table of standards against the code: each RFC that src/ cites has a row, each row says yes, partial or no, and a
# row that says yes or partial is cited somewhere. Prints what is wrong, and fails if anything is.
#   build/rfc-table.sh [README [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
readme=${1:-README.md}
source=${2:-src}

cited=$(grep -rhoE --include='*.cs' --exclude-dir=obj --exclude-dir=bin 'RFC ?[0-9]{3,5}' "$source" | tr -dc '0-9\n' | sort -u || true)
# Rows of the table: | number | what | here | note |
rows=$(sed -n 's/^| *\([0-9]\{3,5\}\) *|[^|]*| *\([^| ]*\) *|.*/\1 \2/p' "$readme")
wrong=0
say() { echo "$1"; wrong=1; }

[ -n "$rows" ] || say "$readme has no table of standards"
for rfc in $cited; do
    grep -q "^$rfc " <<< "$rows" || say "RFC $rfc is cited in $source but has no row in $readme"
done
while read -r rfc here; do
    case $here in
        yes | partial) grep -qx "$rfc" <<< "$cited" || say "RFC $rfc is '$here' in $readme, but no line of $source cites it" ;;
        no | '') ;;
        *) say "RFC $rfc is '$here' in $readme; allowed: yes, partial, no" ;;
    esac
done <<< "$rows"
twice=$(cut -d' ' -f1 <<< "$rows" | sort | uniq -d | tr '\n' ' ')
[ -z "$twice" ] || say "rows that are there twice in $readme: $twice"
exit $wrong
