# SPDX-License-Identifier: MIT
# test: set=all root=debian case=400 mem=512M time=1500
# Debian's programs from an ext2 root file system: the large ones.
## sqlite3: a million rows
cat > q <<'E'
PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -4000;
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, v TEXT);
BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO t SELECT i, (i * 7919) % 1000003, printf('%08x', i * 2654435761 % 4294967296) FROM n; COMMIT;
CREATE INDEX tk ON t(k);
SELECT count(*), sum(k), min(v), max(v) FROM t; SELECT count(*) FROM t WHERE k BETWEEN 1000 AND 2000; SELECT v FROM t WHERE k = 424242;
SELECT count(*), sum(a.id) FROM t a JOIN t b ON a.k = b.id WHERE b.k < 100000; UPDATE t SET v = NULL WHERE k % 10 = 0; SELECT count(v) FROM t;
PRAGMA integrity_check; PRAGMA mmap_size; PRAGMA page_count;
E
sqlite3 db < q; stat -c %s db; sha1sum < db
## tar and gzip: the whole root and back
tar -C / -c --one-file-system --sort=name --exclude=".$PWD" --exclude=./transcript --exclude=./script --exclude=./dev --exclude=./lost+found . | gzip -n > root.tgz; mkdir x; tar xzf root.tgz -C x; rm root.tgz
here=$PWD; (cd / && find . -xdev -type f -not -path ".$here/*" -not -path './transcript/*' -not -path './script' -not -path './dev/*' | sort | xargs -d '\n' sha256sum) > sums; (cd x && sha256sum --quiet -c ../sums; find . -type f | wc -l; du -s --apparent-size -B1 usr/lib | cut -f1); wc -l < sums; sha1sum < sums
find x -type f -links 1 -print0 | sort -z | xargs -0 cat | gzip -1n | sha1sum
## memtester
memtester 32M 1 | tr '\b' '\n' | grep -cE '(ok|Done)'
## a thousand processes
bash -c 's=0; for i in {1..1000}; do s=$((s + $(echo "$i" | sed s/0/1/g))); done; echo $s'
## tcc: a program of many functions, and one that maps its own source
{ echo '#include <stdio.h>'; for i in $(seq 3000); do echo "static int f$i(int x) { return x * $i + $((i % 17)); }"; done; echo 'int main(void) { unsigned s = 0;'; for i in $(seq 3000); do echo "s += f$i($i);"; done; echo 'printf("%u\n", s); return 0; }'; } > many.c; tcc -o many many.c && ./many; tcc -run many.c; stat -c %s many
