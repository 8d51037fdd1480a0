/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * Reading and writing: vectors, positions, holes, truncation against mappings, appending from many processes, limits
 * of descriptors and of file size, sendfile, fallocate, buffers that are mappings of the file itself.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static void *volatile nowhere = (void *)8;
static char dir[] = "/tmp/fs_io.XXXXXX";
static char big[200000], back[200000];

static void pattern(void)
{
	for (unsigned n = 0; n < sizeof(big); n++)
		big[n] = n * 7 + (n >> 8);
}

static void vectors(void)
{
	int fd = open("v", O_CREAT | O_RDWR | O_TRUNC, 0644);
	struct iovec v[3] = { { big, 5 }, { big + 5, 0 }, { big + 5, 70000 } }, bad[2] = { { back, 10 }, { nowhere, 10 } }, many[1025];

	is(writev(fd, v, 3), 70005, "writev");
	is(lseek(fd, 0, SEEK_CUR), 70005, "... moves on");
	lseek(fd, 0, SEEK_SET);
	v[0] = (struct iovec){ back, 4097 };
	v[1] = (struct iovec){ back + 4097, 1 };
	v[2] = (struct iovec){ back + 4098, 100000 };
	is(readv(fd, v, 3), 70005, "readv gives what there is");
	ok(!memcmp(big, back, 70005), "... and the same");
	is(preadv(fd, v, 1, 5), 4097, "preadv");
	ok(!memcmp(big + 5, back, 4097), "... from its own place");
	is(pwritev(fd, v, 1, 200000), 4097, "pwritev beyond the end");
	is(lseek(fd, 0, SEEK_END), 204097, "... makes it longer");
	fails(readv(fd, nowhere, 1), EFAULT, "a bad vector");
	fails(syscall(SYS_readv, fd, v, -1), EINVAL, "a negative count");
	fails(readv(fd, many, 1025), EINVAL, "too many pieces");
	is(readv(fd, v, 0), 0, "no piece");
	v[0].iov_len = (size_t)-1;
	fails(writev(fd, v, 1), EINVAL, "a negative length");
	lseek(fd, 0, SEEK_SET);
	is(readv(fd, bad, 2), 10, "a bad second piece ends it short");
	fails(read(fd, nowhere, 10), EFAULT, "a bad buffer");
	fails(write(fd, (void *)0xfffff000, 4096), EFAULT, "... of the kernel");
	fails(pread(fd, back, 1, -1), EINVAL, "a negative position");
	fails(lseek(fd, -1, SEEK_SET), EINVAL, "seeking before the start");
	fails(lseek(fd, 0, 99), EINVAL, "a strange whence");
	close(fd);
}

static void holes(void)
{
	int fd = open("h", O_CREAT | O_RDWR | O_TRUNC | O_LARGEFILE, 0644);
	struct stat st;
	unsigned sum = 0;

	is(pwrite(fd, "x", 1, 1 << 20), 1, "a byte at 1 MB");
	fstat(fd, &st);
	is(st.st_size, (1 << 20) + 1, "the size");
	ok(st.st_blocks <= 16, "the hole takes no room");
	memset(back, 1, sizeof(back));
	is(pread(fd, back, sizeof(back), 4096), sizeof(back), "reading in the hole");
	for (unsigned n = 0; n < sizeof(back); n++)
		sum += (unsigned char)back[n];
	is(sum, 0, "zeroes");
	fstat(fd, &st);
	ok(st.st_blocks <= 16, "... and reading makes no pages");
	is(lseek(fd, 0, SEEK_DATA), 1 << 20, "SEEK_DATA");
	is(lseek(fd, 0, SEEK_HOLE), 0, "SEEK_HOLE");
	fails(lseek(fd, 1 << 21, SEEK_DATA), ENXIO, "... behind the end");
	is(pwrite(fd, big, 12288, 0), 12288, "three pages");
	is(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 9000), 0, "a hole is punched");
	pread(fd, back, 12288, 0);
	ok(!memcmp(back, big, 1000) && !back[1000] && !back[9999] && back[10000] == big[10000], "... exactly there");
	is(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 3 << 20), 0, "room beyond the end");
	fstat(fd, &st);
	ok(st.st_size == (1 << 20) + 1 && st.st_blocks >= 6144, "... without changing the size");
	is(fallocate(fd, 0, 0, 3 << 20), 0, "and with");
	fstat(fd, &st);
	is(st.st_size, 3 << 20, "the size is 3 MB");
	fails(fallocate(fd, 0, -1, 10), EINVAL, "a bad range");
	is(pwrite64(fd, "y", 1, 5000000000LL), 1, "a byte at 5 GB");
	{
		struct stat64 big_st;

		fstat64(fd, &big_st);
		ok(big_st.st_size == 5000000001LL, "the size");
		fails(syscall(SYS_fstat, fd, back), EOVERFLOW, "... does not fit a small structure");
	}
	fails(syscall(SYS_open, "h", O_RDONLY, 0), EOVERFLOW, "nor a plain open");
	close(fd);
	fd = open("h", O_RDONLY | O_LARGEFILE);
	ok(fd >= 0, "O_LARGEFILE does it");
	close(fd);
	unlink("h");
}

