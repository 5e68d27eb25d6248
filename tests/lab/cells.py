"""What happens to the houses of the lab, and what each message is to become: the reply, the place, SPF, DMARC, and what the trace fields say. The expectations
are the design's, written down here by its rules; nothing of them is what some version of the server happened to do.

SPF for a domain of the house is asked about the public address where the message is one that the server itself is sending, or comes from a relay that may send
for the domain; about nobody where the client is the router, an address of the house, or an inner one; else about the client. For a foreign domain it is the
client, or nobody where that is the router or a relay.
"""
import re, subprocess
from dataclasses import dataclass
from typing import Callable

import town, wires
from household import wait_for
from town import (BOX, CLIENT, FORGER, FORGER6, FORMER, HONEST, HONEST6, NONE, SECOND, UNKNOWN, WITHOUT_PROXY, WITH_PROXY)

REWRITES = ["absent", "auto", "fixed", "stale"]
TAKEN, REFUSED_BY_DMARC, RELAY_DENIED, NOT_SENT_ON, COME_AGAIN = "250 2.6.0", "550 5.7.1 Refused by the DMARC policy", "550 5.7.1 Relaying denied", "550 5.7.1", "451 4.7.1"

COME_BACK = "to-come-back"


@dataclass
class Cell:
    scenario: str
    act: Callable  # with the cell's token; gives the reply
    reply: str  # how the reply begins
    where: str = "-"
    account: str = "bob"
    spf: str = "-"
    dmarc: str = "-"
    asked: str | None = None  # whom SPF was asked about; None is nobody
    peer: str | None = None  # the client
    because: tuple = ()  # what the fields say of it besides the addresses; nothing is plain SPF
    forger: bool = False  # somebody who has no right to the house's name
    signature: bool = False  # the message bears a signature of the house that is whole
    rewrite: str = "absent"
    token: str | None = None  # of a message that is there already: what is new counts


def letter(sender, recipient, token, text="Hello."):
    return (f"From: {sender}\r\nTo: {recipient}\r\nSubject: {token}\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{token}@lab>\r\n"
            f"\r\n{text}\r\n.with a dot\r\n").encode()


