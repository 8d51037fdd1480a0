/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=60 disk=64M:ext2=4096 block=both linux=no
 *
 * Nonlinear areas over files of a disk: what is written through slots reaches the disk by msync, fsync, the flusher and munmap, and no write
 * gets lost while write-out goes on; direct I/O takes pages out under them; reads that fail; the oracle in between.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "disk.h"
#include "nonlinear.h"
#include "peek.h"
#include "rmapstat.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define P 4096UL
#define N 256
#define RW (PROT_READ | PROT_WRITE)

static int fd;
static char *raw; /* aligned, for O_DIRECT */

/* What the disk has, past the page cache. */
static int on_disk(const char *name, unsigned page)
{
	int direct = open(name, O_RDONLY | O_DIRECT), v;

	v = pread(direct, raw, P, page * P) == (ssize_t)P ? *(int *)raw : -8;
	close(direct);
	return v;
}

static void oracle(void)
{
	if (rmap_oracle())
		bail("the oracle");
}

static void synced(const char *name)
{
	char *p = mmap(NULL, 8 * P, RW, MAP_SHARED, fd, 0);

	for (int i = 0; i < 8; i++)
		is(remap_file_pages(p + i * P, P, 0, 8 * i + 3, 0), 0, "placed");
	for (int i = 0; i < 8; i++)
		*(int *)(p + i * P) = 50 + i;
	is(msync(p, 8 * P, MS_SYNC), 0, "msync");
	is(on_disk(name, 3) + on_disk(name, 59), 50 + 57, "the disk has it");
	*(int *)p = 60;
	is(fsync(fd), 0, "fsync after another write");
	is(on_disk(name, 3), 60, "that too");
	*(int *)p = 61;
	is(remap_file_pages(p, P, 0, 100, 0), 0, "moved away while dirty");
	is(fsync(fd) | (on_disk(name, 3) - 61), 0, "is not lost");
	*(int *)(p + P) = 62;
	munmap(p, 8 * P);
	is(fsync(fd) | (on_disk(name, 11) - 62), 0, "nor by munmap");
}

static void taken_by_direct_io(const char *name)
{
	char *p = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, 0);
	int direct = open(name, O_RDWR | O_DIRECT);

	remap_file_pages(p, P, 0, 20, 0);
	*(int *)p = 70;
	*(int *)raw = 71;
	is(pwrite(direct, raw, P, 20 * P), P, "direct write to a page that a slot shows");
	is(*(int *)p, 71, "the slot shows what was written");
	*(int *)p = 72;
	is(msync(p, P, MS_SYNC) | (on_disk(name, 20) - 72), 0, "and writes there");
	oracle();
	close(direct);
	munmap(p, 4 * P);
}

static volatile int stop;
static char *shared;

static void *write_direct(void *name)
{
	int direct = open(name, O_RDWR | O_DIRECT);
	void *bad = NULL;

	while (!stop)
		if (pwrite(direct, raw, P, 20 * P) != P)
			bad = (void *)1;
	close(direct);
	return bad;
}

static void *fault(void *page)
{
	while (!stop) {
		madvise(page, P, MADV_DONTNEED);
		*(volatile int *)page;
	}
	return NULL;
}

/* Who takes a page out has it locked, a fault waits for the lock, the oracle for the fault; meanwhile mappings come and go. */
static void taken_while_asked(const char *name)
{
	char *p = mmap(NULL, P, RW, MAP_SHARED, fd, 0), *q = mmap(NULL, P, RW, MAP_SHARED, fd, 20 * P);
	pthread_t t[3];
	void *bad, *none;

	stop = 0;
	pthread_create(&t[0], NULL, write_direct, (void *)name);
	pthread_create(&t[1], NULL, fault, q);
	pthread_create(&t[2], NULL, fault, raw + P);
	for (int i = 0; i < 200; i++) {
		remap_file_pages(p, P, 0, 20, 0);
		if (i % 4 == 0)
			oracle();
	}
	stop = 1;
	pthread_join(t[0], &bad);
	pthread_join(t[1], &none);
	pthread_join(t[2], &none);
	ok(!bad, "pages are taken out while others fault them in, and the oracle asks");
	munmap(p, P);
	munmap(q, P);
}

