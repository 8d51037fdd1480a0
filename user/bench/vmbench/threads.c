/* SPDX-License-Identifier: MIT
 *
 * thr_*: one, two and four threads of one process that fault, map and unmap at the same time, where the locks of its
 * map of memory meet; with a further thread that maps all the while (mapper= is what that one did in a millisecond).
 *
 * All wait at a barrier until each is there. Time is from the first that starts to the last that is through. One CPU
 * shows the cost of the work alone.
 */
#include "bench.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define OWN_PAGES 512u          /* that a thread touches in a round */
#define OWN (OWN_PAGES * PAGE)
#define FEW (16 * PAGE)
#define MOST_REPS 5

struct thread {
	pthread_t handle;
	const struct kind *kind;
	char *base;
	u32 rounds;
	u64 from, to, ops;
};
struct kind {
	void (*work)(struct thread *thread);
	enum { NOTHING, OWN_AREA, SAME_AREA } base; /* thread->base: an area of its own, or its part of one for all */
};

static pthread_barrier_t together;
static volatile int stop_mapper;

static void fault_in(struct thread *thread)
{
	char *p = thread->base;

	for (u32 i = 0; i < thread->rounds; i++) {
		touch_write(p, OWN);
		madvise(p, OWN, MADV_DONTNEED);
		thread->ops += OWN_PAGES;
	}
}

static void map_page(struct thread *thread)
{
	for (u32 i = 0; i < thread->rounds; i++) {
		char *p = amap(PAGE);

		munmap(p, PAGE);
		thread->ops++;
	}
}

static void map_few(struct thread *thread)
{
	for (u32 i = 0; i < thread->rounds; i++) {
		char *p = amap(FEW);

		if (p) {
			touch_write(p, FEW);
			munmap(p, FEW);
		}
		thread->ops++;
	}
}

static void map_until_stopped(struct thread *thread)
{
	while (!stop_mapper) {
		char *p = amap(FEW);

		if (p) {
			*p = 1;
			munmap(p, FEW);
		}
		thread->ops++;
	}
}

static const struct kind fault_own = { fault_in, OWN_AREA }, fault_same = { fault_in, SAME_AREA },
			 one_page = { map_page, NOTHING }, few_pages = { map_few, NOTHING },
			 mapper = { map_until_stopped, NOTHING };

static void *thread_main(void *argument)
{
	struct thread *thread = argument;
	const struct kind *kind = thread->kind;

	if (kind->base == OWN_AREA)
		thread->base = amap(OWN);
	pthread_barrier_wait(&together);
	thread->from = now();
	kind->work(thread);
	thread->to = now();
	if (kind->base == OWN_AREA)
		munmap(thread->base, OWN);
	return NULL;
}

/* => errno; those that were started wait at the barrier for ever then, but the program ends soon */
static int start(struct thread *threads, int n, bool with_mapper, const struct kind *kind, char *base, u32 rounds)
{
	int error = 0, all = n + with_mapper;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_barrier_init(&together, NULL, all);
	stop_mapper = 0;
	for (int i = 0; i < all && !error; i++) {
		threads[i].kind = i < n ? kind : &mapper;
		threads[i].rounds = rounds;
		threads[i].base = base + (size_t)i * OWN;
		error = pthread_create(&threads[i].handle, &attr, thread_main, &threads[i]);
	}
	return error;
}

static void join(struct thread *threads, int n, bool with_mapper)
{
	for (int i = 0; i < n; i++)
		pthread_join(threads[i].handle, NULL);
	stop_mapper = 1;
	if (with_mapper)
		pthread_join(threads[n].handle, NULL);
	pthread_barrier_destroy(&together);
}

/* => the time from the first start to the last end; in *ops what they did together */
static u64 span(const struct thread *threads, int n, u64 *ops)
{
	u64 from = threads[0].from, to = threads[0].to;

	*ops = 0;
	for (int i = 0; i < n; i++) {
		if (threads[i].from < from)
			from = threads[i].from;
		if (threads[i].to > to)
			to = threads[i].to;
		*ops += threads[i].ops;
	}
	return to - from;
}

static u64 once(const struct kind *kind, int n, bool with_mapper, u32 rounds, u64 *ops, u64 *mapper_ops)
{
	static struct thread threads[THREADS + 1];
	char *base = NULL;
	u64 t;

	if (kind->base == SAME_AREA) {
		base = amap(n * OWN);
		if (!base)
			return FAIL;
	}
	memset(threads, 0, sizeof(threads));
	errno = start(threads, n, with_mapper, kind, base, rounds);
	if (errno)
		return FAIL;
	join(threads, n, with_mapper);
	t = span(threads, n, ops);
	*mapper_ops = with_mapper ? threads[n].ops : 0;
	if (base)
		munmap(base, n * OWN);
	return t;
}

/* => rounds that take longer than opt.target, 0 where it fails */
static u32 calibrate(const struct kind *kind, int n, bool with_mapper)
{
	u64 t, ops, mapper_ops, more;
	u32 rounds = 1;

	for (;;) {
		t = once(kind, n, with_mapper, rounds, &ops, &mapper_ops);
		if (t == FAIL)
			return 0;
		if (t > opt.target)
			return rounds;
		more = t ? opt.target * rounds / t * 5 / 4 + 1 : rounds * 8ull;
		if (more > rounds * 16ull)
			more = rounds * 16ull;
		rounds = more <= rounds ? rounds + 1 : more;
	}
}

static bool row(const char *name, const struct kind *kind, int n, bool with_mapper)
{
	int reps = opt.reps > MOST_REPS ? MOST_REPS : opt.reps;
	u64 t, ops = 0, mapper_ops, mapper_rate = 0, times[MOST_REPS];
	u32 rounds = calibrate(kind, n, with_mapper);
	char mapped[40] = "";

	if (!rounds)
		return false;
	for (int i = 0; i < reps; i++) {
		t = times[i] = once(kind, n, with_mapper, rounds, &ops, &mapper_ops);
		if (t == FAIL)
			return false;
		mapper_rate += mapper_ops * 1000000ull / (t ? t : 1);
	}
	if (with_mapper)
		snprintf(mapped, sizeof(mapped), " mapper=%llu/ms", (unsigned long long)(mapper_rate / reps));
	t = median(times, reps);
	report(name, times, reps, ops, "rate=%.0f/s%s n=%u", ops * 1e9 / t, mapped, rounds);
	return true;
}

static void rows(const char *prefix, const struct kind *kind, bool with_mapper)
{
	char name[64];

	for (int n = 1; n <= THREADS; n *= 2) {
		snprintf(name, sizeof(name), "%s_%dt", prefix, n);
		if (wanted(name) && !row(name, kind, n, with_mapper)) {
			refused(name);
			return;
		}
	}
}

void threads(void)
{
	rows("thr_fault_own", &fault_own, false);
	rows("thr_fault_same_vma", &fault_same, false);
	rows("thr_mmap_1p", &one_page, false);
	rows("thr_mmap_touch_16p", &few_pages, false);
	rows("thr_fault_with_mapper", &fault_own, true);
}