class Scenarios:
    """The cells of one house."""

    def __init__(self, house, postfix):
        self.house, self.postfix = house, postfix

    # -- who sends ----------------------------------------------------------------------------------------------------

    def alice_writes(self, *recipients, waits="delivered|failed", tagged=True):
        """By submission from the LAN; then the reply is what the server's own client got for the last recipient."""
        def act(token):
            house = self.house
            named = [to.replace("@", f"+{token}@") if tagged else to for to in recipients]
            mail = wires.Submission(house.rest, BOX, "alice")
            reply = mail.write(f"alice@{house.domain}", named, letter(f"alice@{house.domain}", named[0], token))
            mail.quit()
            if waits and reply.startswith("250"):
                reply = wait_for(f"{named[-1]} is sent", lambda: house.sent(named[-1], waits))
            return reply
        return act

    def to_port_25(self, where, to, sender, recipient, source=None, helo="host.example", first=b"", author=None, octets=None):
        def act(token):
            content = octets(token) if octets else letter(author or sender, recipient, token)
            return wires.send(where, to(), sender, recipient, content, helo=helo, source=source, first=first)
        return act

    def from_internet(self, sender, source, **more):
        house = self.house
        to = lambda: house.box6 if ":" in source else house.public
        return self.to_port_25("outside", to, sender, more.pop("recipient", f"bob@{house.domain}"), source=source, helo=more.pop("helo", "mx.honest.example"), **more)

    def in_house(self, sender, source, recipient=None, to=None, first=b"", author=None):
        house = self.house
        return self.to_port_25(house.rest, to or (lambda: BOX), sender, recipient or f"bob@{house.domain}", source=source, first=first, author=author)

    # -- what the design says of it --------------------------------------------------------------------------------------

    def rule(self, rewrite, client):
        """The words of a rule for a client."""
        value = {"absent": None, "auto": "auto", "fixed": self.house.public, "stale": FORMER}[rewrite]
        return () if value is None else (f"{client}/32 = {value}",)

    def own(self, rewrite="absent", peer=None):
        """A message that the server itself is sending: judged by the public address, or by what a rule says; its signature is whole in any case."""
        house = self.house
        peer = peer or house.rewritten
        is_stale = rewrite == "stale" and peer == house.rewritten
        asked = FORMER if is_stale else peer if ":" in peer else house.public
        return dict(reply="250", where="INBOX", spf="fail" if is_stale else "pass", dmarc="pass", asked=asked, peer=peer,
                    because=("come back", *(self.rule(rewrite, peer) if ":" not in peer else ())), signature=True)

    def forged(self, peer, hosted=True):
        """Somebody from `peer` who bears the name of the house, without a signature."""
        house = self.house
        if house.is_router(peer):
            return dict(reply=TAKEN, where="Junk", spf="none", dmarc="none", peer=peer, because=("stands for anybody",), forger=True)
        if peer == house.public:
            # An address that we had: not the router's by what we know now, and not a stranger's.
            return dict(reply=REFUSED_BY_DMARC, where="Rejects", spf="none", dmarc="fail", peer=peer, because=("address of this house",), forger=True)
        if peer in (UNKNOWN, CLIENT):
            return dict(reply=REFUSED_BY_DMARC, where="Rejects", spf="none", dmarc="fail", peer=peer, because=("inner address", "[relay]"), forger=True)
        return dict(reply=REFUSED_BY_DMARC, where="Rejects", spf="fail", dmarc="fail", asked=peer, peer=peer, forger=True)

    def replayed(self, peer):
        """The same, with a message that the house has signed: its own signature is all that speaks for it."""
        why = ("stands for anybody",) if self.house.is_router(peer) else ("address of this house",) if peer == self.house.public else ()
        return dict(reply=TAKEN, where="INBOX", spf="none" if why else "fail", dmarc="pass", asked=None if why else peer, peer=peer, because=why, forger=True,
                    signature=True)

    def foreign(self, source, spf, dmarc, where, reply=TAKEN):
        """A stranger with a name of its own: as it is, or not known where the router hides it. Nothing is held against whoever is not known."""
        peer = self.house.seen(source)
        if self.house.is_router(peer):
            return dict(reply=TAKEN, where="INBOX", spf="none", dmarc="none", peer=peer, because=("not known",))
        return dict(reply=reply, where=where, spf=spf, dmarc=dmarc, asked=peer, peer=peer)

    # -- the cells --------------------------------------------------------------------------------------------------------

    def shortcut(self):
        house = self.house
        yield Cell("user to user, shortcut", self.alice_writes(f"bob@{house.domain}", waits=None), reply=TAKEN, where="INBOX",
                   because=("auth=pass smtp.auth=alice",))
        yield Cell("user to another tenant, hairpin at once" if house.n != NONE else "user to another tenant, router is silent", self.alice_writes(f"dave@{house.other}"), account="dave", **self.own(peer=house.rewritten))
        yield Cell("user to a stranger's Postfix", self.alice_writes("aunt@elsewhere.example", tagged=False), reply="250")

    def ipv6_only(self):
        house = self.house
        yield Cell("user to user, smtp, IPv6 only", self.alice_writes(f"bob@{house.domain}"), **self.own(peer=house.box6))
        yield Cell("user to another tenant, IPv6 only", self.alice_writes(f"dave@{house.other}"), account="dave", **self.own(peer=house.box6))

    def with_rules(self, rewrite):
        """What is done with each of the rules."""
        house, domain = self.house, self.house.domain
        alice = f"alice@{domain}"
        cell = lambda scenario, act, **expected: Cell(scenario, act, rewrite=rewrite, **expected)
        yield cell("user to user, smtp, hairpin", self.alice_writes(f"bob@{domain}"), **self.own(rewrite))
        yield cell("user to another tenant, hairpin", self.alice_writes(f"dave@{house.other}"), account="dave", **self.own(rewrite))
        yield cell("LAN client to the public address", self.in_house(alice, CLIENT, to=lambda: house.public),
                   **(self.forged(house.turned_around) if house.turned_around else dict(reply="no connection", forger=True)))
        stale = rewrite == "stale"
        yield cell("second server, declared", self.in_house(alice, SECOND), reply=TAKEN, where="Junk" if stale else "INBOX", spf="fail" if stale else "pass",
                   dmarc="none" if stale else "pass", asked=FORMER if stale else house.public, peer=SECOND,
                   because=(f"relay second may send for {domain}", *self.rule(rewrite, SECOND)))
        yield cell("second server, not declared", self.in_house(alice, UNKNOWN), **self.forged(UNKNOWN))
        yield cell("forger, IPv4", self.from_internet(alice, FORGER, helo=house.host), **self.forged(house.seen(FORGER)))
        yield cell("forger, IPv6", self.from_internet(alice, FORGER6, helo=house.host), **self.forged(FORGER6))
        yield cell("forger, null reverse-path, our HELO", self.from_internet("", FORGER, helo=house.host, author=alice), **self.forged(house.seen(FORGER)))
        yield cell("forger replays what we signed", self.from_internet(alice, FORGER, helo=house.host, octets=self.signed),
                   **self.replayed(house.seen(FORGER)))
        yield cell("honest sender, IPv4", self.from_internet("x@honest.example", HONEST), **self.foreign(HONEST, "pass", "pass", "INBOX"))
        yield cell("sender whose SPF fails", self.from_internet("x@strict.example", FORGER), **self.foreign(FORGER, "fail", "none", "Junk"))
        yield cell("... and whose DMARC says reject", self.from_internet("x@reject.example", FORGER),
                   **self.foreign(FORGER, "fail", "fail", "Rejects", REFUSED_BY_DMARC))
        yield cell("a domain that allows our router", self.from_internet(f"x@{house.trick}", FORGER), **self.foreign(FORGER, "fail", "none", "Junk"))

    def once(self):
        """What does not depend on rules, and needs to be done once."""
        house, domain = self.house, self.house.domain
        alice, bob = f"alice@{domain}", f"bob@{domain}"
        honest = "x@honest.example"
        yield Cell("honest sender, IPv6", self.from_internet(honest, HONEST6), reply=TAKEN, where="INBOX", spf="pass", dmarc="pass", asked=HONEST6, peer=HONEST6)
        yield Cell("honest sender, a Postfix", self.postfix_writes(), **{**self.foreign(town.POSTFIX, "pass", "pass", "INBOX"), "reply": "250 2.6.0"})
        # Relays
        tunnel = lambda client: wires.proxied(client, house.box6 if ":" in client else BOX)
        yield Cell("relay with PROXY, an honest sender", self.in_house(honest, WITH_PROXY, first=tunnel(HONEST)),
                   reply=TAKEN, where="INBOX", spf="pass", dmarc="pass", asked=HONEST, peer=HONEST)
        yield Cell("relay with PROXY, a forger", self.in_house(alice, WITH_PROXY, first=tunnel(FORGER)), **self.forged(FORGER))
        yield Cell("relay with PROXY, a forger, IPv6", self.in_house(alice, WITH_PROXY, first=tunnel(FORGER6)), **self.forged(FORGER6))
        yield Cell("relay with PROXY that does not speak it", self.in_house(alice, WITH_PROXY), reply="cut off", forger=True)
        yield Cell("relay without PROXY, an honest sender", self.in_house(honest, WITHOUT_PROXY), reply=TAKEN, where="INBOX", spf="none", dmarc="none",
                   peer=WITHOUT_PROXY, because=("not known",))
        yield Cell("relay without PROXY, a forger", self.in_house(alice, WITHOUT_PROXY), reply=TAKEN, where="Junk", spf="none", dmarc="none", peer=WITHOUT_PROXY,
                   because=("inner address", "[relay]"), forger=True)
        yield Cell("a stranger who speaks PROXY", self.from_internet(alice, FORGER, first=wires.proxied(HONEST, BOX)), reply="5", forger=True)
        # Nobody relays outwards.
        aunt = "aunt@elsewhere.example"
        for who, act in (
                ("the forger", self.from_internet(alice, FORGER, recipient=aunt)), ("the forger, IPv6", self.from_internet(alice, FORGER6, recipient=aunt)),
                ("a declared server", self.in_house(alice, SECOND, aunt)), ("a relay without PROXY", self.in_house(alice, WITHOUT_PROXY, aunt)),
                ("a relay with PROXY", self.in_house(alice, WITH_PROXY, aunt, first=tunnel(FORGER))), ("the LAN client", self.in_house(alice, CLIENT, aunt))):
            yield Cell(f"relay outwards: {who}", act, reply=RELAY_DENIED, forger=True)
        # What the house has signed, changed; what came back through the hairpin, once more.
        yield Cell("forger changes what we signed", self.from_internet(alice, FORGER, octets=lambda token: self.signed(token).replace(b"Hello", b"Money")),
                   **self.forged(house.seen(FORGER)))
        yield Cell("forger, IPv6, replays what we signed", self.from_internet(alice, FORGER6, octets=self.signed), **self.replayed(FORGER6))
        yield Cell("forger repeats what came by the hairpin", self.from_internet(alice, FORGER, helo=house.host, octets=lambda _: self.came_back),
                   token=COME_BACK, **self.replayed(house.seen(FORGER)))
        # The forger's host, to which the house is just delivering.
        yield Cell("forger relays a live session to bob", self.live(FORGER, lambda: bob), **self.replayed(house.seen(FORGER)))
        yield Cell("forger relays it over IPv6", self.live(FORGER6, lambda: bob), **self.replayed(FORGER6))
        yield Cell("forger relays it to its own recipient", self.live(FORGER, lambda: None), reply=RELAY_DENIED, forger=True)
        yield Cell("bob gets it too: relayed to carol", self.live(FORGER, lambda: f"carol@{domain}", bob), **{**self.replayed(house.seen(FORGER)), "account": "carol"})
        own_words = self.replayed(house.seen(FORGER))
        yield Cell("forger relays carol's vacation reply", self.answered(FORGER, f"carol@{domain}"), **own_words)
        yield Cell("forger relays a DSN of success", self.answered(FORGER, f"dave@{house.other}", notify=" NOTIFY=SUCCESS"), **own_words)
        # What an alias sends to him bears a reverse-path of the house, and nobody's signature.
        peer = house.seen(FORGER)
        masked = house.is_router(peer)
        yield Cell("forger relays what an alias sent him", self.answered(FORGER, f"friends@{domain}", f"friend{house.n}@evil.example"), reply=TAKEN,
                   where="INBOX" if masked else "Junk", spf="none" if masked else "fail", dmarc="none", asked=None if masked else peer, peer=peer,
                   because=("stands for anybody",) if masked else (), forger=True)
        # Aliases that lead outside.
        yield Cell("forger to an alias that leads to him", self.from_internet(alice, FORGER, recipient=f"friends@{domain}"), reply=NOT_SENT_ON, forger=True)
        inside = house.rewritten
        yield Cell("honest sender to an alias of the other tenant", self.from_internet(honest, HONEST, recipient=f"neighbour@{domain}"), reply=TAKEN, where="INBOX",
                   account="dave", spf="none", dmarc="none", peer=inside, because=("stands for anybody",))
        yield Cell("forger to an alias of the other tenant", self.from_internet(alice, FORGER, recipient=f"neighbour@{domain}"), reply=NOT_SENT_ON, forger=True)

    def greylisted(self):
        house = self.house
        yield Cell("greylist: sender whose SPF fails", self.from_internet("y@strict.example", FORGER),
                   **(self.foreign(FORGER, "fail", "none", "Junk") if house.is_router(house.seen(FORGER)) else dict(reply=COME_AGAIN)))
        yield Cell("greylist: honest sender", self.from_internet("y@honest.example", HONEST), **self.foreign(HONEST, "pass", "pass", "INBOX"))
        yield Cell("greylist: forger", self.from_internet(f"alice@{house.domain}", FORGER), **self.forged(house.seen(FORGER)))

    def moved(self):
        house, alice = self.house, f"alice@{self.house.domain}"
        yield Cell("new address: user to user, smtp", self.alice_writes(f"bob@{house.domain}"), **self.own())
        yield Cell("new address: forger, IPv4", self.from_internet(alice, FORGER), **self.forged(house.seen(FORGER)))
        yield Cell("new address: LAN client", self.in_house(alice, CLIENT, to=lambda: house.public),
                   **(self.forged(house.turned_around) if house.turned_around else dict(reply="no connection", forger=True)))

    def misled(self):
        """Nobody but the gateway is asked for the public address, and what is no answer is none."""
        yield Cell("router talks nonsense, a LAN host answers", self.alice_writes(f"bob@{self.house.domain}"), **self.own())

    def lied_to(self):
        """The gateway says that the forger's address is ours. Our own mail is known no more where it comes back; nobody else's is."""
        house, alice = self.house, f"alice@{self.house.domain}"
        inside = house.turned_around
        lost = dict(reply="250", where="INBOX", dmarc="pass", signature=True)
        # Without hairpin it stays within the server, and its address is the one that is believed.
        own = dict(spf="fail", asked=FORGER, peer=FORGER, because=("come back",)) if inside is None else dict(
            spf="none", peer=inside, because=("stands for anybody" if house.is_router(inside) else "address of this house",))
        yield Cell("router lies: user to user, smtp", self.alice_writes(f"bob@{house.domain}"), **lost, **own)
        yield Cell("router lies: forger, IPv4", self.from_internet(alice, FORGER), **self.forged(house.seen(FORGER)))
        # It may be another house's by now: what is for a host there waits, and nothing is entered that could be relayed.
        yield Cell("router lies: user to the forger's host", self.alice_writes("live@evil.example", waits="deferred"), reply="4.4.6")
        yield Cell("router lies: forger replays what we signed", self.from_internet(alice, FORGER, octets=self.signed), **self.replayed(house.seen(FORGER)))

    def told_the_truth(self):
        yield Cell("router lies no more: user to user, smtp", self.alice_writes(f"bob@{self.house.domain}"), **self.own())

    def without_ipv6(self):
        house, alice = self.house, f"alice@{self.house.domain}"
        yield Cell("no IPv6: user to user, smtp, family auto", self.alice_writes(f"bob@{house.domain}"), **self.own())
        yield Cell("no IPv6: forger, IPv4", self.from_internet(alice, FORGER), **self.forged(house.seen(FORGER)))
        yield Cell("no IPv6: forger replays what we signed", self.from_internet(alice, FORGER, octets=self.signed), **self.replayed(house.seen(FORGER)))

    # -- what takes several steps ---------------------------------------------------------------------------------------------

    def prepare(self):
        """What the forger has beforehand: a message of alice to him, and the octets of one that came by the hairpin."""
        house, host = self.house, self.house.forgers_host
        recipient = f"keep{house.n}@evil.example"
        self.alice_writes(recipient, tagged=False)("to-be-kept")
        self.kept = host.got[recipient][2]
        self.alice_writes(f"bob@{house.domain}")(COME_BACK)
        with open(house.find(COME_BACK, "bob")[0], "rb") as file:
            octets = file.read()
        # Above the signature are the fields of the arrival; everything from there on is what was sent.
        self.came_back = octets[octets.index(b"DKIM-Signature:"):]

    def signed(self, token):
        """The message to the forger, with the token where no signature looks."""
        return f"X-Token: {token}\r\n".encode() + self.kept

    def live(self, source, target, *others):
        """The forger's host relays what it gets while it gets it."""
        def act(token):
            house = self.house
            recipient = f"live+{token}@evil.example"
            replies = []

            def meanwhile(helo, sender, octets):
                to = target() or recipient
                where = house.box6 if ":" in source else house.public
                replies.append(wires.send("outside", where, sender, to, octets, helo=helo, source=source))
            house.forgers_host.meanwhile[recipient] = meanwhile
            mail = wires.Submission(house.rest, BOX, "alice")
            mail.write(f"alice@{house.domain}", [*others, recipient], letter(f"alice@{house.domain}", recipient, token))
            mail.quit()
            return wait_for("the forger has relayed it", lambda: replies)[0]
        return act

    def answered(self, source, recipient, comes_to=None, notify=""):
        """The forger writes under his own name, and relays to bob what the house then sends to him, while it sends it."""
        def act(token):
            house = self.house
            writer = f"writer+{token}@evil.example"
            replies = []
            house.forgers_host.meanwhile[comes_to or writer] = lambda helo, sender, octets: replies.append(
                wires.send("outside", house.public, sender, f"bob@{house.domain}", octets, helo=helo, source=source))
            # IPv6 comes past the router, so that it is known that he may use that name.
            wires.send("outside", house.box6, writer, recipient, letter(writer, recipient, token), source=FORGER6, notify=notify)
            return wait_for("what the house sends is relayed", lambda: replies)[0]
        return act

    def postfix_writes(self):
        def act(token):
            recipient = f"bob+{token}@{self.house.domain}"
            subprocess.run(["ip", "netns", "exec", "outside", "sendmail", "-C", self.postfix + "/etc", "-f", "aunt@elsewhere.example", recipient],
                           input=letter("aunt@elsewhere.example", recipient, token).replace(b"\r\n", b"\n"), check=True)

            def told():
                with open(self.postfix + "/log", encoding="utf-8", errors="replace") as log:
                    for line in log:
                        if recipient in line and ("status=sent (" in line or "status=bounced (" in line or "status=deferred (" in line):
                            return re.search(r"\d{3} \d\.\d+\.\d+ .*", line.split("(", 1)[1]).group()
                return None
            return wait_for("Postfix has sent it", told)
        return act
