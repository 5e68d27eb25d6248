#!/usr/bin/env bash
# Fails when a build log holds a warning of the compiler (CS), the trimming and AOT analysis (IL), an analyzer (CA, IDE, xUnit)
# or MSBuild's own (MSB, NETSDK, NU). The C compiler's warnings about the runtime's shim do not count: it is not ours.
#   build/warnings.sh LOG...
set -euo pipefail
found=$(grep -hE 'warning (CS|IL|CA|IDE|xUnit|MSB|NETSDK|NU)[0-9]+' "$@" | sort -u || true)
[ -z "$found" ] && exit 0
echo "$found" >&2
echo "$(wc -l <<< "$found") warnings; none is allowed" >&2
exit 1
