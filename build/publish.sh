#!/usr/bin/env bash
# Publishes the program for one runtime identifier: one static file at out/<rid>/homemail.
#   build/publish.sh [RID]          RID: linux-x64 (default here), linux-arm64
# Fails when the build warns: every compiler (CS), trimming and AOT (IL) and analyzer (CA, IDE) warning counts.
set -euo pipefail
cd "$(dirname "$0")/.."

case $(uname -m) in
    x86_64) host=linux-x64 ;;
    aarch64) host=linux-arm64 ;;
    *) host= ;;
esac
rid=${1:-$host}
case $rid in
    linux-x64 | linux-arm64) ;;
    *) echo "publish: unknown RID '$rid'; allowed: linux-x64, linux-arm64" >&2; exit 2 ;;
esac
[ "$rid" = "$host" ] || [ "$rid" = linux-arm64 ] || { echo "publish: no cross-compiler for $rid is set up on $(uname -m)" >&2; exit 2; }

project=src/HomeMail/HomeMail.csproj
obj=src/HomeMail/obj/Release/net10.0/$rid
log=out/log/publish-$rid.log
mkdir -p "out/$rid" out/log

# The linker and the C shim are not told when only their flags or libraries change: their output goes when this does.
settings=$( { cat "$project" build/*.props build/Trim.* build/publish.sh build/cross/*; dpkg-query -W -f '${Package} ${Version}\n' 'libssl-dev*' 'libc6-dev*' clang lld 2>/dev/null || true; } | sha256sum)
if [ "$(cat "$obj/settings" 2>/dev/null)" != "$settings" ]; then
    rm -rf "$obj/native" "$obj/libs"
    mkdir -p "$obj"
    echo "$settings" > "$obj/settings"
fi

# The runtime's OpenSSL shim is C that its authors compile with other warnings.
export CFLAGS=-Wno-unused-value
properties=()
if [ "$rid" = linux-arm64 ] && [ "$rid" != "$host" ]; then
    export CC="$PWD/build/cross/aarch64-clang"
    export CFLAGS="--target=aarch64-linux-gnu $CFLAGS"
    properties+=(-p:CppCompilerAndLinker=clang -p:ObjCopyName=aarch64-linux-gnu-objcopy)
fi

# Of the libraries of C that are linked in, copies without unwind tables, 0.7 MB: exceptions and the garbage collector never walk through C.
objcopy=objcopy
[ "$rid" = "$host" ] || objcopy=aarch64-linux-gnu-objcopy
bare=$PWD/$obj/native/bare
if [ ! -e "$bare/done" ]; then
    mkdir -p "$bare"
    for library in ssl crypto c; do
        "$objcopy" --remove-section=.eh_frame "$("${CC:-clang}" -print-file-name=lib$library.a)" "$bare/lib$library.a"
    done
    touch "$bare/done"
fi
properties+=("-p:NativeLibrariesWithoutUnwind=$bare")

echo "publish $rid ..."
if ! dotnet publish "$project" -c Release -r "$rid" --nologo -v minimal "${properties[@]}" > "$log" 2>&1; then
    grep -E '(error|warning) ' "$log" | sort -u | head -n 40 >&2 || tail -n 40 "$log" >&2
    echo "publish: $rid failed; the whole log is $log" >&2
    exit 1
fi
build/warnings.sh "$log"

published=src/HomeMail/bin/Release/net10.0/$rid/publish/homemail
kind=$(file -b "$published")
case $kind in
    *static-pie\ linked* | *statically\ linked*) ;;
    *) echo "publish: $published is not static: $kind" >&2; exit 1 ;;
esac
# Put in place by a rename, so that a server running from there is not written into.
if ! cmp -s "$published" "out/$rid/homemail"; then
    cp "$published" "out/$rid/homemail.new"
    mv "out/$rid/homemail.new" "out/$rid/homemail"
fi
echo "out/$rid/homemail: $(stat -c %s "out/$rid/homemail") bytes"
