"""What bench-imap.sh runs.

    bench-imap.py make FOLDER COUNT
        writes COUNT messages to FOLDER/homemail/<uid>.eml, and the same files by second names as a Maildir to FOLDER/maildir
    bench-imap.py open PORT
        opens the mailbox once
    bench-imap.py run PORT PID PORT PID COUNT CONNECTIONS
        asks HomeMail (port, process) and Dovecot (port, master process) the same, and prints a table
"""
import base64, os, platform, random, socket, ssl, statistics, sys, time

WORDS = "garden invoice school summer train kitchen window letter holiday ticket doctor music camera river paper winter market bicycle photo key harbour lemon".split()


def make(folder, count):
    chance = random.Random(7)
    people = [f"{chance.choice(WORDS).title()} {chance.choice(WORDS).title()}{i} <person{i}@host{i % 97}.example>" for i in range(2000)]
    ours, theirs = f"{folder}/homemail", f"{folder}/maildir"
    for path in (ours, f"{theirs}/cur", f"{theirs}/new", f"{theirs}/tmp"):
        os.makedirs(path)
    begin = 1_600_000_000
    ids = []
    # Mail lies there in the order in which it came. Dovecot has its list of names, as if it had delivered them.
    names = []
    for i in range(1, count + 1):
        when = begin + i * 1500 + chance.randrange(86400)
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(when))
        author = chance.choice(people)
        words = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(2, 7)))
        subject, refs = words.capitalize(), ""
        if ids and chance.random() < 0.4:
            at = max(0, len(ids) - chance.randrange(1, 50))
            parent, subject, chain = ids[at - 1]
            subject = subject if subject.startswith("Re: ") else "Re: " + subject
            chain = (chain + [parent])[-5:]
            refs = f"In-Reply-To: <{parent}>\r\nReferences: " + "\r\n ".join(f"<{one}>" for one in chain) + "\r\n"
        else:
            chain = []
        if chance.random() < 0.15:
            subject = "=?UTF-8?B?" + base64.b64encode((subject + " für Grüße").encode()).decode() + "?="
        own = f"{i:08x}.{chance.getrandbits(64):016x}@host{i % 97}.example"
        ids.append((own, subject, chain))
        head = f"Return-Path: <person@host{i % 97}.example>\r\nReceived: from host{i % 97}.example (host{i % 97}.example [198.51.100.{i % 250}])\r\n by mail.home.example (HomeMail) with ESMTPS id {i:016x}\r\n for <alice@home.example>; {date}\r\n"
        head += f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=host{i % 97}.example; s=mail;\r\n h=from:to:subject:date:message-id; bh={base64.b64encode(chance.randbytes(32)).decode()};\r\n b={base64.b64encode(chance.randbytes(128)).decode()}\r\n"
        head += f"From: {author}\r\nTo: Alice <alice@home.example>\r\n" + (f"Cc: {chance.choice(people)}\r\n" if i % 3 == 0 else "")
        head += f"Subject: {subject}\r\nDate: {date}\r\nMessage-ID: <{own}>\r\n{refs}MIME-Version: 1.0\r\nX-Mailer: Example 1.{i % 9}\r\n"
        text = "\r\n".join(" ".join(chance.choice(WORDS) for _ in range(10)) for _ in range(chance.randrange(5, 25)))
        if i % 1000 == 7:
            text += "\r\nthe needle lies here"
        if chance.random() < 0.35:
            html = base64.encodebytes(("<html><body><p>" + text.replace("\r\n", "<br>\n") + "</p></body></html>").encode()).decode().replace("\n", "\r\n")
            body = f"Content-Type: multipart/alternative; boundary=\"b{i}\"\r\n\r\n--b{i}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{text}\r\n--b{i}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{html}\r\n--b{i}--\r\n"
        else:
            body = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
        octets = (head + body).encode()
        path = f"{ours}/{i}.eml"
        with open(path, "wb") as file:
            file.write(octets)
        name = f"{when}.M{i}.host,S={len(octets)},W={len(octets)}"
        os.link(path, f"{theirs}/cur/{name}:2,")
        os.utime(path, (when, when))
        names.append(name)
        os.chown(path, 8, 8) if os.getuid() == 0 else None
    with open(f"{theirs}/dovecot-uidlist", "w") as file:
        file.write(f"3 V{begin} N{count + 1} G0123456789abcdef0123456789abcdef\n")
        for i, name in enumerate(names, 1):
            file.write(f"{i} :{name}:2,\n")


