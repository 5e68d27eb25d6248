# The mail servers that are measured: each durable, each with its package's own settings but for what is said here. Sourced by bench.sh, in a
# world of its own. Every peer delivers home.example's user0 to user9 into Maildirs (HomeMail: into its mailboxes) on the same disk, listens
# for mail at 127.0.0.1, sends what is for far.example to that domain's MX, and runs in a group of processes that is measured as one.
# What each is called, where it listens and keeps mail is told to measure.py by `tell`.
#   port, submission, starttls   where it listens, and where it does STARTTLS
#   groups, mail                 the groups of its processes; the folders of its mailboxes
#   hold, flush, relays          before a queue is filled, to drain it, whether that is filled by plain SMTP or by submission
#   holds                        the most messages that it has in its queue at once
#   refresh                      what takes away processes that are left from many connections
# shellcheck shell=bash disable=SC2034,SC2154

users=(user{0..9})

# grouped NAME COMMAND...: runs it in the group NAME; what it starts is in it too.
grouped() {
    local name=$1 group
    shift
    for group in /sys/fs/cgroup/cpuacct /sys/fs/cgroup; do
        [ -e "$group/cgroup.procs" ] || continue
        mkdir -p "$group/homemail-bench-$name" && echo "$BASHPID" > "$group/homemail-bench-$name/cgroup.procs" && break
    done
    exec "$@"
}
# Groups are this machine's, not this world's: they are taken away at the end, when nobody is in them.
ungroup() {
    local group
    for group in /sys/fs/cgroup/cpuacct/homemail-bench-* /sys/fs/cgroup/homemail-bench-*; do
        [ ! -d "$group" ] || rmdir "$group" 2> /dev/null
    done
}

# tell KEY=VALUE...: a line about the peer that was just started.
tell() { printf '%s\t' "$@" >> "$disk/peers"; echo >> "$disk/peers"; }

maildirs() { local user; for user in "${users[@]}"; do mkdir -p "$1/$user/Maildir"/{new,cur,tmp}; done; chown -R vmail:vmail "$1"; }

# Postfix's manual names these for more than its hundred processes; nothing else is changed that concerns speed.
postfix_config() { # FOLDER PORT SUBMISSION-PORT TRANSPORT
    local folder=$1 port=$2 submission=$3
    mkdir -p "$folder"/{etc,data,queue,mail}
    chown postfix "$folder/data"
    maildirs "$folder/mail"
    cat > "$folder/etc/main.cf" << CONFIG
compatibility_level = 3.6
myhostname = mail.home.example
mydestination =
myorigin = home.example
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
queue_directory = $folder/queue
data_directory = $folder/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = $folder/log
maillog_file_prefixes = $disk
default_database_type = texthash
alias_maps =
message_size_limit = 30000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = home.example
virtual_mailbox_base = $folder/mail
virtual_mailbox_maps = inline:{ $(for user in "${users[@]}"; do printf '%s@home.example=%s/Maildir/ ' "$user" "$user"; done) }
virtual_uid_maps = static:3010
virtual_gid_maps = static:3010
smtpd_client_connection_count_limit = 0
default_process_limit = 150
smtpd_tls_security_level = may
smtpd_tls_cert_file = $world/mail.home.example.pem
smtpd_tls_key_file = $world/mail.home.example.key
smtp_tls_security_level = none
smtpd_sasl_type = dovecot
smtpd_sasl_path = $disk/dovecot/auth
$4
CONFIG
    sed "s/^smtp  *inet .*/127.0.0.1:$port inet n - n - 1100 smtpd\n127.0.0.1:$submission inet n - n - - smtpd\n -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_milters=inet:127.0.0.1:2600/" \
        /usr/share/postfix/master.cf.dist | sed -E 's/^([a-z]+ +(inet|unix|fifo) +[-yn] +[-yn] +)y/\1n/' > "$folder/etc/master.cf"
    postlog_entry=$(grep -c '^postlog' "$folder/etc/master.cf")
    [ "$postlog_entry" -gt 0 ] || echo 'postlog unix-dgram n - n - 1 postlogd' >> "$folder/etc/master.cf"
}

