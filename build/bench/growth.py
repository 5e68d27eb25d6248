"""How cost grows with the work: the published program on loopback, each thing at a small, a middle and the largest size.

    growth.py PROGRAM       writes out/bench/growth.md and growth.csv and prints the table; ends by itself in less than ten minutes
    ONLY="queue mailbox"    some of: sessions tls idle queue mailbox accounts domains aliases rules devices routes history senders
    SIZES=small             a tenth of the largest sizes

Costs are processor time of the server's process, not time on the clock, so that others on the machine change them little. The last column
is the largest size's figure divided by the smallest's: 1 is what does not grow, and for what must grow with the number the figure is that of one.
"""
import os, platform, shutil, signal, sys, tempfile, time
from growth_house import House, Imap, MESSAGE, Names, Sink, Smtp, crc32c, insecure, send_from_all

program = os.path.abspath(sys.argv[1])
scale = 10 if os.environ.get("SIZES") == "small" else 1
names = Names()
rows = []
# What was needed for a moment is given back after five quiet seconds.
QUIET = 7
# Whatever is left after so many seconds is not begun any more.
LONGEST = 500
work = tempfile.mkdtemp(prefix="growth.")


def tell(dimension, size, **figures):
    for figure, value in figures.items():
        if value is None:
            continue
        rows.append((dimension, size, figure.replace("_", " "), value))
        print(f"{dimension:9} {size:8}  {figure.replace('_', ' '):58} {value:12.3f}", flush=True)


def quiet(house):
    time.sleep(QUIET)
    return house.rss()


def folder(name):
    path = f"{work}/{name}"
    shutil.rmtree(path, ignore_errors=True)
    return path


def warm(house):
    client = Smtp(house.smtp)
    for _ in range(30):
        client.send()
    client.close()


def sessions(sizes=(10, 500, 5000), secure=False):
    name, empty = "tls" if secure else "sessions", None
    for size in sizes:
        house = House(program, folder(name), names)
        house.start()
        warm(house)
        empty = empty or quiet(house)
        house.rest()
        cpu, clients, refused = house.cpu(), [], 0
        for _ in range(size):
            try:
                clients.append(Smtp(house.smtp, secure))
            except (EOFError, OSError):
                refused += 1
        cpu = house.cpu() - cpu
        peak = house.rss()
        house.rest()
        time.sleep(QUIET)
        tell(name, size, accept_and_EHLO_ms=1000 * cpu / size, refused_in_all=refused, kB_a_session=(house.rss() - empty) / len(clients) if size > 100 else None,
             RSS_MB=house.rss() / 1024, RSS_MB_at_most=peak / 1024, idle_second_ms=1000 * house.idle_second(), files=house.files())
        if not secure:
            cpu, began = house.cpu(), time.perf_counter()
            answers = send_from_all([client.socket for client in clients])
            took = answers.get("250", 0)
            house.must_live()
            tell(name, size, all_send_ms_a_message=1000 * (house.cpu() - cpu) / max(1, took), accepted_a_second=took / (time.perf_counter() - began),
                 put_off_with_4xx=sum(count for code, count in answers.items() if code[0] == "4"), lost=answers.get("lost", 0) + answers.get("late", 0),
                 RSS_MB_at_most_then=house.status("VmHWM:") / 1024)
        for client in clients:
            client.close()
        house.stop()


def tls():
    sessions((10, 200, 1000), secure=True)


def idle():
    empty = None
    for size in (10, 200, 1000):
        house = House(program, folder("idle"), names)
        house.start()
        warm(house)
        empty = empty or quiet(house)
        house.rest()
        cpu, context = house.cpu(), insecure()
        clients = []
        for _ in range(size):
            client = Imap(house.imaps, context)
            client.ask("SELECT INBOX")
            client.ask("IDLE")
            clients.append(client)
        cpu = house.cpu() - cpu
        time.sleep(QUIET)
        tell("idle", size, connection_ms=1000 * cpu / size, kB_a_connection=(house.rss() - empty) / size if size > 100 else None, idle_second_ms=1000 * house.idle_second())
        sender = Smtp(house.smtp)
        cpu = house.cpu()
        sender.send()
        for client in clients:
            while b"EXISTS" not in client.line():
                pass
        tell("idle", size, telling_of_one_message_ms_a_connection=1000 * (house.cpu() - cpu) / size)
        for client in clients:
            client.close()
        house.stop()


