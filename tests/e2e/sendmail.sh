#!/usr/bin/env bash
# The binary as /usr/sbin/sendmail, mailq and newaliases: cron, git send-email, mutt, mail and scripts send through it, as root and as other users, with the
# server running and without; who may send as whom; and what was left while the server was down arrives once.
# needs: git mutt
set -uo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/harness.sh
. tests/e2e/peers/world.sh
own_world bsd-mailx git-email libmailtools-perl
zone 'dead.example. MX 0 mail.dead.example.' 'mail.dead.example. A 203.0.113.99'

binary=$PWD/out/linux-x64/homemail
cp "$binary" "$world/homemail"
mkdir -p /run/homemail /usr/sbin
for name in /usr/sbin/sendmail /usr/bin/mailq /usr/bin/newaliases /usr/lib/sendmail; do
    rm -f $name
    ln -s "$world/homemail" $name
done
user mail 8
user tester 1234
user other 1235
mkdir -p /var/lib/homemail /etc/homemail
# The house as a package would install it: everything where it is by default.
house "$world/home" 25 "$binary" 2> /dev/null
sed -e 's,^data = .*,data = /var/lib/homemail,; /^socket = /d; s/^user = .*/user = mail/' \
    -e "s/^addresses = alice@home.example/&\nlocal-users = tester/" "$world/home/homemail.ini" > /etc/homemail/homemail.ini
printf '[route:*]\nvia = smarthost:dead\n[smarthost:dead]\nhost = 127.0.0.1:1\ntls = off\n' >> /etc/homemail/homemail.ini
chmod 640 /etc/homemail/homemail.ini
chgrp mail /etc/homemail/homemail.ini
chown mail:mail /var/lib/homemail /run/homemail

