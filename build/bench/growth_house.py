"""A house under load for growth.py: the published program with a configuration, what it costs, and those who talk to it."""
import os, resource, selectors, signal, socket, ssl, struct, subprocess, sys, threading, time

PASSWORD = "alice-secret"
MESSAGE = ("Date: Wed, 25 Nov 2026 12:00:00 +0000\r\nFrom: <sender@client.example>\r\nTo: <alice@home.example>\r\nSubject: growth\r\n"
           "Message-ID: <growth@client.example>\r\n\r\n" + "a line of text like many others that people write\r\n" * 15 + ".\r\n").encode()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Names(threading.Thread):
    """A name server that knows no name: nothing here waits for one, and nothing leaves this machine."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            at = 12
            while query[at]:
                at += query[at] + 1
            # NXDOMAIN, with the question and nothing else.
            self.socket.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:at + 5], client)


class House:
    """The program, started anew in a folder of its own."""

    def __init__(self, program, folder, names, more="", server="", accounts=None, domains=("home.example",)):
        self.program, self.folder, self.process = program, folder, None
        os.makedirs(folder, exist_ok=True)
        self.smtp, self.submission, self.imaps, self.lan = free_ports(4)
        self.ini = f"{folder}/homemail.ini"
        if "password" not in House.__dict__:
            House.password = subprocess.run([program, "passwd"], input=PASSWORD + "\n", capture_output=True, text=True, check=True).stdout.strip()
        self.head = f"""[server]