def fill_queue(house, count):
    """A queue as the server itself writes it: one message goes in, and its envelope is the pattern for all."""
    env, msg = f"{house.folder}/data/spool/env", f"{house.folder}/data/spool/msg"
    pattern_id = os.listdir(env)[0]
    with open(f"{env}/{pattern_id}", "rb") as file:
        text = file.read()
    head, _, rest = text.partition(b"\n\n")
    address = rest.split()[1]
    later = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime(time.time() + 3 * 3600)).encode()
    line = b"? d0000000." + address + b"\tattempts=1\tnext=" + later + b"\n"
    body = head + b"\n\n" + line
    at = body.index(pattern_id.encode())
    # The sum is linear: what a digit changes in it is reckoned once.
    digits, places = b"0123456789", 7
    def summed(octets):
        return crc32c(octets) ^ 0xFFFFFFFF
    base_id = pattern_id.encode()[:-places] + b"0" * places
    base = body[:at] + base_id + body[at + len(base_id):]
    plain = summed(base)
    change = []
    for place in range(places):
        where = at + len(base_id) - places + place
        change.append([summed(base[:where] + digits[d:d + 1] + base[where + 1:]) ^ plain for d in range(10)])
    os.unlink(f"{env}/{pattern_id}")
    file_at = base.rindex(b"?")
    shown = base[:file_at] + b"W" + base[file_at + 1:]
    for i in range(count):
        number = b"%07d" % i
        value = plain
        for place in range(places):
            value ^= change[place][number[place] - 48]
        own = base_id[:-places] + number
        with open(f"{env}/{own.decode()}", "wb") as file:
            file.write(shown[:at] + own + shown[at + len(own):] + b"Check: %08x\n" % value)
        # A file has 65,000 names at most.
        if i % 30000 == 0:
            source = f"{msg}/{own.decode()}"
            shutil.copy(f"{msg}/{pattern_id}", source)
        else:
            os.link(source, f"{msg}/{own.decode()}")
    os.unlink(f"{msg}/{pattern_id}")


