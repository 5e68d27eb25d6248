#!/usr/bin/env python3
"""Makes a Maildir for a test, and compares two.

  maildir.py make FOLDER COUNT    COUNT small messages with flags, keywords and dates, in INBOX and Maildir++ folders
  maildir.py compare ONE TWO      0 if both have the same messages: mailbox, octets, flags and keywords, time to the second
  maildir.py compare ONE TWO WAY  the same but for what is lost on the way: mbsync adds X-TUID and has no keywords; mbox has no
                                  keywords, no flags D and P, and a line end behind each message
  maildir.py mbox FOLDER FILE     the messages of a Maildir as an mbox, as Python's library writes it
"""
import hashlib
import mailbox
import os
import random
import re
import sys

FOLDERS = ["", ".Sent", ".Old.Letters", ".Entw&APw-rfe"]
WORDS = ["$label1", "work", "NonJunk"]


def make(folder, count):
    chance = random.Random(4)
    for name in FOLDERS:
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(folder, name, part))
        with open(os.path.join(folder, name, "dovecot-keywords"), "w") as words:
            words.writelines(f"{i} {word}\n" for i, word in enumerate(WORDS))
    start = 1_200_000_000
    for i in range(count):
        where = FOLDERS[0] if i % 10 < 7 else FOLDERS[1 + i % 3]
        flags = "".join(flag for flag in "DFPRST" if chance.random() < 0.2) + "".join(letter for letter in "abc" if chance.random() < 0.1)
        is_new = i % 50 == 0
        name = f"{start + 1000 * i}.M{i}P7.host" + ("" if is_new else ":2," + flags)
        path = os.path.join(folder, where, "new" if is_new else "cur", name)
        lines = [f"line {n} of message {i}, with 8-bit \u00e4\u20ac" for n in range(chance.randrange(1, 60))]
        if i % 7 == 0:
            lines.append("From here on it is as if a new message began")
        text = f"From: a{i}@example.org\nTo: b@example.net\nSubject: message {i}\nMessage-ID: <{i}@example.org>\n\n" + "\n".join(lines) + ("" if i % 11 == 0 else "\n")
        with open(path, "wb") as file:
            file.write(text.encode())
        os.utime(path, (start + 1000 * i + i % 999, start + 1000 * i + i % 999))


def messages(folder, way=None):
    """Of each message: folder, hash of its octets, flags, time."""
    found = []
    for root, folders, names in os.walk(folder):
        if os.path.basename(root) not in ("cur", "new"):
            continue
        top = os.path.dirname(root)
        words = {}
        try:
            with open(os.path.join(top, "dovecot-keywords")) as file:
                words = {chr(97 + int(line.split()[0])): line.split()[1] for line in file}
        except FileNotFoundError:
            pass
        for name in names:
            path = os.path.join(root, name)
            flags = re.search(r":2,(.*)$", name)
            lost = {"mbsync": r"[a-z]", "mbox": r"[a-zDP]"}.get(way, "$^")
            marks = ",".join(sorted(words.get(flag, flag) for flag in re.sub(lost, "", flags.group(1) if flags else "")))
            with open(path, "rb") as file:
                octets = file.read()
            if way == "mbsync":
                octets = re.sub(rb"(?m)^X-TUID: .*\n", b"", octets, count=1)
            if way == "mbox":
                octets = octets.rstrip(b"\n")
            found.append((os.path.relpath(top, folder), hashlib.sha256(octets).hexdigest(), marks, int(os.stat(path).st_mtime)))
    return sorted(found)


def compare(one, two, way=None):
    left, right = messages(one, way), messages(two, way)
    if left == right:
        print(f"{len(left)} messages, the same")
        return 0
    print(f"{len(left)} and {len(right)} messages", file=sys.stderr)
    for name, here, there in (one, left, right), (two, right, left):
        print(f"  only in {name}: {sorted(set(here) - set(there))[:3]}", file=sys.stderr)
    return 1


def mbox(folder, target):
    out = mailbox.mbox(target)
    for name, message in sorted(mailbox.Maildir(folder).items()):
        out.add(mailbox.mboxMessage(message))
    out.close()


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(rest[0], int(rest[1]))
    elif verb == "compare":
        sys.exit(compare(*rest))
    elif verb == "mbox":
        mbox(*rest)
    else:
        sys.exit(__doc__)