class Client:
    """Speaks IMAP over TLS; counts what comes and keeps only what is asked for."""

    def __init__(self, port):
        context = ssl._create_unverified_context()
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="mail.home.example")
        self.rest, self.tag = b"", 0
        self.line()
        self.ask("LOGIN alice alice-secret")

    def line(self):
        while b"\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def ask(self, command):
        """The answer's octets, until the tagged line, which has to be OK. Seconds are in self.took."""
        self.tag += 1
        tag = b"t%d " % self.tag
        began = time.perf_counter()
        self.socket.sendall(tag + command.encode() + b"\r\n")
        pieces, tail = [self.rest], self.rest
        self.rest = b""
        while True:
            if tail.endswith(b"\n"):
                last = tail[tail.rfind(b"\n", 0, -1) + 1:]
                if last.startswith(tag):
                    break
            more = self.socket.recv(262144)
            if not more:
                raise EOFError(command)
            pieces.append(more)
            tail = (tail + more)[-4096:]
        self.took = time.perf_counter() - began
        if not last.startswith(tag + b"OK"):
            raise RuntimeError(f"{command}: {last}")
        return b"".join(pieces)

    def close(self):
        self.socket.close()


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == pid:
                        found.append(int(entry))
            except OSError:
                pass
    return found


def memory(pids, what):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith(what))
        except (OSError, StopIteration):
            pass
    return total


def shares(pids):
    """Kilobytes of all of them; what they share is counted once among them (PSS)."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total


class Server:
    def __init__(self, name, port, pid):
        self.name, self.port, self.pid = name, int(port), int(pid)

    def processes(self):
        return [self.pid] if self.name == "HomeMail" else [self.pid] + children(self.pid)

    # What counts for Dovecot is the process of the session; its other processes are there once for all.
    def session(self):
        if self.name == "HomeMail":
            return [self.pid]
        found = []
        for pid in children(self.pid):
            with open(f"/proc/{pid}/comm") as file:
                if file.read().strip() == "imap":
                    found.append(pid)
        return found

    def reset_peak(self):
        for pid in self.session():
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")


def settled(pids):
    """Kilobytes once they stand still for a while; a heap is given back after some."""
    last, since, deadline = -1, time.monotonic(), time.monotonic() + 20
    while time.monotonic() < deadline and time.monotonic() - since < 5:
        now = shares(pids)
        if abs(now - last) > 256:
            last, since = now, time.monotonic()
        time.sleep(0.5)
    return last


def measure(server, count, results):
    """Fills name of what was asked -> (seconds, peak kB of the process, size of the answer); stops after each, so that both servers take turns."""
    client = None

    def take(name, command, fresh=False, times=1, of=None):
        nonlocal client
        if client is None or fresh:
            if client:
                client.close()
            client = Client(server.port)
            if not name.startswith("SELECT"):
                client.ask("SELECT INBOX")
        spans = []
        for _ in range(times):
            server.reset_peak()
            answer = client.ask(command)
            spans.append(client.took)
        results[name] = (statistics.median(spans), memory(server.session(), "VmHWM:"), len(answer))
        return answer

    yield take("SELECT, the first after a start", "SELECT INBOX", fresh=True)
    yield take("SELECT", "SELECT INBOX", fresh=True)
    yield take("FETCH 1:* (FLAGS)", "FETCH 1:* (FLAGS)", times=3)
    yield take("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)", "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)", times=3)
    yield take("UID SEARCH UNSEEN", "UID SEARCH UNSEEN", times=3)
    yield take("UID SEARCH SUBJECT, first", "UID SEARCH SUBJECT lemon")
    yield take("UID SEARCH SUBJECT", "UID SEARCH SUBJECT harbour", times=3)
    yield take("UID SEARCH FROM", "UID SEARCH FROM person77@", times=3)
    yield take("UID SEARCH HEADER X-Mailer, first", 'UID SEARCH HEADER X-Mailer "1.3"')
    yield take("UID SEARCH HEADER X-Mailer", 'UID SEARCH HEADER X-Mailer "1.4"', times=2)
    yield take("SORT (REVERSE DATE), first", "UID SORT (REVERSE DATE) UTF-8 ALL")
    yield take("SORT (REVERSE DATE)", "UID SORT (REVERSE DATE) UTF-8 ALL", times=3)
    yield take("SORT (SUBJECT)", "UID SORT (SUBJECT) UTF-8 ALL", times=2)
    yield take("THREAD REFERENCES", "UID THREAD REFERENCES UTF-8 ALL", times=2)
    yield take("FETCH 1:* (ENVELOPE), first", "UID FETCH 1:* (FLAGS ENVELOPE)")
    yield take("FETCH 1:* (ENVELOPE)", "UID FETCH 1:* (FLAGS ENVELOPE)", times=2)
    yield take("FETCH 1:* (BODYSTRUCTURE), first", "UID FETCH 1:* (BODYSTRUCTURE)")
    yield take("FETCH 1:* (BODYSTRUCTURE)", "UID FETCH 1:* (BODYSTRUCTURE)", times=2)
    fields = "From To Cc Subject Date Message-ID References In-Reply-To Content-Type Reply-To"
    yield take("FETCH 1:* (HEADER.FIELDS), first", f"UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS ({fields})])")
    yield take("FETCH 1:* (HEADER.FIELDS)", f"UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS ({fields})])", times=2)
    yield take("UID SEARCH BODY", "UID SEARCH BODY needle")
    yield take("FETCH 1:2000 (BODY[])", f"FETCH 1:{min(count, 2000)} (BODY.PEEK[])", times=3)
    yield take("STORE 1:10000 +FLAGS", f"STORE 1:{min(count, 10000)} +FLAGS.SILENT (\\Flagged)")
    # Comes back after 1,000 changes of flags and 1,000 expunges, one to ten at a time.
    status = client.ask("SELECT INBOX (CONDSTORE)").decode()
    validity = status.partition("UIDVALIDITY ")[2].partition("]")[0]
    modseq = status.partition("HIGHESTMODSEQ ")[2].partition("]")[0]
    chance = random.Random(3)
    for _ in range(200):
        uid = chance.randrange(1, count - 10)
        client.ask(f"UID STORE {uid}:{uid + 4} +FLAGS.SILENT (\\Answered)")
    for _ in range(100):
        uid = chance.randrange(1, count - 10)
        client.ask(f"UID STORE {uid}:{uid + 9} +FLAGS.SILENT (\\Deleted)")
    yield take("EXPUNGE of 1,000", "EXPUNGE")
    client.ask("UNSELECT")
    client.close()
    client = Client(server.port)
    client.ask("ENABLE QRESYNC")
    yield take("SELECT (QRESYNC), 2,000 changes", f"SELECT INBOX (QRESYNC ({validity} {modseq}))")
    client.close()


def idle(server, connections):
    """Kilobytes of all of the server's processes for each connection in IDLE over TLS."""
    first = Client(server.port)
    first.ask("CREATE Empty")
    first.close()
    before = settled(server.processes())
    clients = []
    for _ in range(connections):
        client = Client(server.port)
        client.ask("SELECT Empty")
        client.socket.sendall(b"i IDLE\r\n")
        client.line()
        clients.append(client)
    after = settled(server.processes())
    for client in clients:
        client.close()
    return (after - before) / connections


