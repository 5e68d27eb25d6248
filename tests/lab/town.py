"""The places of the lab: one internet, and a house for each behaviour of a router.

  outside                      the internet: 203.0.113.53 (DNS), .25 (Postfix), 192.0.2.66 and 2001:db8:66::66 (a forger), 192.0.2.80 and 2001:db8:80::80
                               (an honest host), 198.51.100.1
  rN   the router of house N   198.51.100.1N (later .2N) outside, 192.168.1.254 inside
  mN   its mail box            192.168.1.2, 2001:db8:1N::25
  cN   all else in the house   192.168.1.77 (a LAN client), .30 and .31 (other mail servers), 10.9.0.1 and .2 (relays, at the end of a tunnel)
"""
import ipaddress, subprocess, threading

FORGER, FORGER6 = "192.0.2.66", "2001:db8:66::66"
HONEST, HONEST6 = "192.0.2.80", "2001:db8:80::80"
POSTFIX, DNS = "203.0.113.25", "203.0.113.53"
GATEWAY, BOX, CLIENT, SECOND, UNKNOWN, WITH_PROXY, WITHOUT_PROXY = (
    "192.168.1.254", "192.168.1.2", "192.168.1.77", "192.168.1.30", "192.168.1.31", "10.9.0.1", "10.9.0.2")
FORMER = "198.51.100.250"  # an address that no house has

BEHAVIOURS = ["no hairpin", "hairpin, inner source", "hairpin, public source", "all masked, inner", "all masked, public"]
NONE, INNER, PUBLIC, MASKED_INNER, MASKED_PUBLIC = range(1, 6)


def run(*command, stdin=None):
    subprocess.run(command, input=stdin, text=True, check=True)


class Zone:
    """What DNS says; see nameserver.py. It can change at any time."""
    ttl = 1

    def __init__(self):
        self.records = {}
        self.gate = threading.Lock()

    def set(self, name, kind, *values):
        with self.gate:
            here = self.records.setdefault(name, {})
            here[kind] = list(values)

    def add(self, name, kind, value):
        with self.gate:
            self.records.setdefault(name, {}).setdefault(kind, []).append(value)

    def look_up(self, name, kind):
        with self.gate:
            exists = name in self.records or any(other.endswith("." + name) for other in self.records)
            return [(name, kind, value) for value in self.records.get(name, {}).get(kind, [])], exists

    def trouble_of(self, name, kind):
        return None

    def is_secure(self, name):
        return False

    def reverse(self, address, name):
        self.set(ipaddress.ip_address(address).reverse_pointer, "PTR", name)


def internet(zone):
    run("ip", "-n", "outside", "-batch", "-", stdin=f"""
link add net type bridge
link set net up
address add 198.51.100.1/24 dev net
address add 2001:db8:1::1/64 dev net nodad
address add {FORGER}/32 dev lo
address add {HONEST}/32 dev lo
address add {FORGER6}/128 dev lo nodad
address add {HONEST6}/128 dev lo nodad
""")
    record = zone.set
    for name, policy in (("honest", "reject"), ("strict", None), ("reject", "reject"), ("evil", None)):
        spf = f"v=spf1 ip4:{FORGER} ip6:{FORGER6} -all" if name == "evil" else f"v=spf1 ip4:{HONEST} ip6:{HONEST6} -all"
        record(name + ".example", "TXT", spf)
        if policy:
            record(f"_dmarc.{name}.example", "TXT", f"v=DMARC1; p={policy}")
    record("evil.example", "MX", "10 mx.evil.example")
    record("mx.evil.example", "A", FORGER)
    record("elsewhere.example", "MX", "10 mx.elsewhere.example")
    record("mx.elsewhere.example", "A", POSTFIX)
    record("elsewhere.example", "TXT", f"v=spf1 ip4:{POSTFIX} -all")
    record("_dmarc.elsewhere.example", "TXT", "v=DMARC1; p=reject")
    for address in (HONEST, HONEST6):
        zone.reverse(address, "mx.honest.example")
    record("mx.honest.example", "A", HONEST)
    record("mx.honest.example", "AAAA", HONEST6)
    zone.reverse(POSTFIX, "mx.elsewhere.example")


