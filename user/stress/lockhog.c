/* SPDX-License-Identifier: MIT
 * help: memory that is locked and unlocked while others press; locked pages must stay
 *
 * Each process has a region, locks and unlocks random parts of it (mlock, mlock2(MLOCK_ONFAULT), munlock), forks now and then (locks are not
 * inherited), and verifies every byte. What is locked must be in memory (mincore) whatever --pressure takes, and VmLck must say how much it is.
 * As root up to an eighth of memory is locked by default; others are kept to RLIMIT_MEMLOCK, beyond which mlock must fail.
 *
 * Last line: lockhog result=ok|bad processes= mb= locks= unlocks= refused= verified= errors= seconds= seed=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pattern.h"

static u64 size, processes = 4, length = 10, pressure, seed = 1;
struct shared { volatile u32 locks, unlocks, refused, verified, errors, stop; };
static struct shared *shared;

static void complain(const char *what, u32 a, u32 b)
{
	if (__sync_fetch_and_add(&shared->errors, 1) < 8)
		fprintf(stderr, "lockhog: %s (%u, %u): %s\n", what, a, b, strerror(errno));
}

struct hog { u32 *mem, pages, who; unsigned char *locked, *vec; u64 limit; };

static u32 count_locked(const struct hog *h)
{
	u32 n = 0;

	for (u32 i = 0; i < h->pages; i++)
		n += h->locked[i] > 0;
	return n;
}

static void change(struct hog *h, u32 from, u32 n, u32 how)
{
	char *at = (char *)h->mem + (size_t)from * PAGE;
	u32 more = 0;
	int r;

	for (u32 i = from; i < from + n; i++)
		more += !h->locked[i];
	if (how == 2) {
		r = munlock(at, (size_t)n * PAGE);
		__sync_fetch_and_add(&shared->unlocks, 1);
	} else {
		r = how ? syscall(SYS_mlock2, at, (size_t)n * PAGE, 1 /* MLOCK_ONFAULT */) : mlock(at, (size_t)n * PAGE);
		__sync_fetch_and_add(&shared->locks, 1);
	}
	if (r && how != 2 && (errno == ENOMEM || errno == EPERM || errno == EAGAIN) && count_locked(h) + more > h->limit / PAGE) {
		__sync_fetch_and_add(&shared->refused, 1);
		return;
	}
	if (r) {
		complain(how == 2 ? "munlock" : "mlock", from, n);
		return;
	}
	memset(h->locked + from, how == 2 ? 0 : how == 1 ? 2 : 1, n); /* 2: when it is touched; all of it was */
}

static void verify(struct hog *h)
{
	u32 want = count_locked(h) * 4;
	int64_t have = proc_field("/proc/self/status", "VmLck:");

	if (have >= 0 && have != want)
		complain("VmLck is not what is locked", have, want);
	if (mincore(h->mem, (size_t)h->pages * PAGE, h->vec))
		complain("mincore", 0, 0);
	for (u32 i = 0; i < h->pages; i++)
		if (h->locked[i] == 1 && !(h->vec[i] & 1))
			complain("a locked page is not in memory", h->who, i);
	for (u32 i = 0; i < h->pages; i++)
		if (bad_words(h->mem + (size_t)i * WORDS, page_key(seed, h->who, i, 0)))
			complain("a page is wrong", h->who, i);
	__sync_fetch_and_add(&shared->verified, h->pages);
}

static void child_sees_no_locks(struct hog *h)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(proc_field("/proc/self/status", "VmLck:") > 0 || bad_words(h->mem, page_key(seed, h->who, 0, 0)));
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
		complain("a child has locks or wrong bytes", h->who, 0);
}

static int work(u32 who, u32 pages, double until)
{
	struct hog h = { .pages = pages, .who = who, .locked = calloc(pages, 1), .vec = calloc(pages, 1) };
	u32 state = mix32(seed * 77 + who);
	struct rlimit limit;

	h.mem = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h.mem == MAP_FAILED || !h.locked || !h.vec || getrlimit(RLIMIT_MEMLOCK, &limit))
		die("lockhog");
	h.limit = geteuid() ? limit.rlim_cur : RLIM_INFINITY;
	for (u32 i = 0; i < pages; i++)
		fill_page(h.mem + (size_t)i * WORDS, page_key(seed, who, i, 0));
	for (u32 round = 0; seconds() < until; round++) {
		for (u32 k = 0; k < 16; k++) {
			u32 from = next_random(&state) % pages, n = 1 + next_random(&state) % (pages - from);

			change(&h, from, n < 64 ? n : 1 + n % 64, next_random(&state) % 3);
		}
		verify(&h);
		if (round % 8 == 7)
			child_sees_no_locks(&h);
	}
	if (munlockall() || proc_field("/proc/self/status", "VmLck:") > 0)
		complain("munlockall leaves locks", who, 0);
	return 0;
}

static void press(void)
{
	u64 n = swap_bound();
	volatile char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (p != MAP_FAILED && !shared->stop)
		for (u64 i = 0; i < n && !shared->stop; i += PAGE)
			p[i]++;
	_exit(0);
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "size", 's', &size, "of all regions (an eighth of memory)" },
		{ "processes", 'n', &processes, "at work (4)" },
		{ "seconds", 'n', &length, "how long (10)" },
		{ "pressure", 'b', &pressure, "another process walks through all memory and swap meanwhile" },
		{ "seed", 'n', &seed, "of choices and patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();
	pid_t other = -1;
	u32 each, bad;

	parse_options(argc, argv, "usage: lockhog [--size SIZE] [--processes N] [--seconds N] [--pressure] [--seed N]", defs);
	size = size ? size : memory_bound() / 8;
	each = size / processes / PAGE;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !each)
		die("lockhog: mmap");
	for (u32 n = 0; n < processes; n++)
		if (!fork())
			_exit(work(n, each, start + length));
	if (pressure && !(other = fork()))
		press();
	while (seconds() < start + length + 1) {
		progress("lockhog: %u locks, %u unlocks, %d s left", shared->locks, shared->unlocks, (int)(start + length - seconds()));
		usleep(50000);
	}
	shared->stop = 1;
	bad = reap_all("lockhog") + shared->errors;
	progress_done();
	printf("lockhog result=%s processes=%u mb=%u locks=%u unlocks=%u refused=%u verified=%u errors=%u seconds=%.1f seed=%u\n", bad ? "bad" : "ok",
	       (u32)processes, (u32)(size >> 20), shared->locks, shared->unlocks, shared->refused, shared->verified, shared->errors, seconds() - start, (u32)seed);
	return bad != 0;
}
