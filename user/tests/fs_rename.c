/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * rename: every kind of source over every kind of target, loops, flags; links and what unlinking leaves open; reading
 * a directory while it changes; many renames at once.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
static char dir[] = "/tmp/fs_rename.XXXXXX";

static int rename2(const char *a, const char *b, unsigned flags) { return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags); }
static void touch(const char *name, char mark)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	if (fd < 0 || write(fd, &mark, 1) != 1)
		bail(name);
	close(fd);
}
static char mark(const char *name)
{
	char c = 0;
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		return '-';
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c;
}
static ino_t ino(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_ino;
}
static unsigned nlink(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_nlink;
}

static void matrix(void)
{
	touch("a", 'a');
	touch("b", 'b');
	mkdir("d1", 0755), mkdir("d2", 0755), mkdir("full", 0755);
	touch("full/x", 'x');
	is(rename("a", "b"), 0, "file over file");
	ok(mark("b") == 'a' && mark("a") == '-', "... takes its place");
	fails(rename("b", "d1"), EISDIR, "file over directory");
	fails(rename("d1", "b"), ENOTDIR, "directory over file");
	is(rename("d1", "d2"), 0, "directory over empty directory");
	fails(rename("d2", "full"), ENOTEMPTY, "directory over full directory");
	fails(rename("full", "full/y"), EINVAL, "into itself");
	mkdir("full/sub", 0755);
	fails(rename("full", "full/sub/y"), EINVAL, "below itself");
	fails(rename("full/sub", "full"), ENOTEMPTY, "over what it is in");
	fails(rename("none", "x"), ENOENT, "nothing");
	fails(rename("b", "none/x"), ENOENT, "to nowhere");
	fails(rename("b", "x/"), ENOTDIR, "a file to a name with a slash");
	is(rename("d2", "x/"), 0, "a directory to a name with a slash");
	fails(rename("x/.", "y"), EBUSY, "a dot");
	fails(rename("x", "full/.."), EBUSY, "dots");
	is(rename("b", "b"), 0, "to itself");
	is(link("b", "c"), 0, "a second name");
	is(rename("b", "c"), 0, "one name over another of the same file");
	ok(mark("b") == 'a' && mark("c") == 'a', "... does nothing");
	is(nlink("b"), 2, "two links");
	is(rename("x", "full/moved"), 0, "a directory into another");
	is(nlink("full"), 4, "its parent counts it");
	ok(ino("full/moved/..") == ino("full"), "its dots lead there");
	is(rename("full/moved", "x"), 0, "and back");
	is(nlink("full"), 3, "the parent counts one less");
	symlink("b", "l");
	is(rename("l", "m"), 0, "a symlink itself is renamed");
	ok(nlink("m") == 1 && mark("m") == 'a', "... and still leads there");
}

static void flags(void)
{
	ino_t b = ino("b"), x = ino("x");

	fails(rename2("b", "c", RENAME_NOREPLACE), EEXIST, "NOREPLACE over a name");
	is(rename2("m", "n", RENAME_NOREPLACE), 0, "NOREPLACE to a new name");
	fails(rename2("b", "none", RENAME_EXCHANGE), ENOENT, "EXCHANGE with nothing");
	is(rename2("b", "x", RENAME_EXCHANGE), 0, "EXCHANGE of file and directory");
	ok(ino("b") == x && ino("x") == b, "... changes them over");
	is(rename2("x", "full/x", RENAME_EXCHANGE), 0, "EXCHANGE across directories");
	ok(mark("x") == 'x' && mark("full/x") == 'a', "... both have moved");
	fails(rename2("full", "full/sub", RENAME_EXCHANGE), EINVAL, "EXCHANGE with what is inside");
	fails(rename2("full/sub", "full", RENAME_EXCHANGE), EINVAL, "... the other way round");
	is(rename2("b", "full/sub", RENAME_EXCHANGE), 0, "EXCHANGE of two directories");
	is(nlink("full"), 3, "the count of directories stays");
	fails(rename2("x", "y", 64), EINVAL, "an unknown flag");
	fails(rename2("x", "y", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL, "both flags");
}

static void open_files(void)
{
	struct stat st;
	char c;
	int fd;

	touch("open", 'o');
	fd = open("open", O_RDWR);
	unlink("open");
	is(fstat(fd, &st), 0, "an unlinked file is still open");
	is(st.st_nlink, 0, "... without a name");
	is(pread(fd, &c, 1, 0), 1, "... and readable");
	close(fd);
	touch("open", 'o');
	touch("over", 'v');
	fd = open("over", O_RDONLY);
	rename("open", "over");
	ok(read(fd, &c, 1) == 1 && c == 'v', "what was renamed over stays what it was for who has it open");
	close(fd);
	ok(mark("over") == 'o', "... and is new for the others");
	unlink("over");
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	ok(fd >= 0 && write(fd, "t", 1) == 1 && !fstat(fd, &st) && st.st_nlink == 0, "O_TMPFILE");
	if (!geteuid()) {
		is(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH), 0, "... gets a name");
		ok(mark("named") == 't' && nlink("named") == 1, "... by which it is found");
		unlink("named");
	}
	close(fd);
}

