# SPDX-License-Identifier: MIT
# test: set=test time=120
# Applets that look at the system or change it: what they print that does not depend on the machine.
## test, in its two other spellings
[ 1 -lt 2 ]; echo $?; [ -d /nosuch ]; echo $?; busybox [ a = b ]; echo $?; busybox '[[' x = x ']]'; echo $?
## ash
ash -c 'f() { local x=1; echo $x; }; f; set -e; false; echo never'; echo $?; ash -n -c 'if'; echo $?
## pwd
cd /; mkdir -p /tmp/case/a; ln -s a /tmp/case/l; cd /tmp/case/l; pwd; /bin/busybox pwd
## free and uptime: their form
free | head -1; free -m | wc -l; uptime | grep -c 'load average:'
## fdisk on an image
truncate -s 4M img; printf 'n\np\n1\n\n\nw\n' | fdisk img > /dev/null 2>&1; fdisk -l img | grep -c '^img1'
## hostid and logname
hostid | wc -c
## last has nothing to say
last -f /dev/null 2>&1 | wc -l
## pivots that may not be
pivot_root /nosuch /nosuch 2>&1 | wc -l; switch_root 2>&1 | head -1
## modules there are none
modprobe nosuchmodule > /dev/null 2>&1; echo $?; rmmod nosuchmodule > /dev/null 2>&1; [ $? -ne 0 ]; echo $?
## link unlink
echo x > a; link a b; stat -c %h a; unlink a; ls; link nosuch c; unlink nosuch
## nologin linux32 arch logname
nologin; linux32 arch; logname | wc -l
## lzma dpkg rpm dumpleases refuse
echo x > r; lzma r 2>&1 | sed -n 3p; dpkg -l 2>&1; rpm -qp r 2>&1; dumpleases 2>&1; mim 2>&1
## svc svok
svc -u x; svok x; echo $?
## vi
printf 'one\ntwo\n' > t; timeout 10 vi -c ':s/one/three/' -c ':wq' t < /dev/null > /dev/null 2>&1; cat t
## microcom watch setkeycodes usages
for a in watchdog watch resume mt setkeycodes modinfo cttyhack; do $a 2>&1 | sed -n 3p; done
## ionice
ionice; ionice -c 2 -n 3 ionice; ionice -c3 ionice; ionice -c 7 true
## unshare nothing
unshare sh -c 'echo unshared'
## crontab
crond -f -c /nosuch; crontab -u nosuch -l; mkdir c; crontab -c c -l; echo '* * * * * true' | crontab -c c -; crontab -c c -l; crontab -c c -r; ls c
