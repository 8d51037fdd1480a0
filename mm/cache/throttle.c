/* SPDX-License-Identifier: MIT
 *
 * How much may be dirty, and what becomes of writers when more is.
 *
 * Dirtyable memory is what is free or holds file pages, less the reserves, in all zones: high pages are written without a
 * trace in low memory but for the nodes of the tree (and, at an ATA disk, bounce pages, of which there is a fixed
 * number). A node stands for 64 pages of a file written in order, but for one page of a file written here and there. So
 * the limit is also one of low memory: nodes of the worst case may take an eighth of what is dirtyable in the low zones.
 *
 *	background   flushers begin
 *	limit        nobody may dirty more: dirty and under write-back together
 *
 * Between the middle of the two and the limit a disk has a share of it, in proportion to the rate at which it wrote
 * lately. Only writers to a disk beyond its share wait: a slow disk fills its own small share and nobody else's.
 * Writers do no I/O; they sleep until their disk has come back below its share.
 *
 * Locks: flusher->rate_lock, a leaf.
 */
#include "kernel/lib/div64.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "mm/cache/flusher.h"
#include "mm/cache/internal.h"

int sysctl_dirty_ratio = 20, sysctl_dirty_background_ratio = 10;
unsigned long sysctl_dirty_bytes, sysctl_dirty_background_bytes;

#define RATE_PERIOD (200 * NSEC_PER_MSEC)
#define NODE_BYTES ((unsigned long)sizeof(struct radix_node))

unsigned long dirty_pages(void)
{
	struct flusher *f;
	long n = 0;

	list_for_each_entry_rcu(f, &flushers, node)
		n += atomic_read(&f->nr_dirty);
	return max(n, 0L);
}

unsigned long writeback_pages(void)
{
	struct flusher *f;
	long n = 0;

	list_for_each_entry_rcu(f, &flushers, node)
		n += atomic_read(&f->nr_writeback);
	return max(n, 0L);
}

/* --- limits --------------------------------------------------------------------------------------------------------------- */
static unsigned long zone_dirtyable(const struct zone *z)
{
	unsigned long n = zone_free_pages(z) + z->nr_lru[LRU_INACTIVE_FILE] + z->nr_lru[LRU_ACTIVE_FILE];
	unsigned long keep = z->watermark[WMARK_HIGH] + z->lowmem_reserve[NR_ZONES - 1];

	return n > keep ? n - keep : 0;
}

static unsigned long dirtyable_pages(void)
{
	unsigned long n = 0;

	for (unsigned i = 0; i < NR_ZONES; i++)
		n += zone_dirtyable(&zones[i]);
	return n;
}

static unsigned long low_limit(void)
{
	unsigned long low = zone_dirtyable(&zones[ZONE_DMA]) + zone_dirtyable(&zones[ZONE_NORMAL]);

	return low / 8 * (PAGE_SIZE / NODE_BYTES);
}

static unsigned long of_dirtyable(unsigned long bytes, int ratio, unsigned long dirtyable)
{
	return bytes ? (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT : dirtyable / 100 * ratio + dirtyable % 100 * ratio / 100;
}

unsigned long dirty_threshold(unsigned long *background)
{
	unsigned long dirtyable = dirtyable_pages(), low = low_limit();
	unsigned long limit = min(of_dirtyable(sysctl_dirty_bytes, sysctl_dirty_ratio, dirtyable), low);
	unsigned long back = min(of_dirtyable(sysctl_dirty_background_bytes, sysctl_dirty_background_ratio, dirtyable), low / 2);

	limit = max(limit, 32UL);
	*background = min(back, limit / 2);
	return limit;
}

bool over_background(void)
{
	unsigned long background;

	dirty_threshold(&background);
	return dirty_pages() > background;
}

/* --- rates ------------------------------------------------------------------------------------------------------------------ */
/* What it wrote in a period while it had something to write moves the rate by an eighth. => pages a second, at least 1 */
static u32 flusher_rate(struct flusher *f)
{
	u64 t = ktime_get();
	u32 rate;

	spin_lock(&f->rate_lock);
	if (t - f->rate_since >= RATE_PERIOD) {
		u32 ms = (u32)div_u64(t - f->rate_since, (u32)NSEC_PER_MSEC);
		u32 n = (u32)atomic_xchg(&f->written, 0);

		if (n && ms < 16 * RATE_PERIOD / NSEC_PER_MSEC)
			f->rate = f->rate - f->rate / 8 + (u32)div_u64((u64)n * 1000, ms) / 8;
		f->rate_since = t;
	}
	rate = max(f->rate, 64U);
	spin_unlock(&f->rate_lock);
	return rate;
}

/* What of the limit is this disk's: in proportion to its rate among those that have something to write. */
static unsigned long share_of(struct flusher *me, unsigned long limit)
{
	u32 mine = flusher_rate(me), all = 0;
	struct flusher *f;

	list_for_each_entry_rcu(f, &flushers, node)
		if (f == me || atomic_read(&f->nr_dirty) + atomic_read(&f->nr_writeback) > 0)
			all += f == me ? mine : flusher_rate(f);
	return max((unsigned long)div_u64((u64)limit * mine, all), 16UL);
}

/* --- waiting ----------------------------------------------------------------------------------------------------------------- */
/* => false: no reason to wait */
static bool must_wait(struct flusher *f)
{
	unsigned long background, limit = dirty_threshold(&background);
	unsigned long dirty = dirty_pages(), all = dirty + writeback_pages();
	unsigned long mine = max(atomic_read(&f->nr_dirty) + atomic_read(&f->nr_writeback), 0);

	if (dirty > background && !READ_ONCE(f->kicked))
		flusher_kick(f);
	if (all <= (background + limit) / 2)
		return false;
	return mine > share_of(f, limit);
}

void flusher_wrote(struct flusher *f, unsigned pages)
{
	atomic_sub(pages, &f->nr_writeback);
	atomic_add(pages, &f->written);
	if (unlikely(waitqueue_active(&f->throttled)))
		wake_up_all(&f->throttled);
}

/* Asleep it looks again whenever pages have been written, and ten times a second. A fatal signal ends it: the task is on
 * its way out and dirties no more. */
void balance_dirty(struct flusher *f)
{
	might_sleep();
	while (must_wait(f)) {
		flusher_kick(f);
		if (wait_event_killable_timeout(&f->throttled, !must_wait(f), 100 * NSEC_PER_MSEC) < 0)
			return;
	}
}

/* Who writes a page at a time is looked at as well: a CPU's writers together, every 32 pages. */
static DEFINE_PER_CPU(u32, unlooked);

void balance_dirty_some(struct flusher *f, unsigned pages)
{
	this_cpu_add(unlooked, pages);
	if (likely(this_cpu_read(unlooked) < 32))
		return;
	this_cpu_write(unlooked, 0);
	balance_dirty(f);
}
