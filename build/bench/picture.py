"""The picture of what was measured: bars, filled to the rate into mailboxes, outlined to the rate until the last 250."""
from xml.sax.saxutils import escape

COLOURS = {"homemail": "#c4452f"}
OTHERS = ["#8c9bab", "#52697d", "#b7a27f", "#8f7fa6", "#7fa68c", "#a68f7f"]
WIDTH, LEFT, RIGHT, BAR, GAP = 1000, 400, 110, 13, 16


def of(found):
    names = [peer.name for peer in found.servers]
    colours = {name: COLOURS.get(name, OTHERS[i % len(OTHERS)]) for i, name in enumerate(names)}
    shown = [s for s in found.results if any(found.of(s, n, "delivered") for n in names)]
    parts, y = [], 30
    parts.append(text(16, y, "Messages a second, each scenario by itself", size=15, weight="bold"))
    parts.append(text(16, y + 18, "Filled: until the last message is in its mailbox. Outlined: until the last 250."))
    y += 36
    for i, peer in enumerate(found.servers):
        x = 16 + i % 3 * 310
        parts.append(f'<rect x="{x}" y="{y + i // 3 * 18}" width="12" height="12" fill="{colours[peer.name]}"/>')
        parts.append(text(x + 18, y + i // 3 * 18 + 10, peer.title))
    y += (len(names) + 2) // 3 * 18 + GAP
    for scenario in shown:
        bars = [(n, found.of(scenario, n, "delivered"), found.of(scenario, n, "rate")) for n in names if found.of(scenario, n, "delivered")]
        longest = max(rate for _, _, rate in bars)
        parts.append(text(LEFT - 10, y + len(bars) * BAR / 2 + 3, found.titles[scenario], anchor="end"))
        for name, delivered, rate in bars:
            inner, outer = (value / longest * (WIDTH - LEFT - RIGHT) for value in (delivered, rate))
            if outer - inner > 1:
                parts.append(f'<rect x="{LEFT + 0.5}" y="{y + 0.5}" width="{outer - 1:.1f}" height="{BAR - 4}" fill="none" stroke="{colours[name]}"/>')
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{inner:.1f}" height="{BAR - 3}" fill="{colours[name]}"/>')
            said = f"{delivered:.0f}" if rate - delivered < rate * 0.02 else f"{delivered:.0f} ({rate:.0f})"
            parts.append(text(LEFT + outer + 5, y + BAR - 4, said, size=10))
            y += BAR
        y += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0f}" viewBox="0 0 {WIDTH} {y:.0f}" font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>'] + parts + ["</svg>"]) + "\n"


def text(x, y, what, size=12, weight="normal", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="#222">{escape(what)}</text>'