def queue():
    empty = None
    for size in (1000, 10000, 100000 // scale):
        sink = Sink()
        more = f"[smarthost:sink]\nhost = 127.0.0.1:{sink.port}\ntls = off\n[route:*]\nvia = smarthost:sink\n[queue]\nretry-first = 1h\n"
        house = House(program, folder("queue"), names, more)
        # The pattern waits because nobody answers yet at a port that is free again.
        house.configure(more.replace(f":{sink.port}", ":9"))
        house.start()
        client = Smtp(house.submission, secure=True, login=True)
        client.send("someone@away.example", "alice@home.example", MESSAGE.replace(b"sender@client", b"alice@home"))
        client.close()
        empty = empty or quiet(house)
        house.stop()
        fill_queue(house, size)
        house.configure(more)
        began, cpu = house.start()
        house.rest(60)
        cpu = house.cpu()
        time.sleep(QUIET)
        tell("queue", size, start_s=began, start_ms_a_message=1000 * cpu / size, B_a_message=1024 * (house.rss() - empty) / size if size > 5000 else None, RSS_MB=house.rss() / 1024)
        tell("queue", size, idle_second_ms=1000 * house.idle_second())
        own, served = house.command("status")
        queued = b"%d" % size in house.said
        if not queued:
            sys.exit("growth: the queue was not taken up: " + house.said.decode())
        tell("queue", size, status_ms=1000 * served)
        own, served = house.command("queue", "list")
        tell("queue", size, list_ms_a_message=1000 * (own + served) / size)
        reload = house.reload()
        tell("queue", size, reload_ms=1000 * reload)
        client = Smtp(house.submission, secure=True, login=True)
        message = MESSAGE.replace(b"sender@client", b"alice@home")
        client.send("someone@away.example", "alice@home.example", message)
        house.rest()
        cpu = house.cpu()
        for i in range(50):
            client.send(f"someone{i}@away.example", "alice@home.example", message)
        house.rest()
        tell("queue", size, new_message_and_its_delivery_ms=1000 * (house.cpu() - cpu) / 50)
        client.close()
        # Each envelope is read before its destination is known; that is part of it.
        before, cpu, began = sink.taken, house.cpu(), time.perf_counter()
        house.command("queue", "retry", "all")
        while sink.taken - before < size and time.perf_counter() - began < 15:
            time.sleep(0.05)
        drained = sink.taken - before
        tell("queue", size, drain_ms_a_message=1000 * (house.cpu() - cpu) / max(1, drained), drained_a_second=drained / (time.perf_counter() - began), RSS_MB_after=house.rss() / 1024,
             RSS_MB_at_most=house.status("VmHWM:") / 1024)
        house.stop()


def mailbox():
    empty = None
    for size in (1000, 20000, 200000 // scale):
        house = House(program, folder("mailbox"), names, server="log = error")
        inbox = f"{house.folder}/data/mail/alice/INBOX"
        os.makedirs(inbox)
        for i in range(1, size + 1):
            # Distinct headers, few octets; files of their own, as mail is.
            with open(f"{inbox}/{i}.eml", "wb") as file:
                file.write(b"From: <p%d@client.example>\r\nSubject: message %d\r\nMessage-ID: <%d@client.example>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\ntext\r\n" % (i % 977, i, i))
        house.start()
        first = Imap(house.imaps)
        first.ask("SELECT INBOX")
        first.close()
        house.stop()
        house.start()
        client = Imap(house.imaps)
        empty = empty or quiet(house)
        house.rest()
        cpu = house.cpu()
        client.ask("SELECT INBOX")
        cpu = house.cpu() - cpu
        time.sleep(QUIET)
        tell("mailbox", size, first_SELECT_us_a_message=1e6 * cpu / size, B_a_message=1024 * (house.rss() - empty) / size if size > 5000 else None, RSS_MB=house.rss() / 1024)

        def cost(times, action):
            house.rest()
            before = house.cpu()
            for at in range(times):
                action(at)
            house.rest()
            return 1000 * (house.cpu() - before) / times

        sender = Smtp(house.smtp)
        for _ in range(30):
            sender.send()
        tell("mailbox", size, delivery_ms=cost(200, lambda at: sender.send()))
        client.ask("NOOP")
        tell("mailbox", size, STATUS_ms=cost(50, lambda at: client.ask("STATUS INBOX (MESSAGES UIDNEXT UNSEEN)")),
             FETCH_of_newest_50_ms=cost(10, lambda at: client.ask(f"FETCH {size - 40}:* (UID FLAGS ENVELOPE)")),
             flag_ms=cost(50, lambda at: client.ask(f"UID STORE {size - 50 - at} +FLAGS (\\Deleted)")),
             expunge_of_one_ms=cost(50, lambda at: client.ask(f"UID EXPUNGE {size - 50 - at}")), SELECT_again_ms=cost(10, lambda at: client.ask("SELECT INBOX")))
        tell("mailbox", size, NOOP_ms=cost(50, lambda at: client.ask("NOOP")))
        client.ask("IDLE")

        def told(at):
            sender.send()
            while b"EXISTS" not in client.line():
                pass

        tell("mailbox", size, delivery_and_IDLE_notice_ms=cost(50, told))
        others, limited = [], 0
        for _ in range(20):
            other = Imap(house.imaps)
            try:
                other.ask("SELECT INBOX")
            except RuntimeError as refused:
                if b"LIMIT" not in refused.args[0].encode():
                    raise
                limited += 1
            others.append(other)
        time.sleep(QUIET)
        tell("mailbox", size, refused_for_memory=limited, RSS_MB_of_21_sessions=house.rss() / 1024, RSS_MB_at_most=house.status("VmHWM:") / 1024)
        for other in others + [client]:
            other.close()
        house.stop()


def keys(house, domains):
    """Making RSA keys is not what is measured: all domains of all houses get those of one."""
    made = f"{work}/keys/data/dkim/home.example"
    if not os.path.exists(made):
        first = House(program, f"{work}/keys", names)
        first.start()
        first.rest()
        first.stop()
    for domain in domains:
        shutil.copytree(made, f"{house.folder}/data/dkim/{domain}")


def configured(name, size, more="", accounts=None, domains=("home.example",), recipient=None):
    house = House(program, folder(name), names, more, accounts=accounts, domains=domains)
    keys(house, domains)
    own, _ = house.command("check")
    tell(name, size, check_ms=1000 * own)
    began, cpu = house.start()
    house.rest(30)
    tell(name, size, start_ms=1000 * cpu, all_of_the_start_ms=1000 * house.cpu())
    warm(house)
    if name in ("accounts", "domains"):
        time.sleep(QUIET)
        tell(name, size, RSS_MB=house.rss() / 1024, idle_second_ms=1000 * house.idle_second(3))
    tell(name, size, reload_ms=1000 * house.reload())

    def rcpt(address, times=1000):
        client = Smtp(house.smtp)
        house.rest()
        before = house.cpu()
        for at in range(times):
            if at % 50 == 0:
                client.say("RSET")
                client.say("MAIL FROM:<sender@client.example>")
            client.say(f"RCPT TO:<{address(at)}>")
        client.close()
        return 1e6 * (house.cpu() - before) / times

    if recipient:
        # Once before: an account's folder is made, or opened, when its first mail comes.
        rcpt(recipient, size)
    tell(name, size, RCPT_us=rcpt(recipient or (lambda at: "alice@home.example")), RCPT_of_postmaster_us=rcpt(lambda at: f"postmaster@{domains[-1]}"))
    client = Smtp(house.smtp)
    house.rest()
    cpu = house.cpu()
    for _ in range(200):
        client.send()
    house.rest()
    tell(name, size, message_ms=1000 * (house.cpu() - cpu) / 200)
    client.close()
    house.stop()


def accounts():
    for size in (1, 100, 1000):
        people = ["alice"] + [f"user{i}" for i in range(size - 1)]
        configured("accounts", size, accounts=people, recipient=lambda at: f"{people[at * 7 % size]}@home.example")


def domains():
    for size in (1, 100, 1000):
        all_domains = ["home.example"] + [f"d{i}.example" for i in range(size - 1)]
        configured("domains", size, domains=all_domains, recipient=lambda at: f"postmaster@{all_domains[at * 7 % size]}")


def aliases():
    for size in (1, 100, 1000):
        more = "".join(f"[alias:list{i}@home.example]\nmembers = alice@home.example\n" for i in range(size))
        configured("aliases", size, more, recipient=lambda at: f"list{at * 7 % size}@home.example")


def rules():
    for size in (1, 100, 1000):
        more = "".join(f"[rule:alice-{i:04}]\naccount = alice\nfrom = *@shop{i}.example\nmailbox = Shops\n" for i in range(size))
        configured("rules", size, more)


def devices():
    for size in (1, 50, 500):
        more = "".join(f"[device:d{i}]\naddress = 192.168.{i // 250}.{i % 250 + 1}\nfrom = alice@home.example\nrecipients = local\n" for i in range(size))
        configured("devices", size, more)


def routes():
    for size in (1, 100, 1000):
        more = "[smarthost:isp]\nhost = 127.0.0.1:9\ntls = off\n" + "".join(f"[route:r{i}.example]\nvia = smarthost:isp\n" for i in range(size))
        configured("routes", size, more)


def history():
    for size in (1000, 20000, 300000 // scale):
        house = House(program, folder("history"), names)
        os.makedirs(f"{house.folder}/data/history")
        house.start()
        house.stop()
        # Ten thousand lines a day, as far as thirty days; the rest is of today. One line in ten is about one address.
        line = "T12:00:00.000Z\t{0}\t{1}\tdelivered\t250 2.0.0 taken by the next host\n"
        day = time.time()
        for at in range(0, size, 10000):
            date = time.strftime("%Y-%m-%d", time.gmtime(day - 86400 * (at // 10000)))
            with open(f"{house.folder}/data/history/{date}.log", "a") as file:
                for i in range(at, min(size, at + 10000)):
                    file.write(date + line.format(f"0{i:013d}", "busy@away.example" if i % 10 == 0 else f"someone{i}@away.example"))
        house.start()
        warm(house)
        house.rest()
        before = house.rss()
        _, served = house.command("log", "busy@away.example")
        tell("history", size, log_of_an_address_us_a_line=1e6 * served / size, RSS_MB_more_for_it=max(0, house.rss() - before) / 1024)
        _, served = house.command("status")
        tell("history", size, status_ms=1000 * served)
        house.stop()


def senders():
    """Strangers: each sender is remembered. The figure is that of the last ones."""
    for size in (100, 500, 2000 // scale):
        house = House(program, folder("senders"), names)
        house.start()
        client = Smtp(house.smtp)
        for i in range(size):
            client.send(sender=f"s{i}@c{i}.example", message=MESSAGE.replace(b"sender@client", b"s%d@c%d" % (i, i)))
        house.rest()
        cpu = house.cpu()
        for i in range(size, size + 100):
            client.send(sender=f"s{i}@c{i}.example", message=MESSAGE.replace(b"sender@client", b"s%d@c%d" % (i, i)))
        house.rest()
        tell("senders", size, message_of_a_new_sender_ms=1000 * (house.cpu() - cpu) / 100)
        time.sleep(QUIET)
        tell("senders", size, RSS_MB=house.rss() / 1024, idle_second_ms=1000 * house.idle_second())
        house.stop()


def report():
    os.makedirs("out/bench", exist_ok=True)
    with open("out/bench/growth.csv", "w") as file:
        file.write("what,size,figure,value\n")
        file.writelines(f"{what},{size},{figure},{value:.4f}\n" for what, size, figure, value in rows)
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    lines = [f"How cost grows: {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}", "",
             "| what | sizes | figure | smallest | middle | largest | ratio |", "|---|---|---|---|---|---|---|"]
    seen = []
    for what, _, figure, _ in rows:
        if (what, figure) in seen:
            continue
        seen.append((what, figure))
        sizes = sorted({size for w, size, _, _ in rows if w == what})
        found = {size: value for w, size, f, value in rows if (w, f) == (what, figure)}
        values = [found[size] for size in sizes if size in found]
        ratio = f"{values[-1] / values[0]:.2f}" if len(values) > 1 and values[0] > 0 else "-"
        lines.append(f"| {what} | {' / '.join(f'{size:,}' for size in sizes)} | {figure} | " + " | ".join(f"{found[size]:.4g}" if size in found else "" for size in sizes) + f" | {ratio} |")
    text = "\n".join(lines) + "\n"
    with open("out/bench/growth.md", "w") as file:
        file.write(text)
    print(text)


start = time.perf_counter()
signal.signal(signal.SIGTERM, lambda *_: sys.exit("growth: told to end"))
ALL = [sessions, tls, idle, queue, mailbox, accounts, domains, aliases, rules, devices, routes, history, senders]
try:
    wanted = os.environ.get("ONLY", "").split()
    unknown = set(wanted) - {one.__name__ for one in ALL}
    if unknown:
        sys.exit(f"growth: unknown in ONLY: {' '.join(unknown)}; allowed: {' '.join(one.__name__ for one in ALL)}")
    for one in ALL:
        if time.perf_counter() - start > LONGEST:
            print(f"          {one.__name__}: no time is left", flush=True)
        elif not wanted or one.__name__ in wanted:
            began = time.perf_counter()
            one()
            print(f"          {one.__name__}: {time.perf_counter() - began:.0f} s", flush=True)
finally:
    report()
    shutil.rmtree(work, ignore_errors=True)
