/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * System V shared memory: keys, permissions, attaching and its count, removal while attached, locking, the limits, /proc;
 * POSIX shared memory on /dev/shm.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PAGE 4096
#define KEY 0x15711234

static struct shmid_ds ds;
static long attached(int id) { return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch; }
static void *at_nowhere(int id, void *addr, int flags) { return shmat(id, addr, flags); }

static void making(void)
{
	int id = shmget(KEY, 3 * PAGE + 5, IPC_CREAT | IPC_EXCL | 0640);

	if (id < 0)
		bail("shmget");
	is(shmget(KEY, 0, 0), id, "found by key");
	fails(shmget(KEY, 100, IPC_CREAT | IPC_EXCL | 0600), EEXIST, "IPC_EXCL");
	fails(shmget(KEY, 4 * PAGE, 0), EINVAL, "larger than it is");
	fails(shmget(KEY + 1, 100, 0), ENOENT, "no such key");
	fails(shmget(KEY + 1, 0, IPC_CREAT | 0600), EINVAL, "size 0");
	is(shmctl(id, IPC_STAT, &ds), 0, "IPC_STAT");
	ok(ds.shm_segsz == 3 * PAGE + 5 && ds.shm_cpid == getpid() && ds.shm_lpid == 0 && ds.shm_nattch == 0 && ds.shm_ctime && !ds.shm_atime,
	   "... tells size and makers");
	ok(ds.shm_perm.__key == KEY && (ds.shm_perm.mode & 0777) == 0640 && ds.shm_perm.uid == geteuid() && ds.shm_perm.cuid == geteuid(), "... and whose it is");
	ds.shm_perm.mode = 0600;
	is(shmctl(id, IPC_SET, &ds), 0, "IPC_SET");
	ok(!shmctl(id, IPC_STAT, &ds) && (ds.shm_perm.mode & 0777) == 0600, "... changes the mode");
	fails(shmctl(id, 77, NULL), EINVAL, "an unknown command");
	fails(shmctl(id + 1, IPC_STAT, &ds), EINVAL, "an unknown number");
	fails(shmctl(-1, IPC_RMID, NULL), EINVAL, "a negative one");
	is(shmctl(id, IPC_RMID, NULL), 0, "IPC_RMID");
	fails(shmget(KEY, 0, 0), ENOENT, "... the key is free");
	fails(shmctl(id, IPC_STAT, &ds), EINVAL, "... and the number");
}

static void attaching(void)
{
	int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600), status;
	char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);

	ok(p != (void *)-1 && q != (void *)-1 && p != q, "attached twice");
	is(attached(id), 2, "nattch");
	is(ds.shm_lpid, getpid(), "... who");
	p[5] = 'x';
	p[2 * PAGE] = 'y';
	ok(q[5] == 'x' && q[2 * PAGE] == 'y' && !q[PAGE], "both see the same, zeroes first");
	ok(mprotect(q, PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES, "a read-only one stays so");
	if (!fork()) {
		long n = attached(id);

		p[6] = 'c';
		_exit(n != 4);
	}
	wait(&status);
	ok(status == 0 && q[6] == 'c', "fork attaches them again");
	is(attached(id), 2, "... and exit detaches");
	if (!fork()) {
		execl("/bin/true", "true", NULL);
		_exit(0);
	}
	wait(&status);
	is(attached(id), 2, "... and exec");
	is(shmdt(q), 0, "shmdt");
	is(attached(id), 1, "... one is left");
	fails(shmdt(q), EINVAL, "twice");
	fails(shmdt(p + 1), EINVAL, "not at a page");
	fails(shmdt(p + PAGE), EINVAL, "in the middle");
	munmap(p + PAGE, PAGE);
	is(attached(id), 2, "a hole makes two areas of it");
	is(shmdt(p), 0, "shmdt takes both");
	is(attached(id), 0, "... all of them");
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ok(at_nowhere(id, p, 0) == (void *)-1 && errno == EINVAL, "where something is: EINVAL");
	ok(at_nowhere(id, p + 5, SHM_REMAP) == (void *)-1 && errno == EINVAL, "not at a page");
	ok(at_nowhere(id, p + PAGE + 5, SHM_REMAP | SHM_RND) == p + PAGE, "SHM_REMAP, SHM_RND");
	ok(p[PAGE + 5] == 'x' && p[0] == 0, "... in its place");
	ok(at_nowhere(id, NULL, SHM_REMAP) == (void *)-1 && errno == EINVAL, "SHM_REMAP nowhere");
	ok(at_nowhere(id + 1, NULL, 0) == (void *)-1 && errno == EINVAL, "no such segment");
	is(munmap(p, 8 * PAGE), 0, "munmap over it");
	is(attached(id), 0, "... detaches");
	shmctl(id, IPC_RMID, NULL);
}

