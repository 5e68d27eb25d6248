# A world of the test's own, in namespaces: the house, and outside of it mail servers with names in DNS. Sourced after harness.sh.
# shellcheck shell=bash
# needs: iproute2 util-linux unbound openssl
#
#      the script's own network: the house                      "outside"
#   mail.home.example   203.0.113.10  ---- veth ----  203.0.113.53  ns.example (unbound)
#   clients at 127.0.0.1                              203.0.113.25  mx.elsewhere.example, and what else a test needs
#                       2001:db8::10                  2001:db8::25, where a test asks for IPv6 (with_ipv6)
#
# Ports 25, 53, 465 and 587 are free here, nothing of it is seen outside, and everything that was started ends with the script, for all
# of this is in its namespaces. /etc and /usr are this machine's with the peers' packages over them: a mail server that is installed here is
# neither used nor harmed, and one that is not need not be installed. Files of the test are in /mnt, which is memory.

house_ip=203.0.113.10 outside_ip=203.0.113.25 resolver_ip=203.0.113.53
house_ip6=2001:db8::10 outside_ip6=2001:db8::25
peers=$PWD/out/peers

# own_world PACKAGE...: runs this script again in a world of its own, with these Debian packages unpacked over its /usr and /etc.
# Variables for the rest of the script: `world`, a folder for everything.
own_world() { own_world_at "tests/e2e/$(basename "$0")" "$@"; }

# own_world_at SCRIPT PACKAGE...: the same for a script anywhere.
own_world_at() {
    local script=$1
    shift
    if [ -z "${HOMEMAIL_WORLD:-}" ]; then
        [ "$(id -u)" = 0 ] || without_root
        local package
        for package in "$@"; do
            unpack "$package" || { not_ok "the package $package can be had"; finish; }
        done
        # Process 1 only waits: daemons become its children, and a shell with strangers for children may wait for them.
        # shellcheck disable=SC2016 # for that shell
        HOMEMAIL_WORLD=1 exec unshare --mount --net --pid --fork --kill-child --mount-proc \
            bash -c 'bash "$0" & wait $!' "$script"
    fi
    # Mounts end with the namespace; on this machine nothing is left behind.
    world=/mnt
    mount -t tmpfs -o mode=755 world "$world"
    mkdir -p "$world"/etc/{over,work} "$world"/usr/{over,work}
    local layers=() package
    for package in "$@"; do layers+=("$peers/$package"); done
    layer /usr "${layers[@]}"
    layer /etc "${layers[@]}"
    for package in run/netns var/spool var/lib; do mkdir -p "/$package" && mount -t tmpfs -o mode=755 world "/$package"; done
    printf 'nameserver %s\n' $resolver_ip > /etc/resolv.conf
    printf '127.0.0.1 localhost\n' > /etc/hosts
    printf 'hosts: files dns\npasswd: files\ngroup: files\nshadow: files\n' > /etc/nsswitch.conf
    {
        ip link set lo up
        ip netns add outside
        ip link add house type veth peer name outside netns outside
        ip address add $house_ip/24 dev house
        ip link set house up
        outside ip link set lo up
        outside ip address add $outside_ip/24 dev outside
        outside ip address add $resolver_ip/24 dev outside
        outside ip link set outside up
    } || { not_ok "a world can be made"; finish; }
}

# A test that was not run must not look like one that passed where tests count.
without_root() {
    if [ "${CI:-}" = true ]; then not_ok "this needs root, for namespaces"; else skip "this needs root, for namespaces"; fi
    finish
}

# outside COMMAND...: runs it out there.
outside() { ip netns exec outside "$@"; }

# with_ipv6 [ADDRESS...]: IPv6 in this world, and more addresses out there, of either family.
with_ipv6() {
    local address
    # Nobody else is on this link who might have them: duplicates are not looked for, and addresses can be used at once.
    ip address add $house_ip6/64 dev house nodad || { not_ok "this world has IPv6"; finish; }
    for address in $outside_ip6 "$@"; do
        case $address in
            *:*) outside ip address add "$address/64" dev outside nodad ;;
            *) outside ip address add "$address/24" dev outside ;;
        esac
    done
}

