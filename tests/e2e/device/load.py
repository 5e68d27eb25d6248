#!/usr/bin/env python3
"""Mail for the device: so much of it, or until its plug is pulled; and what became of it.

    load.py send MESSAGES SESSIONS          sends so many, all to be answered 250; prints messages a second
    load.py big SESSIONS OCTETS             one large message a session, all at once; prints how often each reply came
    load.py plug PID AT ACCEPTED            sends over eight sessions, kills process PID when AT were answered; writes down which
    load.py take ADDRESS MESSAGES           a mail server outside that takes so many, and prints their subjects
    load.py compare FOLDER ACCEPTED         the mailboxes in FOLDER: prints how many messages are missing and how many are torn

The messages and what is known of them are those of clients/counting.py.
"""
import collections
import json
import os
import re
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
import counting  # noqa: E402

counting.recipients = lambda number: (["alice@example.org"], ("alice",), False)
counting.HOST = "192.168.1.1"
PORT = 25


def run_clients(messages, sessions):
    """Starts the clients; returns them, what they know, and how to end them."""
    answered, give_up = counting.Answered(messages), threading.Event()
    clients = [counting.Client(PORT, answered, give_up) for _ in range(sessions)]
    for client in clients:
        client.start()
    return clients, answered, give_up


def send(messages, sessions):
    """Four kilobytes each: what is measured is a usual message."""
    counting.content = lambda number: (
        b"From: <stranger@elsewhere.example>\r\nTo: <alice@example.org>\r\nSubject: four kilobytes\r\nMessage-ID: <%d@elsewhere.example>\r\n\r\n" % number
        + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 62)
    began = time.monotonic()
    clients, answered, give_up = run_clients(messages, sessions)
    for client in clients:
        client.join(120)
    give_up.set()
    print(len(answered.accepted), round(len(answered.accepted) / (time.monotonic() - began), 1))


def big_one(octets, replies, lock, ready):
    """One session with one large message; what it was answered in the end."""
    def note(reply):
        with lock:
            replies[reply] += 1

    at = "connect"
    try:
        ready.wait(60)
        with socket.create_connection((counting.HOST, PORT), timeout=120) as connection, connection.makefile("rb") as lines:
            def reply():
                while (line := lines.readline())[3:4] == b"-":
                    pass
                return line[:3].decode() or "closed"

            line = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"
            for command in (None, b"EHLO client.elsewhere.example", b"MAIL FROM:<stranger@elsewhere.example>", b"RCPT TO:<alice@example.org>", b"DATA"):
                at = (command or b"greeting").decode()[:4]
                if command:
                    connection.sendall(command + b"\r\n")
                answer = reply()
                if answer[0] not in "23":
                    return note(answer)
            at = "content"
            head = b"From: <stranger@elsewhere.example>\r\nSubject: large\r\n\r\n"
            connection.sendall(head)
            for _ in range(octets // (len(line) * 256)):
                connection.sendall(line * 256)
            connection.sendall(b".\r\n")
            at = "end"
            return note(reply())
    except OSError as error:
        note(f"{type(error).__name__}-at-{at}")


def big(sessions, octets):
    """All begin at once."""
    replies, lock, ready = collections.Counter(), threading.Lock(), threading.Barrier(sessions)
    threads = [threading.Thread(target=big_one, args=(octets, replies, lock, ready)) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(" ".join(f"{reply}:{count}" for reply, count in sorted(replies.items())))


def plug(process, at, path):
    """Sends until AT were answered, then pulls the plug, with everybody amid something."""
    clients, answered, give_up = run_clients(1_000_000, 8)
    deadline = time.monotonic() + 60
    while len(answered.accepted) < at and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)
    give_up.set()
    # What was answered is in this machine already; for the rest they would wait long, since nobody closes their connections.
    deadline = time.monotonic() + 2
    for client in clients:
        client.join(max(0.0, deadline - time.monotonic()))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(sorted(answered.accepted), file)
    print(len(answered.accepted), len(answered.tries))


class Outside(counting.Sink):
    """A mail server elsewhere that remembers subjects."""

    subjects = []

    def __init__(self, address):
        threading.Thread.__init__(self, daemon=True)
        self._listener = socket.create_server((address, PORT), backlog=16)
        self.got, self.strange = collections.defaultdict(list), []

    @staticmethod
    def _content(lines):
        octets = counting.Sink._content(lines)
        Outside.subjects += re.findall(rb"^Subject: (.*)\r$", octets or b"", re.MULTILINE)
        return octets


def take(address, messages):
    """Takes what comes, for a minute at most."""
    sink = Outside(address)
    sink.start()
    deadline = time.monotonic() + 60
    while len(sink.strange) < messages and time.monotonic() < deadline:
        time.sleep(0.05)
    for subject in sink.subjects:
        print(subject.decode())


def compare(folder, path):
    """What was answered is there, and everything that is there is whole. Other mail of the test has no number."""
    with open(path, encoding="utf-8") as file:
        accepted = json.load(file)
    found, torn = counting.stored(folder)
    torn = [name for name in torn if counting.NUMBER.search(open(name, "rb").read()) or os.path.getsize(name) == 0]
    missing = [number for number in accepted if not found["alice"][number]]
    print(len(missing), len(torn))


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "send":
        send(int(arguments[0]), int(arguments[1]))
    elif what == "big":
        big(int(arguments[0]), int(arguments[1]))
    elif what == "take":
        take(arguments[0], int(arguments[1]))
    elif what == "plug":
        plug(int(arguments[0]), int(arguments[1]), arguments[2])
    else:
        compare(*arguments)


if __name__ == "__main__":
    main()
