# SPDX-License-Identifier: MIT
# test: root=debian case=240 mem=256M time=600
# Debian's programs, unmodified and dynamically linked, from an ext2 root file system.
## dash
f() { local n=$1; while [ "$n" -gt 0 ]; do printf '%s ' "$n"; n=$((n - 1)); done; echo; }; f 5; (exit 3); echo $?
set -- -a -b value rest; while getopts ab: o; do echo "$o ${OPTARG-}"; done; shift $((OPTIND - 1)); echo "$1"
trap 'echo leaving' EXIT; trap 'echo usr1' USR1; kill -USR1 $$; x=abcdef; echo "${#x} ${x%de*} ${x#*b} ${y:-none}"
cat <<E | while read -r a b; do echo "[$b $a]"; done
one two
three four five
E
sh -c 'set -e; false; echo not here'; echo $?; echo $((0x10 + 7 % 3 * 2)); case $x in a*f) echo matched;; esac; ulimit -n; umask
sleep 0.1 & wait $!; echo $?; { echo out; echo err >&2; } 2>&1 | sort; type cat; readlink -f /bin/sh
## bash
cat > b <<'E'
declare -A m=([one]=1 [two]=2); a=(x "y z" w); echo "${#a[@]} ${a[1]} ${m[two]}" "${a[@]^^}"; mapfile -t l < <(seq 3); echo "${l[*]}"
[[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[@]}"; diff <(seq 3) <(seq 2 4); echo {1..4}{a,b}; printf -v s '%05d|%-4s|' 42 ab; echo "$s"
coproc C { read -r x; echo "co $x"; read -r x; }; echo in >&"${C[1]}"; read -r y <&"${C[0]}"; echo >&"${C[1]}"; echo "$y"; wait
bash -c 'set -m; sleep 30 & jobs; kill %1; wait %1; echo "killed: $?"'; bash -c 'exec 2>/dev/null; (sleep 30) & p=$!; (until read -r _ _ s _ < /proc/$$/stat; [ "$s" = S ]; do sleep 0.02; done; exit 5) & wait -n; echo "first: $?"; kill $p; wait'; wait
time=$SECONDS; echo $((2**40 + 1)); f() { return $(($1 * 2)); }; f 21; echo $?; exec 7<>here; echo text >&7; cat here; [ -e /dev/fd/7 ] && echo fd; echo "${BASH_VERSION%%(*}"
trap 'echo hup' HUP; kill -HUP $$; shopt -s nullglob; touch p1 p2 q1;  read -r -t 0.1 nothing < <(exec sleep 300); echo $?; kill $!; ulimit -s; exec 2>/dev/null; echo done
E
bash b
## bash: many processes
bash -c 's=0; for i in {1..100}; do r=$(echo $i | { read -r x; echo $((x * 2)); }); s=$((s + r)); done; echo $s; seq 1 50 | xargs -P 4 -n 1 sh -c "exit 0"; echo $?'
## files
mkdir -p d/e; echo hello > d/a; ln d/a d/b; ln -s a d/c; cp -a d d2; [ d/a -nt d2/a ] || [ d/a -ot d2/a ] || echo same time; cp --sparse=always d/a d2/s; cp --reflink=auto d/a r; mv d2/s t; ls -1RF . ; stat -c '%n %F %s %h %a' d/a d2/c; stat -c '%n %F %a' d/e
chmod u=rwx,g+s,o-r d/a; chown 1000:100 d/a; stat -c '%a %u:%g' d/a; install -m 4755 -o 33 d/a i; stat -c '%a %U' i; touch -d '2020-02-03 04:05:06.123456789' t; stat -c '%y' t; ls -l --time-style=full-iso t
truncate -s 5G big; stat -c '%s %b' big; printf end | dd of=big bs=1 seek=4999999999 conv=notrunc status=none; tail -c 20 big | od -An -c; dd if=big bs=1M skip=4768 count=1 status=none | md5sum; rm big
mkfifo p; (echo through > p) & cat p; mknod n c 1 3; echo x > n; ls -l n | cut -c1-10; rm -rf d d2; ls; realpath -m /a/../b; t=$(mktemp -p .); rm "$t"; df / | wc -l
## file names
n=$(head -c 255 /dev/zero | tr '\0' x); : > "$n" && echo ok; : > "${n}y"; rm "$n"; for i in $(seq 300); do echo "$i" > "name $i"; done; ls | wc -l; cat name\ 2?? | sha1sum; rm name*; ls -a
mkdir -p "$(printf 'deep%.0s/' $(seq 60))"; find . -type d | wc -l; find . -depth -type d -name deep -exec rmdir {} \; 2>&1 | head -n 2; find . | wc -l
## text
seq 1 2000 > n; sort -rn n | head -n 3; sort -R --random-source=n n | sha1sum; shuf --random-source=n n | md5sum; split -l 700 n part; wc -l part* | tail -n 1; cat part* | cmp - n && echo same; sort -S 16k -T . n | uniq | tac | cksum
join <(:) n 2>/dev/null; paste -sd+ n | head -c 30; echo; cut -c2- n | comm -12 - n 2>/dev/null | wc -l; tr -d 0 < n | fold -w 5 | expand | nl | tail -n 1; numfmt --to=iec 123456789; factor 360360 18446744073709551615; od -An -tx2 -N 16 n
sha224sum n; sha512sum n; b2sum n; md5sum n > s; md5sum -c s; base64 n | base64 -d | sum; csplit -s n 10 20; wc -c xx0*; printf '%s\n' c b a | tsort 2>&1; stdbuf -oL tr a b < /dev/null; timeout 0.2 sleep 5; echo $?; nohup true < /dev/null; env -i A=1 env; expr 12345678901234567890 \* 3; tee t1 t2 < s | cmp - s; cmp t1 t2; cmp t1 s
## sed grep awk find
seq 1 100 | sed -n '/5$/{s/^/x/;p}' | tr '\n' ' '; echo; seq 50 > f; sed -i.old -e '1,10d' -e 's/4\(.\)/<\1>/' f; tail -n 2 f; cmp f f.old; grep -c '<' f; grep -nP '(?<=<)9' f; grep -rl 50 . | sort; echo abcabc | grep -o 'a.' ; awk 'BEGIN { srand(1); printf "%.3f %d\n", atan2(1, 2), length("x" 1e6) } { s[$1 % 7]++ } END { for (i = 0; i < 7; i++) printf "%d ", s[i]; print "" }' f.old
mkdir -p t/u; touch -d 2001-01-01 t/old; touch t/new; find t -newer t/old -type f; find t -printf '%y %P\n' | sort; find t -name 'o*' -delete; ls t; find . -size +0c -type f | sort | xargs -d '\n' wc -c | tail -n 1
## util-linux
getopt -o ab: -l long:,flag -- -a x --long=1 -b 2 --flag y; setsid -w echo session; echo olleh | rev; flock lock -c 'flock -n lock -c true; echo $?'; prlimit --pid $$ --nofile=500:600; ulimit -n; ulimit -Hn; taskset -c 0 nproc; mountpoint /proc; namei -m /usr/bin/awk | tail -n 1; nice -n 5 nice; chrt -m | head -n 2; ionice -c 3 echo idle; setpriv --reuid 1000 --regid 1000 --clear-groups id; choom -n 500 -- sh -c 'cat /proc/self/oom_score_adj'; unshare -U true 2>/dev/null; whereis -b sh | head -c 3
## sqlite3
cat > q <<'E'
PRAGMA mmap_size = 268435456; PRAGMA page_size = 4096; PRAGMA journal_mode = DELETE;
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, v TEXT);
BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT i, (i * 7919) % 10007, printf('value %08d', i) FROM n; COMMIT;
CREATE INDEX tk ON t(k); SELECT count(*), sum(k), min(v), max(v) FROM t; SELECT k, count(*) FROM t WHERE k < 3 GROUP BY k;
UPDATE t SET v = v || '!' WHERE id % 3 = 0; DELETE FROM t WHERE id % 5 = 0; SELECT count(*), sum(length(v)) FROM t; BEGIN; DELETE FROM t; ROLLBACK;
SELECT count(*) FROM t; VACUUM; PRAGMA integrity_check; PRAGMA mmap_size; PRAGMA page_count;
E
sqlite3 db < q; ls; sqlite3 db '.dump' | sha1sum; sqlite3 db 'PRAGMA mmap_size=0; PRAGMA integrity_check; SELECT sum(k) FROM t'
## sqlite3: a log, and four writers at once
sqlite3 db 'PRAGMA journal_mode = WAL; CREATE TABLE t(who, n)'; for w in 1 2 3 4; do (for i in $(seq 10); do echo ".timeout 200000
INSERT INTO t VALUES($w, $i);"; done | sqlite3 -cmd 'PRAGMA mmap_size=16777216' db > /dev/null) & done; wait; sqlite3 db 'SELECT who, count(*), sum(n) FROM t GROUP BY who; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA integrity_check'; ls
## tcc
cat > p.c <<'E'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv)
{
	int v[] = { 5, 3, 9, 1 }, status;
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	qsort(v, 4, sizeof(*v), by_value);
	if (!fork()) { strcpy(p, "from the child"); _exit(7); }
	wait(&status);
	printf("%s %d %d %d %s %.3f\n", argv[argc - 1], v[0], v[3], WEXITSTATUS(status), p, 2.0 / 3);
	return 0;
}
E
tcc -o p p.c && ./p one; tcc -run p.c two; echo 'int f(void) { return 42; }' > l.c; tcc -shared -o libl.so l.c; echo 'int f(void), printf(const char *, ...); int main(void) { return printf("%d\n", f()) != 3; }' > m.c; tcc -o m m.c -L. -ll && LD_LIBRARY_PATH=. ./m; echo $?; tcc -c p.c && tcc -o p2 p.o && cmp p p2; ./p2 three; echo 'int main(void) { return x; }' > e.c; tcc e.c; echo $?
## memtester
memtester 2M 1 | tr '\b' '\n' | grep -cE '(ok|Done)'; echo $?
## gzip
head -c 300000 /dev/zero > z; for f in 1 9; do gzip -$f -k -n -c /bin/bash | sha1sum; done; gzip -n z; stat -c %s z.gz; gunzip z.gz; cmp -n 300000 z /dev/zero; gzip -t z 2>&1; cat /usr/bin/tcc | gzip -1n | gzip -d | cmp - /usr/bin/tcc; zcat < /dev/null; echo $?
## tar: the folders of programs and libraries
tar -C / -c --sort=name bin etc lib sbin usr/bin usr/lib | tee t.tar | sha1sum; gzip -1n t.tar; mkdir x; tar xzf t.tar.gz -C x; (cd / && find bin etc lib sbin usr/bin usr/lib -type f | sort | xargs sha1sum) > sums; (cd x && sha1sum --quiet -c ../sums) && wc -l < sums; tar dzf t.tar.gz -C /; echo $?
(cd / && find bin etc lib sbin usr/bin usr/lib -printf '%p %y %m %U %G %n %l\n' | grep -v ' d ' | sort | sha1sum); (cd x && find * -printf '%p %y %m %U %G %n %l\n' | grep -v ' d ' | sort | sha1sum)