# layer FOLDER TREE...: puts each TREE's FOLDER over this machine's, in memory.
layer() {
    local folder=$1 lower='' tree
    shift
    for tree in "$@"; do [ ! -d "$tree$folder" ] || lower+="$tree$folder:"; done
    mount -t overlay overlay -o "lowerdir=$lower$folder,upperdir=$world$folder/over,workdir=$world$folder/work" "$folder"
}

# unpack PACKAGE: puts it into out/peers/PACKAGE, with what it depends on and this machine lacks; nothing is installed.
unpack() {
    local tree=$peers/$1 names folder
    [ ! -d "$tree" ] || return 0
    rm -rf "$tree.new"
    mkdir -p "$tree.new/.debs"
    # What apt would install is what is missing; --reinstall names the package also where it is installed already.
    names=$(apt-get -s -q --no-install-recommends --reinstall install "$1" 2> /dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    (cd "$tree.new/.debs" && apt-get -q -o APT::Sandbox::User=root download ${names:-$1}) > /dev/null 2>&1 ||
        (cd "$tree.new/.debs" && apt-get -q update && apt-get -q -o APT::Sandbox::User=root download ${names:-$1}) > /dev/null || return 1
    for package in "$tree.new"/.debs/*.deb; do dpkg -x "$package" "$tree.new" || return 1; done
    # Older packages have /lib where the system has it in /usr.
    for folder in bin sbin lib; do
        [ ! -d "$tree.new/$folder" ] || { mkdir -p "$tree.new/usr/$folder" && cp -a "$tree.new/$folder/." "$tree.new/usr/$folder/"; }
    done
    rm -rf "$tree.new/.debs"
    mv "$tree.new" "$tree"
}

# user NAME UID [GROUP...]: a user of this world, and groups of their own that it is not in.
user() {
    local name=$1 id=$2 group
    shift 2
    grep -q "^$name:" /etc/passwd || echo "$name:x:$id:$id::/nonexistent:/usr/sbin/nologin" >> /etc/passwd
    for group in "$name" "$@"; do
        grep -q "^$group:" /etc/group || echo "$group:x:$id:" >> /etc/group
        id=$((id + 1))
    done
}

# zone: starts the name server, which answers from these records and knows nothing of the internet. More records: zone RECORD...
# A record `ADDRESS PTR NAME` is one of reverse DNS.
zone() {
    local record records=(
        "home.example. MX 10 mail.home.example." "mail.home.example. A $house_ip"
        "elsewhere.example. MX 10 mx.elsewhere.example." "mx.elsewhere.example. A $outside_ip" "$@")
    {
        printf 'server:\n interface: %s\n access-control: 0.0.0.0/0 allow\n username: ""\n chroot: ""\n directory: "%s"\n pidfile: "%s/unbound.pid"\n' \
            $resolver_ip "$world" "$world"
        # An NXDOMAIN without SOA would be no answer that counts.
        printf ' use-syslog: no\n do-daemonize: no\n module-config: "iterator"\n'
        printf ' local-zone: "example." static\n local-zone: "%s" static\n' 113.0.203.in-addr.arpa
        printf " local-data: '%s'\n" 'example. 60 SOA ns.example. hostmaster.example. 1 3600 600 86400 60' 'example. 60 NS ns.example.' \
            '113.0.203.in-addr.arpa. 60 SOA ns.example. hostmaster.example. 1 3600 600 86400 60'
        for record in "${records[@]}"; do
            case $record in
                *' PTR '*) printf " local-data-ptr: '%s'\n" "${record/ PTR / 60 }" ;;
                *) printf " local-data: '%s'\n" "${record/ / 60 IN }" ;;
            esac
        done
        printf " local-data-ptr: '%s'\n" "$house_ip 60 mail.home.example" "$outside_ip 60 mx.elsewhere.example"
        printf 'remote-control:\n control-enable: no\n'
    } > "$world/unbound.conf"
    outside unbound -d -c "$world/unbound.conf" > "$world/unbound.log" 2>&1 &
    wait_for 10 listens $resolver_ip 53 || { cat "$world/unbound.log"; not_ok "the name server starts"; finish; }
}

# listens ADDRESS PORT: whether something takes connections there. greets: whether it says 220.
listens() { (exec 3<> "/dev/tcp/$1/$2") 2> /dev/null; }
greets() { (exec 3<> "/dev/tcp/$1/$2" && read -r -t 5 line <&3 && [[ $line == 220* ]]) 2> /dev/null; }

# The same, seen from outside.
greets_outside() { outside bash -c "exec 3<> /dev/tcp/$1/25 && read -r -t 5 line <&3 && [[ \$line == 220* ]]" 2> /dev/null; }

# certificates NAME[,NAME]...: an authority that this world trusts, $world/ca.pem, and of it $world/NAME.pem with key $world/NAME.key for each
# name; those after a comma are other names of the same host. rsa:NAME has a key of that kind.
certificates() {
    local name kind names
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Test authority' \
        -keyout "$world/ca.key" -out "$world/ca.pem" 2> /dev/null
    for name in "$@"; do
        kind=(ec -pkeyopt ec_paramgen_curve:P-256)
        [[ $name != rsa:* ]] || { kind=(rsa:2048) name=${name#rsa:}; }
        names=DNS:${name//,/,DNS:} name=${name%%,*}
        openssl req -newkey "${kind[@]}" -nodes -subj "/CN=$name" -keyout "$world/$name.key" -out "$world/$name.csr" 2> /dev/null
        openssl x509 -req -in "$world/$name.csr" -CA "$world/ca.pem" -CAkey "$world/ca.key" -days 30 -out "$world/$name.pem" \
            -extfile <(printf 'subjectAltName=%s,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' "$names") 2> /dev/null
    done
}

# home [MORE [SERVER]]: starts HomeMail as mail.home.example with a certificate of that authority; MORE is added to
# its configuration, SERVER to [server]; the variable house_smtp is where it listens for mail of others.
home() {
    house_server="resolver = $resolver_ip:53
${2-}" house_listen="smtp = ${house_smtp-0.0.0.0:25}"$'\nsubmission = 0.0.0.0:587\nsubmissions = 0.0.0.0:465' \
        house_more="[tls]
certificate = $world/mail.home.example.pem
key = $world/mail.home.example.key
${1-}" house "$world/home" 25 "$PWD/out/linux-x64/homemail" 2> "$world/home.err"
    home_again
}

# home_again: starts it with what is there.
home_again() {
    SSL_CERT_FILE=$world/ca.pem "$PWD/out/linux-x64/homemail" run --config "$world/home/homemail.ini" >> "$world/home/log" 2>&1 &
    home=$!
    wait_for 20 greets 127.0.0.1 25 || { cat "$world/home.err" "$world/home/log"; not_ok "HomeMail starts"; finish; }
}

# inbox ACCOUNT: the folder of its INBOX. has ACCOUNT TEXT: whether one message there holds TEXT; its path is then in `message`.
inbox() { echo "$world/home/data/mail/$1/INBOX"; }
has() { message=$(grep -lsF -e "$2" "$(inbox "$1")"/*.eml | head -n 1) && [ -n "$message" ]; }

# arrives NAME ACCOUNT TEXT: checks that a message with TEXT is there soon; its path is then in `message`.
arrives() {
    if wait_for 20 has "$2" "$3"; then has "$2" "$3"; ok "$1"; else not_ok "$1"; message=/dev/null; fi
}
