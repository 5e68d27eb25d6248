"""Reads a page of metrics as the text format 0.0.4 has it, and fails on whatever is not of it or breaks the naming conventions."""
import re
import sys
import urllib.request

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"\})? (\S+)$')

text = urllib.request.urlopen(sys.argv[1], timeout=10).read().decode()
assert text.endswith("\n"), "the last line has no end"
kinds, helped, seen = {}, set(), set()
for line in text.splitlines():
    if line.startswith("# HELP "):
        helped.add(line.split(" ")[2])
    elif line.startswith("# TYPE "):
        name, kind = line.split(" ")[2:4]
        assert name not in kinds, f"{name} has two types"
        assert kind in ("counter", "gauge"), line
        assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
        kinds[name] = kind
    else:
        match = SAMPLE.match(line)
        assert match, line
        assert match[1] in kinds and match[1] in helped, f"{match[1]} has no type or help"
        assert (match[1], match[2]) not in seen, f"{line} is there twice"
        seen.add((match[1], match[2]))
        assert float(match[3]) >= 0, line
assert len(kinds) >= 12, f"only {len(kinds)} metrics"
