#!/usr/bin/env python3
"""The internet and the router around the houses of tests/e2e/doctor.sh.

  doctor_world.py serve FOLDER            name servers, one for each kind of trouble, and two mail hosts that note every command
  doctor_world.py router FOLDER           a router that tells the address in FOLDER/told by NAT-PMP, and greets at port 2525
  doctor_world.py houses FOLDER BINARY    runs the doctor in all houses that differ in DNS or configuration, side by side;
                                          prints a line each: name, what was expected, what was found, seconds
  doctor_world.py look FOLDER BINARY ...  runs it once: prints what is not ok, and the seconds

What the doctor is to find is `subject=code` for everything that is not ok, and nothing else.
"""
import ipaddress, json, os, socket, struct, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

HOUSE4, HOUSE6 = "203.0.113.7", "2001:db8:2::10"
HOSTS = {"gmail.com": ("mx.gmail.com", "203.0.113.25", "2001:db8:1::25"), "outlook.com": ("mx.outlook.com", "198.51.100.25", "2001:db8:1::26")}
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "RRSIG": 46}
DAY = 86400


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer


def zone(keys):
    """The DNS of a house where all is well: (name, type) -> values. SPF and PTR do not hang on the host's own A and AAAA here."""
    spf = f"v=spf1 ip4:{HOUSE4} ip6:{HOUSE6} -all"
    records = {
        ("mail.home.example", "A"): [HOUSE4], ("mail.home.example", "AAAA"): [HOUSE6], ("mail.home.example", "TXT"): [spf],
        ("v4.home.example", "A"): [HOUSE4], ("v6.home.example", "AAAA"): [HOUSE6],
        ("home.example", "MX"): ["10 mail.home.example"], ("home.example", "TXT"): ["other=1", spf],
        ("_dmarc.home.example", "TXT"): ["v=DMARC1; p=reject"],
        (reverse(HOUSE4), "PTR"): ["v4.home.example"], (reverse(HOUSE6), "PTR"): ["v6.home.example"],
        ("2.0.0.127.bl.example", "A"): ["127.0.0.2"],
    }
    for domain, (host, four, six) in HOSTS.items():
        records |= {(domain, "MX"): [f"5 {host}"], (host, "A"): [four], (host, "AAAA"): [six]}
    for name, text in keys.items():
        records[(name, "TXT")] = [text]
    return records


# -- the houses --------------------------------------------------------------------------------------------------------

def key_names(z):
    return [k for k in z if "_domainkey" in k[0]]


def other_key(z):
    for key in key_names(z):
        z[key] = ["v=DKIM1; k=ed25519; p=" + "A" * 43 + "="] if "ed25519" in z[key][0] else [z[key][0].replace("p=MII", "p=MIJ")]


def alias(z):
    z[("mail.home.example", "CNAME")] = ["host.home.example"]
    for kind in ("A", "AAAA", "TXT"):
        z[("host.home.example", kind)] = z.pop(("mail.home.example", kind))


def put(name, kind, *values):
    return lambda z: z.__setitem__((name, kind), list(values))


def drop(*keys):
    return lambda z: [z.pop(key) for key in keys]