opendkim_start() {
    user opendkim 3020
    mkdir -p "$disk/opendkim"
    openssl genrsa -out "$disk/opendkim/key" 2048 2> /dev/null
    chown -R opendkim "$disk/opendkim"
    chmod 600 "$disk/opendkim/key"
    cat > "$disk/opendkim/conf" << CONFIG
Syslog no
UserID opendkim
Socket inet:2600@127.0.0.1
Domain home.example
Selector bench
KeyFile $disk/opendkim/key
Mode s
MacroList auth_type
CONFIG
    (grouped "$1" opendkim -f -x "$disk/opendkim/conf" > "$disk/opendkim/log" 2>&1) &
}

dovecot_start() { # the LMTP server and the passwords for those who have none of their own; each user of it is measured with it
    user dovecot 3021
    user dovenull 3022
    mkdir -p "$disk/dovecot"
    cat > "$disk/dovecot.conf" << CONFIG
protocols = lmtp
base_dir = $disk/dovecot/run
log_path = $disk/dovecot/log
ssl = no
mail_location = maildir:$disk/dovecot/mail/%n/Maildir
auth_username_format = %n
postmaster_address = postmaster@home.example
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = password=bench-secret
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=$disk/dovecot/mail/%n
}
service auth {
  unix_listener $disk/dovecot/auth {
    mode = 0666
  }
}
# chasquid starts a delivery for each message in its queue at once.
service lmtp {
  process_limit = 200
  unix_listener $disk/dovecot/lmtp {
    mode = 0666
  }
}
CONFIG
    maildirs "$disk/dovecot/mail"
    (grouped dovecot dovecot -F -c "$disk/dovecot.conf" > "$disk/dovecot/out" 2>&1) &
    wait_for 20 test -S "$disk/dovecot/lmtp" || { cat "$disk/dovecot/log"; return 1; }
}

postfix_start_at() { # NAME FOLDER PORT: Postfix makes its processes' group from that of who starts it
    (grouped "$1" postfix -c "$2/etc" start-fg > "$2/out" 2>&1) &
    wait_for 20 answers "$3" || { cat "$2/out" "$2/log"; return 1; }
}

peer_postfix() {
    postfix_config "$disk/postfix" 2501 2502 "virtual_transport = virtual"
    opendkim_start postfix
    postfix_start_at postfix "$disk/postfix" 2501
    tell name=postfix "title=Postfix, virtual(8)" port=2501 submission=2502 starttls=2501 groups=postfix "mail=$disk/postfix/mail/*/Maildir/new" \
        "flush=postqueue -c $disk/postfix/etc -f" relays=plain "refresh=postfix -c $disk/postfix/etc reload"
}

peer_postfix_dovecot() {
    postfix_config "$disk/postfix-dovecot" 2511 2512 "virtual_transport = lmtp:unix:$disk/dovecot/lmtp"
    postfix_start_at postfix-dovecot "$disk/postfix-dovecot" 2511
    tell name=postfix-dovecot "title=Postfix, Dovecot LMTP" port=2511 starttls=2511 groups=postfix-dovecot,dovecot "mail=$disk/dovecot/mail/*/Maildir/new" \
        "refresh=postfix -c $disk/postfix-dovecot/etc reload"
}

