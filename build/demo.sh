#!/usr/bin/env bash
# A house to try: writes out/demo/homemail.ini with two accounts and high ports on loopback, tells how to send to it, and runs the
# server in the foreground until Ctrl-C. Mail stays in out/demo/data; each start makes new passwords.
#   build/demo.sh BINARY
# needs: swaks
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
folder=$PWD/out/demo
smtp=2525 submission=2587 submissions=2465 imaps=2993

# Read to its end, lest the writer be killed by a closed pipe.
new_password() { od -An -N9 -tx1 /dev/urandom | tr -d ' \n'; }
alice=$(new_password)
bob=$(new_password)

mkdir -p "$folder"
(umask 077; cat > "$folder/homemail.ini") << INI
[server]
hostname = mail.home.example
data = $folder/data
socket = $folder/control
user = $(id -un)

[listen]
smtp = 127.0.0.1:$smtp
submission = 127.0.0.1:$submission
submissions = 127.0.0.1:$submissions
imaps = 127.0.0.1:$imaps

[domain:home.example]

[account:alice]
addresses = alice@home.example
$(echo "$alice" | "$binary" passwd)

[account:bob]
addresses = bob@home.example
$(echo "$bob" | "$binary" passwd)

[alias:family@home.example]
members = alice@home.example, bob@home.example
INI

"$binary" check --config "$folder/homemail.ini"
cat << TEXT

A house to try: out/demo/homemail.ini. Accounts and their passwords, made just now:
  alice  $alice
  bob    $bob

Alice writes to bob, by submission with STARTTLS and AUTH (from another terminal):
  swaks --server 127.0.0.1:$submission --tls --auth PLAIN --auth-user alice --auth-password $alice \\
        --from alice@home.example --to bob@home.example --header 'Subject: dinner?'
A stranger writes to both, by port 25 (here $smtp):
  swaks --server 127.0.0.1:$smtp --from stranger@elsewhere.example --to family@home.example
Bob reads them over IMAP; any mail program does, on this machine, port $imaps with TLS (the certificate is self-signed):
  curl --insecure --user bob:$bob 'imaps://127.0.0.1:$imaps/INBOX;MAILINDEX=1'
The messages are files:
  ls out/demo/data/mail/bob/INBOX/ out/demo/data/mail/alice/INBOX/

Ctrl-C ends the server.

TEXT
exec "$binary" run --config "$folder/homemail.ini"