# name: changes of DNS, kind of resolver, configuration, what is found
HOUSES = {
    "all is well": (None, {}, "", ""),
    "the name is an alias": (alias, {}, "", "hostname=alias"),
    "A is of yesterday": (put("mail.home.example", "A", "203.0.113.8"), {}, "", "addresses:IPv4=stale"),
    "A is one of two": (put("mail.home.example", "A", HOUSE4, "203.0.113.8"), {}, "", "addresses:IPv4=others"),
    "A is an inner address": (put("mail.home.example", "A", "192.168.1.2"), {}, "", "addresses:IPv4=private"),
    "no AAAA": (drop(("mail.home.example", "AAAA")), {}, "", "addresses:IPv6=missing"),
    "MX leads elsewhere": (put("home.example", "MX", "10 mx.outlook.com"), {}, "", "mx:home.example=elsewhere"),
    "MX leads elsewhere first": (put("home.example", "MX", "10 mx.outlook.com", "20 mail.home.example"), {}, "", "mx:home.example=second"),
    "no MX": (drop(("home.example", "MX")), {}, "", "mx:home.example=missing"),
    "the IPv4 address has another's name": (put(reverse(HOUSE4), "PTR", "mx.outlook.com"), {}, "", "ptr:IPv4=not-back"),
    "the IPv6 address has no name": (drop((reverse(HOUSE6), "PTR")), {}, "", "ptr:IPv6=missing"),
    "SPF forgets IPv6": (put("home.example", "TXT", f"v=spf1 ip4:{HOUSE4} -all"), {}, "", "spf:home.example=not-ipv6"),
    "SPF has the old address": (put("home.example", "TXT", f"v=spf1 ip4:203.0.113.8 ip6:{HOUSE6} -all"), {}, "", "spf:home.example=not-ipv4"),
    "SPF twice": (put("home.example", "TXT", "v=spf1 a -all", "v=spf1 mx -all"), {}, "", "spf:home.example=several"),
    "SPF misspelt": (put("home.example", "TXT", "v=spf1 ipv4:203.0.113.7 -all"), {}, "", "spf:home.example=error"),
    "no SPF": (put("home.example", "TXT", "other=1"), {}, "", "spf:home.example=missing"),
    "DKIM keys are not published": (lambda z: [z.pop(k) for k in key_names(z)], {}, "", "dkim:home.example=missing"),
    "other DKIM keys are published": (other_key, {}, "", "dkim:home.example=different"),
    "no DMARC": (drop(("_dmarc.home.example", "TXT")), {}, "", "dmarc:home.example=missing"),
    "DMARC misspelt": (put("_dmarc.home.example", "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=none"), {}, "", "dmarc:home.example=error"),
    "on a block list": (put("7.113.0.203.bl.example", "A", "127.0.0.2"), {}, "", "dnsbl=listed"),
    "the block list is gone": (drop(("2.0.0.127.bl.example", "A")), {}, "", "dnsbl=list-off"),
    "the resolver has no TCP": (None, {"tcp": False}, "", "resolver=no-tcp"),
    "the resolver knows no EDNS": (None, {"edns": False}, "", "resolver=no-edns"),
    "the clock is behind": (None, {"signed": 30 * DAY}, "", "clock=behind"),
    "the clock is ahead": (None, {"signed": -60 * DAY}, "", "clock=ahead"),
    "the certificate has expired": (None, {}, "expired", "certificate=expired"),
    "the certificate is of another name": (None, {}, "other", "certificate=other-name"),
    "the certificate is our own": (None, {}, "own", "certificate=self-signed"),
    "the certificate is not there": (None, {}, "gone", "certificate=unreadable"),
    "the resolver is dead": (None, {"dead": True}, "", None),
}


def resolver_of(name):
    return f"203.0.113.{100 + list(HOUSES).index(name)}"


# -- name servers ------------------------------------------------------------------------------------------------------

def name_octets(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def data_octets(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        preference, exchange = value.split(" ")
        return struct.pack(">H", int(preference)) + name_octets(exchange)
    if kind == "TXT":
        octets = value.encode()
        return b"".join(bytes([len(octets[i:i + 255])]) + octets[i:i + 255] for i in range(0, len(octets), 255))
    return value if isinstance(value, bytes) else name_octets(value)


def record(owner, kind, data):
    return name_octets(owner) + struct.pack(">HHIH", TYPES[kind], 1, 60, len(data)) + data


SOA = name_octets("ns.example") + name_octets("root.example") + struct.pack(">5I", 1, 3600, 600, 86400, 60)


def answer(query, tcp, records, how):
    ident, _, _, _, _, additional = struct.unpack(">6H", query[:12])
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    number, _ = struct.unpack(">HH", query[at + 1:at + 5])
    question, name = query[12:at + 5], ".".join(labels)
    kind = next((t for t, n in TYPES.items() if n == number), "")
    if additional and not how.get("edns", True):
        return struct.pack(">6H", ident, 0x8181, 1, 0, 0, 0) + question
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0) if additional else b""
    answers = []
    if name == "" and kind == "SOA":
        answers.append(record("", "SOA", SOA))
        if additional and query[-4] & 0x80:
            begin = int(time.time()) + how.get("signed", 0) - DAY
            answers.append(record("", "RRSIG", struct.pack(">HBBIIIH", 6, 8, 0, DAY, begin + 13 * DAY, begin, 1) + b"\0" + b"x" * 64))
    end = name
    while (end, "CNAME") in records:
        answers.append(record(end, "CNAME", data_octets("CNAME", records[(end, "CNAME")][0])))
        end = records[(end, "CNAME")][0]
    answers += [record(end, kind, data_octets(kind, value)) for value in records.get((end, kind), [])]
    exists = name == "" or any(owner == end or owner.endswith("." + end) for owner, _ in records)
    authority = b"" if any(owner for owner in answers) and (end, kind) in records or name == "" else record("example", "SOA", SOA)
    head = struct.pack(">6H", ident, 0x8180 | (0 if exists else 3), 1, len(answers), 1 if authority else 0, 1 if opt else 0)
    whole = head + question + b"".join(answers) + authority + opt
    if tcp or len(whole) <= (1232 if additional else 512):
        return whole
    return struct.pack(">6H", ident, 0x8380, 1, 0, 0, 0) + question


def name_server(address, records, how):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    if how.get("dead"):
        return udp

    def over_udp():
        while True:
            query, peer = udp.recvfrom(4096)
            udp.sendto(answer(query, False, records, how), peer)

    def one(connection):
        with connection:
            connection.settimeout(20)
            try:
                while len(size := connection.recv(2)) == 2:
                    query = b""
                    while len(query) < int.from_bytes(size, "big"):
                        query += connection.recv(4096)
                    reply = answer(query, True, records, how)
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)
            except OSError:
                pass

    threading.Thread(target=over_udp, daemon=True).start()
    if how.get("tcp", True):
        accept(socket.create_server((address, 53)), lambda connection, peer: one(connection))
    return udp


