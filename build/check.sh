#!/usr/bin/env bash
# What can be said about the code without running it: analyzers, formatting, layering, the table of standards, what is left open,
# and whose paths stand in it.
# needs: git
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/e2e/harness.sh
mkdir -p out/log

loud() { local out; out=$("$@" 2>&1) || { echo "$out" | head -n 40 >&2; return 1; }; }

analyzers() {
    dotnet build HomeMail.sln -c Release --nologo -v minimal > out/log/analyzers.log 2>&1 ||
        { grep 'error ' out/log/analyzers.log | sort -u | head -n 40; return 1; }
    build/warnings.sh out/log/analyzers.log
}
layering() {
    dotnet tests/HomeMail.Server.Tests/bin/Release/net10.0/HomeMail.Server.Tests.dll -noLogo -noColor -class HomeMail.Server.Tests.LayeringTests
}
# grep's 1 is "nothing found"; 2 and more is trouble, and no pass.
none_of() { local found rc; found=$(git grep -nE "$@"); rc=$?; echo "$found"; [ $rc = 1 ]; }
layout() {
    local extra
    extra=$(git ls-files --cached --others --exclude-standard | cut -d/ -f1 | sort -u |
        grep -vxE 'src|tests|build|README\.md|HomeMail\.sln|Makefile|LICENSE|CHANGELOG\.md|\..*')
    echo "$extra"
    [ -z "$extra" ]
}

check "analyzers find nothing" loud analyzers
check "formatting is as .editorconfig has it" loud dotnet format HomeMail.sln --no-restore --verify-no-changes -v quiet
check "layers and other source rules hold" loud layering
check "README's table of standards is true" loud build/rfc-table.sh
check "nothing is left open" loud none_of 'TO''DO|FIX''ME|NotImplemented''Exception|\bSkip'' *=' -- src tests ':!tests/HomeMail.Server.Tests/SourceRules.cs' ':!tests/HomeMail.Server.Tests/LayeringTests.cs'
check "no path of one machine is in it" loud none_of '(^|[^.[:alnum:]])/(wo''rk|home/[a-z]+|root)/' -- src tests build Makefile .ci README.md CHANGELOG.md
check "the top level holds only what the layout names" loud layout
finish