static void touch_child(void *p) { _exit(*(volatile char *)p); }

static void truncation(void)
{
	int fd = open("t", O_CREAT | O_RDWR | O_TRUNC, 0644), status;
	char *p;

	write(fd, big, 20000);
	p = mmap(NULL, 20480, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ok(!memcmp(p, big, 20000) && !p[20000], "a mapping shows what was written, and zeroes behind");
	p[5] = 'm';
	pread(fd, back, 10, 0);
	is(back[5], 'm', "what is written through it is read");
	pwrite(fd, "rw", 2, 8);
	ok(p[8] == 'r' && p[9] == 'w', "and the other way round");
	p[20001] = 'x';
	is(ftruncate(fd, 5000), 0, "cut to 5000");
	ok(p[4999] == big[4999] && !p[5000] && !p[8191], "the rest of the last page is zeroes");
	status = in_child(touch_child, p + 8192);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "behind the last page lies SIGBUS");
	is(ftruncate(fd, 20000), 0, "longer again");
	ok(!p[5000] && !p[8192] && !p[19999], "what was cut is zeroes");
	fails(ftruncate(fd, -1), EINVAL, "a negative size");
	fails(truncate("none", 0), ENOENT, "no file");
	fails(truncate(".", 0), EISDIR, "a directory");
	/* the buffer of a read is a mapping of the page that is read */
	pwrite(fd, big, 20000, 0);
	is(pread(fd, p + 100, 8000, 0), 8000, "reading a file into its own mapping");
	is(pwrite(fd, p, 12000, 4096), 12000, "writing a file from its own mapping");
	munmap(p, 20480);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	is(pwrite(fd, p, 8192, 0), 8192, "... whose pages are not there yet");
	munmap(p, 8192);
	close(fd);
}

static void appender(void *arg)
{
	char line[64];
	int fd = open("a", O_WRONLY | O_APPEND);

	for (int n = 0; n < 300; n++) {
		memset(line, 'a' + (int)(long)arg, 63);
		line[63] = '\n';
		if (write(fd, line, 64) != 64)
			_exit(1);
	}
	_exit(0);
}
static void appending(void)
{
	int fd = open("a", O_CREAT | O_RDWR | O_TRUNC, 0644), bad = 0, status;
	char line[64];

	for (long n = 0; n < 6; n++)
		if (!fork())
			appender((void *)n);
	for (int n = 0; n < 6; n++)
		bad += wait(&status) < 0 || status;
	is(bad, 0, "six processes append");
	is(lseek(fd, 0, SEEK_END), 6 * 300 * 64, "nothing is lost");
	lseek(fd, 0, SEEK_SET);
	while (read(fd, line, 64) == 64)
		for (int n = 1; n < 63; n++)
			bad += line[n] != line[0];
	is(bad, 0, "nothing is mixed");
	close(fd);
}