peer_exim() {
    user Debian-exim 3002
    local folder=$disk/exim
    mkdir -p "$folder"/{spool,log,mail} /etc/exim4
    chown Debian-exim "$folder/spool" "$folder/log"
    maildirs "$folder/mail"
    cp "$world/mail.home.example.key" "$folder/key"
    openssl genrsa -out "$folder/dkim" 2048 2> /dev/null
    chown Debian-exim "$folder/key" "$folder/dkim"
    cat > /etc/exim4/exim4.conf << CONFIG
primary_hostname = mail.home.example
domainlist local = home.example
local_interfaces = <; 127.0.0.1.2521 ; 127.0.0.1.2522
daemon_smtp_ports = 2521
spool_directory = $folder/spool
log_file_path = $folder/log/%slog
tls_advertise_hosts = *
tls_certificate = $world/mail.home.example.pem
tls_privatekey = $folder/key
rfc1413_hosts = :
message_size_limit = 30M
keep_environment =
# The defaults let 20 in at once, and queue what comes after ten messages of a connection for the next queue run.
smtp_accept_max = 1100
smtp_accept_queue_per_connection = 0
recipients_max = 100
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept hosts = 127.0.0.1
  accept authenticated = *
  deny

begin routers
local:
  driver = accept
  domains = +local
  local_parts = $(IFS=:; echo "${users[*]}")
  transport = maildir
mx:
  driver = dnslookup
  domains = ! +local
  transport = mx

begin transports
maildir:
  driver = appendfile
  directory = $folder/mail/\$local_part_data/Maildir
  maildir_format
  create_directory
  user = vmail
mx:
  driver = smtp
  dkim_domain = home.example
  dkim_selector = bench
  dkim_private_key = $folder/dkim
  hosts_avoid_tls = *

begin retry
*  *  F,2h,15m; G,16h,1h,1.5; F,4d,6h

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{\$auth3}{bench-secret}}
  server_set_id = \$auth2
  server_advertise_condition = \${if def:tls_in_cipher}
CONFIG
    (grouped exim exim4 -bdf -q1m > "$folder/out" 2>&1) &
    wait_for 20 answers 2521 || { cat "$folder"/out "$folder"/log/*; return 1; }
    tell name=exim "title=Exim" port=2521 submission=2522 starttls=2521 groups=exim "mail=$folder/mail/*/Maildir/new" "flush=exim4 -qff" relays=plain
}

# Each of the house is a user of the system, as the manual has it: seven deliveries to one user are made at once, fifty for all together.
# Debian's build cannot do TLS as a server: made for an older OpenSSL, it says "missing private key" with RSA and elliptic curves alike.
peer_opensmtpd() {
    local folder=$disk/opensmtpd user
    user opensmtpd 3003
    user opensmtpq 3004
    # dpkg does so when it installs it.
    chgrp opensmtpq /usr/sbin/smtpctl && chmod 2755 /usr/sbin/smtpctl
    mkdir -p "$folder"/{mail,spool} /var/spool/smtpd /var/lib/opensmtpd/empty
    mount --bind "$folder/spool" /var/spool/smtpd
    chmod 711 /var/spool/smtpd
    maildirs "$folder/mail"
    for user in "${users[@]}"; do echo "$user:x:3010:3010::$folder/mail/$user:/usr/sbin/nologin" >> /etc/passwd; done
    echo mail.home.example > /etc/mailname
    cat > "$folder/smtpd.conf" << CONFIG
smtp max-message-size 30M
smtp limit max-mails 1000000
# By default there is one new connection in five seconds, with a hundred messages.
mta limit conn-delay-route 0 conn-delay-relay 0
listen on 127.0.0.1 port 2531 hostname mail.home.example
action "in" maildir "$folder/mail/%{rcpt.user}/Maildir"
action "out" relay helo mail.home.example
match from any for domain "home.example" action "in"
match from any for any action "out"
CONFIG
    (grouped opensmtpd smtpd -d -f "$folder/smtpd.conf" > "$folder/log" 2>&1) &
    wait_for 20 answers 2531 || { cat "$folder/log"; return 1; }
    tell name=opensmtpd "title=OpenSMTPD" port=2531 groups=opensmtpd "mail=$folder/mail/*/Maildir/new" "hold=smtpctl pause mta" "flush=smtpctl resume mta" relays=plain
}

