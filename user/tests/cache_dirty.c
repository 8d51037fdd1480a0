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

/* A child that looks at how much is dirty until it is killed; => the most it saw, in per cent of the limit */
static pid_t start_watching(int out)
{
	pid_t pid = fork();
	long most = 0;

	if (pid)
		return pid;
	for (;;) {
		long all = vmstat("nr_dirty") + vmstat("nr_writeback"), limit = vmstat("nr_dirty_threshold");
		long share = limit > 0 ? all * 100 / limit : 0;

		if (share > most) {
			most = share;
			pwrite(out, &most, sizeof(most), 0);
		}
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
	}
	return true;
}

int main(void)
{
	bool ata = access("/dev/vda", F_OK);
	int a = open(ata ? "/dev/sda" : "/dev/vda", O_RDWR), b = open(ata ? "/dev/sdb" : "/dev/vdb", O_RDWR);
	int out = memfd_create("most", 0), status, good = 0;
	long most = 0;
	pid_t pid;
	char *p;

	if (a < 0 || b < 0)
		bail("no disks");
	pid = start_watching(out);
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
	pread(out, &most, sizeof(most), 0);
	printf("# at most %ld %% of the limit was dirty or under write-back\n", most);
	ok(most > 5 && most <= 130, "the limit holds");
	sync();
	is(ioctl(a, BLKFLSBUF, 0) | ioctl(b, BLKFLSBUF, 0), 0, "forget all");
	ok(verify(a, 0, 64), "every byte is on the first disk");
	ok(verify(b, 0, 60), "... and on the second");
	return done();
}