hostname = mail.home.example
data = {folder}/data
socket = {folder}/control
user = root
resolver = 127.0.0.1:{names.port}
{server}
[listen]
smtp = 127.0.0.1:{self.smtp}
submission = 127.0.0.1:{self.submission}
submissions = off
imaps = 127.0.0.1:{self.imaps}
lan = 127.0.0.1:{self.lan}
[policy]
greylist = off
first-time-delay = off
[limits]
connections = 20000
connections-per-address = 20000
messages-per-session = 100000
commands = 1000000
recipients = 1000
address-messages-per-day = off
network-messages-per-day = off
address-size-per-day = off
network-size-per-day = off
idle-timeout = 30m
"""
        for domain in domains:
            self.head += f"[domain:{domain}]\n"
        for name in accounts or ["alice"]:
            self.head += f"[account:{name}]\naddresses = {name}@home.example\n{House.password}\n"
        self.configure(more)

    def configure(self, more):
        with open(self.ini, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(self.head + more)

    def start(self):
        """Seconds and processor seconds until it greets."""
        began = time.perf_counter()
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen([self.program, "run", "--config", self.ini], stdout=log, stderr=log, start_new_session=True)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.smtp), 30) as client:
                    if client.recv(100).startswith(b"220"):
                        break
            except OSError:
                pass
            if self.process.poll() is not None or time.perf_counter() - began > 120:
                self.stop()
                with open(f"{self.folder}/log") as log:
                    sys.exit("growth: the program does not start: " + log.read()[-2000:])
            time.sleep(0.002)
        self.started = time.perf_counter() - began, self.cpu()
        return self.started

    def cpu(self):
        """Processor seconds so far, to the nanosecond: CPUCLOCK_SCHED of clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field))

    def rss(self):
        return self.status("VmRSS:")

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def must_live(self):
        if self.process.poll() is not None or os.path.exists(f"/proc/{self.process.pid}/status") and "VmRSS" not in open(f"/proc/{self.process.pid}/status").read():
            with open(f"{self.folder}/log") as log:
                sys.exit("growth: the server has died: " + log.read()[-1500:])

    def rest(self, longest=8):
        """Waits until next to nothing is done any more, so that what comes is by itself."""
        until = time.perf_counter() + longest
        while time.perf_counter() < until:
            before = self.cpu()
            time.sleep(0.25)
            if self.cpu() - before < 0.002:
                return

    def idle_second(self, seconds=3):
        before = self.cpu()
        time.sleep(seconds)
        return (self.cpu() - before) / seconds

    def command(self, *words):
        """Runs the command-line program: its own processor seconds, and those of the server meanwhile."""
        before = self.cpu() if self.process else 0
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([self.program, *words, "--config", self.ini], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.said = done.stdout
        return after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime, (self.cpu() - before) if self.process else 0

    def reload(self):
        """Processor seconds of SIGHUP: until nothing more is done for it."""
        before = self.cpu()
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.rest(30)
        return self.cpu() - before

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class Smtp:
    """One session, one reply after the other."""

    def __init__(self, port, secure=False, login=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.rest = b""
        self.reply()
        self.say("EHLO client.example")
        if secure:
            self.say("STARTTLS")
            self.socket = insecure().wrap_socket(self.socket)
            self.say("EHLO client.example")
        if login:
            import base64
            self.say("AUTH PLAIN " + base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode())

    def reply(self):
        while True:
            lines = self.rest.split(b"\r\n")
            for at, line in enumerate(lines[:-1]):
                if line[3:4] != b"-":
                    self.rest = b"\r\n".join(lines[at + 1:])
                    return line
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("closed")
            self.rest += more

    def say(self, line, wanted=b"23"):
        self.socket.sendall(line.encode() + b"\r\n")
        reply = self.reply()
        if reply[:1] not in [bytes([one]) for one in wanted]:
            raise RuntimeError(f"{line}: {reply}")
        return reply

    def send(self, recipient="alice@home.example", sender="sender@client.example", message=MESSAGE):
        self.say(f"MAIL FROM:<{sender}>")
        self.say(f"RCPT TO:<{recipient}>")
        self.say("DATA")
        self.socket.sendall(message)
        return self.reply()

    def close(self):
        self.socket.close()


def insecure():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Imap:
    def __init__(self, port, context=None):
        self.socket = (context or insecure()).wrap_socket(socket.create_connection(("127.0.0.1", port), 60))
        self.rest, self.tag = b"", 0
        self.line()
        self.ask(f"LOGIN alice {PASSWORD}")

    def line(self):
        while b"\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("closed")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def ask(self, command, wanted=b"OK"):
        self.tag += 1
        tag, found = b"t%d " % self.tag, []
        self.socket.sendall(tag + command.encode() + b"\r\n")
        while True:
            line = self.line()
            if line.startswith(tag):
                if not line.startswith(tag + wanted):
                    raise RuntimeError(f"{command}: {line}")
                return found
            if line.startswith(b"+ "):
                return found
            found.append(line)

    def close(self):
        self.socket.close()


class Sink(threading.Thread):
    """A host that takes everything and keeps nothing; of bodies it looks only for the end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port, self.taken = self.socket.getsockname()[1], 0
        self.start()

    def run(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest, data = b"", False
        try:
            client.sendall(b"220 sink.example ESMTP\r\n")
            while True:
                more = client.recv(65536)
                if not more:
                    return
                rest += more
                replies = b""
                while True:
                    if data:
                        end = rest.find(b"\r\n.\r\n")
                        if end < 0:
                            rest = rest[-4:]
                            break
                        rest, data = rest[end + 5:], False
                        self.taken += 1
                        replies += b"250 2.0.0 taken\r\n"
                        continue
                    line, mark, left = rest.partition(b"\r\n")
                    if not mark:
                        break
                    rest, verb = left, line[:4].upper()
                    if verb == b"EHLO":
                        replies += b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n"
                    elif verb == b"DATA":
                        data = True
                        replies += b"354 go on\r\n"
                        rest = b"\r\n" + rest
                    elif verb == b"QUIT":
                        client.sendall(replies + b"221 bye\r\n")
                        return
                    else:
                        replies += b"250 2.0.0 ok\r\n"
                if replies:
                    client.sendall(replies)
        except OSError:
            pass
        finally:
            client.close()


def send_from_all(sockets, recipient=b"alice@home.example"):
    """Each session sends one message, all at once. Gives how many were answered with which code."""
    steps = [b"MAIL FROM:<sender@client.example>\r\n", b"RCPT TO:<" + recipient + b">\r\n", b"DATA\r\n", MESSAGE]
    chooser, answers, left = selectors.DefaultSelector(), {}, 0
    for one in sockets:
        try:
            one.sendall(steps[0])
            chooser.register(one, selectors.EVENT_READ, [0, b""])
            left += 1
        except OSError:
            answers["lost"] = answers.get("lost", 0) + 1
    until = time.perf_counter() + 120
    while left and time.perf_counter() < until:
        for key, _ in chooser.select(5):
            state = key.data
            try:
                more = key.fileobj.recv(4096)
            except OSError:
                more = b""
            state[1] += more
            if more and not state[1].endswith(b"\r\n"):
                continue
            code = state[1][:3].decode() if more else "lost"
            state[1] = b""
            state[0] += 1
            if state[0] < len(steps) and code in ("250", "354"):
                key.fileobj.sendall(steps[state[0]])
                continue
            chooser.unregister(key.fileobj)
            left -= 1
            answers[code] = answers.get(code, 0) + 1
    if left:
        answers["late"] = left
    return answers


def crc32c_table():
    table = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC = crc32c_table()


def crc32c(octets, start=0xFFFFFFFF):
    for octet in octets:
        start = (start >> 8) ^ CRC[(start ^ octet) & 0xFF]
    return start
