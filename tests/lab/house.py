#!/usr/bin/env python3
"""The lab of the house: five houses at once, each behind a router of another kind; see town.py for the places and cells.py for what is done and expected.

  house.py FOLDER PROGRAM     prints a row for each cell, and what else was looked at; FOLDER/judged gets "good bad"
"""
import os, re, subprocess, sys, threading, time, traceback

import nameserver, town, wires
from cells import COME_BACK, REWRITES, Scenarios
from household import House, Outcome, wait_for

FOLDER, PROGRAM = sys.argv[1:3]


class Run:
    """The cells of one house, in order, and what came of them."""

    def __init__(self, house):
        self.house, self.scenarios, self.rows, self.checks, self.count = house, Scenarios(house, FOLDER + "/postfix"), [], [], 0

    def check(self, name, is_so):
        self.checks.append((f"{town.BEHAVIOURS[self.house.n - 1]}: {name}", bool(is_so)))

    def cells(self, cells):
        for cell in cells:
            self.count += 1
            token = cell.token or f"h{self.house.n}c{self.count}"
            account = cell.account if cell.where != "-" else "*"
            before = set(self.house.find(token, account)) if cell.token else set()
            try:
                reply = cell.act(token)
                if cell.where != "-" and re.match("[25]", reply):
                    wait_for("", lambda: set(self.house.find(token, account)) - before, timeout=10)
                wrong = []
            except Exception as error:  # a cell that breaks off is a cell that failed
                reply, wrong = f"({error!r})", [traceback.format_exc(limit=2)]
            stored = [path for path in self.house.find(token, account) if path not in before]
            outcome = Outcome(reply, stored[0] if stored else None)
            wrong += self.judge(cell, outcome, len(stored))
            self.rows.append((cell, outcome, wrong))

    def judge(self, cell, outcome, copies):
        wrong = []

        def want(what, is_so):
            if not is_so:
                wrong.append(what)
        want(f"the reply {cell.reply}", outcome.reply.startswith(cell.reply))
        want(f"{cell.where} of {cell.account}", outcome.where == cell.where)
        want(f"{'one copy' if cell.where != '-' else 'no copy'}, not {copies}", copies == (cell.where != "-"))
        if cell.where == "-":
            return wrong
        want(f"spf={cell.spf}", outcome.spf == cell.spf)
        want(f"dmarc={cell.dmarc}", outcome.dmarc == cell.dmarc)
        fields = [outcome.results, outcome.received_spf]
        if cell.peer is None:
            want("no Received-SPF", not outcome.received_spf)
            fields = fields[:1]
        else:
            address = lambda name, value: re.search(rf" {name}=\"?{re.escape(value)}\"?(;|$)", outcome.received_spf)
            want(f"Received-SPF: {cell.spf}", outcome.received_spf.startswith(cell.spf + " ("))
            want(f"client-ip={cell.asked or cell.peer}", address("client-ip", cell.asked or cell.peer))
            want(f"connection-ip={cell.peer}" if cell.because else "no connection-ip", bool(address("connection-ip", cell.peer)) == bool(cell.because))
            want("the addresses in Authentication-Results", cell.peer in outcome.results and (not cell.because or (cell.asked or cell.peer) in outcome.results))
            if cell.because:
                noted = re.findall(r"spf-note=.*", self.house.log())
                want("a line of the log that says so", any(all(word in line for word in cell.because) for line in noted))
        for word in cell.because:
            want(f"'{word}' in both fields", all(word.replace("(", r"\(") in field or word in field for field in fields))
        signed = outcome.passes_by_signature_of(self.house.domain)
        want("a signature of the house" if cell.signature else "no signature of the house", cell.peer is None or bool(signed) == cell.signature)
        if cell.forger:
            want("no SPF pass for a forger", outcome.spf != "pass")
            want("no DMARC pass for a forger but by our own signature", outcome.dmarc != "pass" or signed)
            want("no rights for a forger", "auth=" not in outcome.results and b"with ESMTPA" not in outcome.octets.split(b"DKIM-Signature:")[0])
            want("nothing signed for a forger", b"DKIM-Signature:" not in outcome.octets.split(b"\r\nReceived:")[0])
        return wrong

    # -- the story of a house ------------------------------------------------------------------------------------------------

    def play(self, passwords):
        house, scenarios = self.house, self.scenarios
        configure = lambda **settings: house.configure(passwords, **settings)
        # A router without hairpin is silent at first, and then says no.
        house.router.silent = house.n == town.NONE
        house.router.lay_rules()
        configure(family="ipv4-only")
        house.begin()
        self.cells(scenarios.shortcut())
        house.router.silent = False
        house.router.lay_rules()
        configure(way="smtp", family="ipv6-only")
        self.cells(scenarios.ipv6_only())
        configure(way="smtp", family="ipv4-only")
        self.hairpin_once()
        for rewrite in REWRITES:
            configure(way="smtp", family="ipv4-only", rewrite=rewrite)
            self.cells(scenarios.with_rules(rewrite))
            if rewrite == "absent":
                self.cells(scenarios.once())
        configure(greylist="on")
        self.cells(scenarios.greylisted())
        configure(way="smtp", family="ipv4-only")
        self.move()
        self.cells(scenarios.moved())
        configure(way="smtp")
        house.zone.set(house.host, "AAAA")
        house.router.end_ipv6()
        wait_for("it knows that it has no IPv6", lambda: "2001:" not in house.knows(house.public))
        self.cells(scenarios.without_ipv6())
        self.mislead(lambda: configure(way="smtp"))
        # By then the heap is in many half empty pieces; a collector that takes addresses from the end of its range has ended the process here.
        for _ in range(200):
            configure(way="smtp")
        self.check("it lives on while its configuration is read 200 times more", house.process.poll() is None)
        went = re.findall(r" (?:delivered|deferred) id=\S+ to=(aunt@\S+|friend\S+)", house.log())
        self.check("nothing in the house's name that a forger sent went out", sorted(went) == ["aunt@elsewhere.example", f"friend{house.n}@evil.example"])

    def hairpin_once(self):
        """A message goes out to the router and comes back, is known once, and once only."""
        house = self.house
        before = house.router.turned_around()
        self.scenarios.prepare()
        times = house.router.turned_around() - before
        self.check("one message goes out to the router and comes back once" if house.n != town.NONE else "what cannot go out is delivered within the server",
                   times == (house.n != town.NONE))
        copies = house.find(COME_BACK, "bob")
        with open(copies[0], "rb") as file:
            octets = file.read()
        ours = [line for line in house.log().splitlines() if " origin " in line and "ours=yes" in line and (re.search(rb" id (\S+)", octets)).group(1).decode() in line]
        self.check("... there is one copy, known as ours once", len(copies) == 1 and len(ours) == 1)

    def move(self):
        house = self.house
        wait_for("nothing is under way", lambda: not house.connections())
        house.router.move()
        house.publish_addresses()
        started = time.monotonic()
        house.gateway.move(house.public)
        wait_for("the new address is known", lambda: house.knows(house.public))
        self.check("the new address is known within 20 s, without a restart", time.monotonic() - started < 20)


    def mislead(self, look):
        """The router talks nonsense while another host answers in its place; then it lies; then it is as before."""
        house = self.house
        house.gateway.is_sane, asked = False, house.gateway.asked
        look()
        wait_for("the router is asked", lambda: house.gateway.asked >= asked + 2)
        wires.pretend(house.rest, town.CLIENT, town.BOX, town.FORGER)
        self.cells(self.scenarios.misled())
        wait_for("it is asked no more", lambda: house.gateway.asked >= asked + 4)
        self.check("a host that pretends to be the router is not believed", " addresses " in house.log() and town.FORGER not in
                   "".join(line for line in house.log().splitlines() if " addresses public=" in line))
        house.gateway.is_sane = True
        wait_for("the lie is heard", lambda: house.gateway.move(town.FORGER) or house.knows(town.FORGER))
        wait_for("no session is left from before", lambda: not house.connections())
        self.cells(self.scenarios.lied_to())
        wait_for("the truth is heard", lambda: house.gateway.move(house.public) or house.knows(house.public))
        wait_for("no session is left from before", lambda: not house.connections())
        self.cells(self.scenarios.told_the_truth())


