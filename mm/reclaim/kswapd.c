/* SPDX-License-Identifier: MIT
 *
 * Who reclaims, and when: kswapd in the background, and whoever allocates when that was too slow.
 *
 *   an allocation finds its zones below low   -> wake_kswapd: all zones up to their high mark, the highest one first
 *                                below min    -> direct_reclaim: about a batch of pages, by itself (mm/phys/alloc.c)
 *
 * Low and high memory. A zone is reclaimed for its own marks' sake; nobody empties low memory for a request that the zone's reserve
 * (lowmem_reserve) would refuse anyway. Slabs are low memory: the shrinkers run when a low zone is short, however
 * much high memory is free. Page-cache nodes are slabs that only go with their pages, which mostly lie high: they have
 * a shrinker here.
 *
 * Getting on. A task in here has PF_MEMALLOC: it may use the reserves and does not come here again. When most of
 * what is met waits for the disk, the next round waits until something has been written (reclaim_written), with a
 * bound in case that the disk is stuck. A zone that was looked at six times in vain (zone_hopeless) is left alone by
 * kswapd and by all but the first and the last round; after 16 runs in vain kswapd sleeps until somebody frees a page, and an
 * allocation goes on to the out-of-memory killer.
 *
 * Locks: none held; sleeps.
 */
#include "kernel/lib/printk.h"
#include "kernel/time/clock.h"
#include "mm/cache/writeback.h"
#include "mm/reclaim/internal.h"

#define VAIN_RUNS 16
#define WRITE_WAIT (100 * NSEC_PER_MSEC)

static DEFINE_WAIT_QUEUE(kswapd_wait);
static u32 vain_runs;      /* of kswapd, since anybody has freed a page; races do no harm */
static u32 vain_direct[2]; /* likewise, of those who allocate: low memory, any */

/* A thousand tasks that all look for the last page only keep one another from finding it. */
#define MOST_DIRECT 8
static atomic_t nr_direct;
static DEFINE_WAIT_QUEUE(direct_wait);

static bool zone_low(const struct zone *z, unsigned mark) { return z->present && z->free < z->watermark[mark]; }
static bool low_memory_short(unsigned mark) { return zone_low(&zones[ZONE_NORMAL], mark) || zone_low(&zones[ZONE_DMA], mark); }

/* --- slabs ----------------------------------------------------------------------------------------------------------------- */
/* A full node of a file's tree stands for 64 pages; to free it they have to go. Most of them are in high memory. */
static unsigned long count_nodes(void)
{
	return zones[ZONE_HIGHMEM].present ? (zones[ZONE_HIGHMEM].nr_lru[LRU_INACTIVE_FILE] + zones[ZONE_HIGHMEM].nr_lru[LRU_ACTIVE_FILE]) / 64 : 0;
}

static unsigned long scan_nodes(unsigned long nodes, gfp_t gfp)
{
	struct scan s = { .gfp = gfp & ~__GFP_IO, .priority = 2, .want = min(nodes, 32UL) * 64 };

	shrink_zone(&zones[ZONE_HIGHMEM], &s);
	return s.freed / 64;
}
static struct shrinker node_shrinker = { .name = "page-cache nodes", .count = count_nodes, .scan = scan_nodes };

/* The more rounds were in vain, the more of each cache. */
static void shrink_low(struct scan *s)
{
	unsigned long freed = shrink_slabs(SCAN_BATCH << (SCAN_PRIORITY - s->priority) / 2, s->gfp);

	s->freed += freed;
}

/* --- waiting for the disk ---------------------------------------------------------------------------------------------------- */
/* Until a page that reclaim waits for has been written since *seen was read. */
static void wait_for_write(struct scan *s, u32 seen)
{
	if (s->dirty)
		wake_flushers(s->dirty);
	if (!(s->gfp & __GFP_IO) || !(s->writeback + s->dirty))
		return;
	count_vm_event(RECLAIM_WAIT);
	if (s->background)
		(void)wait_event_interruptible_timeout(&reclaim_written, READ_ONCE(nr_reclaim_written) != seen, WRITE_WAIT);
	else
		(void)wait_event_killable_timeout(&reclaim_written, READ_ONCE(nr_reclaim_written) != seen, WRITE_WAIT);
}

/* --- direct ------------------------------------------------------------------------------------------------------------------- */
/* Could freeing pages of z help a request that may use zones up to `highest`? Not where its reserve keeps them all. */
static bool zone_helps(const struct zone *z, unsigned order, enum zone_id highest)
{
	if (!z->present || z->lowmem_reserve[highest] + z->watermark[WMARK_HIGH] >= z->managed)
		return false;
	return !zone_watermark_ok(z, order, z->watermark[WMARK_HIGH], highest);
}

