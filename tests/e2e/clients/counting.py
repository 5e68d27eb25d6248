#!/usr/bin/env python3
"""A client that counts, and a server that is killed under it: nothing that was answered 250 may be missing.

    counting.py BINARY CONFIG SMTP-PORT SINK-PORT --messages N --kills N [--at N] [--seed N] ...

Starts `BINARY run --config CONFIG` and sends messages over several sessions at once to three kinds of recipients: one account, two
accounts, and an account together with somebody outside, whose mail the server passes on to the sink here (a smarthost of its
configuration). Meanwhile the server is killed with SIGKILL at random moments, also while it starts, and started again. A message that
got no answer is sent again. In the end every file and everything the sink got is compared with what was answered.

Prints one line `NAME VALUE` a result; the test that calls it says what the values must be.
"""
import argparse
import collections
import glob
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time

ALICE, BOB = "alice@home.example", "bob@home.example"
# The alias stands for alice and for somebody elsewhere.
ALIAS, OUTSIDE = "club@home.example", "aunt@elsewhere.example"
# Where the server is.
HOST = "127.0.0.1"
NUMBER = re.compile(rb"^X-Number: (\d+)\r$", re.MULTILINE)


def recipients(number):
    """Who gets message NUMBER: addresses for RCPT, accounts that must have it, and whether the sink must."""
    kind = number % 5
    if kind == 0:
        return [ALICE, BOB], ("alice", "bob"), False
    if kind == 1:
        return [ALIAS], ("alice",), True
    return [ALICE], ("alice",), False


def content(number):
    """Message NUMBER: always the same octets. Most are small; some are too large to be kept in memory."""
    chance = random.Random(number)
    size = chance.choice([200, 1000, 4000, 4000, 4000, 16000, 150000])
    lines = [b"From: <stranger@elsewhere.example>", b"To: <house@home.example>", b"Subject: counting",
             b"Message-ID: <%d@elsewhere.example>" % number, b"X-Number: %d" % number, b""]
    while size > 0:
        line = b"%0*x" % (chance.randrange(1, 75), chance.getrandbits(256))
        lines.append(line)
        size -= len(line) + 2
    lines.append(b".begins with a dot")
    lines.append(b"end %d" % number)
    return b"\r\n".join(lines) + b"\r\n"


class Answered:
    """What has been tried, and what was answered 250."""

    def __init__(self, messages):
        self._lock = threading.Lock()
        self._next = 0
        self._messages = messages
        self.tries = collections.Counter()
        self.accepted = set()
        self.refused = []

    def take(self):
        """The number of a message that nobody has sent yet; None when all are given out."""
        with self._lock:
            if self._next >= self._messages:
                return None
            self._next += 1
            return self._next - 1


