#!/usr/bin/env python3
"""The internet of the sending lab, in one process: a name server and mail hosts, each with its own kind of trouble.

  internet.py serve FOLDER   runs them until killed; writes what it sees to FOLDER/events, one JSON object a line
  internet.py send FOLDER    submits a message for each situation to the house
  internet.py judge FOLDER   compares what became of them with what is expected, prints the table

The situations and the world they are in are in situations.py.
"""
import json, os, re, smtplib, socket, ssl, sys, threading, time

import nameserver, situations as world

HOUSE_RETRY = 5


# -- mail hosts ----------------------------------------------------------------------------------------------------------

events = None
events_gate = threading.Lock()


def event(kind, **fields):
    with events_gate:
        events.write(json.dumps({"at": time.time(), "kind": kind, **fields}) + "\n")
        events.flush()


class Hangup(Exception):
    pass


class Session:
    """One connection to a mail host. `host` is its behaviour: a dictionary; see situations.py."""
    greylist = {}

    def __init__(self, connection, address, peer, host):
        self.connection, self.address, self.peer, self.host = connection, address, peer, host
        self.buffer, self.tls = b"", False

    def say(self, text):
        pause = self.host.get("slow", 0)
        if pause:
            time.sleep(pause)
        self.connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def line(self):
        while b"\r\n" not in self.buffer:
            more = self.connection.recv(65536)
            if not more:
                raise Hangup
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*world.certificate(self.host["certificate"]))
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.tls, self.buffer = True, b""

    def run(self):
        host = self.host
        event("connect", to=self.address, by=self.peer, helo=None)
        if host.get("implicit"):
            self.start_tls()
        time.sleep(host.get("wait", 0))
        self.say(host.get("greeting", "220 " + host.get("name", "mx.test") + " ESMTP"))
        if host.get("greeting", "220")[0] != "2":
            self.line()
            return
        sender, recipients = None, []
        while True:
            line = self.line()
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                event("helo", to=self.address, by=self.peer, helo=line[5:], tls=self.tls)
                if host.get("no-ehlo"):
                    self.say("502 5.5.1 what?")
                    continue
                offer = ["250-" + host.get("name", "mx.test")] + ["250-" + word for word in host.get("offer", ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"])]
                if "certificate" in host and not self.tls and not host.get("hides-starttls"):
                    offer.append("250-STARTTLS")
                if host.get("auth") and self.tls:
                    offer.append("250-AUTH PLAIN LOGIN")
                offer[-1] = "250 " + offer[-1][4:]
                self.say("\n".join(offer))
            elif verb == "HELO":
                self.say("250 " + host.get("name", "mx.test"))
            elif verb == "STARTTLS":
                kind = host.get("starttls", "good")
                if kind == "454":
                    self.say("454 4.7.0 not now")
                elif kind == "garbage":
                    self.say("220 go ahead")
                    self.connection.sendall(b"this is no TLS\r\n" * 20)
                    time.sleep(0.2)
                    return
                elif kind == "close":
                    return
                else:
                    self.say("220 go ahead")
                    self.start_tls()
            elif verb == "AUTH":
                self.say("235 2.7.0 welcome" if line.endswith(world.RIGHT_LOGIN) else "535 5.7.8 who?")
            elif verb == "MAIL":
                if "mail" in host:
                    sender, recipients = None, []
                    self.say(host["mail"])
                    continue
                sender, recipients = line, []
                self.say("250 2.1.0 ok")
            elif verb == "RCPT":
                who = re.search(r"<(.*?)>", line).group(1)
                reply = host.get("rcpt", "250 2.1.5 ok") if sender else "503 5.5.1 MAIL first"
                if isinstance(reply, dict):
                    reply = reply.get(who.split("@")[0], "250 2.1.5 ok")
                if host.get("greylists") and time.time() - Session.greylist.setdefault((self.address, who), time.time()) < host["greylists"]:
                    reply = "450 4.7.1 greylisted, come again"
                if reply[0] == "2":
                    recipients.append(who)
                self.say(reply)
            elif verb == "DATA":
                if not recipients:
                    self.say("503 5.5.1 nobody is there")
                    continue
                self.say("354 go ahead")
                while self.line() != ".":
                    pass
                if host.get("hangs-up-after-data"):
                    event("message", to=self.address, by=self.peer, recipients=recipients, tls=self.tls, answered=False)
                    return
                reply = host.get("data", "250 2.0.0 taken")
                if reply[0] == "2":
                    event("message", to=self.address, by=self.peer, recipients=recipients, tls=self.tls, answered=True)
                self.say(reply)
                if reply[0] != "2" and host.get("closes"):
                    return
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok" if verb in ("RSET", "NOOP") else "502 5.5.1 what?")


def mail_host(address, port, host):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, port), family=family, backlog=128)

    def one(connection, peer):
        try:
            connection.settimeout(120)
            with connection:
                Session(connection, address, peer, host).run()
        except (OSError, Hangup, ssl.SSLError):
            pass

    def accept():
        while True:
            connection, peer = server.accept()
            threading.Thread(target=one, args=(connection, peer[0]), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def policy_host(address, certificate):
    """The web server of MTA-STS policies (RFC 8461 3.3)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*world.certificate(certificate))
    server = socket.create_server((address, 443), backlog=64)

    def one(connection):
        try:
            connection.settimeout(20)
            with context.wrap_socket(connection, server_side=True) as web:
                request = web.recv(4096).decode()
                host = re.search(r"(?im)^host: *(\S+)", request).group(1)
                text = world.sts_policy(host).replace("\n", "\r\n")
                web.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode())
        except (OSError, ssl.SSLError, AttributeError):
            pass

    def accept():
        while True:
            threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def serve(folder):
    global events
    events = open(folder + "/events", "a", encoding="utf-8")
    threading.stack_size(256 * 1024)
    nameserver.serve(world.DNS, world)
    for address, port, host in world.hosts():
        mail_host(address, port, host)
    policy_host(world.WEB, "web")
    open(folder + "/serving", "w").close()
    while not os.path.exists(folder + "/later"):
        time.sleep(0.05)
    for address, port, host in world.later_hosts():
        mail_host(address, port, host)
    while True:
        time.sleep(3600)


# -- the house's users -----------------------------------------------------------------------------------------------------

def send(folder, names):
    """One session for all, one message for each situation."""
    context = ssl._create_unverified_context()
    house = smtplib.SMTP("127.0.0.1", 587, timeout=60)
    house.starttls(context=context)
    logged_in = None
    for situation in world.SITUATIONS:
        if names and situation["name"] not in names:
            continue
        if logged_in != situation["account"]:
            house.quit()
            house = smtplib.SMTP("127.0.0.1", 587, timeout=60)
            house.starttls(context=context)
            logged_in = situation["account"]
            house.login(logged_in, logged_in + "-secret")
        sender = situation["sender"]
        text = f"From: {sender}\r\nTo: {situation['to'][0]}\r\nSubject: {situation['name']}\r\n\r\nIn the lab.\r\n"
        house.sendmail(sender, situation["to"], text)
    house.quit()


# -- the judge -----------------------------------------------------------------------------------------------------------------

LINE = re.compile(r"^(\S+) info (delivered|deferred|failed) id=(\S+) to=(\S+) attempt=(\d+) age=(\d+) reply=(\"(?:[^\"\\]|\\.)*\"|\S+)(?: tls=(\"(?:[^\"\\]|\\.)*\"|\S+))?")


def outcomes(folder):
    found = {}
    with open(folder + "/home/log", encoding="utf-8") as log:
        for line in log:
            if match := LINE.match(line):
                _, outcome, _, to, attempt, age, reply, tls = match.groups()
                found.setdefault(to, []).append((outcome, int(attempt), int(age), reply.strip('"'), (tls or "").strip('"')))
    return found


def deliveries(folder):
    took, dialled = {}, {}
    with open(folder + "/events", encoding="utf-8") as lines:
        for line in lines:
            seen = json.loads(line)
            dialled.setdefault(seen["to"], 0)
            if seen["kind"] == "connect":
                dialled[seen["to"]] += 1
            if seen["kind"] == "message":
                for to in seen["recipients"]:
                    took.setdefault(to, []).append((seen["to"], seen["by"], seen["tls"]))
    return took, dialled


def verdict(situation, found, took, dialled):
    """What is wrong with what became of a situation, or an empty list; None while it is not finished."""
    wrong = []
    for to, want in zip(situation["to"], situation["outcomes"]):
        seen = found.get(to, [])
        wanted = want["attempts"]
        if len(seen) < len(wanted):
            return None
        for (outcome, _, age, reply, tls), (expected, pattern) in zip(seen, wanted):
            if not re.fullmatch(expected, outcome) or not re.search(pattern, reply):
                wrong.append(f"{outcome} {reply}")
        age = seen[len(wanted) - 1][2]
        low, high = want.get("time", (0, 25))
        if not low <= age <= high:
            wrong.append(f"after {age} s, expected {low} to {high}")
        if "tls" in want and not re.search(want["tls"], seen[len(wanted) - 1][4]):
            wrong.append(f"tls: {seen[len(wanted) - 1][4] or 'none'}")
        path = took.get(to, [])
        # Later attempts may follow where the message is not done.
        if want.get("over") is not None and ([p[0] for p in path][:len(want["over"])] != want["over"] or {p[0] for p in path} - set(want["over"])):
            wrong.append(f"taken by {[p[0] for p in path]}, expected {want['over']}")
        if "encrypted" in want and any(p[2] != want["encrypted"] for p in path):
            wrong.append("encrypted" if not want["encrypted"] else "in clear")
    for address in situation["never"]:
        if dialled.get(address):
            wrong.append(f"{address} was dialled")
    return wrong


def judge(folder, names):
    deadline = time.time() + 120
    todo = [s for s in world.SITUATIONS if not names or s["name"] in names]
    while True:
        found, (took, dialled) = outcomes(folder), deliveries(folder)
        verdicts = {s["name"]: verdict(s, found, took, dialled) for s in todo}
        if all(v is not None for v in verdicts.values()) or time.time() > deadline:
            break
        time.sleep(0.25)
    passed = failed = 0
    for situation in todo:
        wrong = verdicts[situation["name"]]
        good = wrong == []
        passed, failed = passed + good, failed + (not good)
        to = situation["to"][0]
        last = found.get(to, [("-", 0, 0, "nothing yet", "")])[-1]
        path = " ".join(p[0] for p in took.get(to, [])) or "-"
        print(f"{'ok  ' if good else 'FAIL'}  {situation['name']:<50} {last[0]:<9} {last[2]:>3} s  {path:<18} {last[3][:90]}")
        for what in wrong or ([] if good else ["no outcome in time"]):
            print(f"      {what}")
    print(f"situations: {len(todo)}, {passed} as expected")
    with open(folder + "/judged", "w", encoding="utf-8") as result:
        result.write(f"{passed} {failed}\n")


if __name__ == "__main__":
    command, folder, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    world.FOLDER = folder
    {"serve": lambda: serve(folder), "send": lambda: send(folder, names), "judge": lambda: judge(folder, names)}[command]()
