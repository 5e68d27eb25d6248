#!/usr/bin/env python3
"""What is in a binary, as Markdown: size.py BINARY NATIVE-OBJ-FOLDER TITLE

The linker's map says which octets come from which library, and where the symbols of the managed object are; the compiler's argument file says which
assemblies there are. Unwind tables are read from the binary itself, each entry going to whom its code belongs to. An instantiation of a generic type
over one of our types counts as ours, under "generic code over own types": without our type it would not be there.
"""
import bisect
import collections
import os
import re
import struct
import sys

binary, native, title = sys.argv[1:4]
data = open(binary, "rb").read()

# Of the managed object's symbols: what stands in front of a mangled name.
WRAPPERS = re.compile(
    r"^(?:vtable for |_lsda\d+|__ehinfo_|_ZTV\d+|__FrozenObj_|__GCSTATICS|__NONGCSTATICS|__THREADSTATIC\w*?_|__writableData|__readonlydata_|__fataddresstakenpointer_"
    r"|__fatpointer_|unbox_|__GenericDict_|__InterfaceDispatchCell_|__InterfaceDispatchMap_|__SealedVTable_|__GenericInstance_|__RuntimeType_|<Boxed>|Boxed_"
    r"|__Array<|__Pointer<|__MDArray<|tls_|__unboxing_)+")
TABLES = [
    (re.compile(r"^__Str_"), "string literals"),
    (re.compile(r"^__embedded_res"), "resources of .NET (code pages)"),
    (re.compile(r"^__embedded_met"), "metadata: names of types and members"),
    (re.compile(r"^(__external_|__native|__generic_|__Generic|__type_|__method_|__field_|_Statics|__Statics|__interop|__common|__invoke|__exact|__array|__byref|"
                r"__pointer|__struct|__delegate|__resource|__block|__virtual|__default|__export|__dictionary|__template|_associatedData)", re.I),
     "hash tables of the type loader"),
    (re.compile(r"^(__GCStatic|__ThreadStatic|__Frozen|__ModulesSection|__InterfaceDispatchCell)"), "static regions, dispatch cells"),
]
OWN = ["HomeMail.Protocol", "HomeMail.Storage", "HomeMail.Server", "homemail"]
LIBRARIES = [
    (r"libcrypto\.a", "OpenSSL: libcrypto"),
    (r"libssl\.a", "OpenSSL: libssl"),
    (r"System\.Security\.Cryptography\.Native", ".NET's calls to OpenSSL"),
    (r"libRuntime|libbootstrapper|libeventpipe|libaotminipal|standalonegc|stdc\+\+compat", ".NET run time, garbage collector"),
    (r"libSystem\.|libz\.a|libbrotli", ".NET's calls to Linux, zlib"),
    (r"/lib(c|m-?[\d.]*|m|pthread|dl|rt|gcc|gcc_eh|c_nonshared)\.a|crt\w*\.o", "glibc"),
]
PACKAGES = ["MimeKit", "BouncyCastle.Cryptography", "LiteDB", "QRCoder", "Microsoft.Extensions."]
CODE, DATA, UNWIND = 0, 1, 2


def sections():
    at, size, count, names = struct.unpack_from("<Q10xHHH", data, 40)[0], *struct.unpack_from("<HHH", data, 58)
    found = [struct.unpack_from("<IIQQQQIIQQ", data, at + size * i) for i in range(count)]
    base = found[names][4]
    for name, kind, _, address, offset, length, *_ in found:
        text = data[base + name:data.index(b"\0", base + name)].decode()
        if kind not in (0, 8):  # neither nothing nor NOBITS, which takes no room in the file
            yield text, address, offset, length


def assemblies():
    names = dict(zip((re.sub(r"\W", "_", n) for n in OWN), OWN))
    for line in open(os.path.join(native, "homemail.ilc.rsp")):
        if line.startswith("-r:"):
            name = os.path.basename(line.strip())[:-4]
            mangled = re.sub(r"\W", "_", name)
            names[mangled.replace("System_Private_", "S_P_")] = name
    names["String"] = names["Object"] = names["Internal"] = "System.Private.CoreLib"
    return names


NAMES = assemblies()
BY_LENGTH = sorted(NAMES, key=len, reverse=True)
OWN_ARGUMENT = re.compile(r"[<_,]((HomeMail_(?:Protocol|Storage|Server)|homemail)_HomeMail_.*)")


def namespace(assembly, name):
    """Own code by the folder that it is in."""
    folder = "src/HomeMail" if assembly == "homemail" else "src/" + assembly
    prefix = re.sub(r"\W", "_", assembly) + "_" + ("HomeMail_" if assembly == "homemail" else re.sub(r"\W", "_", assembly) + "_")
    found = assembly
    for part in name[len(prefix):].split("_") if name.startswith(prefix) else []:
        folder += "/" + part
        if not part or not os.path.isdir(folder):
            break
        found += "." + part
    return found


def owner(symbol):
    """(row, own namespace or None) of a symbol of the managed object."""
    for pattern, row in TABLES:
        if pattern.match(symbol):
            name = WRAPPERS.sub("", symbol)
            if not (symbol.startswith("__Generic") or symbol.startswith("__InterfaceDispatchCell")) or name == symbol:
                return row, None
    name = WRAPPERS.sub("", symbol)
    for prefix in BY_LENGTH:
        if name.startswith(prefix) and (len(name) == len(prefix) or not name[len(prefix)].isalnum()):
            assembly = NAMES[prefix]
            if assembly in OWN:
                return assembly, namespace(assembly, name)
            over = OWN_ARGUMENT.search(name)
            if over:
                return "generic code of .NET over own types", namespace(NAMES[over[2]], over[1])
            for package in PACKAGES:
                if assembly.startswith(package):
                    return assembly, None
            return assembly, None
    return "rest of the managed object", None


