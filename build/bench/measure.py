"""Loads each mail server in turn, A B A B, with the same load, and tells of each: messages a second, until the last 250 and until the last one
is in its mailbox; processor time, memory, system calls and octets written. Called by bench.sh, whose peers' lines it reads.

How many messages a server gets in a scenario is found by a try before: as many as it brings to their mailboxes in about SECONDS. A slow one
gets fewer, and is measured for as long."""
import itertools
import os
import socket
import subprocess
import sys
import time

import peer as peers_of
import report
from load import Load, smtp_source

PEERS_FILE, DISK, OUT, OUTSIDE, SINK = sys.argv[1:6]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
SECONDS = 1.3 * SCALE
ONLY = os.environ.get("SCENARIOS", "").split()
PATIENCE = 45  # seconds for what was taken to reach its mailbox
ENOUGH = 19 * 60  # seconds after which no further round is begun
DRAINING = 30  # what has come until then is what counts
CONNECTIONS = int(os.environ.get("CONNECTIONS", "1000"))
USERS = 10
FOLDERS = itertools.count()

KB4 = {"sessions": 16, "size": 4096, "users": USERS}
SIGNED = {"tls": "starttls", "user": "user0@home.example", "password": "bench-secret", "from": "user0@home.example"}

# name, what it is, the fewest and the most messages, options of the load, what it needs of a peer.
SCENARIOS = [
    ("4kB-1", "4 kB, one session", 20, 6000, {**KB4, "sessions": 1}, None),
    ("4kB-10", "4 kB, 10 sessions", 100, 20000, {**KB4, "sessions": 10}, None),
    ("4kB-16", "4 kB, 16 sessions", 100, 20000, KB4, None),
    ("4kB-100", "4 kB, 100 sessions", 150, 20000, {**KB4, "sessions": 100}, None),
    ("one-mailbox", "4 kB, 16 sessions, all to one mailbox", 100, 20000, {**KB4, "users": 1}, None),
    ("connections", "4 kB, 16 sessions, a connection for each message", 60, 10000, {**KB4, "per-connection": 1}, None),
    ("1kB", "1 kB, 16 sessions", 100, 20000, {**KB4, "size": 1024}, None),
    ("100kB", "100 kB, 16 sessions", 32, 4000, {**KB4, "size": 102400}, None),
    ("10MB", "10 MB, two sessions", 4, 60, {**KB4, "sessions": 2, "size": 10485760}, None),
    ("recipients", "4 kB, 16 sessions, five recipients", 32, 10000, {**KB4, "recipients": 5}, None),
    ("starttls", "4 kB, 16 sessions, STARTTLS for each message", 32, 3000, {**KB4, "per-connection": 1, "tls": "starttls", "from": "sender@secure.example"}, "starttls"),
    ("submission", "4 kB, 16 sessions, submission with AUTH, signed with DKIM", 60, 10000, {**KB4, **SIGNED}, "submission"),
]
# What Postfix's generator does as well, by the name of the scenario; whether it uses connections again.
CROSS = {"one-mailbox": True, "connections": False}
# What the disk does at most is asked for the sizes and sessions of these.
DISKS = {(1024, 16): ["1kB"], (4096, 1): ["4kB-1"], (4096, 16): ["4kB-16", "one-mailbox", "connections", "recipients", "starttls", "submission"],
         (4096, 10): ["4kB-10"], (4096, 100): ["4kB-100"], (102400, 16): ["100kB"], (10485760, 2): ["10MB"]}

load = Load()


def wanted(name):
    return not ONLY or name in ONLY


def measure(peer, messages, options, port, send=None):
    """One round with one peer. Another than our own generator sends where it is given, and tells its rate and processor time."""
    each = options.get("recipients", 1)
    peer.begin()
    peer.settle()
    processor, octets = peer.processor(), peers_of.written(DISK)
    if send:
        start = time.monotonic()
        rate, spent = send()
        told = {"rate": rate, "seconds": messages / rate, "cpums": spent, "p50ms": 0.0, "p99ms": 0.0, "failed": 0, "deferred": 0, "why": ""}
    else:
        told = load("smtp", {"server": f"127.0.0.1:{port}", "messages": messages, **options})
        start = time.monotonic() - told["seconds"]
    found = dict(messages=messages, rate=told["rate"], p50=told["p50ms"], p99=told["p99ms"], failed=told["failed"], deferred=told["deferred"],
                 why=told["why"], generator=told["cpums"], missing=0)
    seconds = told["seconds"]
    if peer.keeps:
        done = peer.until_there((messages - told["failed"]) * each, start, PATIENCE)
        if done is None:
            found["missing"] = messages * each - (peer.count() - peer.known)
            found["why"] = found["why"] or f"not all were in their mailboxes after {PATIENCE} s"
        else:
            seconds = max(seconds, done - start)
    found["delivered"] = 0.0 if found["missing"] else messages / seconds
    found["memory"] = peer.memory()
    peer.settle()
    found["cpu"] = (peer.processor() - processor) / messages * 1000
    found["written"] = (peers_of.written(DISK) - octets) / messages
    return found


