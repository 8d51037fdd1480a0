/* SPDX-License-Identifier: MIT
 *
 * fork, exec, exit and wait: of this program as it is, beside 64 MB of memory in use, and of a program of one page
 * that only exits.
 */
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static u64 fork_exit_wait(u32 n)
{
	u64 t = now();

	while (n--) {
		pid_t p = fork();

		if (!p)
			_exit(0);
		if (reap(p))
			return FAIL;
	}
	return now() - t;
}

/* ... with 64 MB at p, which are unmapped then */
static u64 fork_beside(char *p, u32 n)
{
	u64 t;
	int e;

	if (!p)
		return FAIL;
	touch_write(p, 64 * MB);
	t = fork_exit_wait(n);
	e = errno;
	munmap(p, 64 * MB);
	errno = e;
	return t;
}

static u64 fork_beside_private(u32 n) { return fork_beside(amap_aligned(64 * MB, 4 * MB), n); }
static u64 fork_beside_shared(u32 n) { return fork_beside(map(64 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), n); }

const struct row fork_rows[] = {
	{ "fork_exit_wait", fork_exit_wait, 1, 4096 },
	{ "fork_64M_anon", fork_beside_private, 1, 64 },
	{ "fork_64M_shared", fork_beside_shared, 1, 64 },
	{ NULL, NULL, 0, 0 }
};

static u64 exec(u32 n, bool by_vfork, const char *path, const char *argument)
{
	char *argv[] = { (char *)path, (char *)argument, NULL }, *env[] = { NULL };
	u64 t = now();

	while (n--) {
		pid_t p = by_vfork ? vfork() : fork();

		if (!p) {
			execve(path, argv, env);
			_exit(99);
		}
		if (reap(p))
			return FAIL;
	}
	return now() - t;
}

/* --- the smallest program ----------------------------------------------------------------------------------------- */
static char tiny_path[256];
static const unsigned char tiny[] = {
	/* ELF header: i386, executable, entry 0x8048054, one program header */
	0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08,
	52, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	/* the file's 0x5b bytes at 0x8048000, readable and executable */
	1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08,
	0x5b, 0, 0, 0, 0x5b, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
	/* xor ebx, ebx; xor eax, eax; inc eax; int 0x80: exit(0) */
	0x31, 0xdb, 0x31, 0xc0, 0x40, 0xcd, 0x80
};

int make_tiny(void)
{
	int fd;

	snprintf(tiny_path, sizeof(tiny_path), "%s/vmx.%d", opt.dir, (int)getpid());
	fd = open(tiny_path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	if (fd < 0 || write(fd, tiny, sizeof(tiny)) != (int)sizeof(tiny))
		return -1;
	return close(fd);
}

void remove_tiny(void) { unlink(tiny_path); }

static u64 fork_exec_tiny(u32 n) { return exec(n, false, tiny_path, NULL); }
static u64 vfork_exec_tiny(u32 n) { return exec(n, true, tiny_path, NULL); }
static u64 fork_exec_static(u32 n) { return exec(n, false, opt.self, "--exit"); }

const struct row tiny_rows[] = {
	{ "fork_exec_tiny", fork_exec_tiny, 1, 4096 },
	{ "vfork_exec_tiny", vfork_exec_tiny, 1, 4096 },
	{ NULL, NULL, 0, 0 }
};
const struct row exec_rows[] = {
	{ "fork_exec_static", fork_exec_static, 1, 4096 },
	{ NULL, NULL, 0, 0 }
};
