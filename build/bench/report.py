"""Writes what was measured: a table for people (smtp.md), one for programs (smtp.csv), and a picture (smtp.svg)."""
import csv
import os
import platform
import statistics
import time

import picture


class Found:
    """All that was measured of `servers`, and of `sinks`, which take mail and do nothing with it."""

    def __init__(self, servers, sinks, titles, disks, seconds):
        self.servers, self.sinks, self.titles, self.disks, self.seconds = servers, sinks, titles, disks, seconds
        self.rounds = 0
        self.results, self.crossed = {}, {}  # scenario -> name of a peer -> rounds
        self.ceilings, self.idle, self.connections, self.calls, self.drains = [], {}, {}, {}, {}

    def add(self, scenario, peer, one, crossed=False):
        (self.crossed if crossed else self.results).setdefault(scenario, {}).setdefault(peer.name, []).append(one)

    def of(self, scenario, name, key):
        """The median of the rounds, None where it was not measured or did not go well."""
        rounds = self.results.get(scenario, {}).get(name)
        return None if rounds is None or failed(rounds) else median(rounds, key)

    def most(self, verb, disk):
        """What the disk did: the median, and it as it is told."""
        rounds = [{"rate": one[(verb, *disk)]} for one in self.ceilings if (verb, *disk) in one]
        return (median(rounds, "rate"), f"{median(rounds, 'rate'):.0f} ±{spread(rounds, 'rate') * 100:.0f} %") if rounds else (0, "-")


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def spread(rounds, key):
    """Half of the distance between the best and the worst round, as a part of the median."""
    values = [one[key] for one in rounds]
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def failed(rounds):
    return any(one["failed"] or one["missing"] for one in rounds)


def rate(rounds, key):
    if rounds is None:
        return "-"
    if failed(rounds):
        return "failed"
    put_off = sum(one["deferred"] for one in rounds) / sum(one["messages"] for one in rounds)
    return f"{median(rounds, key):.0f} ±{spread(rounds, key) * 100:.0f} %" + (f" ({put_off:.1f} put off)" if put_off >= 0.05 else "")


def number(value, digits=0, unit=1):
    return "-" if value is None else f"{value / unit:.{digits}f}"


def table(title, head, rows):
    return [f"**{title}**", "", "| " + " | ".join([""] + head) + " |", "|---|" + "---:|" * len(head)] + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def ratio(found, scenario, key):
    """HomeMail to the best of the others, and who that is."""
    ours = found.of(scenario, "homemail", key)
    others = [(found.of(scenario, peer.name, key), peer.title) for peer in found.servers if peer.name != "homemail" and found.of(scenario, peer.name, key)]
    return f"{ours / max(others)[0]:.2f} ({max(others)[1]})" if ours and others else "-"


def machine():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(folder, found):
    text = "\n".join(tables(found))
    with open(f"{folder}/smtp.md", "w") as file:
        file.write(text)
    with open(f"{folder}/smtp.csv", "w", newline="") as file:
        lines(csv.writer(file), found)
    with open(f"{folder}/smtp.svg", "w") as file:
        file.write(picture.of(found))
    print("\n" + text)


def tables(found):
    servers, results, titles = found.servers, found.results, found.titles
    names, heads = [peer.name for peer in servers], [peer.title for peer in servers]
    all_names, all_heads = names + [peer.name for peer in found.sinks], heads + [peer.title for peer in found.sinks]

    def each(key, digits, unit=1, of=names):
        return [[titles[s]] + [number(found.of(s, n, key), digits, unit) for n in of] for s in results]

    text = [f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores of {machine()}, Linux {platform.release()}; median of {found.rounds} rounds of about "
            f"{found.seconds:.1f} s for each server, ± half of what is between the best and the worst. The servers share the cores with the generator.", ""]
    for key, title in (("rate", "Messages a second until the last 250"), ("delivered", "Messages a second until the last is in its mailbox")):
        text += table(title, heads + ["HomeMail : best other"], [[titles[s]] + [rate(results[s].get(n), key) for n in names] + [ratio(found, s, key)] for s in results])
    if "postfix" in names and "homemail" in names:
        rows = [[titles[s], number(found.of(s, "homemail", "delivered")), number(found.of(s, "postfix", "rate")),
                 number(found.of(s, "homemail", "delivered") / found.of(s, "postfix", "rate"), 2)]
                for s in results if found.of(s, "homemail", "delivered") and found.of(s, "postfix", "rate")]
        text += table("HomeMail into the mailbox, Postfix into its queue, messages a second; 2 is the goal", ["HomeMail, mailbox", "Postfix, queue", "ratio"], rows)
    if found.ceilings:
        text += shares(found)
    text += table("Milliseconds of the server's processor time a message, all that follows included", all_heads, each("cpu", 2, of=all_names))
    text += table("Milliseconds of the generator's processor time a message", all_heads, each("generator", 3, of=all_names))
    text += table("Milliseconds for a message, median; of 99 in 100", heads,
                  [[titles[s]] + ["-" if found.of(s, n, "p50") is None else f"{found.of(s, n, 'p50'):.1f}; {found.of(s, n, 'p99'):.1f}" for n in names] for s in results])
    if found.crossed:
        text += cross(found, all_names, all_heads)
    text += table("Kilobytes written to the disk a message", heads, each("written", 1, 1024))
    if found.calls:
        text += table("A message of 4 kB, 16 sessions", heads, [[what] + [number(found.calls.get(n) and found.calls[n][i], digits) for n in names]
                                                                  for i, (what, digits) in enumerate((("system calls", 0), ("of them fsync, fdatasync, syncfs", 2)))])
    rest = [["when nothing was asked yet"] + [number(found.idle.get(n), 1, 1024) for n in names]]
    rest += [[f"after: {row[0]}"] + row[1:] for row in each("memory", 1, 1024)]
    text += table("Megabytes of all its processes (PSS)", heads, rest)
    if found.connections:
        text += table("Connections that have said EHLO and do nothing", heads,
                      [["so many of them"] + [str(found.connections[n][0]) for n in names], ["kB for each"] + [number(found.connections[n][1], 1) for n in names]])
    if found.drains:
        text += table("Queue of 4 kB messages drained to one host", heads,
                      [["messages in it"] + [str(found.drains[n]["messages"]) if n in found.drains else "-" for n in names],
                       ["of them drained"] + [str(found.drains[n]["came"]) if n in found.drains else "-" for n in names],
                       ["messages a second"] + ["-" if n not in found.drains else "failed" if found.drains[n]["why"] else f"{found.drains[n]['rate']:.0f}" for n in names],
                       ["ms of processor time for each"] + [number(found.drains[n]["cpu"], 2) if n in found.drains and not found.drains[n]["why"] else "-" for n in names]])
    text += table("Messages a round", all_heads, each("messages", 0, of=all_names))
    trouble = sorted({f"{peer.title}: {titles[s]}: {one['why']}" for rounds in (results, found.crossed) for s in rounds for peer in servers + found.sinks
                      for one in rounds[s].get(peer.name, []) if one["failed"] or one["missing"]}
                     | {f"{peer.title}: queue drain: {found.drains[peer.name]['why']}" for peer in servers if peer.name in found.drains and found.drains[peer.name]["why"]})
    return text + (["What failed:", ""] + [f"- {one}" for one in trouble] + [""] if trouble else [])


