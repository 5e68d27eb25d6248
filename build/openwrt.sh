#!/usr/bin/env bash
# Makes OpenWrt packages of the binaries that build/publish.sh has made, with the files of the feed in build/openwrt/.
#   build/openwrt.sh ipk [ARCH...]   out/openwrt/homemail_VERSION-rN_ARCH.ipk, for opkg (OpenWrt 24.10 and earlier)
#   build/openwrt.sh apk [ARCH...]   out/openwrt/homemail-VERSION-rN.ARCH.apk, for apk (OpenWrt 25.12 and later)
# ARCH: aarch64_generic, x86_64; both by default. An apk is made by apk-tools 3 (`apk mkpkg`), which Debian does not have and OpenWrt's
# SDK has: APK=/path/to/staging_dir/host/bin/apk names it.
set -euo pipefail
cd "$(dirname "$0")/.."

form=${1-}
case $form in ipk | apk) shift ;; *) echo "openwrt: which form: ipk or apk?" >&2; exit 2 ;; esac
[ $# -gt 0 ] || set -- aarch64_generic x86_64
feed=build/openwrt/homemail
version=$(sed -n 's,.*<Version>\(.*\)</Version>.*,\1,p' build/Common.props)-r$(sed -n 's/^PKG_RELEASE:=//p' $feed/Makefile)
date=$(date -u -d "$(sed -n 's,.*<ReleaseDate>\(.*\)</ReleaseDate>.*,\1,p' build/Common.props)" +%s)
apk=${APK:-apk}
if [ "$form" = apk ] && ! "$apk" mkpkg --help > /dev/null 2>&1; then
    cat >&2 << TEXT
openwrt: an apk is made by apk-tools 3, and there is none here ('$apk' has no mkpkg). Either name that of an OpenWrt SDK:
    make apk APK=/path/to/sdk/staging_dir/host/bin/apk
or let the SDK make the package, with this tree's feed:
    echo "src-link homemail $PWD/build/openwrt" >> feeds.conf && scripts/feeds update homemail && scripts/feeds install homemail
    make package/homemail/compile
TEXT
    exit 1
fi
out=$PWD/out/openwrt
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As the feed's Package/homemail/install has it.
stage() { # RID TREE
    local files=$feed/files
    install -d -m 755 "$2"/usr/bin "$2"/etc/init.d "$2"/etc/config "$2"/etc/homemail "$2"/lib/upgrade/keep.d "$2"/usr/share/homemail
    install -m 755 "out/$1/homemail" "$2/usr/bin/homemail"
    install -m 755 $files/homemail.init "$2/etc/init.d/homemail"
    install -m 600 $files/homemail.config "$2/etc/config/homemail"
    install -m 644 $files/homemail.keep "$2/lib/upgrade/keep.d/homemail"
    install -m 755 $files/uci-to-ini "$2/usr/share/homemail/uci-to-ini"
    install -m 644 $files/firewall.uci src/HomeMail/homemail.ini "$2/usr/share/homemail/"
}

# The scripts that the SDK puts into every package: OpenWrt's own functions make the user, enable and start, and stop and disable.
# $root and $pkgname are for apk, where those functions are not called with the script's own name.
script() { # CALLS FILE
    cat > "$2" << TEXT
#!/bin/sh
[ "\${IPKG_NO_SCRIPT}" = 1 ] && exit 0
[ -s "\${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "\${IPKG_INSTROOT}/lib/functions.sh"
export root="\${IPKG_INSTROOT}" pkgname=homemail
$1
TEXT
    chmod 755 "$2"
}

alternatives="250:/usr/sbin/sendmail:/usr/bin/homemail, 250:/usr/bin/mailq:/usr/bin/homemail, 250:/usr/bin/newaliases:/usr/bin/homemail"
description="Mail server for a house: receives, takes submissions, delivers, sends, and serves mailboxes over IMAP. Keep its data on a disk or stick."
pack() { (cd "$2" && tar --format=gnu --sort=name --numeric-owner --owner=0 --group=0 --mtime="@$date" -c "${@:3}" | gzip -n9) > "$1"; }

for arch in "$@"; do
    case $arch in
        x86_64) rid=linux-x64 ;;
        aarch64_*) rid=linux-arm64 ;;
        *) echo "openwrt: unknown architecture '$arch'; allowed: x86_64, aarch64_generic and its kin" >&2; exit 2 ;;
    esac
    [ -x out/$rid/homemail ] || { echo "openwrt: there is no out/$rid/homemail; make build RID=$rid makes it" >&2; exit 1; }
    tree=$work/$arch/data control=$work/$arch/control
    mkdir -p "$tree" "$control"
    stage $rid "$tree"
    if [ "$form" = apk ]; then
        file=$out/homemail-$version.$arch.apk
        # What opkg has in its control file stands for apk in the tree.
        lists=$tree/lib/apk/packages
        mkdir -p "$lists"
        echo homemail:homemail > "$lists/homemail.rusers"
        echo "${alternatives//,/}" > "$lists/homemail.alternatives"
        (cd "$tree" && find . \( -type f -o -type l \) -printf '/%P\n' | sort) > "$work/$arch/list"
        mv "$work/$arch/list" "$lists/homemail.list"
        echo /etc/config/homemail > "$lists/homemail.conffiles"
        echo "/etc/config/homemail $(sha256sum < "$tree/etc/config/homemail" | cut -d' ' -f1)" > "$lists/homemail.conffiles_static"
        script "add_group_and_user; default_postinst" "$work/$arch/post-install"
        sed '1a export PKG_UPGRADE=1' "$work/$arch/post-install" > "$work/$arch/post-upgrade"
        script default_prerm "$work/$arch/pre-deinstall"
        scripts=()
        for name in post-install post-upgrade pre-deinstall; do scripts+=(--script "$name:$work/$arch/$name"); done
        SOURCE_DATE_EPOCH=$date "$apk" mkpkg --info name:homemail --info "version:$version" --info "arch:$arch" --info license:MIT \
            --info "description:$description" --info depends:ca-bundle "${scripts[@]}" --files "$tree" --output "$file"
    else
        file=$out/homemail_${version}_$arch.ipk
        cat > "$control/control" << TEXT
Package: homemail
Version: $version
Depends: ca-bundle
Alternatives: $alternatives
License: MIT
Section: mail
Require-User: homemail:homemail
SourceDateEpoch: $date
Architecture: $arch
Installed-Size: $(find "$tree" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
Description: $description
TEXT
        echo /etc/config/homemail > "$control/conffiles"
        script 'default_postinst "$0" "$@"' "$control/postinst"
        script 'default_prerm "$0" "$@"' "$control/prerm"
        mkdir "$work/$arch/ipk"
        pack "$work/$arch/ipk/control.tar.gz" "$control" .
        pack "$work/$arch/ipk/data.tar.gz" "$tree" .
        echo 2.0 > "$work/$arch/ipk/debian-binary"
        pack "$file" "$work/$arch/ipk" ./debian-binary ./data.tar.gz ./control.tar.gz
    fi
    echo "${file#"$PWD/"}: $(stat -c %s "$file") bytes"
done