def tried(peer, messages, options, port, send=None):
    """One peer's trouble is told, and is not the others'."""
    try:
        return measure(peer, messages, options, port, send)
    except Exception as error:  # whatever it is
        return dict(messages=messages, rate=0.0, delivered=0.0, p50=0.0, p99=0.0, failed=messages, deferred=0, why=str(error), missing=0, cpu=0.0, memory=0,
                    written=0.0, generator=0.0)


def enough(peer, least, most, rate):
    """As many messages as take about SECONDS."""
    return max(min(least, peer.at_most), min(most, peer.at_most, int(rate * SECONDS)))


def many(peer, least, most, options, port):
    """The same by a try, and by more of them until one took long enough to tell."""
    messages = enough(peer, least, most, 0)
    while True:
        found = tried(peer, messages, options, port)
        if found["failed"] or found["missing"]:
            return messages
        if messages == min(most, peer.at_most) or messages / found["delivered"] > SECONDS / 5:
            return enough(peer, least, most, found["delivered"])
        messages = min(most, peer.at_most, messages * 4)


def written(verb, options):
    """Files a second, in a folder that is new each time: deleted files would slow down whoever comes next."""
    return load(verb, {**options, "folder": f"{DISK}/limit-{next(FOLDERS)}"})["rate"]


def ceiling(name, counts):
    """What the disk does at most for files and sessions as in a scenario, the first of those that have the same."""
    found = {}
    for size, sessions in (disk for disk, names in DISKS.items() if name == next(filter(wanted, names), None)):
        for verb in ("disk", "disk-groups"):
            key, options = (verb, size, sessions), {"sessions": sessions, "size": size}
            if key not in counts:
                counts[key] = max(sessions * 2, int(written(verb, {**options, "messages": sessions * 8}) * SECONDS))
            found[key] = written(verb, {**options, "messages": counts[key]})
            counts[key] = max(sessions * 2, int(found[key] * SECONDS))
    return found