def accept(server, one):
    def run():
        while True:
            connection, peer = server.accept()
            threading.Thread(target=one, args=(connection, peer), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()


# -- mail hosts --------------------------------------------------------------------------------------------------------

def mail_host(address, port, host, noted):
    def one(connection, peer):
        with connection:
            try:
                connection.sendall(f"220 {host} ESMTP\r\n".encode())
                for line in connection.makefile("rb"):
                    verb = line.split()[0].upper().decode() if line.split() else ""
                    noted(verb)
                    connection.sendall({
                        "EHLO": f"250-{host} at your service, [{peer[0]}]\r\n250 SIZE 1000000\r\n", "QUIT": "221 bye\r\n",
                    }.get(verb, "250 ok\r\n").encode())
            except OSError:
                pass

    accept(socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET), one)


def serve(folder):
    keys = json.load(open(folder + "/keys"))
    held = [name_server("203.0.113.1", zone(keys), {})]
    for name, (change, how, _, _) in HOUSES.items():
        records = zone(keys)
        if change:
            change(records)
        held.append(name_server(resolver_of(name), records, how))
    verbs = open(folder + "/verbs", "a")

    def noted(verb):
        verbs.write(verb + "\n")
        verbs.flush()

    for host, four, six in HOSTS.values():
        mail_host(four, 25, host, noted)
        mail_host(six, 25, host, noted)
    open(folder + "/serving", "w").close()
    threading.Event().wait()


def router(folder):
    mail_host("192.168.1.254", 2525, "other.example", lambda verb: None)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("192.168.1.254", 5351))
    open(folder + "/routing", "w").close()
    while True:
        query, peer = server.recvfrom(2048)
        if query[:1] == b"\2":
            # PCP, RFC 6887: not for us (NOT_AUTHORIZED); what follows the header goes back as it came.
            server.sendto(struct.pack(">BBBBII12x", 2, query[1] | 0x80, 0, 2, 60, 1) + query[24:], peer)
        elif query[:2] == b"\0\0":
            server.sendto(struct.pack(">BBHI", 0, 128, 0, 1) + socket.inet_aton(open(folder + "/told").read().strip()), peer)
        else:
            server.sendto(struct.pack(">BBHI", 0, query[1] | 0x80, 2, 1), peer)


# -- looking -----------------------------------------------------------------------------------------------------------

def look(binary, *arguments):
    began = time.monotonic()
    run = subprocess.run([binary, "doctor", "--json", *arguments], capture_output=True, text=True, timeout=60)
    seconds = time.monotonic() - began
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    found = {f"{line['subject']}={line['code']}" for line in lines if line.get("state", "ok") != "ok"}
    troubled = any(line.get("state") == "trouble" for line in lines)
    if run.returncode != (1 if troubled else 0) or not lines or "result" not in lines[-1]:
        found.add(f"exit={run.returncode} {run.stderr.strip()}")
    without_mend = [line["subject"] for line in lines if line.get("state") == "trouble" and not line.get("mend")]
    return found - ignored, {line["subject"] for line in lines if line.get("state") == "trouble"}, seconds, without_mend


# What this machine itself is not well with: the folder of the test may be in a container's layers or in memory.
ignored = set()


def houses(folder, binary):
    def one(name):
        change, how, configuration, expected = HOUSES[name]
        found, troubles, seconds, without_mend = look(
            binary, "--config", f"{folder}/{configuration or 'house/homemail'}.ini", "--resolver", resolver_of(name))
        if expected is None:
            # Everything else hangs on it: it is the only trouble, the rest is not known.
            return name, "resolver", " ".join(sorted(troubles)), seconds
        return name, expected, " ".join(sorted(found)) + (" without mend: " + " ".join(without_mend) if without_mend else ""), seconds

    with ThreadPoolExecutor(8) as pool:
        for name, expected, found, seconds in pool.map(one, HOUSES):
            print(f"{name}|{expected}|{found}|{seconds:.1f}", flush=True)


if __name__ == "__main__":
    command, where, *rest = sys.argv[1:]
    ignored = set(os.environ.get("IGNORED", "").split())
    if command == "serve":
        serve(where)
    elif command == "router":
        router(where)
    elif command == "houses":
        houses(where, rest[0])
    else:
        found, _, seconds, _ = look(*rest)
        print(" ".join(sorted(found)))
        print(f"{seconds:.1f}", file=sys.stderr)
