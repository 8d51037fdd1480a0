/* SPDX-License-Identifier: MIT
 * test: mem=192M smp=2 time=90 disk=64M,64M linux=no append="lowmem=48M"
 *
 * Too much to write: what is dirty stays within the limit, with little low memory, writers wait and come to their end,
 * through write() and through a mapping; a writer to an idle disk does not wait for a busy one for ever.
 */
#define _GNU_SOURCE
#include "disk.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MB (1 << 20)
static char buf[MB];

/* Per cent of the limit, seen by any of our processes, and by one that is to be believed. */
static struct seen { long any, sure, limit; } *most;

static long number(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? atol(p + strlen(key)) : -1;
}

static void raise_to(long *to, long share)
{
	long was;

	do
		was = *(volatile long *)to;
	while (share > was && !__sync_bool_compare_and_swap(to, was, share));
}

/* How much is dirty. While it is summed up a page may go over from dirty to write-back and be counted twice: so all is read at once,
 * and what took longer than a moment (this CPU stood still) is no proof of too much. */
static void look(void)
{
	static char text[8192];
	double start = seconds();
	int f = open("/proc/vmstat", O_RDONLY);
	ssize_t n = read(f, text, sizeof(text) - 1);
	double took = seconds() - start;
	long limit, share;

	close(f);
	text[n > 0 ? n : 0] = 0;
	limit = number(text, "nr_dirty_threshold ");
	share = limit > 0 ? (number(text, "nr_dirty ") + number(text, "nr_writeback ")) * 100 / limit : 0;
	raise_to(&most->any, share);
	if (took < 0.003)
		raise_to(&most->sure, share);
	most->limit = limit;
}

static pid_t start_watching(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;;) {
		look();
		usleep(2000);
	}
}

static bool verify(int fd, int first, int mb)
{
	for (int i = 0; i < mb; i++) {
		if (pread64(fd, buf, MB, (off64_t)(first + i) * MB) != MB)
			return false;
		for (int k = 0; k < MB; k += 4096)
			if (buf[k] != (char)(first + i + k / 4096))
				return false;
	}
	return true;
}

static bool fill(int fd, int first, int mb)
{
	for (int i = 0; i < mb; i++) {
		for (int k = 0; k < MB; k += 4096)
			buf[k] = (char)(first + i + k / 4096);
		if (pwrite64(fd, buf, MB, (off64_t)(first + i) * MB) != MB)
			return false;
		look();
	}
	return true;
}

int main(void)
{
	bool ata = access("/dev/vda", F_OK);
	int a = open(ata ? "/dev/sda" : "/dev/vda", O_RDWR), b = open(ata ? "/dev/sdb" : "/dev/vdb", O_RDWR);
	int status, good = 0;
	pid_t pid;
	char *p;

	if (a < 0 || b < 0)
		bail("no disks");
	most = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = start_watching();
	ok(fill(a, 0, 40), "40 MB through write()");
	is(fsync(a), 0, "... to the disk");
	p = mmap(NULL, 20 * MB, PROT_READ | PROT_WRITE, MAP_SHARED, a, 40 * MB);
	for (int i = 0; i < 20; i++)
		for (int k = 0; k < MB; k += 4096)
			p[i * MB + k] = (char)(40 + i + k / 4096);
	is(msync(p, 20 * MB, MS_SYNC), 0, "20 MB through a mapping");
	munmap(p, 20 * MB);
	for (int n = 0; n < 2; n++)
		if (!fork())
			_exit(!fill(n ? b : a, n ? 0 : 60, n ? 60 : 4) || (n && fsync(b)));
	for (int n = 0; n < 2; n++)
		if (wait(&status) > 0)
			good += !status;
	is(good, 2, "two disks at a time");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("# at most %ld %% of the limit (%ld pages just now) was dirty or under write-back\n", most->sure, most->limit);
	/* a disk may have all of it while the other is idle, whose 4 MB come on top: an eighth of it */
	ok(most->any > 5 && most->sure <= 130, "the limit holds");
	sync();
	is(ioctl(a, BLKFLSBUF, 0) | ioctl(b, BLKFLSBUF, 0), 0, "forget all");
	ok(verify(a, 0, 64), "every byte is on the first disk");
	ok(verify(b, 0, 60), "... and on the second");
	return done();
}