static void *flush(void *arg)
{
	while (!stop)
		fsync(fd);
	return NULL;
}

static void *rearrange(void *arg)
{
	unsigned n = 1;

	while (!stop) { /* slots 64 and up: ours */
		n = n * 1103515245 + 12345;
		if (remap_file_pages(shared + (64 + (n >> 8) % 64) * P, P, 0, 128 + (n >> 16) % 128, 0))
			return (void *)1;
	}
	return NULL;
}

/* Writers bump counters through slots while others fsync, move, fork: at the end each counter is on the disk. */
static void under_fire(const char *name)
{
	static int count[64];
	pthread_t t[3];
	void *bad, *worse;
	int wrong = 0;

	shared = mmap(NULL, 128 * P, RW, MAP_SHARED, fd, 0);
	for (int i = 0; i < 64; i++) {
		remap_file_pages(shared + i * P, P, 0, 63 - i, 0);
		*(int *)(shared + i * P) = 0;
	}
	pthread_create(&t[0], NULL, flush, NULL);
	pthread_create(&t[1], NULL, rearrange, NULL);
	pthread_create(&t[2], NULL, rearrange, NULL);
	for (int k = 0; k < 6000; k++) {
		++*(volatile int *)(shared + k * 7 % 64 * P);
		count[k * 7 % 64]++;
		if (k % 1000 == 999) {
			pid_t pid = fork();

			if (!pid)
				_exit(0);
			waitpid(pid, NULL, 0);
			oracle();
		}
	}
	stop = 1;
	pthread_join(t[0], &worse);
	pthread_join(t[1], &worse);
	pthread_join(t[2], &bad);
	ok(!bad && !worse, "slots moved meanwhile");
	is(fsync(fd), 0, "fsync");
	for (int i = 0; i < 64; i++)
		wrong += on_disk(name, 63 - i) != count[i];
	is(wrong, 0, "each write is on the disk");
	munmap(shared, 128 * P);
}

/* Two files of different kinds in one area: memory and disk. */
static void mixed(const char *name)
{
	int mem = memfd_create("m", 0);
	char *p = mmap(NULL, 2 * P, RW, MAP_SHARED_VALIDATE | MAP_NONLINEAR | MAP_ANONYMOUS, -1, 0);
	struct nonlinear_range r[2] = { { (uint32_t)(unsigned long)p, 1, mem, 0 }, { (uint32_t)(unsigned long)p + P, 1, fd, 30 } };

	ftruncate(mem, P);
	is(nonlinear_place(r, 2, 0), 2, "a file in memory and one on the disk");
	*(int *)p = 80;
	*(int *)(p + P) = 81;
	is(msync(p, 2 * P, MS_SYNC), 0, "msync");
	is(on_disk(name, 30), 81, "on the disk");
	is(ftruncate(fd, 30 * P) | peek(p + P), -1, "cut");
	is(peek(p), 80, "the other stays");
	ftruncate(fd, N * P);
	oracle();
	munmap(p, 2 * P);
	close(mem);
}

int main(void)
{
	const char *name = "/tmp/nldisk/f";

	peek_catch();
	mkdir("/tmp/nldisk", 0755);
	close(open_disk("", O_RDONLY));
	if (mount(disk, "/tmp/nldisk", "ext2", 0, NULL))
		bail("mount");
	if (posix_memalign((void **)&raw, P, 2 * P))
		bail("memory");
	memset(raw, 0, 2 * P);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, N * P))
		bail(name);
	synced(name);
	taken_by_direct_io(name);
	taken_while_asked(name);
	stop = 0;
	under_fire(name);
	mixed(name);
	close(fd);
	is(umount("/tmp/nldisk"), 0, "nothing holds the disk");
	rmdir("/tmp/nldisk");
	return done();
}