def sent_on(peer):
    """Queue drain: what was taken for another domain while nobody there answered, and how fast it goes when somebody does."""
    options = {**KB4, "users": 1, "to": "aunt@far.example"}
    if peer.get("relays") == "submission":
        options |= {**SIGNED, "server": f"127.0.0.1:{peer.get('submission')}"}
    else:
        options |= {"from": "user0@home.example", "server": f"127.0.0.1:{peer.port}"}
    if peer.get("hold"):
        subprocess.run(peer.get("hold").split(), stdout=subprocess.DEVNULL, check=False)
    # Not for ever with who takes them slowly.
    messages, began = 0, time.monotonic()
    while messages < int(10_000 * SCALE) and time.monotonic() - began < 20 * SCALE:
        told = load("smtp", {**options, "messages": max(16, int(1000 * SCALE))})
        if told["failed"]:
            return dict(messages=messages, came=0, rate=0.0, cpu=0.0, why=told["why"])
        messages += max(16, int(1000 * SCALE))
    sink = subprocess.Popen(["ip", "netns", "exec", OUTSIDE, "/usr/sbin/smtp-sink", "-c", "-u", "nobody", f"{SINK}:25", "256"], stdout=subprocess.PIPE)
    flushing = None
    try:
        os.set_blocking(sink.stdout.fileno(), False)
        seen = b""
        # Who finds nobody there rests.
        while sink.poll() is None and socket.socket().connect_ex((SINK, 25)):
            time.sleep(0.02)
        processor, began = peer.processor(), time.monotonic()
        # Not waited for: Exim's is the queue run itself, and the sink stops as soon as nobody reads what it counts.
        flushing = subprocess.Popen(peer.get("flush").split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            # -c counts up: sess=1 quit=1 mesg=1, each line over the one before.
            seen = (seen + (sink.stdout.read() or b""))[-4096:]
            counts = [int(part[5:]) for part in seen.split() if part.startswith(b"mesg=") and part[5:].isdigit()]
            seconds = time.monotonic() - began
            came = counts[-1] if counts else 0
            if came >= messages or seconds > DRAINING * SCALE:
                if came < messages and peer.get("hold"):
                    subprocess.run(peer.get("hold").split(), stdout=subprocess.DEVNULL, check=False)
                return dict(messages=messages, came=came, rate=came / seconds, cpu=(peer.processor() - processor) / max(1, came) * 1000,
                            why="" if came else f"none of {messages} came within {seconds:.0f} s")
            time.sleep(0.02)
    finally:
        for process in (sink, flushing):
            if process is not None:
                process.terminate()
                process.wait()


def tell(what, peer, found):
    print(f"{time.monotonic() - BEGAN:6.0f} s  {what:<66} {peer.title:<24} {found['messages']:6} messages, {found['rate']:7.0f}/s, in mailboxes {found['delivered']:7.0f}/s"
          + (f", {found['deferred']} put off" if found["deferred"] else "") + (f", {found['failed']} FAILED: {found['why']}" if found["failed"] else "")
          + (f", {found['missing']} MISSING" if found["missing"] else ""), flush=True)


def main():
    peers = peers_of.read(PEERS_FILE)
    servers = [peer for peer in peers if peer.keeps]
    if not servers:
        sys.exit("measure: no peer runs")
    load("smtp", {**KB4, "server": f"127.0.0.1:{peers[0].port}", "messages": 4000})  # the first peer is the sink
    found = report.Found(servers, [peer for peer in peers if not peer.keeps], {name: title for name, title, *_ in SCENARIOS}, DISKS, SECONDS)
    # What a start leaves behind is gone by then.
    time.sleep(10 * min(1, SCALE * 2))
    for peer in servers:
        found.idle[peer.name] = peer.memory()
        if wanted("idle"):
            found.connections[peer.name] = peer.hold_connections(CONNECTIONS)
            print(f"{time.monotonic() - BEGAN:6.0f} s  connections that do nothing: {peer.title}: {found.connections[peer.name][0]}, {found.connections[peer.name][1]:.1f} kB each", flush=True)
    counts, lost = {}, set()  # who does not deliver is not waited for again
    for number in range(ROUNDS):
        round_began = time.monotonic()
        if wanted("limits"):
            found.ceilings.append({"loopback": load("loopback", {"sessions": 16, "messages": max(1000, int(20_000 * SCALE))})["rate"]})
        for name, title, least, most, options, needs in SCENARIOS:
            if not wanted(name):
                continue
            for peer in peers:
                port = peer.get(needs) if needs else peer.port
                if port is None or peer.name in lost:
                    continue
                if (name, peer.name) not in counts:
                    counts[name, peer.name] = many(peer, least, most, options, port)
                messages = counts[name, peer.name]
                one = tried(peer, messages, options, port)
                if one["delivered"]:
                    counts[name, peer.name] = enough(peer, least, most, one["delivered"])
                found.add(name, peer, one)
                tell(f"{number + 1}/{ROUNDS}  {title}", peer, one)
                if one["missing"]:
                    lost.add(peer.name)
                elif name in CROSS and wanted("smtp-source"):
                    one = tried(peer, messages, {}, port, lambda: smtp_source(port, messages, 16, 4096, CROSS[name]))
                    found.add(name, peer, one, crossed=True)
                    tell(f"{number + 1}/{ROUNDS}    by smtp-source", peer, one)
                    if one["missing"]:
                        lost.add(peer.name)
            if wanted("limits"):
                found.ceilings[-1].update(ceiling(name, counts))
        found.rounds = number + 1
        if 2 * time.monotonic() - round_began - BEGAN > ENOUGH:
            break
    for peer in servers:
        if wanted("calls") and peer.name not in lost:
            messages = min(peer.at_most, max(50, int(500 * SCALE)))
            said = peer.calls(lambda: measure(peer, messages, KB4, peer.port))
            found.calls[peer.name] = said and (said[0] / messages, said[1] / messages)
    for peer in servers:
        if wanted("drain") and peer.get("flush"):
            found.drains[peer.name] = sent_on(peer)
            print(f"{time.monotonic() - BEGAN:6.0f} s  queue drain: {peer.title}: {found.drains[peer.name]['came']} of {found.drains[peer.name]['messages']} messages, {found.drains[peer.name]['rate']:.0f}/s {found.drains[peer.name]['why']}", flush=True)
    print(f"{time.monotonic() - BEGAN:6.0f} s  all measured", flush=True)
    report.write(OUT, found)


BEGAN = time.monotonic()
main()
