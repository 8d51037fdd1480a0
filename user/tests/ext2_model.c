/* SPDX-License-Identifier: MIT
 * test: mem=96M smp=2 time=40 linux=no disk=24M:ext2=1024,24M:ext2=2048,24M:ext2=4096 block=virtio
 *
 * Random operations on ext2 file systems of 1, 2 and 4 KB blocks beside a model in memory: create, write anywhere, append,
 * truncate, mmap, link, symlink, rename (over others, exchange), unlink, directories that grow and shrink, files that are
 * open without a name, offsets beyond 4 GB. Everything is compared, before and after unmounting. At the end all is
 * removed, and not one block or inode may be missing. The harness runs e2fsck on the images afterwards.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define DIRS 5
#define NAMES 40            /* NAMES / DIRS in each directory */
#define MAX_BYTES 400000
#define MNT "/tmp/ext2"

struct data { int links; mode_t mode; size_t size; unsigned char *bytes; };
static struct data *model[NAMES];
static unsigned seed = 1, at;
static const char *dev;
static char trace[160];

static unsigned rnd(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char *name(unsigned n)
{
	static char buf[4][64];
	char *b = buf[at++ % 4];

	sprintf(b, MNT "/d%u/%s%u", n % DIRS, n % 3 ? "file" : "a_name_that_is_somewhat_longer", n);
	return b;
}

static void __attribute__((noreturn, format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	printf("# %s: after \"%s\", errno %d (%s): ", dev, trace, errno, strerror(errno));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nnot ok - the model and the file system agree\n");
	fflush(stdout);
	_exit(1);
}
#define MUST(x) do { if (!(x)) wrong("line %d: %s", __LINE__, #x); } while (0)

static void attach(unsigned long flags) { MUST(!mount(dev, MNT, "ext2", flags, NULL)); }
static void detach(void) { MUST(!umount(MNT)); }

/* --- the model ---------------------------------------------------------------------------------------------------- */
static void drop(unsigned n)
{
	if (model[n] && !--model[n]->links) {
		free(model[n]->bytes);
		free(model[n]);
	}
	model[n] = NULL;
}

static void compare_fd(int fd, const struct data *d)
{
	static unsigned char buf[MAX_BYTES + 1];
	struct stat st;

	MUST(!fstat(fd, &st));
	if ((size_t)st.st_size != d->size)
		wrong("size %lld, want %zu", (long long)st.st_size, d->size);
	MUST(pread(fd, buf, sizeof(buf), 0) == (ssize_t)d->size);
	for (size_t i = 0; i < d->size; i++)
		if (buf[i] != d->bytes[i])
			wrong("byte %zu of %zu is %02x, want %02x", i, d->size, buf[i], d->bytes[i]);
}

static void compare(unsigned n)
{
	struct stat st;
	int fd;

	if (!model[n]) {
		MUST(lstat(name(n), &st) == -1 && errno == ENOENT);
		return;
	}
	MUST(!lstat(name(n), &st) && st.st_nlink == (nlink_t)model[n]->links && st.st_mode == (S_IFREG | model[n]->mode));
	fd = open(name(n), O_RDONLY);
	MUST(fd >= 0);
	compare_fd(fd, model[n]);
	close(fd);
}

/* --- operations --------------------------------------------------------------------------------------------------- */
static void grow(struct data *d, size_t to)
{
	if (to > d->size) {
		memset(d->bytes + d->size, 0, to - d->size);
		d->size = to;
	}
}

static void op_create(unsigned n)
{
	int fd = open(name(n), O_CREAT | O_EXCL | O_WRONLY, 0600 + rnd(0200));
	struct stat st;

	if (model[n]) {
		MUST(fd == -1 && errno == EEXIST);
		return;
	}
	MUST(fd >= 0 && !fstat(fd, &st));
	model[n] = calloc(1, sizeof(**model));
	model[n]->links = 1;
	model[n]->mode = st.st_mode & 07777;
	model[n]->bytes = malloc(MAX_BYTES);
	close(fd);
}

static void op_write(unsigned n)
{
	static unsigned char buf[60000];
	size_t len = rnd(rnd(4) ? 3000 : sizeof(buf)) + 1, pos = rnd(rnd(3) ? 20000 : MAX_BYTES - sizeof(buf));
	bool append = !rnd(4);
	int fd = open(name(n), O_WRONLY | (append ? O_APPEND : 0) | (rnd(20) ? 0 : O_SYNC));

	if (!model[n]) {
		MUST(fd == -1 && errno == ENOENT);
		return;
	}
	if (append && model[n]->size + len <= MAX_BYTES)
		pos = model[n]->size;
	else if (append)
		goto out;
	for (size_t i = 0; i < len; i++)
		buf[i] = rnd(256);
	MUST(pwrite(fd, buf, len, pos) == (ssize_t)len);
	grow(model[n], pos + len);
	memcpy(model[n]->bytes + pos, buf, len);
	if (!rnd(10))
		MUST(!(rnd(2) ? fsync(fd) : fdatasync(fd)));
out:
	close(fd);
}

static void op_mmap(unsigned n)
{
	size_t size = model[n] ? model[n]->size : 0, pos, len;
	unsigned char *p;
	int fd;

	if (!size)
		return;
	fd = open(name(n), O_RDWR);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(fd >= 0 && p != MAP_FAILED);
	pos = rnd(size);
	len = rnd(size - pos < 9000 ? size - pos : 9000);
	for (size_t i = pos; i < pos + len; i++)
		p[i] = model[n]->bytes[i] = rnd(256);
	if (rnd(2))
		MUST(!msync(p, size, MS_SYNC));
	munmap(p, size);
	close(fd);
}

static void op_truncate(unsigned n)
{
	size_t size = rnd(3) ? rnd(30000) : rnd(MAX_BYTES);

	if (!model[n]) {
		MUST(truncate(name(n), size) == -1 && errno == ENOENT);
		return;
	}
	MUST(!truncate(name(n), size));
	grow(model[n], size);
	model[n]->size = size;
}

static void op_unlink(unsigned n)
{
	int fd = rnd(3) ? -1 : open(name(n), O_RDWR);

	MUST(unlink(name(n)) == (model[n] ? 0 : -1));
	if (fd >= 0) { /* goes on living without the name */
		compare_fd(fd, model[n]);
		MUST(pwrite(fd, "x", 1, 70000) == 1);
		if (model[n]->links > 1) {
			grow(model[n], 70001);
			model[n]->bytes[70000] = 'x';
		}
		close(fd);
	}
	drop(n);
}

static void op_rename(unsigned a, unsigned b)
{
	int r = rename(name(a), name(b));

	MUST(r == (model[a] ? 0 : -1));
	if (!model[a] || a == b || model[a] == model[b])
		return;
	drop(b);
	model[b] = model[a];
	model[a] = NULL;
}

static void op_exchange(unsigned a, unsigned b)
{
	struct data *d = model[a];
	long r = syscall(SYS_renameat2, AT_FDCWD, name(a), AT_FDCWD, name(b), 2);

	MUST((r == 0) == (model[a] && model[b]));
	if (r == 0) {
		model[a] = model[b];
		model[b] = d;
	}
}

static void op_link(unsigned a, unsigned b)
{
	int r = link(name(a), name(b));

	MUST((r == 0) == (model[a] && !model[b]));
	if (r)
		return;
	model[b] = model[a];
	model[b]->links++;
}

static void one(void)
{
	static void (*const ops[])(unsigned) = { op_create, op_create, op_write, op_write, op_write, op_mmap, op_truncate, op_unlink, compare };
	static void (*const two[])(unsigned, unsigned) = { op_rename, op_exchange, op_link };
	unsigned a = rnd(NAMES), b = rnd(NAMES), which = rnd(12);

	snprintf(trace, sizeof(trace), "operation %u on %u and %u, seed %u", which, a, b, seed);
	if (which < 9)
		ops[which](a);
	else
		two[which - 9](a, b);
}

static void check_all(void)
{
	for (unsigned n = 0; n < NAMES; n++)
		compare(n);
}

/* --- other things, one by one --------------------------------------------------------------------------------------- */
static void symlinks(void)
{
	char target[1024], got[1100], path[64];

	for (unsigned len = 1; len < 1020; len = len < 70 ? len + 1 : len + 317) {
		memset(target, 'a' + len % 26, len);
		target[len] = 0;
		sprintf(path, MNT "/l%u", len);
		MUST(!symlink(target, path));
	}
	detach();
	attach(0);
	for (unsigned len = 1; len < 1020; len = len < 70 ? len + 1 : len + 317) {
		struct stat st;

		memset(target, 'a' + len % 26, len);
		sprintf(path, MNT "/l%u", len);
		MUST(!lstat(path, &st) && st.st_size == len && st.st_blocks == (len < 60 ? 0 : (int)(st.st_blksize / 512)));
		MUST(readlink(path, got, sizeof(got)) == (int)len && !memcmp(got, target, len) && !unlink(path));
	}
}

static void many_names(void)
{
	char path[300];
	struct stat st;

	MUST(!mkdir(MNT "/many", 0755));
	for (unsigned i = 0; i < 1500; i++) {
		sprintf(path, MNT "/many/%0*u", 1 + (int)(i % 97), i);
		MUST(!mknod(path, i % 2 ? S_IFIFO | 0600 : S_IFREG | 0600, 0));
	}
	MUST(rmdir(MNT "/many") == -1 && errno == ENOTEMPTY);
	for (unsigned i = 0; i < 1500; i += 1 + (i % 3 == 0)) {
		sprintf(path, MNT "/many/%0*u", 1 + (int)(i % 97), i);
		MUST(!unlink(path));
	}
	detach();
	attach(0);
	for (unsigned i = 0; i < 1500; i++) {
		sprintf(path, MNT "/many/%0*u", 1 + (int)(i % 97), i);
		if (!lstat(path, &st))
			MUST(!unlink(path));
	}
	MUST(!rmdir(MNT "/many"));
	memset(path, 'n', sizeof(path));
	memcpy(path, MNT "/", sizeof(MNT));
	path[sizeof(MNT) + 255] = 0;
	MUST(!mknod(path, S_IFCHR | 0600, makedev(300, 70000)) && !lstat(path, &st) && st.st_rdev == makedev(300, 70000));
	detach();
	attach(0);
	MUST(!lstat(path, &st) && st.st_rdev == makedev(300, 70000) && !unlink(path));
	path[sizeof(MNT) + 255] = 'n';
	path[sizeof(MNT) + 256] = 0;
	MUST(mknod(path, S_IFREG, 0) == -1 && errno == ENAMETOOLONG);
}

static void forget_names(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	MUST(write(fd, "2", 1) == 1);
	close(fd);
}

/* A large directory whose names come, go and move, with nothing of it in the caches now and then: what its filters say must hold. */
static void churn(void)
{
	enum { MOST = 700 };
	static bool there[MOST];
	char path[64], other[64];

	MUST(!mkdir(MNT "/churn", 0755));
	for (unsigned n = 0; n < 4000; n++) {
		unsigned a = rnd(MOST), b = rnd(MOST), what = rnd(5);

		snprintf(trace, sizeof(trace), "churn %u of %u and %u", what, a, b);
		sprintf(path, MNT "/churn/%u_some_name", a);
		sprintf(other, MNT "/churn/%u_some_name", b);
		if (n % 200 == 0)
			forget_names();
		if (what < 2) {
			MUST(mknod(path, S_IFREG | 0600, 0) == (there[a] ? -1 : 0));
			there[a] = true;
		} else if (what < 4) {
			MUST(unlink(path) == (there[a] ? 0 : -1));
			there[a] = false;
		} else if (a != b) {
			MUST(rename(path, other) == (there[a] ? 0 : -1));
			there[b] = there[a] || there[b];
			there[a] = false;
		}
	}
	forget_names();
	for (unsigned n = 0; n < MOST; n++) {
		sprintf(path, MNT "/churn/%u_some_name", n);
		MUST(unlink(path) == (there[n] ? 0 : -1));
		there[n] = false;
	}
	MUST(!rmdir(MNT "/churn"));
}

/* Offsets that need one, two and three levels of indirect blocks. */
static void sparse(void)
{
	static const long long offs[] = { 11000, 60000, 300000, 5000000, 70000000, 3000000000LL, 5000000000LL, 16000000000LL };
	struct stat st;
	char c;
	int fd = open(MNT "/sparse", O_CREAT | O_RDWR, 0600);

	for (unsigned i = 0; i < 8; i++)
		MUST(pwrite(fd, "0123456789" + i, 1, offs[i]) == 1);
	close(fd);
	detach();
	attach(MS_RDONLY);
	fd = open(MNT "/sparse", O_RDONLY);
	MUST(!fstat(fd, &st) && st.st_size == offs[7] + 1 && st.st_blocks < 200);
	for (unsigned i = 0; i < 8; i++) {
		MUST(pread(fd, &c, 1, offs[i]) == 1 && c == '0' + (int)i);
		MUST(pread(fd, &c, 1, offs[i] - 1) == 1 && !c);
	}
	close(fd);
	MUST(open(MNT "/sparse", O_RDWR) == -1 && errno == EROFS);
	MUST(!mount(dev, MNT, "ext2", MS_REMOUNT, "errors=continue"));
	MUST(!truncate(MNT "/sparse", 4000000));
	fd = open(MNT "/sparse", O_RDWR);
	MUST(pread(fd, &c, 1, 300000) == 1 && c == '2' && !fstat(fd, &st) && st.st_size == 4000000);
	MUST(fallocate(fd, 0, 0, 100000) == -1 && errno == EOPNOTSUPP);
	close(fd);
	MUST(!unlink(MNT "/sparse"));
}

/* A removed file that somebody still reads: its blocks are to be given back, so the disk does not become read-only before. */
static void removed(void)
{
	static char buf[400000];
	struct statfs before, after;
	int fd;

	fd = open(MNT "/removed", O_CREAT | O_RDWR, 0600);
	MUST(!statfs(MNT, &before));
	MUST(fd >= 0 && write(fd, buf, sizeof(buf)) == sizeof(buf) && !close(fd));
	fd = open(MNT "/removed", O_RDONLY);
	MUST(fd >= 0 && !unlink(MNT "/removed"));
	MUST(mount(dev, MNT, "ext2", MS_REMOUNT | MS_RDONLY, NULL) == -1 && errno == EBUSY);
	MUST(read(fd, buf, sizeof(buf)) == sizeof(buf) && !close(fd));
	MUST(!mount(dev, MNT, "ext2", MS_REMOUNT | MS_RDONLY, NULL) && !statfs(MNT, &after) && after.f_bfree == before.f_bfree);
	MUST(!mount(dev, MNT, "ext2", MS_REMOUNT, NULL));
}

static void dirs(void)
{
	struct stat st;

	MUST(!mkdir(MNT "/x", 0755) && !mkdir(MNT "/x/y", 0755) && !mkdir(MNT "/z", 0755));
	MUST(!stat(MNT "/x", &st) && st.st_nlink == 3);
	MUST(rename(MNT "/x", MNT "/x/y/x") == -1 && errno == EINVAL);
	MUST(!rename(MNT "/x/y", MNT "/z/y") && !stat(MNT "/x", &st) && st.st_nlink == 2);
	MUST(!stat(MNT "/z", &st) && st.st_nlink == 3 && !stat(MNT "/z/y/..", &st) && st.st_nlink == 3);
	MUST(rename(MNT "/x", MNT "/z") == -1 && errno == ENOTEMPTY);
	MUST(!syscall(SYS_renameat2, AT_FDCWD, MNT "/x", AT_FDCWD, MNT "/z/y", 2));
	MUST(!rename(MNT "/x", MNT "/z/y") && !rmdir(MNT "/z/y") && !rmdir(MNT "/z"));
	MUST(link(MNT "/d0", MNT "/d0x") == -1 && errno == EPERM);
}

/* The last 5 % are root's; a full disk is ENOSPC and takes no harm. */
static void full(void)
{
	static char buf[65536];
	struct statfs before, after;
	int status, fd = open(MNT "/full", O_CREAT | O_WRONLY, 0666);
	pid_t pid;

	MUST(fd >= 0 && !statfs(MNT, &before) && before.f_bavail < before.f_bfree);
	fchmod(fd, 0666);
	pid = fork();
	if (!pid) {
		setgroups(0, NULL);
		if (setgid(1000) || setuid(1000))
			_exit(1);
		while (write(fd, buf, sizeof(buf)) > 0)
			;
		_exit(errno != ENOSPC);
	}
	MUST(waitpid(pid, &status, 0) == pid && !status);
	MUST(!statfs(MNT, &after) && after.f_bavail == 0 && after.f_bfree > 0);
	while (write(fd, buf, sizeof(buf)) > 0)
		;
	MUST(errno == ENOSPC && !statfs(MNT, &after) && after.f_bfree == 0);
	MUST(mkdir(MNT "/no_room", 0755) == -1 && errno == ENOSPC);
	close(fd);
	MUST(!unlink(MNT "/full"));
	detach();
	attach(0);
	MUST(!statfs(MNT, &after) && after.f_bfree == before.f_bfree);
}

static void make_dirs(void)
{
	char path[64];

	for (unsigned i = 0; i < DIRS; i++) {
		sprintf(path, MNT "/d%u", i);
		MUST(!mkdir(path, 0755));
	}
}

static void run(const char *device, unsigned rounds)
{
	struct statfs before, after;
	char path[64];

	dev = device;
	attach(0);
	MUST(!statfs(MNT, &before) && before.f_type == 0xef53);
	make_dirs();
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < 250; i++)
			one();
		detach();
		attach(0);
		check_all();
	}
	strcpy(trace, "the rest");
	symlinks();
	many_names();
	churn();
	sparse();
	removed();
	dirs();
	full();
	check_all();
	for (unsigned n = 0; n < NAMES; n++)
		if (model[n])
			op_unlink(n);
	for (unsigned i = 0; i < DIRS; i++) {
		sprintf(path, MNT "/d%u", i);
		MUST(!rmdir(path));
	}
	detach();
	attach(0);
	MUST(!statfs(MNT, &after));
	if (after.f_bfree != before.f_bfree || after.f_ffree != before.f_ffree)
		wrong("%lld blocks and %lld inodes are lost", (long long)before.f_bfree - (long long)after.f_bfree,
		      (long long)before.f_ffree - (long long)after.f_ffree);
	make_dirs();
	for (unsigned i = 0; i < 60; i++) /* something for e2fsck to look at */
		one();
	detach();
	for (unsigned n = 0; n < NAMES; n++)
		drop(n);
	ok(true, "%s: model and file system agree, nothing is lost", device);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? atoi(argv[1]) : 6;
	bool ata = access("/dev/vda", F_OK);

	if (argc > 2)
		seed = atoi(argv[2]);
	mkdir(MNT, 0755);
	run(ata ? "/dev/sda" : "/dev/vda", rounds);
	run(ata ? "/dev/sdb" : "/dev/vdb", rounds);
	run(ata ? "/dev/sdc" : "/dev/vdc", rounds);
	return done();
}