class Router:
    """The router of house N, with the network of the house behind it."""

    def __init__(self, n):
        self.n, self.public, self.silent = n, f"198.51.100.1{n}", False
        prefix = f"2001:db8:1{n}"
        for host in "rmc":
            run("ip", "netns", "add", f"{host}{n}")
        run("ip", "-batch", "-", stdin=f"""
link add wan{n} netns outside type veth peer name wan netns r{n}
link add box netns r{n} type veth peer name eth0 netns m{n}
link add rest netns r{n} type veth peer name eth0 netns c{n}
""")
        run("ip", "-n", "outside", "-batch", "-", stdin=f"""
link set wan{n} master net up
route add {prefix}::/64 via 2001:db8:1::1{n} dev net
""")
        run("ip", "-n", f"r{n}", "-batch", "-", stdin=f"""
link set lo up
link add lan type bridge
link set box master lan up
link set rest master lan up
link set lan up
link set wan up
address add {self.public}/24 dev wan
address add 2001:db8:1::1{n}/64 dev wan nodad
address add {GATEWAY}/24 dev lan
address add {prefix}::fe/64 dev lan nodad
route add default via 198.51.100.1
route add default via 2001:db8:1::1
""")
        run("ip", "-n", f"m{n}", "-batch", "-", stdin=f"""
link set lo up
link set eth0 up
address add {BOX}/24 dev eth0
address add {prefix}::25/64 dev eth0 nodad
route add 10.9.0.0/24 dev eth0
route add default via {GATEWAY}
route add default via {prefix}::fe
""")
        run("ip", "-n", f"c{n}", "-batch", "-", stdin="link set lo up\nlink set eth0 up\n" + "".join(
            f"address add {address}/24 dev eth0\n" for address in (CLIENT, SECOND, UNKNOWN, WITH_PROXY, WITHOUT_PROXY)) + f"""
address add {prefix}::77/64 dev eth0 nodad
route add default via {GATEWAY} src {CLIENT}
route add default via {prefix}::fe
""")
        run("ip", "netns", "exec", f"r{n}", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.lan.send_redirects=0", "net.ipv6.conf.lan.accept_ra=0")
        # What stays within the house's network is none of the router's business; there is such a key only where the kernel has that module.
        run("ip", "netns", "exec", f"r{n}", "sysctl", "-q", "-e", "-w", "net.bridge.bridge-nf-call-iptables=0")
        self.lay_rules()

    def lay_rules(self):
        """The router's rules, for its behaviour and the public address of now."""
        n, public = self.n, self.public
        inside = {INNER: GATEWAY, PUBLIC: public, MASKED_INNER: GATEWAY, MASKED_PUBLIC: public}.get(n)
        everybody = n in (MASKED_INNER, MASKED_PUBLIC)
        hairpin = f'iifname "lan" ip daddr {public} tcp dport 25 counter name hairpin dnat to {BOX}' if n != NONE else ""
        source = f'oifname "lan" {"" if everybody else "ip saddr 192.168.1.0/24 "}ip daddr {BOX} tcp dport 25 snat to {inside}' if inside else ""
        closed = f'iifname "lan" ip daddr {public} tcp dport 25 {"drop" if self.silent else "reject with tcp reset"}' if n == NONE else ""
        run("ip", "netns", "exec", f"r{n}", "nft", "-f", "-", stdin=f"""
flush ruleset
table ip house {{
    counter hairpin {{
    }}
    chain pre {{
        type nat hook prerouting priority -100;
        iifname "wan" ip daddr {public} tcp dport 25 dnat to {BOX}
        {hairpin}
    }}
    chain post {{
        type nat hook postrouting priority 100;
        oifname "wan" snat to {public}
        {source}
    }}
    chain in {{
        type filter hook input priority 0;
        {closed}
    }}
}}
""")

    def turned_around(self):
        """How many connections this router has turned around."""
        counter = subprocess.run(["ip", "netns", "exec", f"r{self.n}", "nft", "list", "counter", "ip", "house", "hairpin"], capture_output=True, text=True, check=True)
        return int(counter.stdout.split("packets ")[1].split()[0])

    def move(self):
        """The provider gives the house another address."""
        old, self.public = self.public, f"198.51.100.2{self.n}"
        run("ip", "-n", f"r{self.n}", "-batch", "-", stdin=f"""
address del {old}/24 dev wan
address add {self.public}/24 dev wan
route replace default via 198.51.100.1
""")
        self.lay_rules()

    def end_ipv6(self):
        run("ip", "-n", f"m{self.n}", "-6", "address", "flush", "dev", "eth0", "scope", "global")
