#!/usr/bin/env bash
# Runs the fuzz targets for some seconds and prints how many inputs each took; an input that breaks one is kept in out/fuzz.
#   build/fuzz.sh SECONDS            inputs made by the program itself; SEED=n repeats a run
#   build/fuzz.sh SECONDS afl        by afl-fuzz (Debian's afl++, if it is installed), over an instrumented build
#   TARGETS="NAME..." for some of them; build/fuzz.sh list names all
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
engine=${2:-random}
mkdir -p out/log out/fuzz

dotnet build tests/HomeMail.Fuzz -c Release --nologo -v quiet > out/log/fuzz-build.log 2>&1 < /dev/null || { cat out/log/fuzz-build.log >&2; exit 1; }
program=tests/HomeMail.Fuzz/bin/Release/net10.0
if [ "$seconds" = list ]; then exec dotnet $program/HomeMail.Fuzz.dll list; fi

if [ "$engine" = random ]; then
    # shellcheck disable=SC2086 # names hold no white space
    exec dotnet $program/HomeMail.Fuzz.dll random --seconds "$seconds" --seed "${SEED:-$(date +%s)}" ${TARGETS:-}
fi
[ "$engine" = afl ] || { echo "fuzz: unknown engine '$engine'; allowed: random, afl" >&2; exit 2; }
command -v afl-fuzz > /dev/null || { echo "fuzz: afl-fuzz is not installed (Debian: afl++)" >&2; exit 1; }

tool=out/tools/sharpfuzz
[ -x $tool ] || dotnet tool install --tool-path out/tools SharpFuzz.CommandLine --version 2.3.0 > out/log/fuzz-tool.log 2>&1
rm -rf out/fuzz/afl
mkdir -p out/fuzz/afl
cp -r $program out/fuzz/afl/program
for library in HomeMail.Protocol HomeMail.Storage HomeMail.Server; do
    $tool out/fuzz/afl/program/$library.dll > /dev/null
done

# The program is no native one, and this machine is no fuzzing farm: afl-fuzz minds both unless told not to.
export AFL_SKIP_BIN_CHECK=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1
# shellcheck disable=SC2206
targets=(${TARGETS:-$(dotnet $program/HomeMail.Fuzz.dll list)})
each=$((seconds / ${#targets[@]}))
[ "$each" -ge 2 ] || each=2
total=0 crashed=0
for target in "${targets[@]}"; do
    work=out/fuzz/afl/$target
    dotnet $program/HomeMail.Fuzz.dll seeds "$target" "$work/seeds"
    afl-fuzz -i "$work/seeds" -o "$work/out" -m none -t 10000 -V "$each" -- dotnet out/fuzz/afl/program/HomeMail.Fuzz.dll afl "$target" > "out/log/fuzz-$target.log" 2>&1 < /dev/null || true
    stats=$work/out/default/fuzzer_stats
    [ -f "$stats" ] || { echo "$target: afl-fuzz did not run; see out/log/fuzz-$target.log"; crashed=1; continue; }
    inputs=$(awk '/^execs_done/ { print $3 }' "$stats")
    crashes=$(awk '/^saved_crashes/ { print $3 }' "$stats")
    hangs=$(awk '/^saved_hangs/ { print $3 }' "$stats")
    printf '%-16s %11d inputs, %d crashes, %d hangs\n' "$target" "$inputs" "$crashes" "$hangs"
    total=$((total + inputs))
    if [ "$crashes" != 0 ] || [ "$hangs" != 0 ]; then
        crashed=1
        cp "$work"/out/default/crashes/id* "$work"/out/default/hangs/id* out/fuzz/ 2> /dev/null || true
    fi
done
echo "$total inputs in all"
exit $crashed
