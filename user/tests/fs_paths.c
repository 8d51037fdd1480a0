/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * The path walk: errno by errno, as open(2), path_resolution(7) and Linux say; symlinks, dots, slashes, flags.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char dir[] = "/tmp/fs_paths.XXXXXX";
static char longname[300], longpath[PATH_MAX + 10];

static bool touch(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0644);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}
static int opens(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static void setup(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		bail("no place");
	umask(022);
	memset(longname, 'n', sizeof(longname) - 1);
	ok(touch("file") && !mkdir("d", 0755) && !mkdir("d/e", 0755) && touch("d/e/f"), "a small tree");
	ok(!symlink("file", "link") && !symlink("d", "dlink") && !symlink("nowhere", "dangling") && !symlink("loop2", "loop1") &&
	   !symlink("loop1", "loop2") && !symlink("d/e/", "slash") && !symlink("file/", "fileslash"), "symlinks");
}

static void components(void)
{
	struct stat st;

	fails(opens("", O_RDONLY), ENOENT, "an empty name");
	fails(opens("none", O_RDONLY), ENOENT, "no such name");
	fails(opens("none/x", O_RDONLY), ENOENT, "no such directory");
	fails(opens("file/x", O_RDONLY), ENOTDIR, "a file is no directory");
	fails(opens("file/", O_RDONLY), ENOTDIR, "a slash behind a file");
	fails(opens("file/.", O_RDONLY), ENOTDIR, "a dot behind a file");
	fails(opens("file/..", O_RDONLY), ENOTDIR, "dots behind a file");
	fails(opens("fileslash", O_RDONLY), ENOTDIR, "a symlink to a file with a slash");
	is(stat("d//e///f", &st), 0, "many slashes");
	is(stat("./d/../d/./e/../../file", &st), 0, "dots");
	is(stat("slash/f", &st), 0, "through a symlink that ends in a slash");
	is(stat("d/", &st), 0, "a slash behind a directory");
	is(stat("/..", &st), 0, "above the root");
	fails(opens(longname, O_RDONLY), ENAMETOOLONG, "a name of 299 bytes");
	longname[255] = 0;
	fails(opens(longname, O_RDONLY), ENOENT, "a name of 255 bytes may be");
	ok(touch(longname) && !unlink(longname), "... and is made");
	memset(longpath, '/', sizeof(longpath) - 1);
	fails(opens(longpath, O_RDONLY), ENAMETOOLONG, "a path of more than PATH_MAX");
	longpath[PATH_MAX - 1] = 0;
	is(opens(longpath, O_RDONLY), 0, "a path of PATH_MAX - 1 slashes");
	fails(opens((char *)8, O_RDONLY), EFAULT, "a bad address");
	fails(syscall(SYS_stat64, "file", (void *)8), EFAULT, "a bad address for the result");
}

static void links(void)
{
	struct stat st;
	char buf[40], name[20], target[20];
	int depth;

	is(lstat("dangling", &st), 0, "lstat of a dangling link");
	ok(S_ISLNK(st.st_mode) && st.st_size == 7, "... is a link of 7 bytes");
	fails(stat("dangling", &st), ENOENT, "stat of it");
	fails(stat("loop1", &st), ELOOP, "a loop");
	fails(opens("link", O_RDONLY | O_NOFOLLOW), ELOOP, "O_NOFOLLOW on a link");
	is(opens("dlink/e/f", O_RDONLY | O_NOFOLLOW), 0, "... is about the last component only");
	is(readlink("link", buf, 2), 2, "readlink cuts");
	fails(readlink("file", buf, 10), EINVAL, "readlink of a file");
	fails(readlink("link", buf, 0), EINVAL, "... into no room");
	is(opens("dangling", O_CREAT | O_WRONLY), 0, "O_CREAT through a dangling link");
	is(stat("nowhere", &st), 0, "... makes its target");
	fails(opens("dangling", O_CREAT | O_EXCL | O_WRONLY), EEXIST, "O_EXCL does not follow");
	unlink("nowhere");
	fails(opens("dangling", O_CREAT | O_EXCL | O_WRONLY), EEXIST, "... not even a dangling one");
	for (depth = 0; depth < 45; depth++) {
		snprintf(name, sizeof(name), "chain%d", depth);
		snprintf(target, sizeof(target), depth ? "chain%d" : "file", depth - 1);
		if (symlink(target, name))
			break;
	}
	is(depth, 45, "a chain of links");
	is(opens("chain39", O_RDONLY), 0, "40 links are followed");
	fails(opens("chain40", O_RDONLY), ELOOP, "41 are not");
	while (depth--) {
		snprintf(name, sizeof(name), "chain%d", depth);
		unlink(name);
	}
	fails(symlink("", "empty"), ENOENT, "an empty target");
	fails(symlink("x", "file"), EEXIST, "a name that is there");
}

static void flags(void)
{
	int fd, pfd;
	struct stat st;
	char buf[10];

	fails(opens("file", O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY on a file");
	is(opens("d", O_RDONLY | O_DIRECTORY), 0, "... on a directory");
	fails(opens("d", O_WRONLY), EISDIR, "writing a directory");
	fails(opens("d", O_RDWR | O_CREAT), EISDIR, "O_CREAT on a directory");
	fails(opens("new/", O_CREAT | O_WRONLY), EISDIR, "O_CREAT with a slash");
	fails(opens("file", O_CREAT | O_EXCL), EEXIST, "O_EXCL on a file");
	fails(opens("none/new", O_CREAT | O_WRONLY), ENOENT, "O_CREAT in no directory");
	pfd = open("file", O_PATH);
	ok(pfd >= 0, "O_PATH");
	fails(read(pfd, buf, 1), EBADF, "... cannot be read");
	fails(fchmod(pfd, 0600), EBADF, "... nor changed");
	is(fstat(pfd, &st), 0, "... but looked at");
	is(fcntl(pfd, F_GETFL) & O_PATH, O_PATH, "... and says so");
	close(pfd);
	fd = open("d", O_RDONLY);
	is(faccessat(fd, "e/f", R_OK, 0), 0, "relative to a descriptor");
	fails(faccessat(fd, "file", R_OK, 0), ENOENT, "... and only to it");
	fails(openat(99, "file", O_RDONLY), EBADF, "a descriptor that is not open");
	is(faccessat(99, "/etc", R_OK, 0), 0, "... is of no matter for an absolute path");
	close(fd);
	fd = open("file", O_RDONLY);
	fails(openat(fd, "x", O_RDONLY), ENOTDIR, "relative to a file");
	is(fstatat(fd, "", &st, AT_EMPTY_PATH), 0, "AT_EMPTY_PATH");
	fails(fstatat(fd, "", &st, 0), ENOENT, "... is needed for an empty name");
	close(fd);
	is(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW), 0, "AT_SYMLINK_NOFOLLOW");
	ok(S_ISLNK(st.st_mode), "... gives the link");
	fails(fstatat(AT_FDCWD, "link", &st, 0x40000000), EINVAL, "an unknown flag");
}

static void directories(void)
{
	char cwd[PATH_MAX];

	fails(mkdir("d", 0755), EEXIST, "mkdir of what is there");
	fails(mkdir("link", 0755), EEXIST, "mkdir over a link");
	is(mkdir("d/new/", 0755), 0, "mkdir with a slash");
	fails(rmdir("d"), ENOTEMPTY, "rmdir of a full one");
	fails(rmdir("file"), ENOTDIR, "rmdir of a file");
	fails(rmdir("d/new/."), EINVAL, "rmdir of a dot");
	fails(rmdir("d/new/.."), ENOTEMPTY, "rmdir of dots");
	fails(rmdir("/"), EBUSY, "rmdir of the root");
	fails(unlink("d/new"), EISDIR, "unlink of a directory");
	fails(unlink("file/"), ENOTDIR, "unlink with a slash");
	is(rmdir("d/new/"), 0, "rmdir with a slash");
	fails(link("d", "hard"), EPERM, "a hard link to a directory");
	is(mkdir("gone", 0755), 0, "a directory");
	is(chdir("gone"), 0, "... to stand in");
	ok(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd + strlen(dir), "/gone"), "getcwd");
	is(rmdir("../gone"), 0, "... is removed");
	fails(opens("x", O_CREAT | O_WRONLY), ENOENT, "nothing is made in it");
	fails(getcwd(cwd, sizeof(cwd)) ? 0 : -1, ENOENT, "it has no name");
	is(opens("..", O_RDONLY), 0, "its parent is still there");
	is(chdir(dir), 0, "back");
	fails(chdir("file"), ENOTDIR, "chdir to a file");
	fails(syscall(SYS_getcwd, cwd, 3), ERANGE, "getcwd without room");
}

static void user(void *unused)
{
	int bad = 0;
	struct stat st;

	if (setgid(1000) || setuid(1000))
		_exit(1);
	bad += !(opens("closed/x", O_RDONLY) < 0 && errno == EACCES) << 1;
	bad += !(stat("closed/x", &st) < 0 && errno == EACCES) << 2;
	bad += !(opens("secret", O_RDONLY) < 0 && errno == EACCES) << 3;
	bad += !(unlink("sticky/x") < 0 && (errno == EPERM || errno == EACCES)) << 4;
	bad += !(mkdir("mine", 0755) < 0 && errno == EACCES) << 5;
	bad += !(chmod("file", 0777) < 0 && errno == EPERM) << 6;
	_exit(bad);
}

static void permissions(void)
{
	if (geteuid()) {
		skip("not root");
		return;
	}
	chmod(dir, 0755);
	ok(!mkdir("closed", 0700) && touch("closed/x") && touch("secret") && !chmod("secret", 0600) && !mkdir("sticky", 01777) &&
	   !chmod("sticky", 01777) && touch("sticky/x"), "what others must not do");
	is(in_child(user, NULL), 0, "a user is kept out of directories, files and sticky places");
	unlink("closed/x"), rmdir("closed"), unlink("secret"), unlink("sticky/x"), rmdir("sticky");
}

/* Who makes a file gets that one, though a symlink takes its name at once: what it leads to was never asked about. */
static void overtaken(void *arg)
{
	int fd, bad = 0;
	struct stat st;
	pid_t pid;

	if (setgid(1000) || setuid(1000))
		_exit(100);
	pid = fork();
	if (!pid)
		for (;;) {
			symlink("../secret", "open/l");
			while (lstat("open/f", &st) || S_ISLNK(st.st_mode))
				;
			rename("open/l", "open/f");
			for (int i = 0; i < 300; i++)
				getppid();
			unlink("open/f");
		}
	for (int i = 0; i < 30000; i++) {
		fd = open("open/f", O_CREAT | O_RDWR, 0600);
		bad += fd < 0 ? errno != EACCES : fstat(fd, &st) || st.st_uid != 1000;
		if (fd >= 0)
			close(fd);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	_exit(bad != 0);
}

static void creating(void)
{
	if (geteuid()) {
		skip("not root");
		return;
	}
	ok(touch("secret") && !chmod("secret", 0600) && !mkdir("open", 0777) && !chmod("open", 0777), "a file that is not for others");
	is(in_child(overtaken, NULL), 0, "making a file leads nowhere else");
	unlink("open/f"), unlink("open/l"), rmdir("open"), unlink("secret");
}

int main(void)
{
	setup();
	components();
	links();
	flags();
	directories();
	permissions();
	creating();
	unlink("d/e/f"), rmdir("d/e"), rmdir("d");
	unlink("file"), unlink("link"), unlink("dlink"), unlink("dangling"), unlink("loop1"), unlink("loop2");
	unlink("slash"), unlink("fileslash");
	is(chdir("/"), 0, "leaving");
	is(rmdir(dir), 0, "nothing is left behind");
	return done();
}