def slow(server, clients):
    """Kilobytes for each client that asks for every message and reads nothing of the answer."""
    first = Client(server.port)
    first.ask("SELECT INBOX")
    before = settled(server.processes())
    slow = []
    for _ in range(clients):
        client = Client(server.port)
        client.ask("SELECT INBOX")
        client.socket.sendall(b"s FETCH 1:* (FLAGS BODY.PEEK[])\r\n")
        slow.append(client)
    after = settled(server.processes())
    for client in slow + [first]:
        client.close()
    return (after - before) / clients


def run(arguments):
    servers = [Server("HomeMail", *arguments[0:2]), Server("Dovecot", *arguments[2:4])]
    count, connections = int(arguments[4]), int(arguments[5])
    results = {server.name: {} for server in servers}
    for _ in zip(*(measure(server, count, results[server.name]) for server in servers)):
        pass
    with open("/proc/cpuinfo") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), platform.machine())
    print(f"{count} messages; {model}, {os.cpu_count()} cores; {time.strftime('%Y-%m-%d')}. Time in ms, peak memory of the process in MB; the ratio is HomeMail's to Dovecot's.\n")
    print("| | HomeMail ms | Dovecot ms | ratio | HomeMail MB | Dovecot MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, ours in results["HomeMail"].items():
        theirs = results["Dovecot"][name]
        print(f"| {name} | {ours[0] * 1000:.1f} | {theirs[0] * 1000:.1f} | {ours[0] / theirs[0]:.2f} | {ours[1] / 1024:.1f} | {theirs[1] / 1024:.1f} |")
    if connections:
        each = {server.name: idle(server, connections) for server in servers}
        print(f"\nClients that ask for all messages and read nothing, 10 at once, the session's list of UIDs in it: " + ", ".join(f"{server.name} {slow(server, 10):.0f} kB each" for server in servers) + ".")
        print(f"\n{connections} connections in IDLE over TLS: HomeMail {each['HomeMail']:.1f} kB each, Dovecot {each['Dovecot']:.1f} kB each (PSS of all of a server's processes).")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "open":
        Client(int(sys.argv[2])).ask("SELECT INBOX")
    else:
        run(sys.argv[2:])
