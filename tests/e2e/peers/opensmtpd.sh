# OpenSMTPD, outside at 203.0.113.28, for bsd.example with the one user niece; mailboxes are under $world/opensmtpd.
# Sourced after world.sh; needs own_world opensmtpd.
# shellcheck shell=bash
opensmtpd_ip=203.0.113.28
opensmtpd_zone=('bsd.example. MX 5 mx.bsd.example.' "mx.bsd.example. A $opensmtpd_ip")

# opensmtpd_start [LINES]: needs the certificate of mx.bsd.example, of RSA: it cannot use others. Mail to starttls@ and implicit@home.example goes to the house by submission, as alice. LINES come before its own rules
# for mail; bsd.example may have subdomains.
opensmtpd_start() {
    user opensmtpd 3003
    user opensmtpq 3004
    user vmail 3010
    outside ip address add $opensmtpd_ip/24 dev outside
    mkdir -p "$world/opensmtpd/mail" /var/spool/smtpd /var/lib/opensmtpd/empty /etc/ssl/certs
    chown vmail "$world/opensmtpd/mail"
    chmod 711 /var/spool/smtpd
    cp "$world/ca.pem" /etc/ssl/certs/ca-certificates.crt
    cp "$world/mx.bsd.example.key" "$world/opensmtpd/key"
    chmod 600 "$world/opensmtpd/key"
    echo mx.bsd.example > /etc/mailname
    cat > "$world/opensmtpd/smtpd.conf" << CONFIG
pki mx.bsd.example cert "$world/mx.bsd.example.pem"
pki mx.bsd.example key "$world/opensmtpd/key"
table secrets { house = alice:alice-secret }
table users { niece = vmail }
listen on $opensmtpd_ip tls pki mx.bsd.example hostname mx.bsd.example
action "in" maildir "$world/opensmtpd/mail" virtual <users>
action "out" relay helo mx.bsd.example src $opensmtpd_ip
action "starttls" relay host smtp+tls://house@mail.home.example:587 auth <secrets> src $opensmtpd_ip
action "implicit" relay host smtps://house@mail.home.example:465 auth <secrets> src $opensmtpd_ip
${1-}
match from any for domain { "bsd.example", "*.bsd.example" } action "in"
match from any for rcpt-to "starttls@home.example" action "starttls"
match from any for rcpt-to "implicit@home.example" action "implicit"
match from any for domain "home.example" action "out"
CONFIG
    outside smtpd -d -f "$world/opensmtpd/smtpd.conf" > "$world/opensmtpd/log" 2>&1 &
    wait_for 20 greets_outside $opensmtpd_ip || { cat "$world/opensmtpd/log"; not_ok "OpenSMTPD starts"; finish; }
}
opensmtpd_has() { message=$(grep -lsF -e "$1" "$world"/opensmtpd/mail/new/* | head -n 1) && [ -n "$message" ]; }