def shares(found):
    """HomeMail beside what the machine can do: the disk's better way, and a server that takes mail and does nothing with it."""
    rows = []
    sink = found.sinks[0].name if found.sinks else None
    for disk, scenarios in found.disks.items():
        alone, together = found.most("disk", disk), found.most("disk-groups", disk)
        for scenario in (s for s in scenarios if s in found.results):
            ours, nothing = found.of(scenario, "homemail", "delivered"), found.of(scenario, sink, "rate")
            rows.append([found.titles[scenario], alone[1], together[1], number(nothing), number(ours),
                         f"{ours / max(alone[0], together[0]) * 100:.0f} %" if ours and alone[0] else "-", f"{ours / nothing * 100:.0f} %" if ours and nothing else "-"])
    trips = statistics.median(one["loopback"] for one in found.ceilings)
    text = table("What this machine can do at most, a second, and HomeMail's part of it",
                 ["files made durable, each by itself", "in groups of all sessions", "messages into a sink", "HomeMail, mailbox", "of the disk", "of the sink"],
                 rows)
    return text + [f"The files are as large as the messages and are made by as many threads as there are sessions; {trips:.0f} round trips a second go over loopback.", ""]


def cross(found, names, heads):
    rows = []
    for scenario, of_peers in found.crossed.items():
        good = {n: median(of_peers[n], "rate") for n in names if n in of_peers and not failed(of_peers[n])}
        rows.append([f"{found.titles[scenario]}: a second until the last 250"] + [number(good.get(n)) for n in names])
        rows.append(["our generator's : it"] + [number(found.of(scenario, n, "rate") / good[n], 2) if n in good and found.of(scenario, n, "rate") else "-" for n in names])
        rows.append(["its ms of processor time a message"] + [number(median(of_peers[n], "generator"), 3) if n in good else "-" for n in names])
    return table("The same by Postfix's smtp-source", heads, rows)


def lines(rows, found):
    rows.writerow(["scenario", "by", "peer", "round", "messages", "rate", "delivered", "p50_ms", "p99_ms", "cpu_ms", "generator_cpu_ms", "memory_kB", "written", "put_off", "failed", "missing"])
    for by, results in (("load", found.results), ("smtp-source", found.crossed)):
        for scenario, of_peers in results.items():
            for name, rounds in of_peers.items():
                for i, one in enumerate(rounds):
                    rows.writerow([scenario, by, name, i + 1, one["messages"], round(one["rate"], 1), round(one["delivered"], 1), round(one["p50"], 3), round(one["p99"], 3),
                                   round(one["cpu"], 3), round(one["generator"], 4), one["memory"], round(one["written"]), one["deferred"], one["failed"], one["missing"]])
    for i, one in enumerate(found.ceilings):
        for what, value in one.items():
            rows.writerow([what if isinstance(what, str) else f"{what[0]} {what[1]} octets {what[2]} sessions", "limit", "machine", i + 1, "", value] + [""] * 10)
    for name, value in found.idle.items():
        rows.writerow(["idle", "", name, 1] + [""] * 7 + [value] + [""] * 4)
    for name, (count, each) in found.connections.items():
        rows.writerow(["idle connections", "", name, 1, count] + [""] * 6 + [round(each, 1)] + [""] * 4)
    for name, one in found.drains.items():
        rows.writerow(["drain", "load", name, 1, one["came"], round(one["rate"], 1)] + [""] * 3 + [round(one["cpu"], 3)] + [""] * 6)
