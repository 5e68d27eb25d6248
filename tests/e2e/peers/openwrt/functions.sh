# /lib/functions.sh: what packages' scripts call. $root, $pkgname and $PKG_UPGRADE are as OpenWrt has them.
default_postinst() {
	local info=/usr/lib/opkg/info script
	if grep -q '^Require-User: homemail:homemail$' $info/homemail.control && ! grep -q '^homemail:' /etc/passwd; then
		echo 'homemail:x:32768:' >> /etc/group
		echo 'homemail:x:32768:32768:homemail:/var/run/homemail:/bin/false' >> /etc/passwd
	fi
	for script in $(grep '^/etc/init.d/' $info/homemail.list); do
		[ "$PKG_UPGRADE" = 1 ] || $script enable
		$script start
	done
}

default_prerm() {
	local script
	for script in $(grep '^/etc/init.d/' /usr/lib/opkg/info/homemail.list); do
		[ "$PKG_UPGRADE" = 1 ] || $script disable
		$script stop
	done
}
