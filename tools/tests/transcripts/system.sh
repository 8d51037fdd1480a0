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
