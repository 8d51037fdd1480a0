# SPDX-License-Identifier: MIT
# test: mem=256M time=120
# Applets that work on files, on the same tmpfs as Linux's.
# normalise: s/ +/ /
## cp mv ln rm
echo hello > a; cp a b; mv b c; ln c d; ln -s c e; cat d e; stat -c '%h %F %s' c d; readlink e; rm c; cat e; cat d; ls
## mkdir rmdir
mkdir -p x/y/z; rmdir x; echo $?; rmdir x/y/z; find x | sort; rm -r x; ls
## permissions
touch f; chmod 640 f; stat -c '%a %A' f; chmod u+s f; stat -c %a f; chown 1000:1000 f; stat -c '%u %g' f
mkdir d; chmod 1777 d; stat -c '%a %A' d
## permissions bite
echo secret > f; chmod 600 f; mkdir d; chmod 700 d; chmod 755 .
su student -c 'cat f'; su student -c 'ls d'; su student -c 'echo x > g'; su student -c 'id'; su student -c 'touch /tmp/mine && stat -c %U /tmp/mine; rm /tmp/mine'
## tar and cpio
mkdir t; echo 1 > t/1; ln -s 1 t/link; mkdir t/sub; echo 2 > t/sub/2; tar cf t.tar t; rm -r t; tar tf t.tar | sort; tar xf t.tar; cat t/1 t/link t/sub/2
find t | cpio -o -H newc > t.cpio 2>/dev/null; mkdir u; cd u; cpio -i < ../t.cpio 2>/dev/null; cat t/sub/2; cd ..; diff -r t u/t && echo same
## gzip bzip2 xz
seq 1 20000 > n; md5sum n; gzip n; gunzip -c n.gz | md5sum; bzip2 -c n.gz | bunzip2 -c | zcat | md5sum; gunzip n.gz; sha256sum n; cksum n 2>/dev/null; crc32 n 2>/dev/null; sha1sum n; sha512sum n; sha3sum n
## dd and seek
dd if=/dev/zero of=z bs=1k count=64 2>/dev/null; stat -c %s z; printf X | dd of=z bs=1 seek=100000 conv=notrunc 2>/dev/null; stat -c %s z; tail -c1 z; dd if=z bs=1 skip=99999 2>/dev/null | od -c
## truncate and sparse
truncate -s 10M big; stat -c %s big; truncate -s 5 big; od -c big; fallocate -l 8192 fa; stat -c %s fa
## find
mkdir -p p/q; touch -d 2020-01-02 p/1.c; touch p/q/2.c; touch -d 2020-01-01 p/q/3.h; find p -name '*.c' | sort; find p -type d | sort; find p -newer p/1.c | sort | wc -l; find p -name '*.h' -exec echo got {} \;
## grep sed awk
seq 1 30 > n; grep -c 1 n; grep -n '^2.$' n; sed -n '5,7p' n; sed -i 's/^1/one/' n; head -12 n; awk '{s += NR} END {print s}' n; awk -F: '{print $1, $3}' /etc/passwd
## sort uniq cut tr
printf 'b\na\nc\na\n' > s; sort s; sort -r s; sort -u s; sort s | uniq -c; cut -c1 s; tr a-c x-z < s; rev s; tac s; nl s; fold -w1 s; paste s s; comm s s 2>/dev/null; shuf -n 2 s | wc -l
## diff patch cmp
seq 1 10 > a; seq 1 10 | sed 's/5/five/' > b; diff a b; diff -u a b | tail -n +3; diff -u a b > p; patch a p; cmp a b && echo same; cmp a /dev/null
## ed vi batch
printf 'a\nline one\nline two\n.\nw f\nq\n' | ed; cat f
## hexdump od xxd
printf 'hello\0world\n' > h; od -c h; hexdump -C h; xxd h; strings h; uuencode h h > u; rm h; uudecode u; cat h | od -c; base64 h
## expr test seq bc dc
expr 3 + 4; expr 7 \* 6; test 3 -lt 4; echo $?; [ -d . ] && echo dir; seq 3 -1 1; echo '2^64' | bc; echo '2 3 + p' | dc; factor 360360
## date and time arithmetic
date -u -d @0; date -u -d @1000000000 +%Y-%m-%dT%H:%M:%S; cal 1 2024
## touch and times
touch -d '2020-02-03 04:05:06' f; stat -c '%y' f; ls -l f; touch -r f g; stat -c %Y g
## mktemp and links of links
t=$(mktemp); [ -f "$t" ] && echo made; rm "$t"; ln -s a b; ln -s b a; cat a; readlink -f .; realpath /bin/sh
## mkfifo
mkfifo p; (echo through > p) & cat p; wait; ls -l p | cut -c1
## mknod
mknod n c 1 3; stat -c '%F %t %T' n; echo x > n; cat n; mknod z c 1 5; head -c4 z | od -c
## du df wc
head -c 100000 /dev/zero > f; du -k f; wc f; wc -L /etc/passwd; df . >/dev/null && echo ok
## xargs tee split
seq 1 10 | xargs -n3 echo; echo a | tee b c; cat b c; seq 1 100 > n; split -l 40 n; ls x*; cat x* | cmp - n && echo same
## install which env
install -m 755 /etc/passwd exe; stat -c %a exe; which ls; env -i A=1 env; printenv HOME; basename /a/b.c .c; dirname /a/b.c
## unlink rename over open
echo old > f; exec 3< f; echo new > g; mv g f; cat <&3; cat f; rm f; exec 3<&-; ls
## long names
n=$(head -c 255 /dev/zero | tr '\0' x); touch $n && echo ok; touch ${n}y; echo $?; rm $n
## deep paths
p=.; i=0; while [ $i -lt 30 ]; do p=$p/dddddddddd; i=$((i+1)); done; mkdir -p $p; echo deep > $p/f; cat $p/f; rm -r dddddddddd; ls
