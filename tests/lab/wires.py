"""Sockets in network namespaces, and who talks over them: a client of port 25 that says what it is told to, the mail host of a forger, and a
gateway that tells its public address by NAT-PMP."""
import ctypes, os, re, smtplib, socket, ssl, struct, threading

NET = 0x40000000  # CLONE_NEWNET
_libc = ctypes.CDLL(None, use_errno=True)
_home = os.open("/proc/self/ns/net", os.O_RDONLY)


class within:
    """`with within(NAME)`: sockets that this thread makes are in that namespace, and stay there."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        there = os.open("/run/netns/" + self.name, os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)

    def __exit__(self, *_):
        _enter(_home)


def _enter(namespace):
    if _libc.setns(namespace, NET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def dial(where, to, port=25, source=None, timeout=15):
    with within(where):
        connection = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        if source:
            connection.bind((source, 0))
        connection.connect((to, port))
    except OSError:
        connection.close()
        raise
    return connection


def proxied(client, server):
    """A header of the PROXY protocol, version 2, for a client."""
    kind = socket.AF_INET6 if ":" in client else socket.AF_INET
    addresses = socket.inet_pton(kind, client) + socket.inet_pton(kind, server) + struct.pack(">HH", 40000, 25)
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x21 if ":" in client else 0x11]) + struct.pack(">H", len(addresses)) + addresses


class _Lines:
    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def line(self):
        while b"\r\n" not in self.buffer:
            more = self.connection.recv(65536)
            if not more:
                raise EOFError
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def reply(self):
        while True:
            line = self.line().decode("latin-1")
            if line[3:4] != "-":
                return line


def send(where, to, sender, recipient, octets, helo="host.example", source=None, first=b"", notify="", timeout=15):
    """Sends a message to port 25, and says how that ended: the reply to DATA, or the first that was none of consent; `no connection`, `cut off`."""
    try:
        connection = dial(where, to, source=source, timeout=timeout)
    except OSError:
        return "no connection"
    with connection:
        try:
            connection.sendall(first)
            lines = _Lines(connection)
            reply = lines.reply()
            for command in ("EHLO " + helo, f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>{notify}", "DATA"):
                if reply[0] != "2":
                    return reply
                connection.sendall(command.encode() + b"\r\n")
                reply = lines.reply()
            if reply[0] != "3":
                return reply
            connection.sendall(re.sub(rb"(?m)^\.", b"..", octets) + b".\r\n")
            reply = lines.reply()
            connection.sendall(b"QUIT\r\n")
            return reply
        except (EOFError, OSError):
            return "cut off"


class Submission(smtplib.SMTP):
    """A mail program of the house."""

    def __init__(self, where, to, account):
        self.where = where
        super().__init__(to, 587, local_hostname="laptop.lan", timeout=30)
        self.starttls(context=ssl._create_unverified_context())
        self.login(account, account + "-secret")

    def _get_socket(self, host, port, timeout):
        return dial(self.where, host, port, timeout=timeout)

    def write(self, sender, recipients, octets):
        """The reply to DATA."""
        self.mail(sender)
        for recipient in recipients:
            code, text = self.rcpt(recipient)
            if code >= 300:
                self.rset()
                return f"{code} {text.decode()}"
        code, text = self.data(octets)
        return f"{code} {text.decode()}"


class ForgersHost:
    """The MX of a forger. It keeps what it gets, and before it says that it has it, does with it what was asked for its recipient in `meanwhile`."""

    def __init__(self, where, address):
        self.got, self.meanwhile = {}, {}
        with within(where):
            self.server = socket.create_server((address, 25), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.one, args=(self.server.accept()[0],), daemon=True).start()

    def one(self, connection):
        with connection:
            connection.settimeout(60)
            say = lambda text: connection.sendall(text.encode() + b"\r\n")
            lines = _Lines(connection)
            try:
                say("220 mx.evil.example ESMTP")
                helo = sender = recipient = ""
                while True:
                    line = lines.line().decode("latin-1")
                    verb = line[:4].upper()
                    if verb == "EHLO":
                        helo = line[5:]
                        say("250-mx.evil.example\r\n250 8BITMIME")
                    elif verb == "MAIL":
                        sender = re.search("<(.*?)>", line).group(1)
                        say("250 2.1.0 ok")
                    elif verb == "RCPT":
                        recipient = re.search("<(.*?)>", line).group(1)
                        say("250 2.1.5 ok")
                    elif verb == "DATA":
                        say("354 go ahead")
                        octets = b""
                        while (content := lines.line()) != b".":
                            octets += content.removeprefix(b".") + b"\r\n"
                        self.got[recipient] = (helo, sender, octets)
                        if act := self.meanwhile.get(recipient):
                            act(helo, sender, octets)
                        say("250 2.0.0 taken")
                    else:
                        say("221 2.0.0 bye" if verb == "QUIT" else "250 2.0.0 ok")
                        if verb == "QUIT":
                            return
            except (EOFError, OSError):
                pass


class Gateway:
    """A router that tells its public address by NAT-PMP (RFC 6886), and announces a change of it. It may lie, or talk nonsense."""

    def __init__(self, where, inner, public):
        self.public, self.asked, self.is_sane = public, 0, True
        with within(where):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((inner, 5351))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(inner))
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            query, peer = self.socket.recvfrom(1200)
            self.asked += 1
            if not self.is_sane:
                self.socket.sendto(told(self.public)[:-1], peer)
                self.socket.sendto(os.urandom(60), peer)
            elif query == b"\0\0":
                self.socket.sendto(told(self.public), peer)
            else:
                # Another version of the protocol is not spoken here (RFC 6887 appendix A).
                self.socket.sendto(struct.pack(">BBHI", 0, 0x80 | query[1] & 0x7f, 1, 100), peer)

    def move(self, public):
        self.public = public
        self.socket.sendto(told(public), ("224.0.0.1", 5350))


def told(public):
    """What a router answers that has this public address."""
    return struct.pack(">BBHI", 0, 0x80, 0, 100) + socket.inet_aton(public)


def pretend(where, source, to, public):
    """A host of the house pretends to be the router: it announces an address, and answers whatever port might ask."""
    with within(where):
        pretender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pretender:
        pretender.bind((source, 5351))
        pretender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        pretender.sendto(told(public), ("224.0.0.1", 5350))
        for port in range(32768, 61000):
            pretender.sendto(told(public), (to, port))
