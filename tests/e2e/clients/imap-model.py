#!/usr/bin/env python3
"""Several sessions do random things to two mailboxes while the server is killed (SIGKILL) now and then; a model keeps the truth.

    imap-model.py PORT SECONDS SEED COMMAND...     COMMAND starts the server, which listens for IMAPS at PORT

What has been answered OK is there after each restart: messages with their text, flags, mod-sequences that do not go back. What was under way when
the server died is either wholly done or not at all. No UID ever means two messages. Each session counts along by what it is told, and its numbers
are those of the server. Prints what it did, and the seed; the exit code is 1 at the first difference.
"""
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

SYSTEM = ["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"]
KEYWORDS = ["$Forwarded", "work", "later"]
BOXES = ["INBOX", "Other"]


class Died(Exception):
    """The server has gone; as it was to."""


class Wrong(Exception):
    """A difference."""


class Session:
    """A client that counts along. `uids` are those of the numbers it knows; None for one it was not told yet."""

    def __init__(self, port, qresync):
        context = ssl._create_unverified_context()
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=60))
        self.file = self.socket.makefile("rb")
        self.tag, self.box, self.uids, self.qresync = 0, None, [], qresync
        self.log = []
        self.line()
        self.ask("LOGIN alice alice-secret")
        if qresync:
            self.ask("ENABLE QRESYNC")

    def line(self):
        try:
            line = self.file.readline()
        except OSError as error:
            raise Died from error
        if not line.endswith(b"\n"):
            raise Died
        while match := re.search(rb"\{(\d+)\}\r\n$", line):
            octets = self.file.read(int(match[1]))
            line = line[:match.start()] + b'"' + octets.replace(b'"', b"'") + b'"' + self.file.readline()
        return line.decode("latin-1").rstrip("\r\n")

    def ask(self, command, literal=b"", expunges=False):
        """The untagged lines of a command and its tagged answer. What it is told on the way is counted."""
        self.tag += 1
        tag = f"t{self.tag} "
        # A command that names messages by UID may tell of an expunge at any time (RFC 9051 7.5.1).
        expunges |= command.startswith("UID ")
        self.log = (self.log + [command])[-6:]
        try:
            self.socket.sendall((tag + command).encode() + (b" {%d+}\r\n" % len(literal) + literal if literal else b"") + b"\r\n")
        except OSError as error:
            raise Died from error
        lines = []
        while not (line := self.line()).startswith(tag):
            lines.append(line)
            if self.box or command.startswith(("SELECT", "FETCH", "UID FETCH")):
                self.take(line, expunges)
        answer = line[len(tag):]
        if not answer.startswith(("OK", "NO [EXPUNGEISSUED]") if command.startswith("FETCH") else "OK"):
            raise Wrong(f"{command}: {answer}")
        return lines, answer

    def take(self, line, expunges):
        if match := re.match(r"\* (\d+) EXISTS", line):
            count = int(match[1])
            if count < len(self.uids):
                raise Wrong(f"{line}, where {len(self.uids)} are known, after {self.log}")
            self.uids += [None] * (count - len(self.uids))
        elif match := re.match(r"\* (\d+) EXPUNGE", line):
            if not expunges or int(match[1]) > len(self.uids):
                raise Wrong(f"{line} in {self.log}")
            del self.uids[int(match[1]) - 1]
        elif match := re.match(r"\* VANISHED ([\d:,]+)$", line):
            if not expunges:
                raise Wrong(f"{line} in {self.log}")
            for uid in uids_of(match[1]):
                if uid in self.uids:
                    self.uids.remove(uid)
                else:
                    # One whose UID it does not know yet: where that UID would be.
                    after = next((i for i, one in enumerate(self.uids) if one and one > uid), len(self.uids))
                    if after == 0 or self.uids[after - 1] is not None:
                        raise Wrong(f"{line}, where it has no message that could be {uid}, after {self.log}")
                    del self.uids[after - 1]
        elif match := re.match(r"\* (\d+) FETCH \((?:.*?\b)?UID (\d+)", line):
            number, uid = int(match[1]), int(match[2])
            if not 1 <= number <= len(self.uids) or self.uids[number - 1] not in (None, uid):
                raise Wrong(f"{line}, where {self.uids[number - 1:number]} is known, after {self.log}")
            self.uids[number - 1] = uid

    def learn(self):
        """Fills what it was not told."""
        if None in self.uids:
            self.ask("FETCH 1:* (UID)")

    def select(self, box):
        self.box, self.uids = None, []
        lines, answer = self.ask(f"SELECT {box}")
        for line in lines:
            if match := re.match(r"\* (\d+) EXISTS", line):
                self.uids = [None] * int(match[1])
        self.box = box
        self.learn()
        return lines

    def close(self):
        self.socket.close()