class Session:
    """One connection as an SMTP client. Raises OSError when it breaks."""

    def __init__(self, port):
        self._socket = socket.create_connection((HOST, port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self._expect(b"220")
        self._command(b"EHLO client.elsewhere.example", b"250")

    def _reply(self):
        while True:
            line = self._lines.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError("closed amid a reply")
            if line[3:4] != b"-":
                return line

    def _expect(self, code):
        reply = self._reply()
        if not reply.startswith(code):
            raise ConnectionError("refused: %r" % reply)

    def _command(self, line, code):
        self._socket.sendall(line + b"\r\n")
        self._expect(code)

    def send(self, addresses, octets):
        """Sends one message; returns the last reply."""
        group = [b"MAIL FROM:<stranger@elsewhere.example>"] + [b"RCPT TO:<%s>" % a.encode() for a in addresses] + [b"DATA"]
        self._socket.sendall(b"".join(line + b"\r\n" for line in group))
        for _ in group[:-1]:
            self._expect(b"250")
        self._expect(b"354")
        self._socket.sendall(octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self._reply()

    def close(self):
        self._socket.close()


class Client(threading.Thread):
    """Sends until there is nothing left. What was not answered is tried again, over a new connection."""

    def __init__(self, port, answered, give_up):
        super().__init__(daemon=True)
        self._port, self._answered, self._give_up = port, answered, give_up

    def run(self):
        session, used = None, 0
        while not self._give_up.is_set() and (number := self._answered.take()) is not None:
            octets = content(number)
            while not self._give_up.is_set():
                try:
                    if session is None or used >= 100:
                        if session is not None:
                            session.close()
                        session, used = Session(self._port), 0
                    used += 1
                    self._answered.tries[number] += 1
                    reply = session.send(recipients(number)[0], octets)
                    if reply.startswith(b"250"):
                        self._answered.accepted.add(number)
                    elif reply.startswith(b"5"):
                        self._answered.refused.append((number, reply))
                    else:
                        raise ConnectionError("deferred: %r" % reply)
                    break
                except OSError:
                    if session is not None:
                        session.close()
                    session = None
                    self._give_up.wait(0.01)


class Sink(threading.Thread):
    """An SMTP server that takes everything and remembers it: the world outside."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.got = collections.defaultdict(list)
        self.strange = []

    def run(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                self._dialogue(connection, lines)
        except OSError:
            pass

    def _dialogue(self, connection, lines):
        def say(text):
            connection.sendall(text + b"\r\n")

        say(b"220 sink.elsewhere.example ESMTP")
        addresses = []
        while line := lines.readline():
            verb = line[:4].upper().rstrip()
            if verb == b"EHLO":
                say(b"250-sink.elsewhere.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE")
            elif verb == b"MAIL":
                addresses = []
                say(b"250 OK")
            elif verb == b"RCPT":
                addresses.append(line[8:].split(b">")[0].lstrip(b"<").decode())
                say(b"250 OK")
            elif verb == b"DATA":
                say(b"354 go on")
                octets = self._content(lines)
                if octets is None:
                    return
                match = NUMBER.search(octets)
                if match and addresses == [OUTSIDE]:
                    self.got[int(match[1])].append(octets)
                else:
                    self.strange.append((addresses, octets[:200]))
                say(b"250 OK")
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 OK")

    @staticmethod
    def _content(lines):
        octets = []
        while line := lines.readline():
            if line == b".\r\n":
                return b"".join(octets)
            octets.append(line[1:] if line.startswith(b".") else line)
        return None


class Server:
    """The server under test."""

    def __init__(self, binary, config, port, log):
        self._command, self._port, self._log = [binary, "run", "--config", config], port, log
        self._process = None
        self.starts = 0
        self.slowest = 0.0

    def start(self):
        self.starts += 1
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def is_ready(self, seconds):
        """Waits until it greets, and says whether it does within that time."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._process.poll() is not None:
                return False
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=seconds) as connection:
                    if connection.recv(3) == b"220":
                        self.slowest = max(self.slowest, time.monotonic() - began)
                        return True
            except OSError:
                time.sleep(0.005)
        return False

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        """Asks it to end and returns the exit code."""
        self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9


def stored(folder):
    """Every message file of every account: account to number to how often, and the files that are no whole message."""
    found, torn = collections.defaultdict(collections.Counter), []
    for path in glob.glob(os.path.join(folder, "mail", "*", "INBOX", "*.eml")):
        with open(path, "rb") as file:
            octets = file.read()
        match = NUMBER.search(octets)
        # What comes from outside is stored as it came, with trace fields before it.
        if match and octets.endswith(b"\r\n" + content(int(match[1]))) and octets.startswith(b"Return-Path: <stranger@elsewhere.example>\r\n"):
            found[path.split(os.sep)[-3]][int(match[1])] += 1
        else:
            torn.append(path)
    return found, torn


def left_over(folder):
    """What lies in the spool."""
    return [path for path in glob.glob(os.path.join(folder, "spool", "**"), recursive=True) if os.path.isfile(path)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("config")
    parser.add_argument("port", type=int)
    parser.add_argument("sink", type=int)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--at", type=int, help="kill when so many were answered, not at a random moment")
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seconds", type=int, default=240, help="after that many seconds no more is killed or sent")
    options = parser.parse_args()
    data = os.path.join(os.path.dirname(options.config), "data")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)

    began = time.monotonic()
    sink = Sink(options.sink)
    sink.start()
    answered, give_up = Answered(options.messages), threading.Event()
    killed = failed = 0
    with open(os.path.join(os.path.dirname(options.config), "log"), "ab") as log:
        server = Server(options.binary, options.config, options.port, log)
        server.start()
        failed += not server.is_ready(30)
        clients = [Client(options.port, answered, give_up) for _ in range(options.sessions)]
        for client in clients:
            client.start()
        while killed < options.kills and time.monotonic() - began < options.seconds:
            if options.at is not None:
                while len(answered.accepted) < options.at and any(client.is_alive() for client in clients):
                    time.sleep(0.001)
            elif chance.random() < 0.125:
                # One in eight dies while it starts, recovering what the one before it left.
                time.sleep(chance.random() * 0.1)
            else:
                failed += not server.is_ready(30)
                time.sleep(chance.random() * 0.6)
            server.kill()
            killed += 1
            server.start()
        failed += not server.is_ready(30)
        finish(server, clients, answered, give_up, sink, data, options, killed, failed)


def finish(server, clients, answered, give_up, sink, data, options, killed, failed):
    """Lets everything come to rest, and tells what there is."""
    # A stream that is to be sent whole is waited for; otherwise it ends when the killing does.
    deadline = time.monotonic() + 60
    if options.at is not None:
        for client in clients:
            client.join(max(0.0, deadline - time.monotonic()))
    give_up.set()
    for client in clients:
        client.join(30)
    accepted = frozenset(answered.accepted)
    outside = {number for number in accepted if recipients(number)[2]}
    while time.monotonic() < deadline and not (outside <= sink.got.keys() and not left_over(data)):
        time.sleep(0.05)
    code = server.stop()

    found, torn = stored(data)
    missing = [(number, account) for number in sorted(accepted) for account in recipients(number)[1] if not found[account][number]]
    missing += [(number, OUTSIDE) for number in sorted(outside) if number not in sink.got]
    # A message is there at most as often as it was tried, and nobody has what was not sent to him.
    surplus = [(number, account) for account, numbers in found.items() for number, count in numbers.items()
               if count > answered.tries[number] or account not in recipients(number)[1]]
    altered = [number for number, copies in sink.got.items() for octets in copies if not octets.endswith(b"\r\n" + content(number))]
    results = [
        ("killed", killed), ("starts", server.starts), ("slowest-start-ms", round(server.slowest * 1000)), ("failed-starts", failed),
        ("accepted", len(accepted)), ("tried", sum(answered.tries.values())), ("refused", len(answered.refused)), ("sent-on", len(outside)),
        ("missing", len(missing)), ("torn", len(torn)), ("surplus", len(surplus)), ("altered", len(altered)), ("strange", len(sink.strange)),
        ("left-over", len(left_over(data))), ("exit-code", code)]
    for name, value in results:
        print(name, value)
    for name, some in (("missing", missing), ("torn", torn), ("surplus", surplus), ("altered", altered), ("strange", sink.strange),
                       ("refused", answered.refused), ("left-over", left_over(data))):
        for one in some[:5]:
            print(f"# {name}: {one}")


if __name__ == "__main__":
    sys.exit(main())
