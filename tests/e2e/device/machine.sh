# A device in qemu: a Cortex-A53 with two cores and 128 MB, its flash and a USB stick. Sourced after peers/world.sh.
# shellcheck shell=bash
# needs: qemu-system-arm qemu-user-static e2fsprogs cpio gzip patchelf openssh-client
#
# Its root is BusyBox and nothing else: no libc, no certificates, no /run. What stands for a router's firmware besides is an SSH server,
# with the libraries it needs beside it in /opt/ssh where nothing else finds them. Kernel, BusyBox and SSH are Debian's for arm64; they
# are unpacked in out/device, never installed. Everything that changes is on the two disks, which outlive the machine.

# Where things are of what this writes; `machine`, a folder of the test's.
device=$PWD/tests/e2e/device
parts=$PWD/out/device
machine_memory=128

# fetch: the packages of which the device is made, unpacked in out/device; whether they can be had.
fetch() {
    local kernel packages package
    kernel=$(apt-cache depends linux-image-cloud-arm64:arm64 2> /dev/null | sed -n 's/^ *Depends: *\(linux-image-[^ ]*\)/\1/p' | head -n 1)
    packages="${kernel:-linux-image-cloud-arm64:arm64} busybox-static:arm64 dropbear-bin:arm64 openssh-client:arm64 openssh-sftp-server:arm64 libc6:arm64 libtomcrypt1:arm64 libtommath1:arm64 libgmp10:arm64 libcrypt1:arm64 zlib1g:arm64"
    [ "$packages" != "$(cat "$parts/packages" 2> /dev/null)" ] || return 0
    rm -rf "$parts.new"
    mkdir -p "$parts.new/.debs"
    # shellcheck disable=SC2086 # a list
    (cd "$parts.new/.debs" && apt-get -q -o APT::Sandbox::User=root download $packages) > out/log/device-fetch.log 2>&1 || return 1
    for package in "$parts.new"/.debs/*.deb; do dpkg -x "$package" "$parts.new" || return 1; done
    echo "$packages" > "$parts.new/packages"
    rm -rf "$parts.new/.debs" "$parts"
    mv "$parts.new" "$parts"
}

# build_machine: the two disks, the kernel and what it starts, in `machine`; a key to log in with.
build_machine() {
    local root=$machine/root start=$machine/start drivers name
    # Drivers that are needed to find the disks.
    mkdir -p "$start"/{bin,dev,proc,sys,new,drivers}
    cp "$parts/bin/busybox" "$start/bin/"
    cp "$device/init" "$start/init"
    drivers=$(echo "$parts"/lib/modules/*)
    for name in virtio_ring virtio virtio_mmio virtio_blk failover net_failover virtio_net virtio-rng; do
        find "$drivers" -name "$name.ko" -exec cp {} "$start/drivers/" \;
    done
    (cd "$start" && find . | cpio --quiet -o -H newc | gzip -1) > "$machine/start.gz"
    cp "$parts"/boot/vmlinuz-* "$machine/vmlinuz"

    mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,dev,proc,sys,tmp,root/.ssh,mnt/usb,etc/init.d,etc/rc.d,etc/dropbear,opt/ssh}
    for name in $(qemu-aarch64-static "$parts/bin/busybox" --list); do ln -s /bin/busybox "$root/bin/$name"; done
    cp --remove-destination "$parts/bin/busybox" "$root/bin/"
    ln -s /bin/busybox "$root/sbin/init"
    # As on OpenWrt.
    ln -s /tmp "$root/var"
    cp "$device/inittab" "$root/etc/"
    cp "$device/rcS" "$device/stop" "$root/etc/init.d/"
    cp "$device/rc.common" "$root/etc/"
    printf 'root:x:0:0:root:/root:/bin/sh\n' > "$root/etc/passwd"
    printf 'root:x:0:\n' > "$root/etc/group"
    printf 'nameserver %s\n' "$resolver_ip" > "$root/etc/resolv.conf"
    printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
    printf "PS1='root@router:~# '\n" > "$root/root/.profile"

    cp "$parts"/lib/aarch64-linux-gnu/{ld-linux-aarch64.so.1,libc.so.6,libcrypt.so.1,libz.so.1} "$root/opt/ssh/"
    cp "$parts"/usr/lib/aarch64-linux-gnu/{libtomcrypt.so.1,libtommath.so.1,libgmp.so.10} "$root/opt/ssh/"
    cp "$parts/usr/sbin/dropbear" "$parts/usr/bin/scp" "$parts/usr/lib/openssh/sftp-server" "$root/opt/ssh/"
    patchelf --set-interpreter /opt/ssh/ld-linux-aarch64.so.1 --set-rpath /opt/ssh "$root"/opt/ssh/{dropbear,scp,sftp-server}
    for name in libtomcrypt.so.1 libtommath.so.1 libgmp.so.10; do patchelf --set-rpath /opt/ssh "$root/opt/ssh/$name"; done
    ln -s /opt/ssh/scp "$root/usr/bin/scp"
    ssh-keygen -q -t ed25519 -N '' -f "$machine/key"
    cp "$machine/key.pub" "$root/root/.ssh/authorized_keys"
    chmod 700 "$root/root" "$root/root/.ssh"
    chmod 1777 "$root/tmp"

    mkfs.ext4 -q -L flash -d "$root" "$machine/flash.img" 96M > "$machine/mkfs.log" 2>&1
    mkfs.ext4 -q -L stick "$machine/stick.img" 512M >> "$machine/mkfs.log" 2>&1

    # What is different on a Pi, as far as README's commands see it: who logs in, /var and /run. That `pi` is root already, useradd and
    # systemctl are stand-ins: the packages' test has the real ones.
    rm "$root/var"
    mkdir -p "$root"/{run,var/lib,usr/lib,home/pi,etc/systemd/system}
    mv "$root/root/.ssh" "$root/home/pi/.ssh"
    printf "PS1='pi@raspberrypi:~ $ '\n" > "$root/home/pi/.profile"
    printf 'pi:x:0:0:pi:/home/pi:/bin/sh\n' >> "$root/etc/passwd"
    ln -s /opt/ssh/sftp-server "$root/usr/lib/sftp-server"
    printf '#!/bin/sh\nexec "$@"\n' > "$root/usr/bin/sudo"
    printf '#!/bin/sh\n[ "$1" = --system ] && echo "$2:x:999:999::/home/$2:/bin/sh" >> /etc/passwd && echo "$2:x:999:" >> /etc/group\n' > "$root/usr/sbin/useradd"
    cp "$device/systemctl" "$root/usr/bin/"
    chmod 755 "$root/usr/bin/sudo" "$root/usr/sbin/useradd"
    mkfs.ext4 -q -L flash -d "$root" "$machine/pi.img" 512M >> "$machine/mkfs.log" 2>&1
    rm -rf "$root" "$start"
}

# house_network: the device's wire. This world is its gateway, and beyond that is outside.
house_network() {
    [ -e /dev/net/tun ] || { mkdir -p /dev/net && mknod /dev/net/tun c 10 200; }
    ip tuntap add dev device mode tap && ip address add 192.168.1.254/24 dev device && ip link set device up &&
        sysctl -q net.ipv4.ip_forward=1 && outside ip route add 192.168.1.0/24 via "$house_ip"
    echo '192.168.1.1 raspberrypi.local' >> /etc/hosts
    printf 'Host 192.168.1.1 raspberrypi.local\n IdentityFile %s/key\n UserKnownHostsFile %s/known\n StrictHostKeyChecking accept-new\n LogLevel ERROR\n' \
        "$machine" "$machine" > /etc/ssh/ssh_config.d/device.conf
}

# boot [DATE [DISK]]: switches it on, with that date in its clock, from DISK.img instead of the flash; whether it came up. The process is `qemu`.
boot() {
    : > "$machine/console"
    qemu-system-aarch64 -M virt -cpu cortex-a53 -smp 2 -m $machine_memory -accel tcg,thread=multi -nodefaults -display none -monitor none \
        -serial "file:$machine/console" -no-reboot -rtc "base=${1:-utc}" \
        -kernel "$machine/vmlinuz" -initrd "$machine/start.gz" -append 'console=ttyAMA0 quiet cma=0 panic=-1' \
        -drive "if=none,id=flash,format=raw,file=$machine/${2:-flash}.img" -device virtio-blk-device,drive=flash \
        -drive "if=none,id=stick,format=raw,file=$machine/stick.img" -device virtio-blk-device,drive=stick \
        -netdev tap,id=net,ifname=device,script=no,downscript=no -device virtio-net-device,netdev=net \
        -device virtio-rng-device > "$machine/qemu.log" 2>&1 &
    qemu=$!
    # How it ends is looked at, not told by the shell.
    disown $qemu
    wait_for 90 is_up_or_off && ! is_off || { cat "$machine/qemu.log" "$machine/console"; return 1; }
    wait_for 30 on_device true || { cat "$machine/console"; return 1; }
}

# on_device COMMAND...: runs it there, as root.
on_device() { ssh "${logs_in:-root@192.168.1.1}" "$@"; }

# pull_the_plug: from one moment to the next. switch_off: as it should be; whether it did.
pull_the_plug() {
    kill -KILL "$qemu" 2> /dev/null
    wait_for 10 is_off
}
switch_off() {
    on_device poweroff
    wait_for 40 is_off || { pull_the_plug; return 1; }
}
is_up_or_off() { grep -q 'device: started' "$machine/console" || is_off; }
is_off() { ! kill -0 "$qemu" 2> /dev/null; }
