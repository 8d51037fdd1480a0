/* SPDX-License-Identifier: MIT
 * test: mem=256M smp=2 time=40 disk=64M block=both linux=no append="blk.fail=vda:120000:w blk.fail=sda:120000:w"
 *
 * The page cache over a disk: write-back by itself, by sync, by msync; shared mappings that are clean, dirty, and clean
 * again; what the disk really holds is seen through O_DIRECT, past the cache. Read-ahead is counted in requests.
 */
#define _GNU_SOURCE
#include "disk.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PAGE 4096
#define MB (1 << 20)
static char buf[MB];
static char direct_buf[16 * PAGE] __attribute__((aligned(PAGE)));
static int fd, raw;

static void set_number(const char *path, int n)
{
	char text[24];
	int f = open(path, O_WRONLY), len = snprintf(text, sizeof(text), "%d", n);

	if (f < 0 || write(f, text, len) != len)
		bail(path);
	close(f);
}
static void drop_caches(void) { set_number("/proc/sys/vm/drop_caches", 1); }

/* The first byte of a page as the disk has it. */
static int on_disk(off64_t at) { return pread64(raw, direct_buf, PAGE, at) == PAGE ? (unsigned char)direct_buf[0] : -1; }

static void written_back(void)
{
	long dirty;

	sync();
	dirty = vmstat("nr_dirty");
	memset(buf, 'a', MB);
	is(pwrite64(fd, buf, MB, MB), MB, "write a megabyte");
	ok(vmstat("nr_dirty") - dirty >= 200, "... it is dirty");
	is(on_disk(4 * MB), 0, "O_DIRECT reads the disk");
	sync();
	ok(!vmstat("nr_dirty") && !vmstat("nr_writeback"), "sync leaves nothing dirty");
	drop_caches();
	is(on_disk(MB), 'a', "... and the disk has it");
	is(pread64(fd, buf, 2 * PAGE, 2 * MB - PAGE), 2 * PAGE, "read it again");
	ok(buf[0] == 'a' && buf[PAGE] == 0, "... from the disk");
}

/* Last of all: a pass of the flusher may have begun under these settings, and what is dirty later may fall to it. */
static void by_itself(void)
{
	set_number("/proc/sys/vm/dirty_writeback_centisecs", 10);
	set_number("/proc/sys/vm/dirty_expire_centisecs", 20);
	pwrite64(fd, "zz", 2, 5 * MB);
	ok(eventually(!vmstat("nr_dirty") && !vmstat("nr_writeback")), "what is old is written by itself");
	is(on_disk(5 * MB), 'z', "... to the disk");
	set_number("/proc/sys/vm/dirty_writeback_centisecs", 500);
	set_number("/proc/sys/vm/dirty_expire_centisecs", 3000);
}

static void shared_mapping(void)
{
	char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 6 * MB), *q;
	long dirty;

	if (p == MAP_FAILED)
		bail("mmap");
	sync();
	dirty = vmstat("nr_dirty");
	ok(p[0] == 0 && vmstat("nr_dirty") == dirty, "reading a mapping leaves it clean");
	for (int i = 0; i < 64; i++)
		p[i * PAGE] = 'b';
	is(vmstat("nr_dirty") - dirty, 64, "writing it makes each page dirty");
	drop_caches();
	is(p[63 * PAGE], 'b', "drop_caches takes nothing dirty");
	is(msync(p, 64 * PAGE, MS_SYNC), 0, "msync");
	is(vmstat("nr_dirty"), dirty, "... and they are clean");
	is(on_disk(6 * MB + 63 * PAGE), 'b', "... on the disk");
	p[5 * PAGE] = 'c';
	is(vmstat("nr_dirty") - dirty, 1, "a page written again is dirty again");
	munmap(p, 64 * PAGE);
	drop_caches();
	is(pread64(fd, buf, 1, 6 * MB + 5 * PAGE), 1, "unmapped, and the caches dropped");
	is(buf[0], 'c', "... it is not lost");
	is(fsync(fd), 0, "fsync");
	is(on_disk(6 * MB + 5 * PAGE), 'c', "... brings it to the disk");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 6 * MB);
	q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 6 * MB);
	if (!fork()) {
		p[1] = 'x';
		_exit(0);
	}
	wait(NULL);
	ok(p[1] == 'x' && q[1] == 'x', "what a child writes its parent sees");
	p[1] = 'y';
	is(msync(p, PAGE, MS_SYNC), 0, "msync after both wrote");
	pread64(raw, direct_buf, PAGE, 6 * MB);
	is(direct_buf[1], 'y', "... the disk has the last");
	munmap(p, PAGE);
	munmap(q, PAGE);
}

