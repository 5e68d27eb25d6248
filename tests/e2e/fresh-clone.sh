#!/usr/bin/env bash
# What README promises to somebody who has just cloned: `make run` builds, starts a house and prints lines that send mail to it; the mail
# is where it says. Tests what is committed.
# needs: git make swaks
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
here=$PWD

for port in 2525 2587 2465; do
    if (exec 3<> /dev/tcp/127.0.0.1/$port) 2> /dev/null; then
        if [ "${CI:-}" = true ]; then not_ok "the demo's port $port is free"; else skip "the demo's port $port is in use"; fi
        finish
    fi
done
folder=$(mktemp -d)
at_exit "rm -rf $folder"
check "it can be cloned" git clone -q "file://$here" "$folder/homemail"
cd "$folder/homemail" || finish
expect "a clone holds nothing that was built" '' "$(find . -name bin -o -name obj -o -path ./out)"

# A session of its own, so that it can be ended as Ctrl-C ends it.
# A shell makes what it runs in the background deaf to Ctrl-C.
env --default-signal=INT setsid make run > "$folder/run" 2>&1 < /dev/null &
run=$!
at_exit "kill -KILL -- -$run 2> /dev/null; wait $run 2> /dev/null"
is_up() { answers 2525 || ! kill -0 $run; }
wait_for 600 is_up
check "make run builds and starts a house" answers 2525 || tail -n 30 "$folder/run"

# The printed lines, each run as it stands there.
mapfile -t lines < <(sed -e ':a;/\\$/{N;s/\\\n//;ba}' "$folder/run" | sed -n 's/^ *\(swaks .*\)/\1/p')
check "it prints lines to try" [ ${#lines[@]} -ge 2 ]
for line in "${lines[@]}"; do
    check "the printed line delivers: ${line:0:60}..." bash -c "$line"
done
mail=out/demo/data/mail
check "alice's message is in bob's INBOX" grep -q '^Subject: dinner?' $mail/bob/INBOX/1.eml
check "with its trace" grep -q 'with ESMTPSA id' $mail/bob/INBOX/1.eml
check "the stranger's is in both" test -f $mail/bob/INBOX/2.eml -a -f $mail/alice/INBOX/1.eml
check "as one file" [ $mail/bob/INBOX/2.eml -ef $mail/alice/INBOX/1.eml ]
expect "git does not see what was built" '' "$(git status --porcelain)"

kill -INT -- -$run
is_down() { ! answers 2525; }
check "Ctrl-C ends it" wait_for 20 is_down
[ $failed = 0 ] || tail -n 30 "$folder/run"
cd "$here" || exit 1
finish
