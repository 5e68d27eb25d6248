#!/usr/bin/env bash
# Sums the results of test runs: prints "N passed, N failed, N skipped" and fails when anything failed or nothing passed.
#   build/sum.sh FOLDER NAME...
# Each run has left FOLDER/NAME.xml (xunit's format, attributes of <assembly>) or FOLDER/NAME.count (one line: passed failed
# skipped). A run that left neither, or one that counts nothing at all, is one failure.
set -euo pipefail
folder=$1
shift
passed=0 failed=0 skipped=0

attribute() { # NAME TAG: the number, or 0
    local value
    value=$(sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<< "$2")
    echo "${value:-0}"
}

for name in "$@"; do
    p=0 f=0 s=0
    if [ -f "$folder/$name.xml" ]; then
        while read -r tag; do
            p=$((p + $(attribute passed "$tag")))
            f=$((f + $(attribute failed "$tag") + $(attribute errors "$tag")))
            s=$((s + $(attribute skipped "$tag")))
        done < <(grep -o '<assembly [^>]*>' "$folder/$name.xml" || true)
    elif [ -f "$folder/$name.count" ]; then
        read -r p f s < "$folder/$name.count" || true
        [[ "${p:-} ${f:-} ${s:-}" =~ ^[0-9]+\ [0-9]+\ [0-9]+$ ]] || p=0 f=1 s=0
    fi
    if [ $((p + f + s)) = 0 ]; then
        echo "$name: no result" >&2
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
