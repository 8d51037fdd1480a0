# SPDX-License-Identifier: MIT
# test: set=all mem=256M time=120 peer modules=drivers/block/loop
# Applets for terminals, clocks, disks and kernels: as root, on the peer Linux and here.
# normalise: s/UUID=\S+/UUID=U/
# normalise: s/modules\/[^'\/]*/modules\/VERSION/
# normalise: s/[0-9:]+ 20[0-9][0-9]$/TIME/
## openvt chvt deallocvt
openvt -c 5 -w -- sh -c 'echo on the screen; tty; stty size; stty -a | head -1'; mknod v c 7 5; head -c 240 v | fold -w 80 | sed 's/ *$//'
chvt 5; head -c 13 /dev/vcs; echo; chvt 1; openvt -c 6 -w true; deallocvt 6; echo $?; deallocvt 1; chvt 99; chvt x
openvt -c 7 -s -w -- sh -c 'printf "\033[2J\033[3;4Hhere"'; mknod a c 7 135; head -c 4 a | od -An -tu1; printf 'over' > /dev/vcs; head -c 4 /dev/vcs
## questions to the screen
openvt -c 8 -w -- sh -c 'stty raw -echo; printf "\033[7;9H\033[6n"; dd bs=1 count=6 2>/dev/null | od -c > o; printf "\033[5n"; dd bs=1 count=4 2>/dev/null | od -c >> o; stty sane'; cat o
## dumpkmap loadkmap setkeycodes
dumpkmap | md5sum; dumpkmap > m; loadkmap < m; dumpkmap > n; loadkmap < n; dumpkmap | cmp - n && echo same; loadkmap < /dev/null; setkeycodes e010 100; echo $?; setkeycodes 1
## loadfont
printf '\066\004\000\020' > f; head -c 4096 /dev/zero >> f; loadfont < f; echo $?; head -c 100 f | loadfont; echo rubbish | loadfont
## getty login sulogin cttyhack
printf '#!/bin/sh\necho $0 $* $LOGNAME $HOME; tty; id -un\n' > /tmp/prog; chmod +x /tmp/prog; getty -n -l /tmp/prog 38400 tty9; mknod v c 7 9; head -c 240 v | fold -w 80 | sed 's/ *$//'
echo 'tester::1001:1001::/tmp:/tmp/prog' >> /etc/passwd; openvt -c 10 -w -- sh -c 'login -f tester'; mknod w c 7 10; head -c 240 w | fold -w 80 | sed 's/ *$//'
timeout 5 sulogin < /dev/null; timeout 5 login nosuch < /dev/null 2>&1 | head -1; openvt -c 11 -w -- cttyhack sh -c 'tty > o'; cat o; rm /tmp/prog; getty 2>&1 | sed -n 3p
## passwd
printf 'Secret99x\nSecret99x\n' | passwd student; sed -n 's/^student:\(...\).*/\1/p' /etc/shadow; printf 'Secret99x\nother\n' | passwd student; passwd -l student; passwd -d student; passwd nosuch
## microcom
timeout 10 microcom -t 200 /dev/tty5; echo $?; microcom /dev/nosuch
## hwclock adjtimex
hwclock -w -u; date -s '2030-01-02 03:04:05'; hwclock -w -u; date -s '2031-01-01 00:00:00' > /dev/null; hwclock -s -u; date +%F; hwclock -u | cut -c1-10; hwclock -t -u 2>&1 | wc -l; adjtimex | grep -c .; adjtimex | grep -e precision -e freq
## losetup
truncate -s 1M img; losetup /dev/loop0 img; losetup -a; losetup /dev/loop0 img; losetup -f; blockdev --getsz /dev/loop0; echo hello | dd of=/dev/loop0 bs=1 seek=5000 2>/dev/null; sync; dd if=img bs=1 skip=5000 count=5 2>/dev/null; echo
truncate -s 2M img; losetup -c /dev/loop0; blockdev --getsize64 /dev/loop0; grep loop /proc/partitions; losetup -d /dev/loop0; losetup -d /dev/loop0; blockdev --getsz /dev/loop0; dd if=/dev/loop0 2>&1 | tail -1
losetup -o 4608 /dev/loop1 img; dd if=/dev/loop1 bs=1 skip=392 count=5 2>/dev/null; echo; losetup -r /dev/loop2 img; echo x > /dev/loop2; blockdev --getro /dev/loop2; losetup -a; losetup -d /dev/loop1; losetup -d /dev/loop2
seq 100000 > f; losetup /dev/loop3 f; cmp -n 588800 /dev/loop3 f && echo same; losetup -d /dev/loop3
for i in 0 1 2 3 4 5 6 7 8; do cp f f$i; losetup $(losetup -f) f$i; done; losetup -a | sort; for i in 0 1 2 3 4 5 6 7 8; do losetup -d /dev/loop$i; done; losetup -a
## blockdev blkdiscard mkswap fdisk partprobe freeramdisk findfs on a loop device
seq 100000 > img; truncate -s 2M img; losetup /dev/loop4 img; blkdiscard -o 4096 -l 8192 /dev/loop4; dd if=/dev/loop4 bs=1 skip=4094 count=4 2>/dev/null | od -c; mkswap /dev/loop4; for o in getss getbsz getra getro rereadpt setro getro setrw getro flushbufs; do blockdev --$o /dev/loop4; done
partprobe /dev/loop4; freeramdisk /dev/loop4; echo $?; fdisk -l /dev/loop4; findfs LABEL=nosuch; echo $?; blkdiscard /dev/null; blockdev --getsz /dev/null; losetup -d /dev/loop4
## fstrim fsfreeze
fstrim /tmp; fsfreeze --freeze /tmp; fsfreeze --unfreeze /tmp; fstrim /nosuch
## ionice
ionice; ionice -c 2 -n 3 ionice; ionice -c3 ionice; ionice -c1 -n1 ionice; ionice -c 2 -n 9 true; ionice -c 2 -n 5 -p $$; ionice -p $$; su student -c 'ionice -c 1 -n 0 true'; ionice -p 99999
## arch linux32 linux64
arch; linux32 uname -m; linux64 uname -m; setpriv --dump | head -3
## unshare nsenter without namespaces
unshare sh -c 'echo unshared'; nsenter -t 1 echo entered; nsenter -t 99999 -m true
## pivot_root switch_root run-init init
mkdir n; mount -t tmpfs none n; mkdir -p n/bin n/m; cp /bin/busybox n/bin; mount -t tmpfs none n/m; mkdir -p n/m/bin n/m/old; cp /bin/busybox n/m/bin; chroot n /bin/busybox sh -c 'cd /m; busybox pivot_root . old; echo $?; busybox ls / /old; busybox pivot_root /bin /old'; umount n/old 2>/dev/null; umount n/m 2>/dev/null; umount n; echo $?
pivot_root /tmp /tmp; pivot_root /nosuch /; switch_root /tmp /bin/sh 2>&1 | sed -n 3p; run-init /tmp /bin/sh 2>&1 | sed -n 3p; init; echo $?
## lsmod depmod insmod modprobe modinfo rmmod
lsmod | head -1; depmod; insmod /nosuch; modprobe nosuch; modinfo nosuch
## devices that the machine has not
for a in 'i2cdetect -y 0' 'i2cdump -y 0 0x50' 'i2cget -y 0 0x50 0' 'i2cset -y 0 0x50 0 0' 'i2ctransfer -y 0 w1@0x50 0' 'mt -f /dev/nst0 rewind' 'watchdog -F /dev/watchdog' lsscsi 'mdev -s' 'acpid -d' 'freeramdisk /dev/nosuch' 'partprobe /dev/nosuch' 'fdisk -l /dev/nosuch'; do timeout 5 $a; echo $?; done
## resume
resume 2>&1 | sed -n 3p
## crond crontab
mkdir -p /var/spool/cron/crontabs; echo '0 0 1 1 * true' | crontab -; crontab -l; crontab -r; crontab -l; mkdir c; crond -b -l 8 -L $PWD/log -c c; until [ -s log ]; do usleep 20000; done; killall crond; sed 's/.*crond/crond/' log; crond -f -c nosuch
## last w who logname
last 2>&1 | head -1; w | head -1; who; logname; logname extra 2>&1 | head -1
## watch
timeout 60 watch -t -n 1 echo seen | head -c 12 | od -c
## cttyhack without a terminal
setsid cttyhack sh -c 'echo run'
## swapon swapoff
swapoff -a; swapon -a; swapon /nosuch; swapoff /nosuch; truncate -s 1M f; mkswap f | head -1; su student -c 'swapon f'