def library(path):
    for pattern, row in LIBRARIES:
        if re.search(pattern, path):
            return row
    return "strings of native code, merged by the linker" if path.startswith("<internal>") else "rest of the native code"


def spans():
    """(address, end, output section, file, symbol or None) of all that the map names, in order."""
    line_of = re.compile(r"^\s*([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ ( *)(.*)$")
    output, inputs = "", []
    for line in open(os.path.join(native, "homemail.map"), errors="replace"):
        match = line_of.match(line)
        if not match:
            continue
        address, size, depth, text = int(match[1], 16), int(match[2], 16), len(match[3]), match[4]
        if depth == 0:
            output = text
        elif depth < 16:
            inputs.append((address, size, output, text.rsplit(":(", 1)[0], []))
        elif inputs and inputs[-1][0] <= address:
            inputs[-1][4].append((address, text))
    for address, size, output, path, symbols in inputs:
        if not size:
            continue
        if not path.endswith("homemail.o") or not symbols:
            yield address, address + size, output, path, None
            continue
        symbols.sort(key=lambda s: s[0])
        if symbols[0][0] > address:
            yield address, symbols[0][0], output, path, None
        for (at, name), (end, _) in zip(symbols, symbols[1:] + [(address + size, None)]):
            if end > at:
                yield at, min(end, address + size), output, path, name


rows = collections.defaultdict(lambda: [0, 0, 0])
own = collections.defaultdict(lambda: [0, 0, 0])


def add(where, column, size):
    row, space = where
    rows[row][column] += size
    if space:
        own[space][column] += size


present = {name: (address, offset, length) for name, address, offset, length in sections()}
starts, owners = [], []
taken = collections.Counter()
for start, end, output, path, symbol in sorted(spans()):
    where = owner(symbol) if symbol else ("rest of the managed object", None) if path.endswith("homemail.o") else (library(path), None)
    if output not in present or output.startswith((".eh_frame", ".rel", ".dyn", ".gnu", ".hash", ".note", ".got")):
        continue
    is_code = output in (".text", "__managedcode", "__unbox", ".init", ".fini", ".iplt") or output.startswith("__libc_freeres")
    add(where, CODE if is_code else UNWIND if output in (".dotnet_eh_table", ".gcc_except_table") else DATA, end - start)
    taken[output] += end - start
    if is_code:
        starts.append(start)
        owners.append(where)

# Unwind tables: an entry of .eh_frame and its eight octets in .eh_frame_hdr go to their code's owner.
address, offset, length = present[".eh_frame"]
at = 0
while at + 4 <= length:
    size, = struct.unpack_from("<I", data, offset + at)
    if size and struct.unpack_from("<I", data, offset + at + 4)[0]:
        code = address + at + 8 + struct.unpack_from("<i", data, offset + at + 8)[0]
        index = bisect.bisect_right(starts, code) - 1
        add(owners[index] if index >= 0 else ("rest of the native code", None), UNWIND, size + 4 + 8)
        taken[".eh_frame"] += size + 4
        taken[".eh_frame_hdr"] += 8
    at += size + 4

relocations = sum(present[s][2] for s in (".rela.dyn", ".relr.dyn", ".got", ".got.plt") if s in present)
rows["relocations"][DATA] += relocations
total = len(data)
rest = total - sum(sum(r) for r in rows.values())
rows["rest: headers and alignment"][DATA] += rest


def group(row):
    if row in OWN or row.startswith("generic code"):
        return 0, "HomeMail"
    if row.startswith(tuple(PACKAGES)):
        return 1, "packages"
    if row in NAMES.values():
        return 2, ".NET's libraries"
    if row.startswith(("OpenSSL", "glibc", ".NET", "rest of the native", "strings of native")):
        return 4, "native code"
    return 3, "tables"


def table(entries):
    print("| what | code | data | unwind | all |\n|---|---:|---:|---:|---:|")
    for name, columns in entries:
        print(f"| {name} | " + " | ".join(f"{c / 1000:,.0f}" for c in columns) + f" | {sum(columns) / 1000:,.0f} |")


print(f"# What is in the binary: {title}\n\n{total:,} octets; the figures are in kB. `unwind` is what the garbage collector and exceptions need to walk a stack.\n")
groups = collections.defaultdict(list)
for row, columns in rows.items():
    groups[group(row)].append((row, columns))
lines = []
small = 20_000
for (_, name), members in sorted(groups.items()):
    lines.append((f"**{name}**", [sum(c[i] for _, c in members) for i in range(3)]))
    members.sort(key=lambda m: -sum(m[1]))
    lines += [m for m in members if sum(m[1]) >= small]
    less = [m for m in members if sum(m[1]) < small]
    if less:
        lines.append((f"{len(less)} smaller", [sum(c[i] for _, c in less) for i in range(3)]))
lines.append(("**all: the file**", [sum(c[i] for c in rows.values()) for i in range(3)]))
table(lines)
assert sum(sum(c) for c in rows.values()) == total
print("\n## HomeMail by folder, with the generic code over its types\n")
table(sorted(own.items(), key=lambda o: -sum(o[1])))
print()