static void direct_round(struct scan *s, enum zone_id highest, unsigned order)
{
	for (int i = highest; i >= 0; i--) {
		struct zone *z = &zones[i];

		if (!zone_helps(z, order, highest))
			continue;
		if (zone_hopeless(z) && s->priority && s->priority != SCAN_PRIORITY)
			continue;
		shrink_zone(z, s);
	}
	if (highest != ZONE_HIGHMEM || low_memory_short(WMARK_LOW))
		shrink_low(s);
}

static bool take_place(void)
{
	int n = atomic_read(&nr_direct);

	while (n < MOST_DIRECT)
		if (atomic_try_cmpxchg(&nr_direct, &n, n + 1))
			return true;
	return false;
}

static void leave_place(void)
{
	atomic_dec(&nr_direct);
	wake_up(&direct_wait);
}

/* After so many runs in vain one more look at everything will do, without the rounds that lead up to it. */
static void direct_rounds(struct scan *s, enum zone_id highest, unsigned order, bool hopeless)
{
	for (s->priority = hopeless ? 1 : SCAN_PRIORITY; s->priority >= 0; s->priority--) {
		u32 seen = READ_ONCE(nr_reclaim_written);

		s->writeback = s->dirty = 0;
		direct_round(s, highest, order);
		if (s->freed >= s->want || signal_pending_state(TASK_KILLABLE))
			break;
		if (s->priority == SCAN_PRIORITY / 2) { /* what lies idle on CPUs' own lists */
			drain_all_pages();
			slab_drain_all();
		}
		wait_for_write(s, seen);
	}
}

/* phys_ops.reclaim. The caller has set PF_MEMALLOC. => 0: this run and 15 before it, whoever made them, have freed nothing. Who
 * holds locks of a file system does not wait for a place: one who has a place may be waiting for those. */
unsigned long direct_reclaim(struct zone *zone, gfp_t gfp, unsigned order, unsigned long pages)
{
	u32 *vain = &vain_direct[zone == &zones[ZONE_HIGHMEM]];
	struct scan s = { .gfp = gfp, .want = pages };
	bool place = take_place();

	if (!place && gfp & __GFP_FS) {
		(void)wait_event_killable_timeout(&direct_wait, atomic_read(&nr_direct) < MOST_DIRECT, 100 * NSEC_PER_MSEC);
		return READ_ONCE(*vain) < VAIN_RUNS;
	}
	direct_rounds(&s, zone - zones, order, *vain >= VAIN_RUNS);
	if (place)
		leave_place();
	if (s.freed)
		vain_runs = *vain = 0;
	else
		++*vain;
	return s.freed ? s.freed : *vain < VAIN_RUNS;
}

/* --- in the background ------------------------------------------------------------------------------------------------------------ */
/* => is any zone still below its high mark? */
static bool background_round(struct scan *s)
{
	bool low = false, any = false;

	for (int i = NR_ZONES - 1; i >= 0; i--) {
		struct zone *z = &zones[i];

		if (!zone_low(z, WMARK_HIGH))
			continue;
		any = true;
		low |= i != ZONE_HIGHMEM;
		if (zone_hopeless(z) && s->priority != SCAN_PRIORITY)
			continue;
		s->want = s->freed + max(z->watermark[WMARK_HIGH] - min(z->watermark[WMARK_HIGH], z->free), (unsigned long)SCAN_BATCH);
		shrink_zone(z, s);
	}
	if (low)
		shrink_low(s);
	return any;
}

static void balance(void)
{
	struct scan s = { .gfp = GFP_KERNEL, .background = true };

	count_vm_event(PAGEOUTRUN);
	for (s.priority = SCAN_PRIORITY; s.priority > 0;) {
		u32 seen = READ_ONCE(nr_reclaim_written);
		unsigned long before = s.freed;

		s.writeback = s.dirty = 0;
		if (!background_round(&s))
			break;
		if (s.freed - before < SCAN_BATCH) {
			s.priority--;
			wait_for_write(&s, seen);
		}
	}
	if (s.freed)
		vain_runs = vain_direct[0] = vain_direct[1] = 0;
	else
		vain_runs++;
}

static bool work_wanted(void)
{
	return zones[ZONE_DMA].wanted || zones[ZONE_NORMAL].wanted || zones[ZONE_HIGHMEM].wanted;
}

static int kswapd(void *unused)
{
	current->flags |= PF_MEMALLOC;
	for (;;) {
		(void)wait_event_interruptible(&kswapd_wait, work_wanted());
		for (int i = 0; i < NR_ZONES; i++)
			WRITE_ONCE(zones[i].wanted, false);
		balance();
	}
	return 0;
}

/* phys_ops.wake_reclaim: any context */
void wake_kswapd(struct zone *z)
{
	if (READ_ONCE(z->wanted) || vain_runs >= VAIN_RUNS || !zone_low(z, WMARK_LOW))
		return;
	WRITE_ONCE(z->wanted, true);
	wake_up(&kswapd_wait);
}

void kswapd_init(void)
{
	register_shrinker(&node_shrinker);
	if (IS_ERR(kthread_run(kswapd, NULL, "kswapd")))
		panic("kswapd: no memory for a thread");
}