static void removing(void)
{
	int id = shmget(KEY, PAGE, IPC_CREAT | 0600);
	char *p = shmat(id, NULL, 0), *q;

	p[0] = 'a';
	is(shmctl(id, IPC_RMID, NULL), 0, "IPC_RMID while attached");
	fails(shmget(KEY, 0, 0), ENOENT, "... hides the key");
	ok(attached(id) == 1 && ds.shm_perm.mode & SHM_DEST && ds.shm_perm.__key == 0, "... marks it");
	ok(p[0] == 'a', "... leaves the memory");
	q = shmat(id, NULL, 0);
	ok(q != (void *)-1 && q[0] == 'a', "... lets others attach by number");
	shmdt(p);
	is(attached(id), 1, "one left");
	shmdt(q);
	fails(attached(id), EINVAL, "the last one takes it along");
	id = shmget(KEY, PAGE, IPC_CREAT | 0600);
	if (!fork()) {
		p = shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
		_exit(0);
	}
	wait(NULL);
	fails(attached(id), EINVAL, "an exit does, too");
}

static void permissions(void)
{
	int id, status;

	if (geteuid()) {
		skip("needs root");
		return;
	}
	id = shmget(KEY, PAGE, IPC_CREAT | 0644);
	if (!fork()) {
		int bad = 0;

		setgid(4242);
		setuid(4242);
		bad |= at_nowhere(id, NULL, 0) != (void *)-1 || errno != EACCES;
		bad |= (shmat(id, NULL, SHM_RDONLY) == (void *)-1) << 1;
		bad |= (shmctl(id, IPC_RMID, NULL) != -1 || errno != EPERM) << 2;
		bad |= (shmctl(id, IPC_SET, &ds) != -1 || errno != EPERM) << 3;
		bad |= (shmctl(id, SHM_LOCK, NULL) != -1 || errno != EPERM) << 4;
		bad |= (shmget(KEY, 0, 0666) != -1 || errno != EACCES) << 5;
		bad |= (shmget(KEY, 0, 0444) != id) << 6;
		_exit(bad);
	}
	wait(&status);
	is(WEXITSTATUS(status), 0, "others may do what the mode says");
	shmctl(id, IPC_RMID, NULL);
	if (!fork()) {
		struct rlimit r = { 4 * PAGE, 4 * PAGE };
		int bad = 0, a, b;

		setgid(4242);
		setuid(4242);
		setrlimit(RLIMIT_MEMLOCK, &r);
		a = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
		b = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
		bad |= shmctl(a, SHM_LOCK, NULL) != 0;
		bad |= (shmctl(b, SHM_LOCK, NULL) != -1 || errno != ENOMEM) << 1;
		bad |= (shmctl(a, SHM_UNLOCK, NULL) != 0) << 2;
		bad |= (shmctl(b, SHM_LOCK, NULL) != 0) << 3;
		bad |= (shmctl(b, IPC_STAT, &ds) || !(ds.shm_perm.mode & SHM_LOCKED)) << 4;
		shmctl(a, IPC_RMID, NULL);
		shmctl(b, IPC_RMID, NULL);
		_exit(bad);
	}
	wait(&status);
	is(WEXITSTATUS(status), 0, "SHM_LOCK within RLIMIT_MEMLOCK");
}

static void *lock_one(void *id) { return (void *)(long)shmctl((int)(long)id, SHM_LOCK, NULL); }

/* Two segments that fit one at a time, locked at once. */
static void lock_both(void *arg)
{
	struct rlimit r = { 4 * PAGE, 4 * PAGE };
	int id[2], both = 0;
	pthread_t t;
	void *other;

	if (setgid(4243) || setuid(4243) || setrlimit(RLIMIT_MEMLOCK, &r))
		_exit(99);
	for (int i = 0; i < 2; i++)
		id[i] = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	for (int i = 0; i < 100; i++) {
		pthread_create(&t, NULL, lock_one, (void *)(long)id[1]);
		both |= !lock_one((void *)(long)id[0]) << 1;
		pthread_join(t, &other);
		both |= !other;
		if (both == 3)
			break;
		both = 0;
		shmctl(id[0], SHM_UNLOCK, NULL);
		shmctl(id[1], SHM_UNLOCK, NULL);
	}
	shmctl(id[0], IPC_RMID, NULL);
	shmctl(id[1], IPC_RMID, NULL);
	_exit(both);
}

