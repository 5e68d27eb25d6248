# What the shell tests share; sourced, not run. A test names its Debian packages in a line `# needs: PACKAGE...`, sources this,
# calls check, check_not, expect or skip for each thing it looks at, and ends with `finish`, which writes "passed failed
# skipped" to the file that RESULT names. Nothing waits for a fixed time: wait_for asks until it is so, or a deadline has passed.
# shellcheck shell=bash
passed=0 failed=0 skipped=0
cleanups=()

# at_exit COMMAND: run when the test ends, however it ends; the last one given first.
at_exit() { cleanups=("$1" "${cleanups[@]}"); }
clean_up() { local command; for command in "${cleanups[@]}"; do eval "$command"; done; }
trap clean_up EXIT
trap 'exit 1' INT TERM

ok() { passed=$((passed + 1)); echo "ok    $1"; }
not_ok() { failed=$((failed + 1)); echo "FAIL  $1"; }
skip() { skipped=$((skipped + 1)); echo "skip  $1"; }

# check NAME COMMAND...: passes when the command succeeds. check_not: when it fails.
check() { local name=$1; shift; if "$@" > /dev/null; then ok "$name"; else not_ok "$name"; fi; }
check_not() { local name=$1; shift; if "$@" > /dev/null; then not_ok "$name"; else ok "$name"; fi; }

# expect NAME WANTED GOT: passes when both are the same text.
expect() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1"; printf '      wanted: %s\n      got:    %s\n' "$2" "$3"; fi; }

# wait_for SECONDS COMMAND...: asks about 20 times a second until the command succeeds; fails after that many seconds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

# answers PORT: whether something on that port of 127.0.0.1 greets with 220.
answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1" && read -r -t 5 line <&3 && [[ $line == 220* ]]) 2> /dev/null; }

# free_ports COUNT: prints the first of that many neighbouring ports of 127.0.0.1 on which nothing answers.
free_ports() {
    local first port
    while :; do
        first=$((20000 + RANDOM % 12000))
        for ((port = first; port < first + $1; port++)); do
            (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && continue 2
        done
        echo "$first"
        return
    done
}

# house FOLDER PORT HOMEMAIL...: writes FOLDER/homemail.ini for the house home.example with the accounts alice and bob, whose
# passwords are "NAME-secret"; smtp, submission and submissions are PORT, PORT+1 and PORT+2 of 127.0.0.1. HOMEMAIL is how to call
# the program. Variables for one call: house_server, house_listen (instead of those ports) and house_more hold lines for [server],
# [listen], and after everything else.
house() {
    local folder=$1 port=$2 name
    shift 2
    mkdir -p "$folder"
    # It holds secrets.
    (umask 077; : > "$folder/homemail.ini")
    {
        printf '[server]\nhostname = mail.home.example\ndata = %s/data\nsocket = %s/control\nuser = %s\n' "$folder" "$folder" "$(id -un)"
        printf '%s\n' "${house_server-}"
        printf '[listen]\nimaps = off\n'
        printf '%s\n' "${house_listen-$(printf 'smtp = 127.0.0.1:%d\nsubmission = 127.0.0.1:%d\nsubmissions = 127.0.0.1:%d' "$port" $((port + 1)) $((port + 2)))}"
        printf '[domain:home.example]\n'
        for name in alice bob; do
            printf '[account:%s]\naddresses = %s@home.example\n' "$name" "$name"
            echo "$name-secret" | "$@" passwd
        done
        # Tests cannot wait for a second attempt, nor for the reply to a first one.
        printf '[policy]\ngreylist = off\nfirst-time-delay = off\n'
        printf '%s\n' "${house_more-}"
    } > "$folder/homemail.ini"
}

# imaps_house FOLDER PORT HOMEMAIL: such a house for mail programs that verify certificates: smtp, imaps and submissions are PORT, PORT+1 and
# PORT+2; FOLDER/ca.pem is the authority of its certificate for localhost, and FOLDER/home/homemail.ini its configuration.
imaps_house() {
    local folder=$1 port=$2 homemail=$3
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test authority' -keyout "$folder/ca.key" -out "$folder/ca.pem" 2> /dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$folder/key.pem" -out "$folder/csr.pem" 2> /dev/null
    openssl x509 -req -in "$folder/csr.pem" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -days 2 -out "$folder/cert.pem" \
        -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n') 2> /dev/null
    house_listen=$(printf 'smtp = 127.0.0.1:%d\nsubmission = off\nsubmissions = 127.0.0.1:%d' "$port" $((port + 2))) \
        house_more=$(printf '[tls]\ncertificate = %s\nkey = %s' "$folder/cert.pem" "$folder/key.pem") house "$folder/home" "$port" "$homemail" 2> /dev/null
    sed -i "s/^imaps = off/imaps = 127.0.0.1:$((port + 1))/" "$folder/home/homemail.ini"
}

# stop PID: asks a process that this test started to end, and waits until it has.
stop() { kill "$1" 2> /dev/null; wait "$1" 2> /dev/null; return 0; }

finish() {
    [ -z "${RESULT:-}" ] || echo "$passed $failed $skipped" > "$RESULT"
    echo "      $passed ok, $failed FAIL, $skipped skip"
    [ $failed = 0 ]
    exit
}