def play(run, passwords):
    try:
        run.play(passwords)
    except Exception as error:
        traceback.print_exc()
        run.check(f"the story goes on to its end: {error!r}", False)
    finally:
        run.house.end()


def main():
    zone = town.Zone()
    town.internet(zone)
    with wires.within("outside"):
        nameserver.serve(town.DNS, zone)
    forgers_host = wires.ForgersHost("outside", town.FORGER)
    hashed = subprocess.run([PROGRAM, "passwd"], input="alice-secret\n", capture_output=True, text=True, check=True).stdout.strip()
    runs = [Run(House(n, FOLDER, PROGRAM, zone, forgers_host)) for n in range(1, 6)]
    threads = [threading.Thread(target=play, args=(run, {"alice": hashed})) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    columns = "{:<23} | {:<46} | {:<7} | {:<15} | {:<10} | {:<8} | {:<6} | {}"
    print(columns.format("behaviour", "scenario", "rewrite", "reply", "where", "SPF", "DMARC", "ok"))
    good = bad = 0
    for run in runs:
        for cell, outcome, wrong in run.rows:
            good, bad = good + (not wrong), bad + bool(wrong)
            # The code and what RFC 3463 adds to it.
            reply = re.match(r"\d{3} \d\.\d+\.\d+|.{0,15}", outcome.reply).group()
            print(columns.format(town.BEHAVIOURS[run.house.n - 1], cell.scenario, cell.rewrite, reply, outcome.where, outcome.spf, outcome.dmarc, "NO" if wrong else "ok"))
            if wrong:
                print("      wanted: " + "; ".join(wrong) + f"\n      reply:  {outcome.reply}\n      fields: {outcome.results}\n              {outcome.received_spf}")
    for run in runs:
        for name, is_so in run.checks:
            good, bad = good + is_so, bad + (not is_so)
            print(f"{'ok   ' if is_so else 'FAIL '} {name}")
    forged = [(cell, outcome) for run in runs for cell, outcome, _ in run.rows if cell.forger]
    print(f"{sum(len(run.rows) for run in runs)} cells, {len(forged)} of them of a forger")
    with open(FOLDER + "/judged", "w", encoding="ascii") as judged:
        judged.write(f"{good} {bad}\n")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
