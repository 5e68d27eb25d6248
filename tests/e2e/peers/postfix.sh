# Postfix, outside, with its own configuration, queue and mailboxes under $world/postfix. Sourced after world.sh; needs own_world postfix.
#
#   elsewhere.example   users aunt and uncle; others are refused at RCPT
#   slow.example        accepts everybody, then finds that there is nobody: Postfix itself sends the DSN
#   old.example         at 203.0.113.26, a server that offers no extension but ENHANCEDSTATUSCODES
# shellcheck shell=bash
old_ip=203.0.113.26
postfix_zone=('slow.example. MX 5 mx.elsewhere.example.' 'old.example. MX 5 mx.old.example.' "mx.old.example. A $old_ip")

# postfix_start [MAIN.CF-LINES]: needs the certificate of mx.elsewhere.example. The lines replace those below for the same parameters.
postfix_start() {
    user postfix 3001 postdrop
    user vmail 3010
    outside ip address add $old_ip/24 dev outside
    mkdir -p "$world"/postfix/{etc,data,queue,mail}
    chown postfix "$world/postfix/data"
    chown vmail "$world/postfix/mail"
    cat > "$world/postfix/main.cf" << CONFIG
compatibility_level = 3.6
myhostname = mx.elsewhere.example
mydestination =
myorigin = elsewhere.example
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
inet_interfaces = $outside_ip, $old_ip
smtp_bind_address = $outside_ip
queue_directory = $world/postfix/queue
data_directory = $world/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = $world/postfix/log
maillog_file_prefixes = $world
default_database_type = texthash
alias_maps =
virtual_mailbox_domains = elsewhere.example, slow.example, old.example
virtual_mailbox_base = $world/postfix/mail
virtual_mailbox_maps = inline:{ aunt@elsewhere.example=aunt/, uncle@elsewhere.example=uncle/, aunt@old.example=old/, tante-ü@elsewhere.example=tante/ }
virtual_uid_maps = static:3010
virtual_gid_maps = static:3010
smtpd_recipient_restrictions = check_recipient_access inline:{ slow.example=OK, old.example=OK }, reject_unlisted_recipient, reject_unauth_destination
smtpd_reject_unlisted_recipient = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = $world/mx.elsewhere.example.pem
smtpd_tls_key_file = $world/mx.elsewhere.example.key
smtpd_tls_received_header = yes
smtpd_tls_ask_ccert = no
smtp_tls_security_level = verify
smtp_tls_CAfile = $world/ca.pem
smtputf8_enable = yes
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
smtpd_timeout = 20s
smtp_tls_loglevel = 1
CONFIG
    # A parameter that stands there twice has each process warn of it, and too many of them keep postlogd, of which they are too, from its start.
    awk -F ' *= *' 'NR == FNR { given[$1]; next } !($1 in given)' <(printf '%s\n' "${1-}") "$world/postfix/main.cf" > "$world/postfix/etc/main.cf"
    printf '%s\n' "${1-}" >> "$world/postfix/etc/main.cf"
    local common
    common=$(cat << SERVICES
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
$outside_ip:25 inet n - n - - smtpd
$old_ip:25 inet n - n - - smtpd
    -o smtpd_discard_ehlo_keywords=pipelining,size,vrfy,etrn,starttls,auth,8bitmime,dsn,smtputf8,chunking
SERVICES
    )
    printf '%s\n%s\n' "$common" "${postfix_services-}" > "$world/postfix/etc/master.cf"
    postfix_up
}

postfix_up() {
    outside postfix -c "$world/postfix/etc" start > "$world/postfix/out" 2>&1
    wait_for 20 greets $outside_ip 25 || { cat "$world/postfix/out" "$world/postfix/log"; not_ok "Postfix starts"; finish; }
}

postfix_down() { outside postfix -c "$world/postfix/etc" stop > "$world/postfix/out" 2>&1; }

# postfix_sends ARGUMENT...: Postfix's sendmail, message on stdin.
postfix_sends() { outside sendmail -C "$world/postfix/etc" "$@"; }

# outside_has FOLDER TEXT, outside_arrives NAME FOLDER TEXT: as has and arrives, for a mailbox of Postfix.
outside_has() { message=$(grep -lsF -e "$2" "$world/postfix/mail/$1"/new/* | head -n 1) && [ -n "$message" ]; }
outside_arrives() {
    if wait_for 20 outside_has "$2" "$3"; then outside_has "$2" "$3"; ok "$1"; else not_ok "$1"; message=/dev/null; fi
}