static sigjmp_buf bus;
static void on_bus(int sig) { siglongjmp(bus, 1); }
static void beyond_the_end(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 64 * MB - PAGE);
	volatile int hits = 0;

	signal(SIGBUS, on_bus);
	p[PAGE - 1] = 1;
	if (sigsetjmp(bus, 1))
		hits++;
	else
		p[PAGE] = 1;
	if (sigsetjmp(bus, 1))
		hits++;
	else
		buf[0] = p[PAGE];
	is(hits, 2, "SIGBUS behind the end");
	munmap(p, 2 * PAGE);
}

static void failing(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 120000LL * 512);

	p[0] = 'f';
	fails(msync(p, PAGE, MS_SYNC), EIO, "msync says that the disk failed");
	is(msync(p, PAGE, MS_SYNC), 0, "... once");
	munmap(p, PAGE);
	ioctl(fd, BLKFLSBUF, 0);
}

static void direct(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 8 * MB);

	pwrite64(fd, "cached", 6, 8 * MB);
	is(on_disk(8 * MB), 'c', "O_DIRECT reads what the cache had not yet written");
	memset(direct_buf, 'D', PAGE);
	ok(p[0] == 'c' && pwrite64(raw, direct_buf, PAGE, 8 * MB) == PAGE, "an O_DIRECT write");
	ok(pread64(fd, buf, 3, 8 * MB) == 3 && buf[2] == 'D', "... is seen through the cache");
	is(p[0], 'D', "... and through a mapping");
	fails(pread64(raw, direct_buf + 1, 512, 0), EINVAL, "its buffer is aligned");
	fails(pread64(raw, direct_buf, 511, 0), EINVAL, "... its length");
	fails(pwrite64(raw, direct_buf, 512, 100), EINVAL, "... its place");
	is(pwrite64(raw, direct_buf, 512, 8 * MB + 512 * 3), 512, "a sector");
	is(pread64(raw, direct_buf, 16 * PAGE, 64 * MB - PAGE), PAGE, "it ends at the end");
	is(pread64(raw, direct_buf, 16 * PAGE, 64 * MB), 0, "... and nothing is there");
	munmap(p, PAGE);
}

/* --- read-ahead ------------------------------------------------------------------------------------------------------- */
/* => requests under way. Counted are those that have ended. */
static unsigned in_flight(unsigned *requests, unsigned *sectors)
{
	FILE *f = fopen("/proc/diskstats", "r");
	unsigned n, s, flying, left = 1;
	char name[32];

	while (fscanf(f, "%*u %*u %31s %u %*u %u %*u %*u %*u %*u %*u %u %*[^\n]", name, &n, &s, &flying) == 4)
		if (!strcmp(name, disk + 5)) {
			*requests = n;
			*sectors = s;
			left = flying;
		}
	fclose(f);
	return left;
}

/* All that was asked for until now, what is read ahead as well. */
static void reads(unsigned *requests, unsigned *sectors)
{
	if (!eventually(!in_flight(requests, sectors)))
		bail("requests that do not end");
}

static unsigned resident(off64_t at, unsigned pages)
{
	unsigned char vec[1024];
	char *p = mmap(NULL, pages * PAGE, PROT_READ, MAP_SHARED, fd, at);
	unsigned n = 0;

	mincore(p, pages * PAGE, vec);
	for (unsigned i = 0; i < pages; i++)
		n += vec[i] & 1;
	munmap(p, pages * PAGE);
	return n;
}

static off64_t asked_for;
static bool all_there(void) { return resident(asked_for, 256) == 256; }

