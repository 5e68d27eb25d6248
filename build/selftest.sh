#!/usr/bin/env bash
# The build's own checks, tried on made-up input: a check that cannot fail checks nothing.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/e2e/harness.sh
results=$(mktemp -d)
at_exit "rm -rf $results"

sum() { build/sum.sh "$results" "$@" 2> /dev/null; }
echo '<assemblies><assembly name="a" total="8" passed="3" failed="1" skipped="2" errors="2"><test name="x" passed="9"/></assembly></assemblies>' > "$results/mixed.xml"
echo '<assemblies><assembly name="a" passed="5" failed="0" skipped="0" errors="0"/></assemblies>' > "$results/good.xml"
echo '<assemblies></assemblies>' > "$results/empty.xml"
echo '4 0 1' > "$results/counted.count"
echo '2 1 0' > "$results/failed.count"
echo 'oops' > "$results/garbage.count"
expect "errors count as failures" "3 passed, 3 failed, 2 skipped" "$(sum mixed)"
expect "runs are summed" "9 passed, 0 failed, 1 skipped" "$(sum good counted)"
expect "a missing result is a failure" "5 passed, 1 failed, 0 skipped" "$(sum good missing)"
expect "an empty result is a failure" "5 passed, 1 failed, 0 skipped" "$(sum good empty)"
expect "garbage is a failure" "5 passed, 1 failed, 0 skipped" "$(sum good garbage)"
check "good runs exit with 0" sum good counted
check_not "a failed count exits with non-zero" sum good failed
check_not "a failed xunit run exits with non-zero" sum good mixed
check_not "a missing result exits with non-zero" sum good missing

warn() { echo "$1" > "$results/log"; build/warnings.sh "$results/log" 2> /dev/null; }
check_not "a compiler warning is found" warn "/x/A.cs(1,2): warning CS0168: The variable 'e' is declared but never used [/x/A.csproj]"
check_not "a trimming warning is found" warn "ILC : Trim analysis warning IL2026: A.B(): Using member"
check_not "an analyzer warning is found" warn "/x/A.cs(1,2): warning CA1861: Prefer [/x/A.csproj]"
check "the C compiler's warnings are not ours" warn "/x/pal_ssl.c(1020,5): warning GF9BEE4E2: expression result unused"

budget() { printf '%s\n' "$1" > "$results/budgets"; RESULT= build/budget.sh "$results/budgets" 2> /dev/null; }
check "a roomy budget holds" budget "binary-size-linux-x64 999999999 bytes"
check_not "a binary over its budget is found" budget "binary-size-linux-x64 1000 bytes"
check_not "what cannot be measured is not within" budget "binary-size-of-nothing 999999999 bytes"
check_not "a budget without number is found" budget "binary-size-linux-x64 plenty bytes"

# What the map does not name would hide in these rows: then the script no longer reads what the linker writes.
sized() { build/size.sh linux-x64 > "$results/size" && awk -F '|' -v row="$1" -v from="$2" -v to="$3" '{ gsub(/[,* ]/, "", $6); gsub(/^ +| +$/, "", $2) } $2 ~ row { sum += $6 } END { exit !(sum >= from && sum <= to) }' "$results/size"; }
check "make size finds the code's owners" sized '^HomeMail.Server$' 500 5000
check "... the libraries'" sized '^OpenSSL: lib' 1000 8000
check "... and leaves little to nobody" sized '^rest' 1 300

mkdir "$results/source"
echo '// RFC 5321 4.5.2 and RFC7505' > "$results/source/a.cs"
table() { printf '| RFC | what | here | note |\n|---|---|---|---|\n%s\n' "$1" > "$results/readme"; build/rfc-table.sh "$results/readme" "$results/source"; }
both=$'| 5321 | SMTP | partial | |\n| 7505 | null MX | yes | all |'
check "a true table of standards passes" table "$both"
check_not "a cited standard without a row is found" table '| 5321 | SMTP | partial | |'
check_not "a claim without code is found" table "$both"$'\n| 9051 | IMAP | partial | |'
check "a row of what is not there needs no code" table "$both"$'\n| 9051 | IMAP | no | |'
check_not "another word than yes, partial, no is found" table "$both"$'\n| 9051 | IMAP | soon | |'
check_not "a row that is there twice is found" table "$both"$'\n| 5321 | SMTP | no | |'
check_not "a README without table is found" table 'nothing'

finish
