/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * mount and umount: tmpfs with limits, bind mounts, read-only, flags, what lies below, busy ones, chroot. Where it may
 * not mount (not root, or no namespace of its own to be had), it says so and stops.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static char dir[] = "/tmp/fs_mount.XXXXXX";
static char big[1 << 16];

static int make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}
static int exists(const char *name)
{
	struct stat st;

	return !lstat(name, &st);
}

static void limits(void)
{
	struct statfs s;
	int fd, n;
	char *p, name[30];

	is(mount("none", "m", "tmpfs", 0, "size=256k,nr_inodes=20,mode=700"), 0, "a small tmpfs");
	statfs("m", &s);
	ok(s.f_type == 0x01021994 && s.f_blocks == 64 && s.f_files == 20, "statfs tells its size");
	fd = open("m/full", O_CREAT | O_RDWR, 0644);
	for (n = 0; write(fd, big, sizeof(big)) == sizeof(big); n++)
		;
	ok(n >= 3 && errno == ENOSPC, "it fills up");
	statfs("m", &s);
	is(s.f_bfree, 0, "nothing is free");
	fails(fallocate(fd, 0, 1 << 20, 4096), ENOSPC, "fallocate is refused too");
	is(ftruncate(fd, 0), 0, "cut");
	statfs("m", &s);
	is(s.f_bfree, 64, "all is free again");
	ftruncate(fd, 1 << 20);
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (n = 0; n < 64; n++)
		p[n * 4096] = 1;
	statfs("m", &s);
	is(s.f_bfree, 0, "pages that a mapping touches count");
	munmap(p, 1 << 20);
	close(fd);
	unlink("m/full");
	statfs("m", &s);
	is(s.f_bfree, 64, "a removed file gives its pages back");
	for (n = 0; n < 30; n++) {
		snprintf(name, sizeof(name), "m/%d", n);
		if (make(name))
			break;
	}
	ok(n == 19 && errno == ENOSPC, "20 inodes, the root included");
	is(umount("m"), 0, "unmounted with what is in it");
	ok(!exists("m/0"), "it is gone");
	fails(mount("none", "m", "tmpfs", 0, "size=banana"), EINVAL, "a bad option");
	fails(mount("none", "m", "nosuchfs", 0, NULL), ENODEV, "a type that is not there");
	fails(mount("none", "file", "tmpfs", 0, NULL), ENOTDIR, "on a file");
	fails(umount("m"), EINVAL, "nothing is mounted there");
}

static void layers(void)
{
	int fd;

	make("m/below");
	is(mount("none", "m", "tmpfs", 0, NULL), 0, "mounted over what is there");
	ok(!exists("m/below"), "which is hidden");
	make("m/one");
	is(mount("none", "m", "tmpfs", 0, NULL), 0, "and over that");
	ok(!exists("m/one"), "hidden as well");
	mkdir("m/sub", 0755);
	is(mount("none", "m/sub", "tmpfs", 0, NULL), 0, "one inside");
	fails(rmdir("m/sub"), EBUSY, "a mount point is not removed");
	fails(rename("m/sub", "m/x"), EBUSY, "nor renamed");
	fails(umount("m"), EBUSY, "one with a mount inside is busy");
	fd = open("m/sub/f", O_CREAT | O_RDWR, 0644);
	fails(umount("m/sub"), EBUSY, "one with an open file is busy");
	is(rename("m/sub/f", "m/f"), -1, "no rename across mounts");
	is(errno, EXDEV, "... EXDEV");
	fails(link("m/sub/f", "m/f"), EXDEV, "no link either");
	is(umount2("m", MNT_DETACH), 0, "a lazy umount");
	ok(exists("m/one"), "what was below is back");
	is(write(fd, "x", 1), 1, "the open file lives on");
	close(fd);
	is(umount("m"), 0, "unmounted");
	ok(exists("m/below"), "the first is back");
	unlink("m/below");
}

static void binds(void)
{
	struct stat a, b;

	mkdir("src", 0755);
	make("src/f");
	is(mount("src", "m", NULL, MS_BIND, NULL), 0, "bind");
	stat("src/f", &a), stat("m/f", &b);
	ok(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "the same file by both ways");
	make("m/g");
	ok(exists("src/g"), "made through one, seen through the other");
	is(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0, "the bind becomes read-only");
	fails(make("m/h"), EROFS, "nothing is made there");
	fails(unlink("m/g"), EROFS, "nor removed");
	fails(open("m/f", O_WRONLY), EROFS, "nor written");
	fails(chmod("m/f", 0600), EROFS, "nor changed");
	fails(access("m/f", W_OK), EROFS, "access knows");
	is(open("m/f", O_RDONLY), 3, "reading is fine");
	is(unlink("src/g"), 0, "the other way is not touched");
	close(3);
	is(umount("m"), 0, "unmounted");
	is(mount("src/f", "file", NULL, MS_BIND, NULL), 0, "bind of a file");
	stat("file", &b);
	ok(a.st_ino == b.st_ino, "is that file");
	is(umount("file"), 0, "unmounted");
	unlink("src/f"), rmdir("src");
}