start() {
    "$world/homemail" run >> "$world/log" 2>&1 &
    server=$!
    at_exit "stop $server"
    wait_for 20 greets 127.0.0.1 25 || { cat "$world/log"; not_ok "HomeMail starts"; finish; }
}
# as USER COMMAND...: runs it as that user.
as() {
    local id
    id=$(id -u "$1")
    shift
    setpriv --reuid "$id" --regid "$id" --clear-groups env HOME=/tmp "$@"
}
inbox() { echo "/var/lib/homemail/mail/$1/INBOX"; }
# code NAME WANTED COMMAND...: checks the exit code; what it said is in $world/said.
code() {
    local name=$1 wanted=$2 got
    shift 2
    "$@" > "$world/said" 2>&1
    got=$?
    expect "$name" "$wanted" "$got"
    [ "$wanted" = "$got" ] || sed 's/^/      /' "$world/said"
}
count() { grep -lsF -e "$2" "$(inbox "$1")"/*.eml | wc -l; }
header() { sed -e '/^\r\?$/q' -e 's/\r$//' "$message" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g'; }
field() { check "$1" grep -qE "$2" <(header); }

start
# Scripts
code "newaliases has nothing to do" 0 newaliases
code "mailq of an empty queue" 0 mailq
check "... says so" grep -qx 'Mail queue is empty' "$world/said"
code "sendmail without a recipient" 64 sendmail < /dev/null
code "an option that is not there" 64 sendmail -Z x < /dev/null
printf 'Subject: from root\n\nfirst\n.\nnever seen\n' | sendmail root
arrives "root's mail comes to whoever keeps the machine" alice first
field "from root at the hostname" '^From: root@mail\.home\.example$'
field "by no protocol" '^Received: from localhost \(a user of this machine\) by mail\.home\.example \(HomeMail\) id [0-9a-z]+ for '
check_not "a dot alone ends it" has alice 'never seen'
printf 'Subject: dots\n\nsecond\n.\nbehind the dot\n' | sendmail -i bob@home.example
arrives "but not with -i" bob 'behind the dot'
printf 'To: bob@home.example\nBcc: alice@home.example\nSubject: by header\n\nthird\n' | sendmail -t -oi -F 'The Root'
arrives "recipients of the header" bob third
field "with the name of -F" '^From: "The Root" <root@mail\.home\.example>$'
check_not "... which does not tell of Bcc" grep -qi '^bcc' <(header)
arrives "... who has it too" alice third
head -c 3000000 /dev/urandom | base64 > "$world/large"
{ printf 'Subject: large\n\nfourth\n'; cat "$world/large"; } | sendmail -i bob@home.example
arrives "a large message" bob fourth
check "is whole" cmp -s "$world/large" <(sed -e '1,/^fourth/d' -e 's/\r$//' "$message")
code "a user that is not here" 67 sendmail -i nobody@home.example <<< $'Subject: x\n\nx'
check "... is told with the address" grep -q 'nobody@home.example: 550 5.1.1' "$world/said"
code "another's address with -f" 77 sendmail -f bob@home.example bob@home.example <<< $'Subject: x\n\nx'
code "another's address in From" 77 sendmail bob@home.example <<< $'From: alice@home.example\n\nx'
sendmail -f '' bob@home.example <<< $'Subject: x\n\nfifth'
arrives "the null reverse-path" bob fifth
expect "... is in the file" 'Return-Path: <>' "$(head -n 1 "$message" | tr -d '\r')"
sendmail -bs > "$world/said" <<< $'EHLO x\r\nMAIL FROM:<root@mail.home.example>\r\nRCPT TO:<bob@home.example>\r\nDATA\r\nSubject: x\r\nFrom: root@mail.home.example\r\n\r\nsixth\r\n.\r\nQUIT\r'
check "-bs speaks SMTP" grep -q '^250 2.6.0 Accepted as' "$world/said"
arrives "... and it arrives" bob sixth

# Other users
# shellcheck disable=SC2024 # the file is this user's
as other sendmail bob@home.example <<< $'Subject: x\n\nseventh'
arrives "another user sends" bob seventh
field "... as itself" '^From: other@mail\.home\.example$'
code "... and as nobody else" 77 as other sendmail -f root bob@home.example <<< $'Subject: x\n\nx'
as tester sendmail -f alice@home.example bob@home.example <<< $'From: Alice <alice@home.example>\nSubject: x\n\neighth'
arrives "a user that the configuration gives an account sends as that" bob eighth
code "... and as no other" 77 as tester sendmail -f bob@home.example bob@home.example <<< $'Subject: x\n\nx'
sendmail tester <<< $'Subject: x\n\nninth'
arrives "... and has its mail" alice ninth
code "another user may not look into the queue" 77 as other mailq
check "... nor ask for anything else" grep -q 'may not ask\|may not be read' <(as other "$world/homemail" status 2>&1)

# Programs
export HOME=$world/root
mkdir -p "$HOME"
bsd-mailx -s 'by mailx' bob@home.example <<< 'tenth'
arrives "mail of bsd-mailx" bob tenth
field "... with its subject" '^Subject: by mailx$'
mutt -n -F /dev/null -e 'set sendmail="/usr/sbin/sendmail -oem -oi" realname="Root" hostname=mail.home.example copy=no' -s 'by mutt' bob@home.example <<< 'eleventh'
arrives "mutt" bob eleventh
git init -q "$world/git"
(
    cd "$world/git" || exit
    git -c user.name=Root -c user.email=root@mail.home.example commit -q --allow-empty -m 'twelfth of them'
    echo x > x && git add x && git -c user.name=Root -c user.email=root@mail.home.example commit -q -m 'add the twelfth file'
    git -c user.name=Root -c user.email=root@mail.home.example -c sendemail.smtpserver=/usr/sbin/sendmail send-email --quiet --confirm=never \
        --from 'Root <root@mail.home.example>' --to bob@home.example -1 > "$world/git.out" 2>&1 || cat "$world/git.out"
)
arrives "git send-email" bob 'add the twelfth file'
# As Debian's cron calls it; whoever waits for its clock waits a minute.
{ printf 'From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> echo thirteenth\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nX-Cron-Env: <LOGNAME=root>\n\nthirteenth\n'; } |
    sendmail -FCronDaemon -i -B8BITMIME -oem root
arrives "cron" alice thirteenth
field "... in whose name it is" '^From: root@mail\.home\.example \(Cron Daemon\)$'
field "... and for whom" '^To: root@mail\.home\.example$'

# The queue
sendmail aunt@dead.example <<< $'Subject: x\n\nfourteenth'
code "mailq lists" 0 mailq
check "... what waits, as Postfix does" grep -qE '^[0-9a-z]{14}[ *!] +[0-9]+ [A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ]{2} [0-9:]{8}  root@mail\.home\.example$' "$world/said"
check "... for whom" grep -qE '^ {41}aunt@dead\.example$' "$world/said"
check "... and sums up" grep -qE '^-- [0-9]+ Kbytes in 1 Request\.$' "$world/said"
code "sendmail -q" 0 sendmail -q

# Without the server
stop $server
code "mailq without the server" 69 mailq
code "newaliases without the server" 0 newaliases
code "-bs without the server" 75 sendmail -bs < /dev/null
check "... says why" grep -q '^421 4.3.2 ' "$world/said"
code "a message without the server" 0 sendmail -t <<< $'To: bob@home.example\nSubject: x\n\nfifteenth'
code "another user's" 0 as other sendmail -F Other bob@home.example <<< $'Subject: x\n\nsixteenth'
code "one that will be refused" 0 as other sendmail -f root@mail.home.example bob@home.example <<< $'Subject: x\n\nseventeenth'
expect "three files wait" 3 "$(find /var/lib/homemail/drop -name '*.mail' | wc -l)"
code "others do not see them" 2 as other ls /var/lib/homemail/drop
check_not "nor the mail" as other ls /var/lib/homemail
check_not "nor what is learned" as other cat /var/lib/homemail/state.db
start
arrives "root's arrives when it is back" bob fifteenth
arrives "the other user's too" bob sixteenth
field "... in its name" '^From: "Other" <other@mail\.home\.example>$'
arrives "what is refused comes back to postmaster" alice 'could not be sent'
check "nothing waits any more" wait_for 10 test -z "$(find /var/lib/homemail/drop -name '*.mail')"
expect "each is there once" '1 1 0' "$(count bob fifteenth) $(count bob sixteenth) $(count bob seventeenth)"
stop $server
rm -rf /var/lib/homemail/drop
code "with nowhere to leave it, the caller keeps it" 75 as other sendmail bob@home.example <<< $'Subject: x\n\nx'
finish
