#!/usr/bin/env python3
"""Looks at a mailbox, or fills one, over IMAPS with Python's imaplib; what other clients have done is checked by it.

    imap.py PORT ACCOUNT fill MAILBOX COUNT     appends messages `Subject: message N` with flags by N: every third \\Seen, every fifth \\Flagged
    imap.py PORT ACCOUNT count MAILBOX [KEY...] prints how many messages a search finds
    imap.py PORT ACCOUNT flags MAILBOX SUBJECT  prints the flags of the message with that subject, sorted
    imap.py PORT ACCOUNT tour                   what else imaplib can do
"""
import imaplib
import ssl
import sys
import time


def connect(port, account):
    connection = imaplib.IMAP4_SSL("127.0.0.1", int(port), ssl_context=ssl._create_unverified_context())
    ok(connection.login(account, account + "-secret"))
    return connection


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def fill(connection, mailbox, count):
    # Many at a time, with literals that wait for nothing (RFC 7888).
    batch = 100
    for first in range(1, count + 1, batch):
        octets, last = b"", min(first + batch, count + 1)
        for i in range(first, last):
            flags = " ".join(flag for flag, every in (("\\Seen", 3), ("\\Flagged", 5)) if i % every == 0)
            message = f"From: s{i % 50}@elsewhere.example\r\nTo: alice@home.example\r\nSubject: message {i}\r\nMessage-ID: <{i}@fill.example>\r\n\r\ntext of {i}\r\n".encode()
            octets += f"f{i} APPEND {mailbox} ({flags}) {{{len(message)}+}}\r\n".encode() + message + b"\r\n"
        connection.send(octets)
        for i in range(first, last):
            while not (line := connection.readline()).startswith(b"f"):
                pass
            assert line.startswith(f"f{i} OK".encode()), line


def flags_of(connection, mailbox, subject):
    ok(connection.select(mailbox, readonly=True))
    numbers = ok(connection.search(None, "SUBJECT", f'"{subject}"'))[0].split()
    assert len(numbers) == 1, (subject, numbers)
    return sorted(flag.decode() for flag in imaplib.ParseFlags(ok(connection.fetch(numbers[0], "(FLAGS)"))[0]))


def tour(connection):
    ok(connection.enable("CONDSTORE"))
    ok(connection.create("Tour"))
    ok(connection.append("Tour", "(\\Seen odd)", imaplib.Time2Internaldate(time.time()), b"Subject: one\r\nDate: Thu, 1 Jan 2026 10:00:00 +0000\r\n\r\nfirst\r\n"))
    ok(connection.append("Tour", None, None, b"Subject: a second\r\nDate: Wed, 31 Dec 2025 10:00:00 +0000\r\n\r\nsecond\r\n"))
    assert ok(connection.select("Tour")) == [b"2"]
    assert ok(connection.sort("(DATE)", "UTF-8", "ALL")) == [b"2 1"]
    assert ok(connection.uid("SORT", "(SUBJECT)", "UTF-8", "ALL")) == [b"2 1"]
    assert ok(connection.thread("REFERENCES", "UTF-8", "ALL")) == [b"(2)(1)"]
    assert ok(connection.search(None, "KEYWORD", "odd")) == [b"1"]
    assert ok(connection.search("UTF-8", "OR", "SUBJECT", "second", "BODY", "first"))[0].split() == [b"1", b"2"]
    assert b"second" in ok(connection.fetch("2", "(BODY.PEEK[TEXT] UID RFC822.SIZE)"))[0][1]
    assert b"MESSAGES 2" in ok(connection.status("Tour", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
    ok(connection.copy("1:2", "Tour"))
    ok(connection.noop())
    ok(connection.store("1:2", "+FLAGS.SILENT", "(\\Deleted)"))
    assert ok(connection.expunge()) == [b"1", b"1"]
    assert connection.getquotaroot("Tour")[0] == "OK"
    ok(connection.namespace())
    ok(connection.subscribe("Tour"))
    assert any(b"Tour" in line for line in ok(connection.lsub()))
    ok(connection.rename("Tour", "Guide/Tour"))
    ok(connection.unselect())
    ok(connection.delete("Guide/Tour"))
    assert connection.select("Guide/Tour")[0] == "NO"


def main():
    port, account, what, *rest = sys.argv[1:]
    connection = connect(port, account)
    if what == "fill":
        fill(connection, rest[0], int(rest[1]))
    elif what == "count":
        ok(connection.select(rest[0], readonly=True))
        print(len(ok(connection.search(None, *(rest[1:] or ["ALL"])))[0].split()))
    elif what == "flags":
        print(" ".join(flags_of(connection, *rest)))
    else:
        tour(connection)
    connection.logout()


if __name__ == "__main__":
    main()