def uids_of(text):
    for part in text.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


class Message:
    """What is known of a message: its text, and its flags; several sets of them while one is under way."""

    def __init__(self, text, flags):
        self.text, self.flags, self.maybe, self.fate = text, frozenset(flags), [], "there"


class House:
    def __init__(self, port, command, chance):
        self.port, self.command, self.chance = port, command, chance
        self.boxes = {box: {} for box in BOXES}     # uid -> Message
        self.ended = {box: {} for box in BOXES}     # uid -> text, of what is gone
        self.validity = {}
        self.modseq = {}
        self.unknown = []                           # (box, text, flags): appends and copies that were under way
        self.sessions, self.count = [], 0
        self.did = {}
        self.server = None

    def start(self):
        self.server = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.server.poll() is not None:
                    raise Wrong("the server does not start") from None
                time.sleep(0.02)

    def open(self):
        for session in self.sessions:
            session.close()
        self.sessions = [Session(self.port, i % 2 == 1) for i in range(4)]
        for session in self.sessions:
            session.select(self.chance.choice(BOXES))

    def kill(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()

    # What a session does. The model is changed when it is answered; what was under way when the server died is noted.

    def append(self, session):
        box = self.chance.choice(BOXES)
        flags = [flag for flag in SYSTEM[:4] + KEYWORDS if self.chance.random() < 0.2]
        self.count += 1
        size = self.chance.choice((10, 500, 5000, 90000))
        text = f"Subject: message {self.count}\r\nMessage-ID: <{self.count}@model>\r\n\r\n" + "x" * size + "\r\n"
        self.unknown.append((box, text, frozenset(flags)))
        _, answer = session.ask(f"APPEND {box} ({' '.join(flags)})", text.encode(), expunges=True)
        uid = self.appended(answer)
        self.unknown.pop()
        self.new(box, uid, text, flags)

    def appended(self, answer):
        if not (match := re.match(r"OK \[APPENDUID (\d+) (\d+)\]", answer)):
            raise Wrong(answer)
        return int(match[2])

    def new(self, box, uid, text, flags):
        if uid in self.boxes[box] or uid in self.ended[box]:
            raise Wrong(f"UID {uid} of {box} again")
        self.boxes[box][uid] = Message(text, flags)

    def pick(self, session, most=5):
        known = [uid for uid in session.uids if uid in self.boxes[session.box]]
        return sorted(self.chance.sample(known, min(len(known), self.chance.randint(1, most))))

    def store(self, session):
        uids = self.pick(session)
        if not uids:
            return
        flags = self.chance.sample(SYSTEM + KEYWORDS, self.chance.randint(1, 3))
        how = self.chance.choice(("+FLAGS", "-FLAGS", "FLAGS", "+FLAGS.SILENT", "-FLAGS.SILENT"))
        after = {}
        for uid in uids:
            message = self.boxes[session.box][uid]
            before = message.flags
            after[uid] = before | set(flags) if how[0] == "+" else before - set(flags) if how[0] == "-" else frozenset(flags)
            message.maybe.append(after[uid])
        session.ask(f"UID STORE {','.join(map(str, uids))} {how} ({' '.join(flags)})", expunges=True)
        for uid in uids:
            if message := self.boxes[session.box].get(uid):
                message.flags, message.maybe = after[uid], []

    def expunge(self, session):
        box = session.box
        session.learn()
        if None in session.uids:
            session.ask("NOOP", expunges=True)
            session.learn()
        # A session expunges what it has been told of, and no more.
        going = [uid for uid, message in self.boxes[box].items() if "\\Deleted" in message.flags and uid in session.uids]
        if len(going) > 3 and self.chance.random() < 0.7:
            going = sorted(self.chance.sample(going, 3))
            command = f"UID EXPUNGE {','.join(map(str, going))}"
        else:
            command = "EXPUNGE"
        for uid in going:
            self.boxes[box][uid].fate = "going"
        session.ask(command, expunges=True)
        for uid in going:
            self.ended[box][uid] = self.boxes[box].pop(uid).text

    def move(self, session, verb="MOVE"):
        uids = self.pick(session, 3)
        if not uids:
            return
        session.learn()
        box, target = session.box, self.chance.choice(BOXES)
        for uid in uids:
            message = self.boxes[box][uid]
            self.unknown.append((target, message.text, message.flags))
            if verb == "MOVE":
                message.fate = "going"
        lines, answer = session.ask(f"UID {verb} {','.join(map(str, uids))} {target}", expunges=True)
        match = re.search(r"\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", " ".join(lines + [answer]))
        if not match:
            raise Wrong(f"{verb}: {lines} {answer}")
        if list(uids_of(match[1])) != uids:
            raise Wrong(f"{verb} of {uids}: {match[0]}")
        del self.unknown[-len(uids):]
        for uid, there in zip(uids, uids_of(match[2])):
            message = self.boxes[box][uid]
            self.new(target, there, message.text, message.flags)
            if verb == "MOVE":
                self.ended[box][uid] = self.boxes[box].pop(uid).text

    def copy(self, session):
        self.move(session, "COPY")

    def read(self, session):
        """Body and flags of some messages, and searches, against the model."""
        uids = self.pick(session)
        if not uids:
            return
        lines, _ = session.ask(f"UID FETCH {','.join(map(str, uids))} (FLAGS BODY.PEEK[])")
        told = self.told(lines)
        for uid in uids:
            self.compare(session.box, uid, told.get(uid), texts=True)
        messages = self.boxes[session.box]
        for key, fits in (("FLAGGED", lambda m: "\\Flagged" in m.flags), ("KEYWORD work UNSEEN", lambda m: "work" in m.flags and "\\Seen" not in m.flags),
                          ("SUBJECT \"message 1\"", lambda m: m.text.startswith("Subject: message 1"))):
            lines, _ = session.ask(f"UID SEARCH {key}")
            found = {int(n) for line in lines if line.startswith("* SEARCH") for n in line.split()[2:]}
            known = set(session.uids)
            wanted = {uid for uid, message in messages.items() if fits(message) and uid in known}
            if found != wanted and None not in known:
                raise Wrong(f"SEARCH {key}: {sorted(found)} and not {sorted(wanted)}")
        lines, _ = session.ask("UID SORT (REVERSE SUBJECT) UTF-8 ALL")
        if {int(n) for line in lines if line.startswith("* SORT") for n in line.split()[2:]} != {u for u in session.uids if u in messages} and None not in session.uids:
            raise Wrong(f"SORT: {lines}")

    def look(self, session):
        session.ask("NOOP", expunges=True)
        session.learn()
        if session.uids != sorted(self.boxes[session.box]):
            here, there = session.uids, sorted(self.boxes[session.box])
            first = next((i for i, (x, y) in enumerate(zip(here, there)) if x != y), min(len(here), len(there)))
            raise Wrong(f"{session.box}: from number {first + 1} on a session {'with' if session.qresync else 'without'} QRESYNC has {here[first:first + 5]}, and there are {there[first:first + 5]}; it said {session.log}")

    def other(self, session):
        session.select(self.chance.choice(BOXES))

    def told(self, lines):
        told = {}
        for line in lines:
            if match := re.match(r"\* \d+ FETCH \((.*)\)$", line, re.S):
                uid = re.search(r"\bUID (\d+)", match[1])
                flags = re.search(r"\bFLAGS \(([^)]*)\)", match[1])
                body = re.search(r'BODY\[\] "(.*)"', match[1], re.S)
                if uid and flags:
                    # Told again without the text where another session has changed the flags meanwhile.
                    _, before = told.get(int(uid[1]), (None, None))
                    told[int(uid[1])] = (frozenset(flags[1].split()), body[1] if body else before)
        return told

    def compare(self, box, uid, told, texts):
        message = self.boxes[box][uid]
        if told is None:
            raise Wrong(f"{box} {uid} is not there")
        if told[0] - {"\\Recent"} != message.flags:
            raise Wrong(f"{box} {uid} has {sorted(told[0])} and not {sorted(message.flags)}")
        if texts and told[1] != message.text:
            text = told[1] or ""
            raise Wrong(f"{box} {uid} has another text: {len(text)} octets {text[:80]!r}, and not {len(message.text)}, {message.text[:80]!r}")

    def settle(self):
        """After a crash: looks at everything, and decides what became of what was under way."""
        session = Session(self.port, False)
        for box in BOXES:
            lines = session.select(box)
            text = " ".join(lines)
            validity, modseq = int(re.search(r"UIDVALIDITY (\d+)", text)[1]), int(re.search(r"HIGHESTMODSEQ (\d+)", text)[1])
            if self.validity.setdefault(box, validity) != validity:
                raise Wrong(f"{box}: UIDVALIDITY was {self.validity[box]}, is {validity}")
            if modseq < self.modseq.get(box, 0):
                raise Wrong(f"{box}: HIGHESTMODSEQ was {self.modseq[box]}, is {modseq}")
            self.modseq[box] = modseq
            lines, _ = session.ask("UID FETCH 1:* (FLAGS BODY.PEEK[])") if session.uids else ([], "")
            told = self.told(lines)
            self.settle_box(box, told)
        session.close()
        self.unknown = []

    def settle_box(self, box, told):
        messages = self.boxes[box]
        for uid, message in list(messages.items()):
            if message.fate == "going" and uid not in told:
                self.ended[box][uid] = messages.pop(uid).text
                continue
            message.fate = "there"
            if uid in told:
                flags = told[uid][0] - {"\\Recent"}
                if flags in message.maybe:
                    message.flags = flags
            message.maybe = []
            self.compare(box, uid, told.get(uid), texts=True)
        for uid in sorted(set(told) - set(messages)):
            flags, text = told[uid]
            flags -= {"\\Recent"}
            if uid in self.ended[box]:
                raise Wrong(f"{box} {uid} was expunged, and is there")
            match = next((one for one in self.unknown if one[0] == box and one[1] == text and one[2] == flags), None)
            if match is None:
                raise Wrong(f"{box} {uid} with {sorted(flags)} was never put there: {text[:60]!r}; under way were {[(b, t[:24], sorted(f)) for b, t, f in self.unknown]}")
            self.unknown.remove(match)
            messages[uid] = Message(text, flags)

    def run(self, until):
        steps = [(self.append, 5), (self.store, 6), (self.expunge, 2), (self.move, 2), (self.copy, 2), (self.read, 3), (self.look, 2), (self.other, 1)]
        while time.monotonic() < until:
            self.start()
            self.settle()
            self.open()
            killed = False
            # The server dies while something is under way: in another process, after a time that nobody knows.
            killer = subprocess.Popen(["/bin/sh", "-c", f"sleep {self.chance.uniform(0.3, 2.5):.3f}; kill -9 {self.server.pid}"])
            try:
                while time.monotonic() < until + 5:
                    step = self.chance.choices([one for one, _ in steps], [weight for _, weight in steps])[0]
                    self.did[step.__name__] = self.did.get(step.__name__, 0) + 1
                    if len(self.boxes["INBOX"]) + len(self.boxes["Other"]) > 250 and step in (self.append, self.copy):
                        step = self.expunge
                    step(self.chance.choice(self.sessions))
            except Died:
                killed = True
            killer.wait()
            self.server.wait()
            self.did["killed"] = self.did.get("killed", 0) + killed
        self.start()
        self.settle()
        self.open()
        for session in self.sessions:
            self.look(session)
        self.server.terminate()
        self.server.wait()


def main():
    port, seconds, seed, *command = sys.argv[1:]
    house = House(int(port), command, random.Random(int(seed)))
    house.start()
    first = Session(house.port, False)
    first.ask("CREATE Other")
    first.close()
    house.kill()
    try:
        house.run(time.monotonic() + float(seconds))
    except Wrong as wrong:
        print(f"seed {seed}: {wrong}\n{house.did}")
        if house.server.poll() is None:
            again = Session(house.port, False)
            for box in BOXES:
                again.select(box)
                print(f"{box}: without need {sorted(set(again.uids) - set(house.boxes[box]))}, missing {sorted(set(house.boxes[box]) - set(again.uids))}")
        if house.server.poll() is None:
            house.kill()
        sys.exit(1)
    print(f"seed {seed}: " + ", ".join(f"{count} {name}" for name, count in sorted(house.did.items())))


if __name__ == "__main__":
    main()
