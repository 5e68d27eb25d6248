"""A house of the lab: its configuration, its server, and what became of a message."""
import email, email.policy, glob, json, os, re, signal, subprocess, time

import town, wires

TIMEOUT = 45


def wait_for(what, condition, timeout=TIMEOUT):
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.03)
    return found


class Outcome:
    """What became of a message: where it is, and what its trace fields say."""

    def __init__(self, reply, path=None):
        self.reply, self.where, self.account, self.results, self.received_spf, self.octets = reply, "-", None, "", "", b""
        if path:
            self.account, self.where = path.split("/")[-3:-1]
            with open(path, "rb") as file:
                self.octets = file.read()
            header = email.message_from_bytes(self.octets.split(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=email.policy.compat32)
            flat = lambda name: re.sub(r"\s+", " ", header.get(name, ""))
            self.results, self.received_spf = flat("Authentication-Results"), flat("Received-SPF")

    def result(self, method):
        found = re.search(rf"[; ]{method}=(\w+)", self.results)
        return found.group(1) if found else "-"

    @property
    def spf(self):
        return self.result("spf")

    @property
    def dmarc(self):
        return self.result("dmarc")

    def passes_by_signature_of(self, domain):
        return re.search(rf"dkim=pass[^;]* header\.d={re.escape(domain)}\b", self.results) is not None


class House:
    def __init__(self, n, folder, binary, zone, forgers_host):
        self.n, self.folder, self.binary, self.zone, self.forgers_host = n, f"{folder}/house{n}", binary, zone, forgers_host
        self.domain, self.other, self.trick, self.host = f"home{n}.example", f"other{n}.example", f"trick{n}.example", f"mail.home{n}.example"
        self.mail, self.rest = f"m{n}", f"c{n}"
        self.router = town.Router(n)
        self.gateway = wires.Gateway(f"r{n}", town.GATEWAY, self.router.public)
        self.box6 = f"2001:db8:1{n}::25"
        self.process = None
        os.makedirs(self.folder)
        self.publish_addresses()
        zone.set(self.trick, "TXT", f"v=spf1 ip4:{town.GATEWAY} ip4:{self.router.public} ip4:198.51.100.2{n} -all")

    @property
    def public(self):
        return self.router.public

    # What a router with this behaviour makes of addresses.

    def seen(self, client):
        """The address under which the mail box sees a client on the internet."""
        if ":" in client:
            return client
        return {town.MASKED_INNER: town.GATEWAY, town.MASKED_PUBLIC: self.public}.get(self.n, client)

    @property
    def turned_around(self):
        """The address under which it sees what the router turns around; None where it turns nothing around."""
        return {town.NONE: None, town.PUBLIC: self.public, town.MASKED_PUBLIC: self.public}.get(self.n, town.GATEWAY)

    @property
    def believed(self):
        """The public address as the server has it: from the gateway, whether that lies or not."""
        return self.gateway.public

    def is_router(self, address):
        return address in (town.GATEWAY, self.believed)

    # DNS

    def publish_addresses(self):
        self.zone.set(self.host, "A", self.public)
        self.zone.reverse(self.public, self.host)
        self.zone.set(self.host, "AAAA", self.box6)
        self.zone.reverse(self.box6, self.host)

    def publish_records(self):
        """What `homemail dns` says is to be published; with a DMARC policy that is stricter."""
        told = subprocess.run(["ip", "netns", "exec", self.mail, self.binary, "dns", "--json", "--config", self.folder + "/homemail.ini"], capture_output=True, text=True)
        for record in map(json.loads, told.stdout.splitlines()):
            if record.get("type") in ("MX", "TXT") and not record["name"].startswith(("_mta-sts", "_smtp._tls", "_dmarc")):
                self.zone.add(record["name"].rstrip("."), record["type"], record["data"].rstrip("."))
        for domain in (self.domain, self.other):
            self.zone.set("_dmarc." + domain, "TXT", "v=DMARC1; p=reject")
        if not self.zone.look_up("hm1._domainkey." + self.domain, "TXT")[0]:
            raise RuntimeError(f"homemail dns names no DKIM key: {told.stdout}{told.stderr}")

    # The server

    def rules(self, rewrite):
        value = {"absent": None, "auto": "auto", "fixed": self.public, "stale": town.FORMER}[rewrite]
        return "" if value is None else f"[spf-rewrite]\n{self.rewritten} = {value}\n{town.SECOND} = {value}\n"

    @property
    def rewritten(self):
        """The client that a rule of this house is for: what it sees its own mail come from."""
        return self.turned_around or self.public

    def configure(self, passwords, way="shortcut", family=None, rewrite="absent", greylist="off"):
        route = "" if family is None else "".join(f"[route:{domain}]\nfamily = {family}\n" for domain in (self.domain, self.other))
        with open(self.folder + "/homemail.ini", "w", opener=lambda path, flags: os.open(path, flags, 0o600), encoding="ascii") as ini:
            ini.write(f"""[server]
hostname = {self.host}
data = {self.folder}/data
socket = {self.folder}/control
user = root
resolver = {town.DNS}
[listen]
smtp = [::]:25
submission = [::]:587
submissions = off
imaps = off
[domain:{self.domain}]
tenant = ours
local-delivery = {way}
[domain:{self.other}]
tenant = theirs
[account:alice]
addresses = alice@{self.domain}
{passwords["alice"]}
[account:bob]
addresses = bob@{self.domain}
[account:carol]
addresses = carol@{self.domain}
vacation-text = I am away.
[account:dave]
addresses = dave@{self.other}
[alias:friends@{self.domain}]
members = friend{self.n}@evil.example
[alias:neighbour@{self.domain}]
members = dave@{self.other}
[relay:second]
address = {town.SECOND}
may-send = {self.domain}
[relay:tunnel]
address = {town.WITH_PROXY}
proxy-protocol = on
[relay:filter]
address = {town.WITHOUT_PROXY}
[policy]
greylist = {greylist}
first-time-delay = off
{route}{self.rules(rewrite)}""")
        if self.process:
            seen = self.log().count(" reload ")
            self.process.send_signal(signal.SIGHUP)
            wait_for("the configuration is read again", lambda: self.log().count(" reload ") > seen)

    def begin(self):
        self.log_file = open(self.folder + "/log", "ab")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.mail, self.binary, "run", "--config", self.folder + "/homemail.ini"], stdout=self.log_file, stderr=self.log_file)
        wait_for("the server is ready", lambda: " ready " in self.log())
        wait_for("it knows its public addresses", lambda: self.knows(self.public, self.box6))
        wait_for("its keys are made", lambda: len(glob.glob(self.folder + "/data/dkim/*/*.pem")) == 4)
        self.publish_records()

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def log(self):
        with open(self.folder + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def knows(self, *addresses):
        told = [line for line in self.log().splitlines() if " addresses public=" in line]
        return told and all(re.search(rf"[= \"]{re.escape(address)}[ \"]", told[-1]) for address in addresses) and told[-1]

    def connections(self):
        """Connections of the server to port 25 of others."""
        told = subprocess.run(["ip", "netns", "exec", self.mail, "ss", "-Htn", "state", "established", "dport", "=", ":25"], capture_output=True, text=True, check=True)
        return told.stdout.strip()

    # What became of a message

    def find(self, token, account="*"):
        """The files of messages with a token in their header, the newest first."""
        found = []
        for path in glob.glob(f"{self.folder}/data/mail/{account}/*/*.eml"):
            with open(path, "rb") as file:
                if token.encode() in file.read(65536).split(b"\r\n\r\n")[0]:
                    found.append(path)
        return sorted(found, key=os.path.getmtime, reverse=True)

    def sent(self, recipient, outcomes="delivered|failed"):
        """The last reply to what this server sent to a recipient, as its log has it; or, where it was not sent, why."""
        told = re.findall(rf" (?:{outcomes}) id=\S+ to={re.escape(recipient)} .*?reply=(\"(?:[^\"\\]|\\.)*\"|\S+)", self.log())
        return re.search(r"\d{3} .*|\d\.\d+\.\d+ .*|$", told[-1].strip('"')).group() if told else None
