#!/usr/bin/env python3
"""Types commands of README.md into a terminal, word for word, and answers what is asked.

    typed.py README PASSWORD PROMPT=MARK...

README has its commands in fenced blocks below a line `<!-- typed: MARK -->`. For each PROMPT=MARK in turn the blocks of that mark are typed,
line by line, into the one shell that this starts; PROMPT is how the prompt ends that comes after each line, so that `ssh` as the last line of
one mark is followed by another machine's prompt for the next. Everything that was on the screen is printed. Exit code 1: a line that failed, a
prompt that did not come, a mark without a block.
"""
import os
import pty
import re
import select
import sys
import time

HOME_PROMPT = "at-home$ "
CONTINUED = "> "
# What the commands ask for, and who asks.
ASKED = ("Password: ", "Again: ", "password for user 'alice': ", "password for user 'alice':")


def blocks(text, mark):
    """The lines of all blocks of this mark."""
    found = re.findall(r"^<!-- typed: %s -->\n```sh\n(.*?)^```$" % re.escape(mark), text, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines()]


class Screen:
    """A shell at a terminal."""

    def __init__(self, password):
        self._password = password
        process, self._terminal = pty.fork()
        if process == 0:
            os.environ.update(PS1=HOME_PROMPT, PS2=CONTINUED, TERM="dumb")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting"])
        self.text = ""

    def _read(self, seconds):
        if not select.select([self._terminal], [], [], seconds)[0]:
            return False
        # BusyBox asks the terminal where its cursor is.
        part = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self._terminal, 4096).decode("utf-8", "replace")).replace("\r\n", "\n")
        sys.stdout.write(part)
        sys.stdout.flush()
        self.text += part
        return True

    def until(self, ends, seconds=60):
        """Waits until the screen ends like one of these, and answers when it is asked. False: it did not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # A prompt is where nothing comes any more.
            if self._read(0.15):
                continue
            last = self.text.rsplit("\n", 1)[-1]
            if last.endswith(ASKED):
                self.type(self._password)
            elif last.endswith(ends):
                return True
        return False

    def type(self, line):
        """Types a line."""
        self.text = ""
        os.write(self._terminal, line.encode() + b"\n")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        readme = file.read()
    screen, prompt = Screen(sys.argv[2]), HOME_PROMPT
    if not screen.until(prompt):
        return 1
    for argument in sys.argv[3:]:
        following, mark = argument.rsplit("=", 1)
        lines = blocks(readme, mark)
        if not lines:
            print(f"\ntyped: README has no block '{mark}'")
            return 1
        for line in lines:
            screen.type(line)
            # The last line may lead to the next machine.
            if not screen.until((following, prompt, CONTINUED)):
                print(f"\ntyped: after '{line}' no prompt came")
                return 1
            where = next(end for end in (following, prompt, CONTINUED) if screen.text.endswith(end))
            if where != CONTINUED:
                prompt = where
                screen.type("echo status $?")
                if not screen.until(prompt) or "status 0\n" not in screen.text:
                    print(f"\ntyped: '{line}' failed")
                    return 1
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
