"""Writes what was measured: a table for people (smtp.md), one for programs (smtp.csv), and a picture (smtp.svg)."""
import csv
import os
import platform
import statistics
import time


def median(rounds, key):
    return statistics.median(one[key] for one in rounds)


def spread(rounds, key):
    """Half of the distance between the best and the worst round, as a part of the median."""
    values = [one[key] for one in rounds]
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def failed(rounds):
    return any(one["failed"] or one["missing"] for one in rounds)


def cell(rounds, key):
    if rounds is None:
        return "-"
    if failed(rounds):
        return "failed"
    return f"{median(rounds, key):.0f} ±{spread(rounds, key) * 100:.0f} %"


def write(folder, peers, titles, results, ceilings, idle, calls, drains):
    names = [peer["name"] for peer in peers]
    title = {peer["name"]: peer["title"] for peer in peers}
    lines = [f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores, Linux {platform.release()}, {machine()}", ""]

    lines += table(["messages a second until the last 250"] + [title[n] for n in names] + ["HomeMail : best other"],
                   [[titles[s]] + [cell(results[s].get(n), "rate") for n in names] + [ratio(results[s], names, "rate")] for s in results])
    lines += table(["messages a second until the last is in its mailbox"] + [title[n] for n in names] + ["HomeMail : best other"],
                   [[titles[s]] + [cell(results[s].get(n), "delivered") for n in names] + [ratio(results[s], names, "delivered")] for s in results])
    lines += table(["milliseconds, median and 99 of 100"] + [title[n] for n in names],
                   [[titles[s]] + [latency(results[s].get(n)) for n in names] for s in results])
    lines += table(["milliseconds of processor time a message"] + [title[n] for n in names],
                   [[titles[s]] + [number(results[s].get(n), "cpu", 2) for n in names] for s in results])
    lines += table(["kilobytes written a message"] + [title[n] for n in names],
                   [[titles[s]] + [number(results[s].get(n), "written", 1, 1024) for n in names] for s in results])
    rest = [["idle, MB"] + [f"{idle[n] / 1024:.1f}" for n in names]]
    for s in results:
        rest.append([f"after: {titles[s]}, MB"] + [number(results[s].get(n), "memory", 1, 1024) for n in names])
    lines += table(["memory of all its processes (PSS)"] + [title[n] for n in names], rest)
    if calls:
        lines += table(["system calls a message"] + [title[n] for n in names],
                       [["4 kB, 16 sessions"] + ["-" if calls.get(n) is None else f"{calls[n]:.0f}" for n in names]])
    if drains:
        lines += table(["queue drained, messages a second"] + [title[n] for n in names],
                       [["4 kB, to one host"] + ["-" if n not in drains else "failed" if drains[n]["failed"] else f"{drains[n]['rate']:.0f}" for n in names]])
    if ceilings:
        lines += limits(ceilings, results)
    text = "\n".join(lines) + "\n"
    with open(f"{folder}/smtp.md", "w") as file:
        file.write(text)
    with open(f"{folder}/smtp.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scenario", "peer", "round", "rate", "delivered", "p50ms", "p99ms", "cpu_ms", "memory_kB", "written", "failed"])
        for scenario, of_peers in results.items():
            for name, rounds in of_peers.items():
                for i, one in enumerate(rounds):
                    rows.writerow([scenario, name, i + 1, one["rate"], round(one["delivered"], 1), one["p50"], one["p99"], round(one["cpu"], 3), one["memory"], round(one["written"]), one["failed"]])
    with open(f"{folder}/smtp.svg", "w") as file:
        file.write(picture(names, title, titles, results))
    print("\n" + text)


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def number(rounds, key, digits, unit=1):
    return "-" if rounds is None or failed(rounds) else f"{median(rounds, key) / unit:.{digits}f}"


def latency(rounds):
    return "-" if rounds is None or failed(rounds) else f"{median(rounds, 'p50'):.1f}, {median(rounds, 'p99'):.1f}"


def ratio(of_peers, names, key):
    if "homemail" not in of_peers or failed(of_peers["homemail"]):
        return "-"
    others = [median(of_peers[n], key) for n in names if n != "homemail" and n in of_peers and not failed(of_peers[n])]
    return f"{median(of_peers['homemail'], key) / max(others):.2f}" if others and max(others) else "-"


def limits(ceilings, results):
    """The disk's limit is the better of its two ways; HomeMail as a share of it."""
    rows = []
    for size, scenario in ((1024, "1kB"), (4096, "4kB-16"), (102400, "100kB")):
        alone = statistics.median(one[f"disk-{size}"] for one in ceilings)
        groups = statistics.median(one[f"groups-{size}"] for one in ceilings)
        ours = results.get(scenario, {}).get("homemail")
        share = f"{median(ours, 'rate') / max(alone, groups) * 100:.0f} %" if ours and not failed(ours) else "-"
        rows.append([f"files of {size} octets made durable, each by itself; in groups of 16", f"{alone:.0f}; {groups:.0f}", share])
    rows.append(["round trips over loopback, 16 connections", f"{statistics.median(one['loopback'] for one in ceilings):.0f}", "-"])
    return table(["what this machine can do, a second", "limit", "HomeMail reaches"], rows)


def picture(names, title, titles, results):
    colours = ["#8c9bab", "#5f7285", "#b7a27f", "#8f7fa6", "#7fa68c", "#c4452f"]
    shown = [s for s in results if any(n in results[s] and not failed(results[s][n]) for n in names)]
    height, label, width, group = 14, 330, 900, len(names) * 14 + 18
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{len(shown) * group + 40 + 20 * len(names)}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>']
    y = 24
    parts.append(f'<text x="8" y="{y - 6}" font-weight="bold">Messages a second until the last one is in its mailbox, each scenario by itself</text>')
    for scenario in shown:
        best = max(median(results[scenario][n], "delivered") for n in names if n in results[scenario]) or 1
        parts.append(f'<text x="8" y="{y + group / 2}">{titles[scenario]}</text>')
        for i, name in enumerate(names):
            rounds = results[scenario].get(name)
            if rounds is None or failed(rounds):
                continue
            rate = median(rounds, "delivered")
            length = rate / best * (width - label - 80)
            parts.append(f'<rect x="{label}" y="{y + i * height}" width="{length:.1f}" height="{height - 3}" fill="{colours[i % len(colours)]}"/>')
            parts.append(f'<text x="{label + length + 4:.1f}" y="{y + i * height + 10}" font-size="10">{rate:.0f}</text>')
        y += group
    for i, name in enumerate(names):
        parts.append(f'<rect x="8" y="{y + i * 18}" width="12" height="12" fill="{colours[i % len(colours)]}"/><text x="26" y="{y + i * 18 + 11}">{title[name]}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
