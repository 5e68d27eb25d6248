"""A name server for labs, over UDP and TCP, that can fail by name. What it answers with is a zone: something with

  look_up(name, type)     records (owner, type, value), aliases followed, and whether the name exists
  trouble_of(name, type)  silent, servfail, no-edns, truncated, no-soa, or None
  is_secure(name)         whether the answer says that it was validated
  ttl                     seconds that answers may be kept; without it 60

Names are without the last dot, in lower case.
"""
import ipaddress, socket, struct, threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}


def name_octets(name):
    name = name.rstrip(".")
    out = b""
    for label in name.split(".") if name else []:
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def data_octets(kind, value):
    if kind == "A" or kind == "AAAA":
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        preference, exchange = value.split(" ")
        return struct.pack(">H", int(preference)) + name_octets(exchange)
    if kind == "TXT":
        octets = value.encode()
        return b"".join(bytes([len(octets[i:i + 255])]) + octets[i:i + 255] for i in range(0, len(octets), 255))
    if kind == "TLSA":
        usage, selector, matching, data = value.split(" ")
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(data)
    return name_octets(value)


def answer(query, tcp, zone):
    ident, flags, questions, _, _, additional = struct.unpack(">6H", query[:12])
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    kind, _ = struct.unpack(">HH", query[at + 1:at + 5])
    question = query[12:at + 5]
    name = ".".join(labels)
    type_name = next((t for t, n in TYPES.items() if n == kind), str(kind))
    trouble = zone.trouble_of(name, type_name)
    if trouble == "silent":
        return None
    header = lambda rcode, count, authority, tc=0, ad=0: struct.pack(
        ">6H", ident, 0x8180 | (tc << 9) | (ad << 5) | rcode, 1, count, authority, 0)
    if trouble == "servfail":
        return header(2, 0, 0) + question
    if trouble == "no-edns" and additional:
        return header(1, 0, 0) + question
    if trouble == "truncated" and not tcp:
        return header(0, 0, 0, tc=1) + question
    records, exists = zone.look_up(name, type_name)
    secure = 1 if zone.is_secure(name) else 0
    ttl = getattr(zone, "ttl", 60)
    body = b""
    for owner, record_type, value in records:
        data = data_octets(record_type, value)
        body += name_octets(owner) + struct.pack(">HHIH", TYPES[record_type], 1, ttl, len(data)) + data
    if records:
        whole = header(0, len(records), 0, ad=secure) + question + body
        return whole if tcp or len(whole) <= 1232 else header(0, 0, 0, tc=1) + question
    if trouble == "no-soa":
        return header(3, 0, 0) + question
    soa = name_octets("test") + struct.pack(">HHI", TYPES["SOA"], 1, ttl)
    data = name_octets("ns.test") + name_octets("host.ns.test") + struct.pack(">5I", 1, 3600, 600, 86400, ttl)
    return header(0 if exists else 3, 0, 1, ad=secure) + question + soa + struct.pack(">H", len(data)) + data


def serve(address, zone):
    """Answers from now on, in threads of its own; both sockets are there when this returns."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53), backlog=64)

    def over_udp():
        while True:
            query, peer = udp.recvfrom(4096)
            try:
                if (reply := answer(query, False, zone)) is not None:
                    udp.sendto(reply, peer)
            except (ValueError, IndexError, struct.error):
                pass

    def one(connection):
        with connection:
            connection.settimeout(20)
            try:
                while (size := connection.recv(2)) and len(size) == 2:
                    query = b""
                    while len(query) < int.from_bytes(size, "big"):
                        query += connection.recv(4096)
                    if (reply := answer(query, True, zone)) is not None:
                        connection.sendall(len(reply).to_bytes(2, "big") + reply)
            except OSError:
                pass

    def over_tcp():
        while True:
            threading.Thread(target=one, args=(tcp.accept()[0],), daemon=True).start()

    for run in (over_udp, over_tcp):
        threading.Thread(target=run, daemon=True).start()