/* Every name is seen once, although others are removed while reading. */
static void reading(void)
{
	static char seen[1000];
	struct dirent *e;
	char name[20];
	int n, twice = 0, missed = 0, strange = 0;
	DIR *d;

	mkdir("many", 0755);
	for (n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "many/%d", n);
		touch(name, 'n');
	}
	d = opendir("many");
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		n = atoi(e->d_name);
		if (n < 0 || n > 999)
			strange++;
		else if (seen[n]++)
			twice++;
		snprintf(name, sizeof(name), "many/%d", n);
		unlink(name);
	}
	closedir(d);
	for (n = 0; n < 1000; n++)
		missed += !seen[n];
	is(twice, 0, "no name comes twice");
	is(missed, 0, "no name is missed");
	is(strange, 0, "no name is strange");
	is(rmdir("many"), 0, "all were removed meanwhile");
}

static void mover(void *arg)
{
	int k = (int)(long)arg;
	char a[20], b[20];

	for (int n = 0; n < 400; n++) {
		snprintf(a, sizeof(a), "p%d/f", (n + k) % 3);
		snprintf(b, sizeof(b), "p%d/f", (n + k + 1) % 3);
		rename(a, b);
		snprintf(a, sizeof(a), "p%d/dir%d", n % 3, k);
		snprintf(b, sizeof(b), "p%d/dir%d", (n + 1) % 3, k);
		if (rename(a, b))
			_exit(1);
		rename2("p0/f", "p1/f", RENAME_EXCHANGE);
	}
	_exit(0);
}

static void crowd(void)
{
	char name[20];
	int bad = 0, left = 0, status;

	for (int n = 0; n < 3; n++) {
		snprintf(name, sizeof(name), "p%d", n);
		mkdir(name, 0755);
		snprintf(name, sizeof(name), "p%d/f", n);
		touch(name, 'f');
	}
	for (int k = 0; k < 4; k++) {
		snprintf(name, sizeof(name), "p0/dir%d", k);
		mkdir(name, 0755);
		if (!fork())
			mover((void *)(long)k);
	}
	for (int k = 0; k < 4; k++)
		bad += wait(&status) < 0 || status;
	is(bad, 0, "four movers at once get their own directories moved");
	for (int n = 0; n < 3; n++)
		for (int k = 0; k < 4; k++) {
			snprintf(name, sizeof(name), "p%d/dir%d", n, k);
			left += !rmdir(name);
		}
	is(left, 4, "each directory is in one place");
	for (int n = 0; n < 3; n++) {
		snprintf(name, sizeof(name), "p%d/f", n);
		unlink(name);
		snprintf(name, sizeof(name), "p%d", n);
		bad += rmdir(name) != 0;
	}
	is(bad, 0, "nothing else is there");
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		bail("no place");
	matrix();
	flags();
	open_files();
	reading();
	crowd();
	unlink("b"), unlink("c"), unlink("n"), unlink("x"), unlink("full/x"), rmdir("full/sub"), rmdir("full"), rmdir("b");
	is(chdir("/"), 0, "leaving");
	is(rmdir(dir), 0, "nothing is left behind");
	return done();
}
