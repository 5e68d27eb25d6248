#!/usr/bin/env bash
# Measures what the published program costs and compares it with build/budgets.txt; fails when anything is over.
#   build/budget.sh [BUDGETS]
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/e2e/harness.sh
budgets=${1:-build/budgets.txt}

measure() { # NAME: prints the number
    case $1 in
        binary-size-*) stat -c %s "out/${1#binary-size-}/homemail" ;;
        *) return 1 ;;
    esac
}

while read -r name most unit _; do
    case $name in '' | '#'*) continue ;; esac
    value=$(measure "$name" 2> /dev/null)
    if [[ ! $most =~ ^[0-9]+$ ]]; then
        not_ok "$name: '$most' is no number"
    elif [[ ! $value =~ ^[0-9]+$ ]]; then
        not_ok "$name: could not be measured"
    elif [ "$value" -gt "$most" ]; then
        not_ok "$name: $value $unit, $most at most"
    else
        ok "$name: $value $unit, $most at most"
    fi
done < "$budgets"
finish
