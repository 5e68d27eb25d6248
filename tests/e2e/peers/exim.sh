# Exim, outside at 203.0.113.27, for exim.example with the one user nephew (also neffe-ü); everything of it is under $world/exim.
# Sourced after world.sh; needs own_world exim4-daemon-heavy. It offers and uses CHUNKING, SMTPUTF8 and DSN.
# Variables for exim_start: exim_interfaces, where it listens; exim_tls_hosts, to whom it offers TLS; exim_routers and exim_transports, more of them.
# shellcheck shell=bash
exim_ip=203.0.113.27
exim_zone=('exim.example. MX 5 mx.exim.example.' "mx.exim.example. A $exim_ip" 'exim.example. TXT "v=spf1 mx -all"')

# exim_start: needs the certificate of mx.exim.example. Mail to plain@, login@ and implicit@home.example goes to the house by submission, as alice.
exim_start() {
    user Debian-exim 3002
    user vmail 3010
    outside ip address add $exim_ip/24 dev outside
    mkdir -p "$world"/exim/{spool,log,mail} /etc/exim4
    chown Debian-exim "$world/exim/spool" "$world/exim/log"
    chown vmail "$world/exim/mail"
    cp "$world/mx.exim.example.key" "$world/exim/key"
    chown Debian-exim "$world/exim/key"
    # Exim drops its privileges for a configuration that is not where it was built to look for it; /etc is this world's.
    cat > /etc/exim4/exim4.conf << CONFIG
primary_hostname = mx.exim.example
domainlist local = exim.example : *.exim.example
local_interfaces = ${exim_interfaces-$exim_ip}
spool_directory = $world/exim/spool
log_file_path = $world/exim/log/%slog
log_selector = +tls_certificate_verified +smtp_confirmation
tls_advertise_hosts = ${exim_tls_hosts-*}
tls_certificate = $world/mx.exim.example.pem
tls_privatekey = $world/exim/key
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
rfc1413_hosts = :
keep_environment =
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept hosts = $exim_ip : $outside_ip
  accept domains = +local
         verify = recipient
  deny

begin routers
nephew:
  driver = accept
  domains = +local
  local_parts = nephew : neffe-ü
  transport = maildir
starttls:
  driver = manualroute
  domains = home.example
  local_parts = plain : login
  route_list = * mail.home.example
  transport = starttls
implicit:
  driver = manualroute
  domains = home.example
  local_parts = implicit
  route_list = * mail.home.example
  transport = implicit
${exim_routers-}
mx:
  driver = dnslookup
  domains = ! +local
  transport = mx

begin transports
maildir:
  driver = appendfile
  directory = $world/exim/mail
  maildir_format
  create_directory
  return_path_add
  user = vmail
mx:
  driver = smtp
  interface = $exim_ip
  hosts_require_tls = *
  tls_verify_certificates = $world/ca.pem
  tls_verify_hosts = *
starttls:
  driver = smtp
  interface = $exim_ip
  port = 587
  hosts_require_tls = *
  hosts_require_auth = *
  tls_verify_certificates = $world/ca.pem
  tls_verify_hosts = *
implicit:
  driver = smtp
  interface = $exim_ip
  protocol = smtps
  port = 465
  hosts_require_auth = *
  tls_verify_certificates = $world/ca.pem
  tls_verify_hosts = *
${exim_transports-}

begin authenticators
# The mechanism to use stands in a file.
plain:
  driver = plaintext
  public_name = PLAIN
  client_condition = \${if eq{\${readfile{$world/exim/mechanism}{}}}{PLAIN}}
  client_send = ^alice^alice-secret
login:
  driver = plaintext
  public_name = LOGIN
  client_condition = \${if eq{\${readfile{$world/exim/mechanism}{}}}{LOGIN}}
  client_send = : alice : alice-secret
CONFIG
    printf PLAIN > "$world/exim/mechanism"
    outside exim4 -bd > "$world/exim/out" 2>&1
    wait_for 20 greets_outside $exim_ip || { cat "$world"/exim/out "$world"/exim/log/*; not_ok "Exim starts"; finish; }
}
exim_has() { message=$(grep -lsF -e "$1" "$world"/exim/mail/new/* | head -n 1) && [ -n "$message" ]; }