static void listing(void)
{
	struct shminfo limits;
	struct shm_info use;
	char line[300], want[40];
	int id = shmget(KEY, 2 * PAGE, IPC_CREAT | 0604), last, seen = 0, found = 0;
	char *p = shmat(id, NULL, 0);
	FILE *f;

	p[0] = 1;
	last = shmctl(0, IPC_INFO, (void *)&limits);
	ok(last >= 0 && limits.shmmin == 1 && limits.shmmni >= 128, "IPC_INFO");
	ok(shmctl(0, SHM_INFO, (void *)&use) == last && use.used_ids >= 1 && use.shm_tot >= 2 && use.shm_rss >= 1, "SHM_INFO");
	for (int i = 0; i <= last; i++)
		seen |= shmctl(i, SHM_STAT, &ds) == id && ds.shm_segsz == 2 * PAGE;
	ok(seen, "SHM_STAT");
	snprintf(want, sizeof(want), "%10d %10d   604 ", KEY, id);
	f = fopen("/proc/sysvipc/shm", "r");
	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, want, strlen(want));
	if (f)
		fclose(f);
	ok(found, "/proc/sysvipc/shm");
	snprintf(want, sizeof(want), "/SYSV%08x", KEY);
	f = fopen("/proc/self/maps", "r");
	for (found = 0; f && fgets(line, sizeof(line), f);)
		found |= !!strstr(line, want);
	if (f)
		fclose(f);
	ok(found, "/proc/PID/maps names it");
	shmdt(p);
	shmctl(id, IPC_RMID, NULL);
}

/* The numbers that came later, without the multiplexer. */
static void direct(void)
{
#ifdef __i386__
	int id = syscall(395 /* shmget */, IPC_PRIVATE, PAGE, 0600);
	char *p = (char *)syscall(397 /* shmat */, id, NULL, 0);

	ok(id >= 0 && p && p != (void *)-1, "shmget and shmat by their own numbers");
	p[0] = 1;
	is(syscall(396 /* shmctl */, id, IPC_STAT, &ds), 0, "shmctl");
	is(ds.shm_nattch, 1, "... the same structure");
	fails(syscall(396, id, IPC_STAT, 1), EFAULT, "EFAULT");
	is(syscall(398 /* shmdt */, p), 0, "shmdt");
	shmctl(id, IPC_RMID, NULL);
#endif
}

static void posix(void)
{
	int fd = shm_open("/isthmus test", O_CREAT | O_RDWR | O_EXCL, 0600);
	char *p;

	if (!ok(fd >= 0, "shm_open"))
		return;
	is(ftruncate(fd, 2 * PAGE), 0, "ftruncate");
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[PAGE] = 'p';
	if (!fork()) {
		int g = shm_open("/isthmus test", O_RDWR, 0);
		char *q = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g, 0);

		q[0] = q[PAGE];
		_exit(0);
	}
	wait(NULL);
	is(p[0], 'p', "another process sees it");
	munmap(p, 2 * PAGE);
	close(fd);
	is(shm_unlink("/isthmus test"), 0, "shm_unlink");
}

static volatile int the_id;
static void *attacher(void *arg)
{
	for (int i = 0; i < 300; i++) {
		char *p = shmat(the_id, NULL, 0);

		if (p != (void *)-1) {
			p[0]++;
			shmdt(p);
		}
	}
	return arg;
}
static void races(void)
{
	pthread_t t[3];

	the_id = shmget(IPC_PRIVATE, PAGE, 0600);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, attacher, NULL);
	for (int i = 0; i < 50; i++) {
		shmctl(the_id, IPC_RMID, NULL);
		the_id = shmget(IPC_PRIVATE, PAGE, 0600);
		sched_yield();
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	is(attached(the_id), 0, "attached, removed and made anew by many");
	shmctl(the_id, IPC_RMID, NULL);
}

int main(void)
{
	making();
	attaching();
	removing();
	permissions();
	if (!geteuid())
		is(in_child(lock_both, NULL), 0, "... two at once, too");
	listing();
	direct();
	posix();
	races();
	return done();
}