static void read_ahead(void)
{
	unsigned n0, s0, n1, s1;
	int own;

	drop_caches();
	is(resident(16 * MB, 1024), 0, "nothing is cached");
	own = open_disk("", O_RDONLY);
	reads(&n0, &s0);
	for (int i = 0; i < 1024; i++)
		pread64(own, buf, PAGE, 16 * MB + i * PAGE);
	reads(&n1, &s1);
	printf("# 4 MB in order: %u requests, %u sectors\n", n1 - n0, s1 - s0);
	ok(n1 - n0 <= 48, "a sequential reader's requests are large");
	ok(s1 - s0 <= 8192 + 8 * 192, "... and not much is read for nothing");
	close(own);
	own = open_disk("", O_RDONLY);
	reads(&n0, &s0);
	for (int i = 0; i < 50; i++)
		pread64(own, buf, PAGE, 24 * MB + (i * 37 % 50) * 5 * PAGE);
	reads(&n1, &s1);
	printf("# 50 pages here and there: %u requests, %u sectors\n", n1 - n0, s1 - s0);
	ok(s1 - s0 <= 50 * 8 * 2, "a random reader gets little more than it asked for");
	is(posix_fadvise64(own, 16 * MB, 4 * MB, POSIX_FADV_DONTNEED), 0, "POSIX_FADV_DONTNEED");
	is(resident(16 * MB, 1024), 0, "... and it is gone");
	asked_for = 17 * MB;
	is(posix_fadvise64(own, asked_for, MB, POSIX_FADV_WILLNEED), 0, "POSIX_FADV_WILLNEED");
	ok(eventually(all_there()), "... brings it in");
	asked_for = 19 * MB;
	is(readahead(own, asked_for, MB), 0, "readahead");
	ok(eventually(all_there()), "... brings it in");
	drop_caches();
	posix_fadvise64(own, 0, 0, POSIX_FADV_RANDOM);
	pread64(own, buf, PAGE, 28 * MB);
	pread64(own, buf, PAGE, 28 * MB + PAGE);
	is(resident(28 * MB, 64), 2, "POSIX_FADV_RANDOM: only what was asked for");
	close(own);
}

static void mapped_reading(void)
{
	char *p = mmap(NULL, 4 * MB, PROT_READ, MAP_SHARED, fd, 32 * MB);
	unsigned n0, s0, n1, s1, sum = 0;

	drop_caches();
	reads(&n0, &s0);
	for (int i = 0; i < 4 * MB; i += PAGE)
		sum += p[i];
	reads(&n1, &s1);
	printf("# 4 MB of a mapping in order: %u requests, %u sectors\n", n1 - n0, s1 - s0);
	ok(n1 - n0 <= 64 && !sum, "a mapping read in order: large requests");
	is(resident(32 * MB, 1024), 1024, "mincore tells the truth");
	asked_for = 40 * MB;
	munmap(p, 4 * MB);
	p = mmap(NULL, 4 * MB, PROT_READ, MAP_SHARED, fd, asked_for);
	is(madvise(p, MB, MADV_WILLNEED), 0, "MADV_WILLNEED");
	ok(eventually(all_there()), "... brings it in");
	madvise(p, 4 * MB, MADV_RANDOM);
	sum += *(volatile char *)(p + 3 * MB);
	is(resident(43 * MB, 256), 1, "MADV_RANDOM: one page");
	munmap(p, 4 * MB);
}

static void removing(void)
{
	int f = memfd_create("x", 0);
	struct stat st;
	char *p;

	ftruncate(f, 16 * PAGE);
	p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	memset(p, 'r', 16 * PAGE);
	is(madvise(p + 4 * PAGE, 8 * PAGE, MADV_REMOVE), 0, "MADV_REMOVE");
	fstat(f, &st);
	ok(p[4 * PAGE] == 0 && p[3 * PAGE] == 'r' && p[12 * PAGE] == 'r', "... makes a hole");
	is(st.st_size, 16 * PAGE, "... the size stays");
	munmap(p, 16 * PAGE);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
	fails(madvise(p, PAGE, MADV_REMOVE), EACCES, "... not of private mappings");
	munmap(p, 2 * PAGE);
	close(f);
}

int main(void)
{
	fd = open_disk("", O_RDWR);
	raw = open_disk("", O_RDWR | O_DIRECT);
	if (fd < 0 || raw < 0)
		bail("no disk");
	written_back();
	shared_mapping();
	beyond_the_end();
	failing();
	direct();
	read_ahead();
	mapped_reading();
	removing();
	by_itself();
	return done();
}
