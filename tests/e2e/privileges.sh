#!/usr/bin/env bash
# Started as root, the published binary serves as the user of [server] user with one capability, no way to more, and its own files.
# needs: swaks openssl
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
binary=$PWD/out/linux-x64/homemail
[ "$(uname -m)" != aarch64 ] || binary=$PWD/out/linux-arm64/homemail

if [ "$(id -u)" != 0 ]; then
    skip "privileges: only root has some to give up"
    finish
fi

folder=$(mktemp -d)
at_exit "rm -rf $folder"
chmod 755 "$folder"
# Low ports, on an address of the loopback network where nothing else listens.
address=127.0.25.25
house_listen=$(printf 'smtp = %s:25\nsubmission = %s:587\nsubmissions = off' $address $address) house "$folder" 0 "$binary"
sed -i "s|^user = .*|user = mail|; s|^socket = .*|socket = $folder/run/control|" "$folder/homemail.ini"

begin() {
    "$binary" run --config "$folder/homemail.ini" > "$folder/log" 2>&1 &
    server=$!
    at_exit "stop $server"
}
ready() { grep -q ' ready ' "$folder/log"; }
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$server/status" | tr '\t' ' '; }

# Whatever is wrong is said before anything is served.
output=$("$binary" run --config "$folder/homemail.ini" 2>&1)
expect "a configuration that the user cannot read stops the start" 1 $?
check "... and says what to do" grep -q "chgrp mail $folder/homemail.ini" <<< "$output"
chgrp mail "$folder/homemail.ini"
chmod 640 "$folder/homemail.ini"
chown root "$folder/data" 2> /dev/null
output=$("$binary" run --config "$folder/homemail.ini" 2>&1)
expect "a data folder of another user stops the start" 1 $?
check "... and says what to do" grep -q "chown -R mail: $folder/data" <<< "$output"
rm -rf "$folder/data" "$folder/run"

begin
wait_for 20 ready || cat "$folder/log"
check "it serves" wait_for 20 ready
check "the log says what was given up" grep -Eq 'confined by="user mail, capability net_bind_service, no_new_privs(, landlock [0-9]+)?(, seccomp)?"' "$folder/log"
id=$(id -u mail)
expect "all user ids are the user's" "$id $id $id $id" "$(status Uid)"
id=$(id -g mail)
expect "all group ids are the user's" "$id $id $id $id" "$(status Gid)"
expect "no other group is left" "$id " "$(status Groups)"
for thread in "/proc/$server/task"/*; do
    sed -n 's/^\(CapPrm\|CapEff\|CapInh\|CapAmb\|NoNewPrivs\):[[:space:]]*/\1 /p' "$thread/status"
done | sort -u > "$folder/threads"
expect "each thread has the one capability and no way to more" \
    "$(printf 'CapAmb 0000000000000400\nCapEff 0000000000000400\nCapInh 0000000000000400\nCapPrm 0000000000000400\nNoNewPrivs 1')" "$(cat "$folder/threads")"
if grep -q seccomp "$folder/log"; then
    expect "each thread has the filters of system calls" "2 2" "$(for thread in "/proc/$server/task"/*; do
        echo "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$thread/status") $(sed -n 's/^Seccomp_filters:[[:space:]]*//p' "$thread/status")"
    done | sort -u)"
else
    skip "seccomp: this kernel has none"
fi
expect "its heap has the limit of [server] memory" DOTNET_GCHeapHardLimit=2000000 "$(tr '\0' '\n' < "/proc/$server/environ" | grep DOTNET_GCHeapHardLimit)"
expect "... and never comes to the end of its addresses, where the runtime faults" DOTNET_GCRegionRange=100000000 "$(tr '\0' '\n' < "/proc/$server/environ" | grep DOTNET_GCRegionRange)"
expect "the data folder is the user's" mail "$(stat -c %U "$folder/data")"
check_not "nobody else looks into the mail" runuser -u nobody -- test -r "$folder/data/mail"

# It does its work like this.
check "it takes a submission" swaks --server $address:587 --tls --auth-user alice --auth-password alice-secret \
    --from alice@home.example --to bob@home.example --header 'Subject: confined' --silent 3
delivered() { find "$folder/data/mail/bob" -name '*.eml' | grep -q .; }
check "and delivers" wait_for 10 delivered
check "it answers at the control socket" "$binary" status --config "$folder/homemail.ini"
# A renewed certificate is shown without anybody having to say so. Keys of the user, in a folder that the configuration names.
fingerprint() { openssl s_client -connect $address:587 -starttls smtp < /dev/null 2> /dev/null | openssl x509 -noout -fingerprint -sha256; }
renew() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$1" -subj /CN=mail.home.example \
        -keyout "$folder/tls/new.key" -out "$folder/tls/new.crt" 2> /dev/null
    chown mail "$folder/tls/new.key"
    mv "$folder/tls/new.key" "$folder/tls/key.pem"
    mv "$folder/tls/new.crt" "$folder/tls/crt.pem"
}
is_renewed() { [ "$(fingerprint)" = "$(openssl x509 -in "$folder/tls/crt.pem" -noout -fingerprint -sha256)" ]; }
stop $server
mkdir "$folder/tls"
renew 30
printf '[tls]\ncertificate = %s/tls/crt.pem\nkey = %s/tls/key.pem\n' "$folder" "$folder" >> "$folder/homemail.ini"
begin
wait_for 20 ready
check "it shows the certificate of the configuration" is_renewed
renew 60
check_not "... which is another now" is_renewed
check "... and shows the new one without being told" wait_for 20 is_renewed
kill -HUP $server
check "it reads its configuration anew" wait_for 10 grep -q ' reload what=done' "$folder/log"
stop $server
begin
check "it starts again with what is there" wait_for 20 ready
stop $server

# A user that is not there is a step that is impossible: told, and the others are taken.
sed -i 's|^user = .*|user = no-such-user|' "$folder/homemail.ini"
begin
check "without the user it serves nevertheless" wait_for 20 ready
check "... and says so" grep -q 'error confined lacks="there is no user no-such-user' "$folder/log"
expect "... without a way to more privileges" 1 "$(status NoNewPrivs)"
stop $server
finish
