/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=100 linux=no
 *
 * Random memory calls with good, bad and absurd arguments, from several threads of several processes, beside a model of
 * what a few pages must hold. Nothing may hurt but the caller. VM_SEED=N repeats a run.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define ARENA 512 /* pages */

static char *arena;

static uint32_t rnd(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	return *s ^= *s << 5;
}

static unsigned long address(uint32_t *s)
{
	switch (rnd(s) % 16) {
	case 0: return rnd(s);
	case 1: return rnd(s) & ~(P - 1);
	case 2: return 0;
	case 3: return 0xbffff000UL + (rnd(s) % 4) * P;
	case 4: return -P * (rnd(s) % 4);
	case 5: return (unsigned long)arena + rnd(s) % (ARENA * P);
	default: return (unsigned long)arena + rnd(s) % ARENA * P;
	}
}

static unsigned long length(uint32_t *s)
{
	switch (rnd(s) % 16) {
	case 0: return 0;
	case 1: return rnd(s);
	case 2: return -1UL - rnd(s) % 5000;
	case 3: return 1 << rnd(s) % 32;
	case 4: return rnd(s) % (4 * P);
	default: return rnd(s) % 64 * P;
	}
}

/* Calls that could unmap the test's own code, data or stack are kept to the arena. */
static bool inside(unsigned long a, unsigned long len)
{
	unsigned long lo = (unsigned long)arena, hi = lo + ARENA * P;

	if (len > ARENA * P)
		return false;
	len = (len + P - 1) & ~(P - 1);
	return a >= lo && a < hi && len <= hi - a;
}

static void one_call(uint32_t *s)
{
	unsigned long a = address(s), len = length(s), b = address(s), len2 = length(s);
	unsigned flags = (rnd(s) & (MAP_SHARED | MAP_PRIVATE | MAP_NORESERVE | MAP_GROWSDOWN | MAP_POPULATE)) | MAP_ANONYMOUS;

	switch (rnd(s) % 14) {
	case 0:
		if (inside(a, len))
			flags |= MAP_FIXED;
		if (len < 64 << 20)
			syscall(SYS_mmap2, a, len, rnd(s) % 16, flags, -1, rnd(s) % 3 ? 0 : rnd(s));
		break;
	case 1:
		if (inside(a, len))
			syscall(SYS_munmap, a, len);
		break;
	case 2:
	case 3:
		if (inside(a, len))
			syscall(SYS_mprotect, a, len, rnd(s) % 3 ? (int)(rnd(s) % 8) : (int)rnd(s));
		break;
	case 4:
		if (inside(a, len) && len2 < 8 << 20)
			syscall(SYS_mremap, a, len, len2, rnd(s) % 2, 0);
		break;
	case 5:
		if (inside(a, len) && inside(b, len2))
			syscall(SYS_mremap, a, len, len2, 3, b);
		break;
	case 6:
		if (inside(a, len))
			syscall(SYS_madvise, a, len, rnd(s) % 26);
		break;
	case 7:
		if (len / P + 1 < 2 * P && inside(b, 2 * P)) /* the answer, a byte a page, stays in the arena too */
			syscall(SYS_mincore, a, len, b);
		break;
	case 8: syscall(SYS_msync, a, len, rnd(s) % 8); break;
	case 9: syscall(SYS_mlock, a, len % (1 << 20)); break;
	case 10: syscall(SYS_munlock, a, len); break;
	case 11: syscall(SYS_munmap, a | 1, len); break;
	case 12:
		if (inside(a, 64))
			syscall(SYS_read, 0, a, 64); /* /dev/zero */
		break;
	default:
		if (inside(a, 64))
			syscall(SYS_write, 1, a, rnd(s) % 64); /* /dev/null */
	}
}

static volatile int stop;

static void *caller(void *arg)
{
	uint32_t s = (uintptr_t)arg | 1;

	while (!stop)
		one_call(&s);
	return NULL;
}

/* One process: threads at random calls, forks among them; private pages outside the arena must keep what they hold. */
static void victim(uint32_t seed)
{
	unsigned *keep = mmap(NULL, 64 * P, RW, ANON, -1, 0);
	struct timespec rest = { 0, 300000000 };
	pthread_t t[3];

	signal(SIGALRM, SIG_DFL);
	alarm(60); /* hangs */
	freopen("/dev/zero", "r", stdin);
	freopen("/dev/null", "w", stdout);
	arena = mmap(NULL, ARENA * P, RW, ANON | MAP_NORESERVE, -1, 0);
	for (int i = 0; i < 64; i++)
		keep[i * 1024] = seed + i;
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, caller, (void *)(uintptr_t)(seed * 7 + i * 1000003));
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	nanosleep(&rest, NULL);
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 64; i++)
		if (keep[i * 1024] != seed + i) {
			fprintf(stderr, "# arena %p keep %p page %d: %x\n", arena, (void *)keep, i, keep[i * 1024]);
			_exit(77);
		}
	_exit(0);
}

int main(void)
{
	uint32_t seed = getenv("VM_SEED") ? atoi(getenv("VM_SEED")) : 1;
	int status, odd = 0, whole = 0;

	for (int round = 0; round < 16; round++, seed++) {
		pid_t pid = fork();

		if (!pid)
			victim(seed);
		waitpid(pid, &status, 0);
		if (!status)
			whole++;
		else if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGSEGV && WTERMSIG(status) != SIGBUS && WTERMSIG(status) != SIGKILL)) {
			printf("# seed %u: status %x\n", seed, status);
			fflush(stdout); /* or each child that opens it anew prints it again */
			odd++;
		}
	}
	is(odd, 0, "nobody lost a page or hung");
	ok(whole >= 12, "most came through (%d of 16)", whole);
	return done();
}