static void descriptors(void)
{
	struct rlimit old, small = { 40, 40 };
	int fd, n, top = 0, pair[2];

	getrlimit(RLIMIT_NOFILE, &old);
	small.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &small);
	for (n = 0; (fd = open("/dev/null", O_RDONLY)) >= 0; n++)
		top = fd;
	ok(errno == EMFILE && top == 39, "RLIMIT_NOFILE");
	fails(dup(0), EMFILE, "... for dup");
	fails(pipe(pair), EMFILE, "... for pipe");
	fails(dup2(0, 40), EBADF, "... for dup2");
	fails(fcntl(0, F_DUPFD, 40), EINVAL, "... for F_DUPFD");
	close(17);
	is(open("/dev/null", O_RDONLY), 17, "the lowest free one is taken");
	small.rlim_cur = old.rlim_max < 3000 ? old.rlim_max : 3000;
	setrlimit(RLIMIT_NOFILE, &small);
	top = small.rlim_cur - 1;
	is(dup2(0, top), top, "a table of thousands");
	is(fcntl(0, F_DUPFD, 1000), 1000, "F_DUPFD from 1000");
	is(fcntl(0, F_DUPFD_CLOEXEC, 1000), 1001, "... the next");
	is(fcntl(1001, F_GETFD), FD_CLOEXEC, "close-on-exec");
	is(fcntl(1000, F_GETFD), 0, "... not on the other");
	is(syscall(SYS_close_range, 20, ~0U, 0), 0, "close_range");
	fails(fcntl(1000, F_GETFD), EBADF, "closed all of them");
	fails(fcntl(top, F_GETFD), EBADF, "... to the end");
	is(dup3(0, 50, O_CLOEXEC), 50, "dup3");
	fails(dup3(0, 0, 0), EINVAL, "dup3 onto itself");
	is(dup2(0, 0), 0, "dup2 onto itself");
	fails(dup2(99, 99), EBADF, "... of nothing");
	fails(close(99), EBADF, "close of nothing");
	for (fd = 5; fd < 60; fd++)
		close(fd);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void limit_child(void *unused)
{
	struct rlimit l = { 10000, 10000 };
	int fd = open("l", O_CREAT | O_WRONLY | O_TRUNC, 0644);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &l);
	if (write(fd, big, 20000) != 10000)
		_exit(1);
	if (write(fd, big, 1) != -1 || errno != EFBIG)
		_exit(2);
	if (ftruncate(fd, 10001) != -1 || errno != EFBIG)
		_exit(3);
	signal(SIGXFSZ, SIG_DFL);
	write(fd, big, 1);
	_exit(4);
}
static void limits(void)
{
	int status = in_child(limit_child, NULL);

	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ, "RLIMIT_FSIZE: short, EFBIG, then SIGXFSZ (status %#x)", status);
}

static void shared_position(void *arg)
{
	char c;
	int fd = (int)(long)arg;

	_exit(read(fd, &c, 1) == 1 ? 0 : 1);
}
static void positions(void)
{
	int fd = open("v", O_RDONLY), other, out;
	off_t at = 10;

	is(in_child(shared_position, (void *)(long)fd), 0, "a child reads a byte");
	is(lseek(fd, 0, SEEK_CUR), 1, "the parent's position has moved");
	other = dup(fd);
	lseek(other, 100, SEEK_SET);
	is(lseek(fd, 0, SEEK_CUR), 100, "a duplicate shares it");
	close(other);
	out = open("out", O_CREAT | O_RDWR | O_TRUNC, 0644);
	is(sendfile(out, fd, &at, 50000), 50000, "sendfile");
	is(at, 50010, "... moves its own position");
	is(lseek(fd, 0, SEEK_CUR), 100, "... not the file's");
	pread(out, back, 50000, 0);
	ok(!memcmp(back, big + 10, 50000), "the bytes are right");
	fails(sendfile(out, 99, NULL, 1), EBADF, "from nowhere");
	close(out), close(fd);
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		bail("no place");
	pattern();
	vectors();
	holes();
	truncation();
	appending();
	descriptors();
	limits();
	positions();
	unlink("v"), unlink("t"), unlink("a"), unlink("l"), unlink("out");
	is(chdir("/"), 0, "leaving");
	is(rmdir(dir), 0, "nothing is left behind");
	return done();
}
