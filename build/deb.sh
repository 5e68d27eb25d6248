#!/usr/bin/env bash
# Makes Debian packages of the binaries that build/publish.sh has made: out/deb/homemail_VERSION_ARCH.deb.
#   build/deb.sh [ARCH...]          amd64, arm64; both by default
# MAINTAINER="Name <address>" in the environment is who answers for them.
# needs: debhelper dpkg-dev
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's,.*<Version>\(.*\)</Version>.*,\1,p' build/Common.props)
date=$(sed -n 's,.*<ReleaseDate>\(.*\)</ReleaseDate>.*,\1,p' build/Common.props)
[ -n "$version" ] && [ -n "$date" ] || { echo "deb: no version or date in build/Common.props" >&2; exit 1; }
[ $# -gt 0 ] || set -- amd64 arm64
mkdir -p out/deb out/log

for arch in "$@"; do
    case $arch in
        amd64) rid=linux-x64 ;;
        arm64) rid=linux-arm64 ;;
        *) echo "deb: unknown architecture '$arch'; allowed: amd64, arm64" >&2; exit 2 ;;
    esac
    [ -x out/$rid/homemail ] || { echo "deb: there is no out/$rid/homemail; make build RID=$rid makes it" >&2; exit 1; }
    tree=out/deb/$arch/homemail-$version
    rm -rf "out/deb/$arch"
    mkdir -p "$tree"
    cp -r build/debian "$tree/debian"
    cp out/$rid/homemail src/HomeMail/homemail.ini "$tree/"
    cp build/debian/homemail.8 "$tree/"
    cp CHANGELOG.md "$tree/NEWS.md"
    sed "s/@VERSION@/$version/; s/@DATE@/$(LC_ALL=C date -u -R -d "$date")/" build/debian/changelog.in > "$tree/debian/changelog"
    [ -z "${MAINTAINER-}" ] || sed -i "s|The HomeMail authors <homemail@localhost>|${MAINTAINER//[&|\\\\]/}|" "$tree/debian/changelog" "$tree/debian/control"
    rm "$tree/debian/changelog.in" "$tree/debian/homemail.8"
    # The same input makes the same package.
    if ! (cd "$tree" && SOURCE_DATE_EPOCH=$(date -u -d "$date" +%s) DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -us -uc -d -a"$arch") > "out/log/deb-$arch.log" 2>&1; then
        tail -n 30 "out/log/deb-$arch.log" >&2
        echo "deb: $arch failed; the whole log is out/log/deb-$arch.log" >&2
        exit 1
    fi
    mv "out/deb/$arch/homemail_${version}_$arch.deb" out/deb/
    rm -rf "out/deb/$arch"
    echo "out/deb/homemail_${version}_$arch.deb: $(stat -c %s "out/deb/homemail_${version}_$arch.deb") bytes"
done
