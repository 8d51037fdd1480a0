# SPDX-License-Identifier: MIT
# test: set=all mem=256M time=120 peer
# Applets that only a root with all rights can use.
# normalise: s/[0-9]+%/N%/
## mount, umount
mkdir m; mount -t tmpfs -o size=64k none m; grep -c "/tmp/case/m tmpfs" /proc/mounts; head -c 100000 /dev/zero > m/full; echo $?; ls -l m/full | awk '{print $5}'; umount m; grep -c /tmp/case/m /proc/mounts; umount m 2>&1
## bind and read-only
mkdir -p a b; echo x > a/f; mount -o bind a b; cat b/f; mount -o remount,ro,bind b; echo y > b/g; umount b; ls a
## busy
mkdir m; mount -t tmpfs none m; cd m; umount /tmp/case/m; echo $?; cd ..; umount m; echo $?
## free, uptime, top: their form
free | head -1; uptime | grep -c 'load average:'; top -b -n 1 | head -4 | cut -d: -f1
## dmesg
dmesg | wc -l | grep -c '^[1-9]'; dmesg -n 1; echo $?
## hostname
hostname other; hostname; uname -n
## mknod and what it may
mknod n c 1 3; echo x > n; cat n | wc -c; mknod b b 7 200; cat b 2>&1; ls -l n | cut -c1-10
## swapon without a file
swapon /nosuch 2>&1
## nice and renice below zero
nice -n -5 nice; renice -n -3 -p $$ 2>&1; nice
## chroot with an old root kept open
mkdir -p r/bin; cp /bin/busybox r/bin; chroot r /bin/busybox sh -c 'cd /; /bin/busybox ls ..'
## su and back
su student -c 'id -un; cd /root; echo $?'; id -u
## klogd
syslogd -n -O "$PWD/log" & p=$!; i=0; while [ ! -S /dev/log ] && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done
klogd -n & k=$!; echo '<4>transcript: a line' > /dev/kmsg
i=0; while ! grep -qs 'a line' log && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done; kill $k $p; wait; rm -f /dev/log
grep 'a line' log | tr -s ' ' | cut -d ' ' -f 6- | sed 's/\[[ .0-9]*\] //'
