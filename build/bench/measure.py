"""Loads each mail server in turn, A B A B, with the same load, and tells of each: messages a second, until the last 250 and until the last one
is in its mailbox; processor time, memory, system calls and octets written. Called by bench.sh, whose peers' lines it reads."""
import glob
import json
import os
import subprocess
import sys
import time

import report

PEERS_FILE, DISK, OUT, OUTSIDE, SINK = sys.argv[1:6]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SCALE = float(os.environ.get("SCALE", "1"))
ONLY = os.environ.get("SCENARIOS", "").split()
LOAD = ["dotnet", "tests/HomeMail.Load/bin/Release/net10.0/HomeMail.Load.dll"]
PATIENCE = 60  # seconds for what was taken to reach its mailbox
DRAINING = int(os.environ.get("DRAINING", "120"))

# name, what it is, messages, options of the load; what it needs of a peer.
SCENARIOS = [
    ("4kB-1", "4 kB, one session", 600, dict(sessions=1, size=4096), None),
    ("4kB-16", "4 kB, 16 sessions", 4000, dict(sessions=16, size=4096), None),
    ("4kB-100", "4 kB, 100 sessions", 4000, dict(sessions=100, size=4096), None),
    ("connections", "4 kB, 16 sessions, a connection for each message", 2000, {"sessions": 16, "size": 4096, "per-connection": 1}, None),
    ("1kB", "1 kB, 16 sessions", 4000, dict(sessions=16, size=1024), None),
    ("100kB", "100 kB, 16 sessions", 600, dict(sessions=16, size=102400), None),
    ("10MB", "10 MB, two sessions", 12, dict(sessions=2, size=10485760), None),
    ("recipients", "4 kB, 16 sessions, five recipients", 1500, dict(sessions=16, size=4096, recipients=5), None),
    ("starttls", "4 kB, 16 sessions, STARTTLS for each message", 600, {"sessions": 16, "size": 4096, "per-connection": 1, "tls": "starttls"}, "starttls"),
    ("submission", "4 kB, 16 sessions, submission with AUTH, signed with DKIM", 1500,
     {"sessions": 16, "size": 4096, "tls": "starttls", "user": "user0@home.example", "password": "bench-secret", "from": "user0@home.example"}, "submission"),
]


def read_peers():
    peers = []
    with open(PEERS_FILE) as lines:
        for line in lines:
            peers.append(dict(part.split("=", 1) for part in line.rstrip("\n").split("\t") if part))
    return peers


def groups(peer):
    found = []
    for name in peer["groups"].split(","):
        for root in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
            path = f"{root}/homemail-bench-{name}"
            if os.path.isdir(path):
                found.append(path)
                break
    return found


def processes(peer):
    pids = []
    for group in groups(peer):
        with open(f"{group}/cgroup.procs") as lines:
            pids += [int(line) for line in lines if int(line) > 0]
    return pids


def cpu_seconds(peer):
    total = 0.0
    for group in groups(peer):
        if os.path.exists(f"{group}/cpuacct.usage"):
            total += int(open(f"{group}/cpuacct.usage").read()) / 1e9
        else:
            fields = dict(line.split() for line in open(f"{group}/cpu.stat"))
            total += int(fields["usage_usec"]) / 1e6
    return total