static void moves(void)
{
	mkdir("m2", 0755);
	mount("none", "m", "tmpfs", 0, NULL);
	mkdir("m/sub", 0755);
	mount("none", "m/sub", "tmpfs", 0, NULL);
	make("m/sub/deep");
	fails(mount("m", "m/sub", NULL, MS_MOVE, NULL), ELOOP, "a mount does not move into itself");
	fails(mount("m/sub/deep", "file", NULL, MS_MOVE, NULL), EINVAL, "what is no mount does not move");
	is(mount("m", "m2", NULL, MS_MOVE, NULL), 0, "a mount moves");
	ok(exists("m2/sub/deep") && !exists("m/sub"), "... with those inside it");
	is(umount("m2/sub"), 0, "unmounted");
	is(umount("m2"), 0, "both");
	rmdir("m2");
}

/* A file without a name gives its room back with its last close: until then the file system is to be written to. */
static void unnamed(void)
{
	char link[40];
	int fd;

	make("m/gone"), make("m/over");
	fd = open("m/gone", O_RDONLY);
	is(unlink("m/gone"), 0, "removed while somebody reads it");
	fails(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY, "... not read-only meanwhile");
	is(make("m/gone"), 0, "... which leaves it writable");
	close(fd);
	fd = open("m/over", O_RDONLY);
	is(rename("m/gone", "m/over"), 0, "the same with a file that another takes the place of");
	fails(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY, "... not read-only");
	close(fd);
	mkdir("m/d", 0755);
	fd = open("m/d", O_RDONLY);
	is(rmdir("m/d"), 0, "... and with a directory");
	fails(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY, "... not read-only");
	close(fd);
	fd = open("m", O_TMPFILE | O_RDWR, 0600);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	is(linkat(AT_FDCWD, link, AT_FDCWD, "m/named", AT_SYMLINK_FOLLOW), 0, "a file without a name gets one");
	close(fd);
	fd = open("m/named", O_RDONLY);
	is(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "read-only when all of them are closed, or have names");
	close(fd);
	is(mount(NULL, "m", NULL, MS_REMOUNT, NULL), 0, "and writable again");
}

static void flags(void)
{
	int fd;

	mount("none", "m", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, NULL);
	mknod("m/null", S_IFCHR | 0666, makedev(1, 3));
	fails(open("m/null", O_RDONLY), EACCES, "nodev");
	make("m/prog");
	chmod("m/prog", 0755);
	fails(execl("m/prog", "m/prog", NULL), EACCES, "noexec");
	fails(access("m/prog", X_OK), EACCES, "... access knows");
	fd = open("m/prog", O_RDWR);
	fails(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0, EPERM, "... and mmap");
	fails(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY, "not read-only while a file is open for writing");
	close(fd);
	is(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "read-only then");
	fails(make("m/x"), EROFS, "... is");
	is(mount(NULL, "m", NULL, MS_REMOUNT, NULL), 0, "writable again");
	is(make("m/x"), 0, "... is");
	unnamed();
	mkdir("m2", 0755);
	mount("m", "m2", NULL, MS_BIND, NULL);
	fd = open("m/x", O_RDWR);
	is(umount2("m", MNT_DETACH), 0, "one of two places is left with an open file");
	fails(mount(NULL, "m2", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY, "... which is still open for writing");
	close(fd);
	is(mount(NULL, "m2", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0, "... and then closed");
	is(umount("m2"), 0, "unmounted");
	rmdir("m2");
}

static void jail(void *unused)
{
	struct stat a, b;

	if (chroot("jail") || chdir("/"))
		_exit(1);
	if (exists("/etc") || !exists("/inside"))
		_exit(2);
	stat("/", &a), stat("/../../..", &b);
	if (a.st_ino != b.st_ino)
		_exit(3);
	if (stat("/up", &b) || a.st_ino != b.st_ino) /* a link to ../../../.. */
		_exit(4);
	_exit(0);
}
static void roots(void)
{
	mkdir("jail", 0755);
	make("jail/inside");
	symlink("../../../..", "jail/up");
	is(in_child(jail, NULL), 0, "chroot: nothing leads out");
	unlink("jail/up"), unlink("jail/inside"), rmdir("jail");
}

int main(void)
{
	if (geteuid()) {
		skip("not root");
		return done();
	}
	if (unshare(CLONE_NEWNS) && errno != ENOSYS && errno != EINVAL) {
		skip("no mount namespace of its own");
		return done();
	}
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (!mkdtemp(dir) || chdir(dir) || mkdir("m", 0755) || make("file"))
		bail("no place");
	limits();
	layers();
	binds();
	moves();
	flags();
	roots();
	unlink("file"), rmdir("m");
	is(chdir("/"), 0, "leaving");
	is(rmdir(dir), 0, "nothing is left behind");
	return done();
}