peer_chasquid() {
    user chasquid 3005
    local folder=$disk/chasquid
    mkdir -p "$folder"/{data,etc/domains/home.example,etc/certs/mail.home.example}
    cp "$world/mail.home.example.pem" "$folder/etc/certs/mail.home.example/fullchain.pem"
    cp "$world/mail.home.example.key" "$folder/etc/certs/mail.home.example/privkey.pem"
    cat > "$folder/etc/chasquid.conf" << CONFIG
hostname: "mail.home.example"
max_data_size_mb: 30
smtp_address: "127.0.0.1:2541"
submission_address: "127.0.0.1:2542"
data_dir: "$folder/data"
mail_delivery_agent_bin: "/usr/bin/mda-lmtp"
mail_delivery_agent_args: "--addr_network=unix"
mail_delivery_agent_args: "--addr=$disk/dovecot/lmtp"
mail_delivery_agent_args: "-f"
mail_delivery_agent_args: "%from%"
mail_delivery_agent_args: "-d"
mail_delivery_agent_args: "%to%"
dovecot_auth: false
mail_log_path: "$folder/mail.log"
CONFIG
    # The name of a user is all that it wants to know of one who does not log in.
    for user in "${users[@]}"; do echo bench-secret | chasquid-util -C="$folder/etc" user-add "$user@home.example" --password=bench-secret; done > "$folder/users.log" 2>&1
    (grouped chasquid chasquid --config_dir="$folder/etc" > "$folder/log" 2>&1) &
    wait_for 20 answers 2541 || { cat "$folder/log" "$folder/users.log"; return 1; }
    tell name=chasquid "title=chasquid, Dovecot LMTP" holds=180 port=2541 starttls=2541 groups=chasquid,dovecot "mail=$disk/dovecot/mail/*/Maildir/new"
}

# It takes mail and forgets it: what a server that does nothing lets this generator send.
peer_sink() {
    (grouped sink dotnet tests/HomeMail.Load/bin/Release/net10.0/HomeMail.Load.dll sink --listen 127.0.0.1:2561 > "$disk/sink.log" 2>&1) &
    wait_for 20 answers 2561 || { cat "$disk/sink.log"; return 1; }
    tell name=sink "title=a sink" port=2561 groups=sink
}

# One person sends all of it, and a stranger too: limits a day and for one address are for households, not for this.
peer_homemail() {
    local folder=$disk/homemail user
    mkdir -p "$folder"
    (umask 077; : > "$folder/homemail.ini")
    {
        printf '[server]\nhostname = mail.home.example\ndata = %s/data\nsocket = %s/control\nuser = root\nresolver = %s:53\nmax-message-size = 30M\n' "$folder" "$folder" "$resolver_ip"
        printf '[listen]\nsmtp = 127.0.0.1:2551\nsubmission = 127.0.0.1:2552\nsubmissions = off\nimaps = off\n'
        printf '[tls]\ncertificate = %s/mail.home.example.pem\nkey = %s/mail.home.example.key\n' "$world" "$world"
        printf '[domain:home.example]\n'
        for user in "${users[@]}"; do
            printf '[account:%s]\naddresses = %s@home.example\nsends-per-day = off\nnew-recipients-per-day = off\nquota = off\n' "$user" "$user"
            echo bench-secret | "$homemail" passwd
        done
        printf '[policy]\ngreylist = off\nfirst-time-delay = off\n[route:*]\ntls = off\nfamily = ipv4-only\n'
        printf '[limits]\nconnections = 6000\nconnections-per-address = 6000\nmessages-per-session = 100000\ncommands = 1000000\n'
        printf 'address-messages-per-day = off\naddress-size-per-day = off\nnetwork-messages-per-day = off\nnetwork-size-per-day = off\n'
        # As many deliveries to one destination as Postfix makes by default.
        printf '[queue]\nparallel = 20\nparallel-per-destination = 20\n'
    } > "$folder/homemail.ini" 2> "$folder/err"
    "$homemail" check --config "$folder/homemail.ini" > "$folder/check" 2>&1 || { cat "$folder/check"; return 1; }
    (grouped homemail "$homemail" run --config "$folder/homemail.ini" > "$folder/log" 2>&1) &
    wait_for 20 answers 2551 || { cat "$folder/log"; return 1; }
    tell name=homemail "title=HomeMail" port=2551 submission=2552 starttls=2551 groups=homemail "mail=$folder/data/mail/*/*" "flush=$homemail queue retry all --config $folder/homemail.ini" relays=submission
}
