#!/usr/bin/env bash
# The control socket: the queue of a running server listed, held, released, retried and dropped, its status, who may ask, and what is said where
# no server answers.
# needs: swaks libnet-ssleay-perl libio-socket-ssl-perl libauthen-sasl-perl python3
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
homemail=$PWD/out/linux-x64/homemail
port=$(free_ports 3)
# Whatever goes out goes to a port where nobody listens.
house_more=$'[route:*]\nvia = smarthost:dead\n[smarthost:dead]\nhost = 127.0.0.1:1\ntls = off' house "$work/home" "$port" "$homemail" 2> /dev/null

start() {
    "$homemail" run --config "$work/home/homemail.ini" >> "$work/home/log" 2>&1 &
    server=$!
    at_exit "stop $server"
    wait_for 20 answers "$port" || { cat "$work/home/log"; not_ok "HomeMail starts"; finish; }
}

# says NAME CODE REGEX COMMAND ARGUMENT...: passes when the command ends with that code and says that.
says() {
    local name=$1 code=$2 regex=$3 got rc command=$4
    shift 4
    got=$("$homemail" "$command" --config "${config:-$work/home/homemail.ini}" "$@" 2>&1)
    rc=$?
    if [ $rc = "$code" ] && grep -qE -e "$regex" <<< "$got"; then ok "$name"; else not_ok "$name"; printf '      code %s, said: %s\n' $rc "$got"; fi
}

# field EXPRESSION: of the queue's first message, as JSON.
field() { "$homemail" queue --config "$work/home/homemail.ini" list --json | head -n 1 | python3 -c "import json, sys; m = json.loads(sys.stdin.readline()); print($1)"; }
is() { [ "$(field "$1")" = "$2" ]; }
# tried N: so many attempts have ended. One is counted a moment before it ends, and until then a retry finds it under way.
tried() { is "(m['recipients'][0]['attempts'], m['running'])" "($1, False)"; }
submit() { swaks --server 127.0.0.1:$((port + 1)) --tls --auth PLAIN --auth-user alice --auth-password alice-secret --from alice@home.example --to "$1" --header "Subject: $2" > /dev/null; }

says "no server: what, where, and what to do" 1 "does not run: nobody answers at $work/home/control for the data folder $work/home/data. Start it" queue list
start
says "an empty queue" 0 '^the queue is empty$' queue
says "status" 0 "^listens +127\.0\.0\.1:$port +smtp$" status
says "status tells memory" 0 '^memory +[0-9.]+M resident$' status
says "status as JSON ends with a result" 0 '^\{"result":"ok"\}$' status --json
says "accounts" 0 '^alice +[0-9]+ .*alice@home\.example$' account
submit bob@home.example 'for bob'
says "an account with its mailboxes" 0 'INBOX +1 message, 1 unseen' account show bob

submit carol@dead.example 'hello carol'
wait_for 10 tried 1
id=$(field "m['id']")
says "a message that cannot leave is listed" 0 "^$id +[0-9]+s +[0-9.]+k +waiting +<alice@home.example>$" queue list
says "with its recipient and the reason" 0 '<carol@dead.example> waiting, 1 attempt, next in .*: .+' queue list
says "shown with its header" 0 '^Subject +hello carol$' queue show "$id"
says "and who it comes from" 0 '^principal +account:alice$' queue show "$id"
says "status counts it" 0 '^queue +1 message, 0 held$' status
says "what became of it so far" 0 "^[-0-9]+ [:0-9]+Z $id deferred  <carol@dead.example> 127.0.0.1: 4.4.1 connection refused" log "$id"
says "also by an address" 0 "$id queued    <carol@dead.example>$" log carol@dead.example
says "what came to bob" 0 'delivered <bob@home.example> bob/INBOX, UID 1$' log bob@home.example
says "an address that nothing is known of" 1 "nothing is known of 'nobody@home.example'" log nobody@home.example
says "today's mail" 0 '^today +2 accepted, 1 deferred, 1 delivered, 1 queued' status
says "held" 0 "^$id held$" queue hold "$id"
says "status counts that" 0 '^queue +1 message, 1 held$' status
says "what is held is not tried" 1 'is held; release it' queue retry "$id"
stop $server
check_not "the socket goes with the server" [ -e "$work/home/control" ]
start
expect "held after a restart" True "$(field "m['held']")"
attempts=$(field "m['recipients'][0]['attempts']")
says "released" 0 "^$id released$" queue release "$id"
check "and tried at once" wait_for 10 tried $((attempts + 1))
says "retry of the message" 0 '^1 message tried now$' queue retry "$id"
check "is another attempt" wait_for 10 tried $((attempts + 2))
says "retry of its domain" 0 '^1 message tried now$' queue retry dead.example
check "is another attempt" wait_for 10 tried $((attempts + 3))
says "retry of all" 0 '^1 message tried now$' queue retry all
check "is another attempt" wait_for 10 tried $((attempts + 4))
says "a domain nobody waits for" 1 "no message waits for 'other.example'" queue retry other.example
says "dropped" 0 "^$id dropped$" queue drop "$id"
says "and gone" 0 '^the queue is empty$' queue list
says "a message that is not there" 1 "message $id is not in the queue" queue show "$id"
says "what is no id" 1 "'../lock' is no message id" queue drop ../lock
says "the whole story, over two starts" 0 "^[-0-9]+ [:0-9]+Z $id accepted  <alice@home.example> [0-9]+ octets from 127.0.0.1, account:alice" log "$id"
says "to the end" 0 "^[-0-9]+ [:0-9]+Z $id dropped$" log "$id"
expect "nothing of it is left in the spool" '' "$(find "$work/home/data/spool" -name "$id*")"

# Only root and the server's user are answered, by the kernel's word; others may send, and nothing else.
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work" "$work/home"
    sed "s,^password = .*,," "$work/home/homemail.ini" > "$work/public.ini"
    chmod 644 "$work/public.ini"
    cp "$homemail" "$work/homemail"
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$work/homemail" status --config "$work/public.ini" 2>&1; }
    for mode in 660 666; do
        chmod $mode "$work/home/control"
        check "another user is turned away, mode $mode" grep -q 'may not ask it' <(as_nobody)
    done
    check "which the log tells" grep -q 'control command=ping uid=65534 result=denied' "$work/home/log"
fi

mkdir "$work/other"
sed "s,^data = .*,data = $work/other," "$work/home/homemail.ini" > "$work/other.ini"
config=$work/other.ini says "the server of another data folder is not taken for ours" 1 "does not run" queue list
{ kill -9 $server; wait $server; } 2> /dev/null
says "a socket that a killed server has left is nobody" 1 'does not run' status
start
says "and is replaced" 0 '^homemail ' status
stop $server

# Where it is not told where: /run/homemail/control, or if that cannot be made the data folder.
if [ "$(id -u)" = 0 ]; then
    sed '/^socket/d' "$work/home/homemail.ini" > "$work/default.ini"
    default() {
        unshare --mount bash -c '
            . tests/e2e/harness.sh
            mount -t tmpfs -o "$4" none /run
            "$1" run --config "$2" > /dev/null 2>&1 &
            wait_for 20 answers "$3"
            "$1" status --config "$2" > /dev/null && ls /run/homemail/control "$5/data/control" 2> /dev/null
            stop $!' default "$homemail" "$work/default.ini" "$port" "$1" "$work/home"
    }
    expect "the socket's usual place" /run/homemail/control "$(default mode=755)"
    expect "and where that cannot be made" "$work/home/data/control" "$(default ro)"
fi
finish
