"""A mail server that is measured: what it costs and what has come into its mailboxes, as the kernel and the file system tell it."""
import glob
import itertools
import os
import signal
import socket
import subprocess
import time

# Two servers may deliver into the same mailboxes.
EMPTIED = itertools.count()


class Peer:
    """One line of the file that peers.sh writes: key=value, separated by tabs."""

    def __init__(self, line):
        self.said = dict(part.split("=", 1) for part in line.rstrip("\n").split("\t") if part)
        self.name, self.title = self.said["name"], self.said["title"]
        self.port = int(self.said["port"])
        self.known = None

    def get(self, key):
        return self.said.get(key)

    @property
    def keeps(self):
        """Whether it has mailboxes; a sink has none."""
        return "mail" in self.said

    @property
    def at_most(self):
        """More messages than this it does not hold at once."""
        return int(self.said.get("holds", 1_000_000))

    def groups(self):
        for name in self.said["groups"].split(","):
            for root in ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"):
                path = f"{root}/homemail-bench-{name}"
                if os.path.isdir(path):
                    yield path
                    break

    def processes(self):
        pids = []
        for group in self.groups():
            with open(f"{group}/cgroup.procs") as lines:
                pids += [int(line) for line in lines if int(line) > 0]
        return pids

    def processor(self):
        """Seconds."""
        total = 0.0
        for group in self.groups():
            if os.path.exists(f"{group}/cpuacct.usage"):
                with open(f"{group}/cpuacct.usage") as file:
                    total += int(file.read()) / 1e9
            else:
                with open(f"{group}/cpu.stat") as lines:
                    total += int(dict(line.split() for line in lines)["usage_usec"]) / 1e6
        return total

    def memory(self):
        """Kilobytes of all its processes; what they share is counted once among them (PSS)."""
        total = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as lines:
                    total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass
        return total

    def settle(self, seconds=3):
        """Waits until it does nothing: what follows its answers belongs to the messages that were answered, and not to the next one's time."""
        deadline, last = time.monotonic() + seconds, self.processor()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.processor()
            if now - last < 0.005:
                return
            last = now

    def count(self):
        found = 0
        for folder in glob.glob(self.said["mail"]):
            try:
                with os.scandir(folder) as entries:
                    found += sum(not entry.name.startswith(".") and (self.name != "homemail" or entry.name.endswith(".eml")) for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                pass
        return found

    def begin(self):
        """
        Maildirs are emptied; a mailbox of HomeMail's belongs to its server, and goes on growing: what is there is counted. Emptied is: put aside. ext4 gives
        the number of a file that was deleted to no other for minutes, and looks at each on its way to a free one, whoever asks.
        """
        if not self.keeps:
            return
        if self.name != "homemail":
            for folder in glob.glob(self.said["mail"]):
                was = os.stat(folder)
                os.rename(folder, f"{os.path.dirname(os.path.dirname(folder))}/emptied-{next(EMPTIED)}")
                os.mkdir(folder, was.st_mode & 0o777)
                os.chown(folder, was.st_uid, was.st_gid)
        if self.name != "homemail" or self.known is None:
            self.known = self.count()

    def until_there(self, messages, began, patience):
        """The time when so many have come since begin(), or None. The counting must not take the processor from whom it counts."""
        while True:
            now = time.monotonic()
            there = self.count()
            if there - self.known >= messages:
                self.known = there
                return now
            if now - began > patience:
                return None
            speed = max(1.0, (there - self.known) / (now - began))
            time.sleep(min(0.25, max(0.01, (messages - there + self.known) / speed * 0.3)))

    def calls(self, work):
        """System calls of all its processes while something is done, and those of them that make data durable, counted by the kernel; None: it does not."""
        pids = self.processes()
        syncs = ("fsync", "fdatasync", "syncfs", "sync")
        events = ["raw_syscalls:sys_enter"] + [f"syscalls:sys_enter_{name}" for name in syncs]
        counter = subprocess.Popen(["perf", "stat", "-x", ",", "-e", ",".join(events), "-p", ",".join(map(str, pids))], stderr=subprocess.PIPE, text=True)
        # It has a descriptor for each event of each thread that it has found so far.
        count, last = 0, -1
        while count != last:
            time.sleep(0.5)
            count, last = len(os.listdir(f"/proc/{counter.pid}/fd")), count
        try:
            work()
        finally:
            counter.send_signal(signal.SIGINT)
            said = counter.communicate()[1]
        counts = {}
        for line in said.splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[0].isdigit():
                counts[fields[2]] = int(fields[0])
        return (counts[events[0]], sum(counts.get(event, 0) for event in events[1:])) if events[0] in counts else None

    def hold_connections(self, wanted):
        """So many connections that have said EHLO and no more: how many it took, and kilobytes for each."""
        self.settle()
        before, connections = self.memory(), []
        try:
            for _ in range(wanted):
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                connections.append(connection)
                for line in (None, b"EHLO client.example\r\n"):
                    if line:
                        connection.sendall(line)
                    answer = b""
                    while not answer.endswith(b"\n") or answer.rstrip(b"\r\n").rpartition(b"\n")[2][3:4] == b"-":
                        more = connection.recv(4096)
                        if not more or answer.startswith(b"4"):
                            raise ConnectionError
                        answer += more
        except OSError:
            connections.pop().close()
        self.settle()
        each = (self.memory() - before) / max(1, len(connections))
        for connection in connections:
            connection.close()
        self.settle()
        if self.get("refresh"):
            subprocess.run(self.get("refresh").split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            self.settle()
        return len(connections), each


def read(path):
    with open(path) as lines:
        return [Peer(line) for line in lines]


def written(folder):
    """Octets that have gone to the disk that a folder is on, whoever wrote them: the file system's journal too."""
    os.sync()
    device = os.stat(folder).st_dev
    path = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
    if not os.path.exists(path):
        return 0
    with open(path) as file:
        return int(file.read().split()[6]) * 512
