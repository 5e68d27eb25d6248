#!/usr/bin/env bash
# Builds the test programs and both binaries once, runs every test, and sums up in out/test/summary.
#   build/test.sh            everything
#   build/test.sh NAME...    only these runs, e.g. HomeMail.Server.Tests e2e-arm64; see the list below
# Runs: each tests/*.Tests program, build/selftest.sh, build/check.sh, build/budget.sh and each tests/e2e/*.sh (as e2e-NAME) and
# tests/lab/*.sh (as lab-NAME). A script finds in RESULT the file to write "passed failed skipped" to.
set -uo pipefail
cd "$(dirname "$0")/.."
limit=${LIMIT:-900} # seconds for one run

all=()
for project in tests/*.Tests; do all+=("$(basename "$project")"); done
for script in selftest check budget; do [ -f build/$script.sh ] && all+=($script); done
for script in tests/e2e/*.sh; do
    [ -f "$script" ] && [ "$script" != tests/e2e/harness.sh ] && all+=("e2e-$(basename "$script" .sh)")
done
for script in tests/lab/*.sh; do all+=("lab-$(basename "$script" .sh)"); done
runs=("$@")
[ $# -gt 0 ] || runs=("${all[@]}")
for name in "${runs[@]}"; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "test: no run '$name'; there are: ${all[*]}" >&2; exit 2; }
done

rm -rf out/test
mkdir -p out/test out/log

# Whoever sees only the end of a long output is told there what went wrong.
failures() {
    local name found
    for name in "${runs[@]}"; do
        build/sum.sh out/test "$name" > /dev/null 2>&1 && continue
        echo "   $name"
        found=$(grep -E '^FAIL |\[FAIL\]|exit code' "out/log/$name.log" 2> /dev/null | head -n 20)
        sed 's/^/      /' <<< "${found:-$(tail -n 5 "out/log/$name.log" 2> /dev/null)}"
    done
}

finish() {
    build/sum.sh out/test "${runs[@]}" > out/test/summary
    local rc=$?
    [ "$rc" = 0 ] || { echo "== what failed"; failures; }
    [ "$rc" = 0 ] || [ -s out/test/summary ] || echo "0 passed, 1 failed, 0 skipped" > out/test/summary
    exit $rc
}

echo "== build"
dotnet build HomeMail.sln -c Release --nologo -v minimal > out/log/build.log 2>&1 < /dev/null || {
    grep -E 'error ' out/log/build.log | sort -u | head -n 40
    echo "test: the build failed; the whole log is out/log/build.log"
    finish
}
build/warnings.sh out/log/build.log || finish
build/publish.sh linux-x64 < /dev/null || finish
build/publish.sh linux-arm64 < /dev/null || finish

for name in "${runs[@]}"; do
    echo "== $name"
    started=$SECONDS
    case $name in
        HomeMail.*) timeout -k 10 "$limit" dotnet "tests/$name/bin/Release/net10.0/$name.dll" -noLogo -noColor -showLiveOutput -result-xml "out/test/$name.xml" ;;
        e2e-*) RESULT="$PWD/out/test/$name.count" timeout -k 10 "$limit" bash "tests/e2e/${name#e2e-}.sh" ;;
        lab-*) RESULT="$PWD/out/test/$name.count" timeout -k 10 "$limit" bash "tests/lab/${name#lab-}.sh" ;;
        *) RESULT="$PWD/out/test/$name.count" timeout -k 10 "$limit" bash "build/$name.sh" ;;
    esac < /dev/null > "out/log/$name.log" 2>&1
    rc=$?
    cat "out/log/$name.log"
    # A run that broke off after it had written its result is a failure all the same.
    if [ $rc != 0 ] && build/sum.sh out/test "$name" > /dev/null 2>&1; then
        echo "$name: exit code $rc, but its result tells of no failure"
        rm -f "out/test/$name".{xml,count}
    fi
    echo "   $((SECONDS - started)) s"
done
finish
