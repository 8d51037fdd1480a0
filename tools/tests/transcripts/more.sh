# SPDX-License-Identifier: MIT
# test: mem=256M time=120
# The applets that files.sh and shell.sh leave out and that need neither a network nor a device.
# normalise: s/ +/ /
## ar arch ascii
echo one > a; ar r x.a a 2>/dev/null; ar t x.a; ascii | head -3; [[ 1 -lt 2 ]] && echo yes
## line ends and tabs
printf 'a\r\nb\r\n' > d; dos2unix d; od -c d; unix2dos d; od -c d; printf 'a\tb\n' | expand; printf '        b\n' | unexpand | od -c
## egrep fgrep less more
seq 20 > n; egrep '^1[0-3]$' n; fgrep 1. n; fgrep -c 1 n; less n | head -2; more n | tail -1; clear | od -c | head -1; reset 2>/dev/null | od -c | head -1
## lzma lzop xz compress
seq 5000 > n; xz -k n 2>/dev/null; lzop -c n | lzop -dc | cmp - n && echo lzop; gzip -c n | zcat | tail -1; bzip2 -c n > n.bz2; bzcat n.bz2 | tail -1
base64 -d > x.xz <<X
/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAABWLz5iJ1C5NwABHgbBL+9DH7bzfQEAAAAABFla
X
xzcat x.xz; unxz x.xz; cat x; unlzma x 2>&1 | head -1; lzcat x 2>&1 | head -1; uncompress x.Z 2>&1 | head -1
## cpio rpm dpkg refuse rubbish
echo rubbish > r; rpm2cpio r 2>&1 | head -1; dpkg-deb -c r 2>&1 | head -1; unzip -l r 2>&1 | head -2; tar tf r 2>&1 | head -1; cpio -t < r 2>&1 | head -1
## getopt
getopt ab:c -- -a -b x y -c; getopt -o l -l long: -- --long v w; getopt a -z; echo $?
## groups id whoami logname who w
groups; id -u; id -gn; whoami; who; groups student; su student -c whoami
## hostname uname
hostname; hostname -s; uname -n; dnsdomainname 2>/dev/null; nproc > /dev/null && echo nproc
## nice renice ionice
nice; nice -n 5 nice; nice -n 5 sh -c 'renice -n 3 -p $$ > /dev/null; nice'; su student -c 'renice -n -5 -p $$' 2>&1 | head -1
## timeout and time
timeout 1 sleep 5; echo $?; timeout 60 true; echo $?; timeout -s KILL 1 sleep 5; echo $?; (time true) 2>&1 | cut -c1-4; usleep 1000; echo $?
## taskset
taskset 1 sh -c 'taskset -p $$' | sed 's/^[^:]*//'; taskset -c 0 nproc
## setsid and tty
setsid sh -c 'tty; echo $?'; tty < /dev/null; stty < /dev/null; echo $?
## sysctl
sysctl -n kernel.ostype; sysctl vm.overcommit_memory | tr 12 00; sysctl -n no.such.key; echo $?
## ps pidof killall
sleep 77 & p=$!; until grep -q "(sleep) S" /proc/$!/stat; do usleep 20000; done; ps -o comm,args | grep '[s]leep 77'; [ "$(pidof sleep)" = $p ] && echo pidof; killall sleep; wait $p 2>/dev/null; echo $?; pidof sleep; echo $?
## ps columns
sleep 78 & until grep -q "(sleep) S" /proc/$!/stat; do usleep 20000; done; ps -o ppid,pid,stat,comm | awk -v p=$! '$2 == p { print $3, $4 }'; kill $!; ps | head -1; ps -o nosuch; echo $?
## pgrep-like walks of /proc
sleep 79 & until grep -q "(sleep) S" /proc/$!/stat; do usleep 20000; done; cat /proc/$!/cmdline | tr '\0' ' '; cat /proc/$!/comm; readlink /proc/$!/exe; ls -l /proc/$!/fd/0 | sed 's/.*-> //'; tr '\0' '\n' < /proc/$!/environ | grep -c ^PATH=; kill $!
## start-stop-daemon
start-stop-daemon -S -b -m -p pid -x /bin/sleep -- 50; until [ -s pid ] && grep -q "(sleep) S" "/proc/$(cat pid)/stat"; do usleep 20000; done 2>/dev/null; start-stop-daemon -S -t -p pid -x /bin/sleep > /dev/null; echo $?; start-stop-daemon -K -q -p pid; echo $?
## run-parts and svc
mkdir p; printf '#!/bin/sh\necho part $1\n' > p/a; printf '#!/bin/sh\necho b\nexit 3\n' > p/b; chmod +x p/a p/b; run-parts -a x p; echo $?; run-parts --test p
## shred nuke
echo secret > s; shred -n 1 -u s; ls; mkdir -p d/e; touch d/e/f; nuke d; ls
## sync
sync; echo $?; touch f; sync f; echo $?; fsync f; echo $?
## mkfs on files
truncate -s 1M img; mke2fs -F img > /dev/null; dd if=img bs=1 skip=1080 count=2 2>/dev/null | od -An -tx1; mkswap img > /dev/null; dd if=img bs=1 skip=4086 count=10 2>/dev/null; echo; mkdosfs img > /dev/null; od -An -tx1 -j510 -N2 img
## mkpasswd
mkpasswd -m md5 -S abcdefgh secret; mkpasswd -m sha512 -S abcdefgh secret | cut -c1-20
## ts and watch
echo x | ts '' ; echo line | ts abc; ubirename 2>&1 | head -1
## logger without a daemon
logger hello < /dev/null; echo $?
## syslogd and logger
syslogd -n -O "$PWD/log" & p=$!; i=0; while [ ! -S /dev/log ] && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done
logger -t tag -p daemon.err hello world; echo a line | logger -t in -p user.notice; logger -t last end
i=0; while ! grep -qs last log && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done; kill $p; wait $p 2>/dev/null; echo $?; rm -f /dev/log
tr -s ' ' < log | cut -d ' ' -f 5- | sed 's/\[[0-9]*\]//'
## syslogd in shared memory, logread
syslogd -n -C16 & p=$!; i=0; while [ ! -S /dev/log ] && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done
logger -t one first; logger -t two second; until logread 2>&1 | grep -q second; do usleep 20000; done; logread | tr -s ' ' | cut -d ' ' -f 5-
awk 'NR > 1 { print $3, $4 }' /proc/sysvipc/shm; awk 'NR > 1 { print $3, $4 }' /proc/sysvipc/sem
logread -F > tail & q=$!; until grep -qs second tail; do usleep 20000; done; logger -t three third
i=0; while ! grep -qs third tail && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done; kill $q; wait $q 2>/dev/null; grep -c third tail
kill $p; wait $p 2>/dev/null; echo $?; rm -f /dev/log; wc -l < /proc/sysvipc/shm; logread 2>&1 | sed 's/:.*//'
## netstat of sockets
netstat -x -a | head -2; syslogd -n -O log & p=$!; i=0; while [ ! -S /dev/log ] && [ $((i += 1)) -lt 3000 ]; do usleep 20000; done
netstat -x -a | grep -c /dev/log; grep -c /dev/log /proc/net/unix; kill $p; wait $p 2>/dev/null; rm -f /dev/log
## ipcalc
ipcalc -n 10.1.2.3/8; ipcalc -b 192.168.1.5/24; ipcalc -p 10.0.0.1 255.255.0.0
## chroot
mkdir -p root/bin; cp /bin/busybox root/bin/; chroot root /bin/busybox ls /; chroot nosuch true; echo $?
## chgrp chown refused
touch f; chgrp student f; stat -c %g f; su student -c 'chgrp 0 /tmp/case/f' 2>&1; su student -c 'chmod 777 /tmp/case/f' 2>&1; chgrp nosuch f; echo $?
## who may kill
sleep 60 & su student -c "kill $!" 2>&1 | sed 's/[0-9][0-9]*/N/'; kill $!; wait $! 2>/dev/null; echo $?
## linux32 setpriv
setpriv --dump 2>/dev/null | grep '^uid'; setpriv --no-new-privs sh -c 'echo nnp'
## crontab rejects
crontab -l 2>&1 | head -1
## hexdump of special files
head -c 4 /dev/zero | od -c; head -c 100 /dev/urandom | wc -c; echo x > /dev/full; echo $?; cat /dev/null | wc -c; dd if=/dev/full bs=3 count=1 2>/dev/null | od -c
## everything that has no work says so
for a in fatattr findfs modinfo partprobe setkeycodes svok; do $a > /dev/null 2>&1; echo $a $?; done
## busybox
busybox --list | wc -l; busybox nosuch 2>&1; busybox true; echo $?; busybox ls --help 2>&1 | sed -n 3p