def memory(peer):
    """Kilobytes of all its processes; what they share is counted once among them (PSS)."""
    total = 0
    for pid in processes(peer):
        try:
            for line in open(f"/proc/{pid}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return total


def written():
    """Octets that have gone to the disk that the mailboxes are on, whoever wrote them: the file system's journal too."""
    os.sync()
    device = os.stat(DISK).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    path = f"/sys/dev/block/{wanted}/stat"
    return int(open(path).read().split()[6]) * 512 if os.path.exists(path) else 0


def mailbox_count(peer):
    count = 0
    for folder in glob.glob(peer["mail"]):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += not entry.name.startswith(".") and (peer["name"] != "homemail" or entry.name.endswith(".eml"))
        except (FileNotFoundError, NotADirectoryError):
            pass
    return count


def empty(peer):
    """Maildirs only: a mailbox of HomeMail's belongs to its server, and goes on growing."""
    if peer["name"] == "homemail":
        return
    for folder in glob.glob(peer["mail"]):
        with os.scandir(folder) as entries:
            for entry in entries:
                os.unlink(entry.path)


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def load(verb, options):
    arguments = [verb] + [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    done = subprocess.run(LOAD + arguments, capture_output=True, text=True, timeout=600)
    if done.returncode != 0 or not done.stdout.strip():
        raise RuntimeError(done.stderr.strip() or "the load said nothing")
    return json.loads(done.stdout)


def system_calls(peer, work):
    """How many system calls its processes make while something is done, counted by the kernel; None where it does not count them."""
    pids = processes(peer)
    if not pids:
        work()
        return None
    counter = subprocess.Popen(["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", ",".join(map(str, pids))],
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.2)
    try:
        work()
    finally:
        counter.send_signal(2)
        said = counter.communicate()[1]
    for line in said.splitlines():
        if "raw_syscalls" in line and line.split(",")[0].isdigit():
            return int(line.split(",")[0])
    return None


def scaled(messages):
    return max(4, int(messages * SCALE))


def measure(peer, messages, options, port):
    """One round with one peer."""
    recipients = options.get("recipients", 1)
    empty(peer)
    before, cpu, octets = mailbox_count(peer), cpu_seconds(peer), written()
    began = time.monotonic()
    told = load("smtp", {"server": f"127.0.0.1:{port}", "messages": messages, **options})
    start = time.monotonic() - told["seconds"]
    whole = wait_until(lambda: mailbox_count(peer) - before >= messages * recipients, PATIENCE)
    delivered = max(time.monotonic() - start, told["seconds"])
    most = memory(peer)
    return dict(
        rate=told["rate"], p50=told["p50ms"], p99=told["p99ms"], failed=told["failed"], why=told["why"],
        delivered=messages / delivered if whole else 0.0, missing=0 if whole else messages * recipients - (mailbox_count(peer) - before),
        cpu=(cpu_seconds(peer) - cpu) / messages * 1000, memory=most, written=(written() - octets) / messages, seconds=time.monotonic() - began)


def sent_on(peer):
    """Queue drain: what was taken for another domain while nobody there answered, and how fast it goes when somebody does."""
    messages = scaled(10_000)
    options = {"sessions": 16, "size": 4096, "to": "aunt@far.example", "messages": messages}
    if peer.get("relays") == "submission":
        options |= {"tls": "starttls", "user": "user0@home.example", "password": "bench-secret", "from": "user0@home.example", "server": f"127.0.0.1:{peer['submission']}"}
    else:
        options |= {"from": "user0@home.example", "server": f"127.0.0.1:{peer['port']}"}
    told = load("smtp", options)
    if told["failed"]:
        return dict(rate=0.0, failed=told["failed"], why=told["why"])
    sink = subprocess.Popen(["ip", "netns", "exec", OUTSIDE, "/usr/sbin/smtp-sink", "-c", "-u", "nobody", f"{SINK}:25", "256"], stdout=subprocess.PIPE)
    try:
        os.set_blocking(sink.stdout.fileno(), False)
        seen = b""
        cpu, began = cpu_seconds(peer), time.monotonic()
        subprocess.run(peer["flush"].split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def all_of_it():
            nonlocal seen
            seen += sink.stdout.read() or b""
            # -c counts up: sess=1 quit=1 mesg=1, each line over the one before.
            counts = [int(part[5:]) for part in seen.split() if part.startswith(b"mesg=") and part[5:].isdigit()]
            return bool(counts) and counts[-1] >= messages

        whole = wait_until(all_of_it, DRAINING)
        seconds = time.monotonic() - began
        return dict(rate=messages / seconds if whole else 0.0, cpu=(cpu_seconds(peer) - cpu) / messages * 1000, failed=0 if whole else messages, why="" if whole else f"not all came within {DRAINING} s")
    finally:
        sink.terminate()
        sink.wait()


def limits():
    """What this machine can do at most, measured between the others."""
    folder = f"{DISK}/limit"
    found = {}
    for size, messages in ((1024, 2000), (4096, 2000), (102400, 400)):
        options = {"folder": folder, "sessions": 16, "messages": scaled(messages), "size": size}
        found[f"disk-{size}"] = load("disk", options)["rate"]
        found[f"groups-{size}"] = load("disk-groups", options)["rate"]
    found["loopback"] = load("loopback", {"sessions": 16, "messages": scaled(20_000)})["rate"]
    return found


def main():
    peers = read_peers()
    if not peers:
        sys.exit("measure: no peer runs")
    wanted = [s for s in SCENARIOS if not ONLY or s[0] in ONLY]
    # What a start leaves behind is gone by then.
    time.sleep(20 * min(1, SCALE * 2))
    idle = {peer["name"]: memory(peer) for peer in peers}
    results, ceilings, calls, drains = {}, [], {}, {}
    lost = set()  # who does not deliver is not waited for again
    for round_number in range(ROUNDS):
        if not ONLY or "limits" in ONLY:
            ceilings.append(limits())
        for name, title, messages, options, needs in wanted:
            for peer in peers:
                port = peer.get(needs) if needs else peer["port"]
                if port is None or peer["name"] in lost:
                    continue
                # The first round of a server is its own warming up.
                if round_number == 0 and name == wanted[0][0]:
                    load("smtp", {"server": f"127.0.0.1:{peer['port']}", "messages": scaled(400), "sessions": 16})
                    wait_until(lambda: mailbox_count(peer) >= scaled(400), 30)
                try:
                    found = measure(peer, scaled(messages), options, port)
                except Exception as error:  # one peer's trouble is told, and is not the others'
                    found = dict(rate=0.0, delivered=0.0, p50=0.0, p99=0.0, failed=scaled(messages), why=str(error), missing=0, cpu=0.0, memory=0, written=0.0, seconds=0.0)
                if found["missing"]:
                    lost.add(peer["name"])
                results.setdefault(name, {}).setdefault(peer["name"], []).append(found)
                print(f"{round_number + 1}/{ROUNDS}  {title:<58} {peer['title']:<24} {found['rate']:8.0f}/s  in mailboxes {found['delivered']:8.0f}/s"
                      + (f"  {found['failed']} FAILED: {found['why']}" if found["failed"] else "") + (f"  {found['missing']} missing" if found["missing"] else ""), flush=True)
    if not ONLY or "calls" in ONLY:
        for peer in peers:
            messages = scaled(1000)
            count = system_calls(peer, lambda: measure(peer, messages, dict(sessions=16, size=4096), peer["port"]))
            calls[peer["name"]] = None if count is None else count / messages
    if not ONLY or "drain" in ONLY:
        for peer in peers:
            if "flush" in peer:
                drains[peer["name"]] = sent_on(peer)
                print(f"queue drain of {scaled(10_000)}: {peer['title']:<24} {drains[peer['name']]['rate']:8.0f}/s {drains[peer['name']]['why']}", flush=True)
    titles = {name: title for name, title, *_ in SCENARIOS}
    report.write(OUT, peers, titles, results, ceilings, idle, calls, drains)


main()
