#!/usr/bin/env bash
# HomeMail's IMAP beside Debian's Dovecot, in one run, on the same message files: a mailbox of many messages, read over TLS.
#   build/bench-imap.sh                  writes out/bench/imap.md
#   MESSAGES=10000 CONNECTIONS=100 ...   smaller; HOMEMAIL=PROGRAM another program than out/<RID>/homemail
# needs: dovecot-imapd python3 openssl
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/e2e/harness.sh
homemail=${HOMEMAIL:-$PWD/out/linux-x64/homemail}
[ "$(uname -m)" != aarch64 ] || homemail=${HOMEMAIL:-$PWD/out/linux-arm64/homemail}
messages=${MESSAGES:-100000}
[ "$(id -u)" = 0 ] || { echo "bench-imap: Dovecot wants to be started as root" >&2; exit 2; }
work=$(mktemp -d)
at_exit 'rm -rf "$work"'
# Dovecot's reader is another user.
chmod 755 "$work"
port=$(free_ports 3)
imaps=$((port + 1)) dovecot=$((port + 2))

echo "== $messages messages"
python3 build/bench-imap.py make "$work" "$messages"

house_more=$'[limits]\nconnections = 2000\nconnections-per-address = 2000' house_listen=$(printf 'smtp = 127.0.0.1:%d\nsubmission = off\nsubmissions = off' "$port") house "$work/home" "$port" "$homemail" 2> /dev/null
sed -i "s/^imaps = off/imaps = 127.0.0.1:$imaps/" "$work/home/homemail.ini"
mkdir -p "$work/home/data/mail/alice"
mv "$work/homemail" "$work/home/data/mail/alice/INBOX"
serve() {
    "$homemail" run --config "$work/home/homemail.ini" >> "$work/home/log" 2>&1 &
    server=$!
    wait_for 20 answers "$port" || { cat "$work/home/log"; exit 1; }
}
at_exit 'stop $server'
# Files that nobody knows are taken up when the mailbox is opened for the first time; that is not what is measured.
serve
python3 build/bench-imap.py open "$imaps"
stop $server
serve

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.home.example -keyout "$work/key.pem" -out "$work/cert.pem" 2> /dev/null
mkdir "$work/dovecot"
cat > "$work/dovecot.conf" << CONF
protocols = imap
listen = 127.0.0.1
base_dir = $work/dovecot
log_path = $work/dovecot.log
mail_location = maildir:$work/maildir
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 2000
ssl = required
ssl_cert = <$work/cert.pem
ssl_key = <$work/key.pem
passdb {
  driver = static
  args = password=alice-secret
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$work/dovecot-home
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $dovecot
    ssl = yes
  }
  process_min_avail = 0
  service_count = 0
  client_limit = 2000
}
service imap {
  process_limit = 2000
  client_limit = 1
}
default_client_limit = 4000
default_process_limit = 2000
CONF
mkdir -p "$work/dovecot-home"
chown -R mail:mail "$work/dovecot-home" "$work/maildir"
dovecot -F -c "$work/dovecot.conf" > "$work/dovecot.out" 2>&1 &
dovecot_master=$!
at_exit 'stop $dovecot_master'
listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
wait_for 20 listens "$dovecot" || { cat "$work/dovecot.out" "$work/dovecot.log"; exit 1; }

python3 build/bench-imap.py open "$dovecot"

mkdir -p out/bench
python3 build/bench-imap.py run "$imaps" "$server" "$dovecot" "$dovecot_master" "$messages" "${CONNECTIONS:-500}" > out/bench/imap.md || { tail "$work/dovecot.log"; tail "$work/home/log"; exit 1; }
cat out/bench/imap.md
du -sh "$work/home/data/mail/alice/INBOX/".[a-z]* "$work/maildir"/dovecot* 2> /dev/null
