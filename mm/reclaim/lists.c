/* SPDX-License-Identifier: MIT
 *
 * Of which lists of a zone how much is scanned, and how active pages grow old.
 *
 *        used again                        ages: the inactive list has become too short
 *   +--> active ------------------------------------------------------------+
 *   |                                                                       v
 *   +---------------------------------- inactive <--- new pages of files, swap-in
 *                                          | cold end: shrink_batch (scan.c)
 *                                          v
 *                                       freed
 *
 * Each zone has this twice, for anonymous pages (with tmpfs: what goes to swap) and for pages of files. In a round of
 * priority p a list's share is its length / 2^p, so the rounds grow harder: from 1/4096 to all of it.
 *
 * Anonymous against files: by swappiness, and by what scanning has brought lately: a kind whose pages were mostly found in
 * use is left alone, the more so the more often. As long as there are enough inactive file pages only they are
 * taken: a working set of anonymous memory is not swapped out for a stream of reads.
 *
 * Locks: zone->lru_lock, inside mm/phys/lru_scan.c and for the two counters of `use`.
 * Cannot: know a page that comes back soon after it was thrown out (refault distance): a working set of files that
 * is larger than the inactive list and read in turn gets no hits, as in any LRU.
 */
#include "kernel/lib/trace.h"
#include "mm/reclaim/internal.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"

u32 sysctl_swappiness = 60;

enum { ANON, FILES };
static inline int kind_of(enum lru_list l) { return l >= LRU_INACTIVE_FILE ? FILES : ANON; }
static inline unsigned long nr_of(const struct zone *z, enum lru_list l) { return READ_ONCE(z->nr_lru[l]); }

/* Pages of the swap cache whose copy on disk is good can go even when every slot is taken. */
static bool can_swap(const struct scan *s)
{
	return swap_available() || (swap_cache_pages() && s->priority < SCAN_PRIORITY - 4);
}

/* One inactive page for each active one up to 1 GB; then fewer: what matters is how long a page has to be used again. */
static bool inactive_is_low(const struct zone *z, int kind)
{
	unsigned long inactive = nr_of(z, kind == FILES ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON);
	unsigned long active = nr_of(z, kind == FILES ? LRU_ACTIVE_FILE : LRU_ACTIVE_ANON);
	unsigned long gb = (inactive + active) >> (30 - PAGE_SHIFT), ratio = 1;

	while (ratio * ratio < 10 * gb)
		ratio++;
	return inactive * ratio < active;
}

unsigned long zone_reclaimable(const struct zone *z)
{
	unsigned long n = nr_of(z, LRU_ACTIVE_FILE) + nr_of(z, LRU_INACTIVE_FILE);

	if (swap_available())
		n += nr_of(z, LRU_ACTIVE_ANON) + nr_of(z, LRU_INACTIVE_ANON);
	return n;
}

/* Looked at six times without one page freed */
bool zone_hopeless(const struct zone *z)
{
	return READ_ONCE(z->scanned) > 6 * zone_reclaimable(z) + 6 * SCAN_BATCH;
}

/* --- growing old -------------------------------------------------------------------------------------------------------- */
/* Was it used? Only a program's code stays active for that: everything else gets its chance on the inactive list. */
static bool keeps_active(struct page *page, enum lru_list l, unsigned *used)
{
	u32 vm_flags = 0;
	int young;

	if (!page_mapped(page) || !trylock_page(page))
		return false;
	young = rmap_referenced(page, &vm_flags);
	swap_unlock_page(page);
	*used += young > 0;
	return young && l == LRU_ACTIVE_FILE && vm_flags & VM_EXEC;
}

static void note_use(struct zone *z, int kind, unsigned scanned, unsigned rotated)
{
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	if (z->use[kind].scanned > (nr_of(z, 2 * kind) + nr_of(z, 2 * kind + 1)) / 4) { /* what was long ago counts less */
		z->use[kind].scanned /= 2;
		z->use[kind].rotated /= 2;
	}
	z->use[kind].scanned += scanned;
	z->use[kind].rotated += rotated;
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

static void age_active(struct zone *z, enum lru_list l, unsigned n, struct scan *s)
{
	struct page *pages[SCAN_BATCH];
	unsigned used = 0;
	unsigned long seen = 0;
	u32 active = 0;

	n = lru_take(z, l, pages, n, &seen);
	for (unsigned i = 0; i < n; i++)
		if (keeps_active(pages[i], l, &used))
			active |= 1u << i;
	lru_give_back(z, pages, n, active);
	count_vm_events(PGREFILL, n);
	note_use(z, kind_of(l), n, used);
	s->scanned += seen;
}

/* --- the cold end --------------------------------------------------------------------------------------------------------- */
static void count_scan(const struct scan *s, enum lru_list l, unsigned long seen, unsigned freed)
{
	count_vm_events(s->background ? PGSCAN_KSWAPD : PGSCAN_DIRECT, seen);
	count_vm_events(s->background ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, freed);
	count_vm_events(kind_of(l) == FILES ? PGSCAN_FILE : PGSCAN_ANON, seen);
	count_vm_events(kind_of(l) == FILES ? PGSTEAL_FILE : PGSTEAL_ANON, freed);
}

static void shrink_inactive(struct zone *z, enum lru_list l, unsigned n, struct scan *s)
{
	struct page *pages[SCAN_BATCH];
	unsigned long seen = 0;
	unsigned freed, activated;

	n = lru_take(z, l, pages, n, &seen);
	freed = n ? shrink_batch(z, pages, n, s, &activated) : 0;
	if (n)
		note_use(z, kind_of(l), n, activated);
	count_scan(s, l, seen, freed);
	s->scanned += seen;
	WRITE_ONCE(z->scanned, freed ? 0 : z->scanned + seen);
}

/* --- sharing out ------------------------------------------------------------------------------------------------------------ */
/* Weights of the two kinds, of 256 */
static void weigh(const struct zone *z, const struct scan *s, unsigned long weight[2])
{
	unsigned long files = nr_of(z, LRU_INACTIVE_FILE) + nr_of(z, LRU_ACTIVE_FILE), a, f;
	u32 swappiness = min(READ_ONCE(sysctl_swappiness), 200u);

	weight[ANON] = 0;
	weight[FILES] = 256;
	if (!(s->gfp & __GFP_IO) || !can_swap(s) || (!swappiness && s->priority))
		return;
	if (zone_free_pages(z) + files <= z->watermark[WMARK_HIGH]) { /* hardly a file's page left: then it is needed */
		weight[ANON] = 256;
		weight[FILES] = s->priority ? 0 : 256;
		return;
	}
	if (!inactive_is_low(z, FILES) && nr_of(z, LRU_INACTIVE_FILE) >> s->priority)
		return;
	a = swappiness * ((z->use[ANON].scanned + 1) * 16 / (z->use[ANON].rotated + 1));
	f = (200 - swappiness) * ((z->use[FILES].scanned + 1) * 16 / (z->use[FILES].rotated + 1));
	while ((a | f) >> 22) {
		a >>= 1;
		f >>= 1;
	}
	weight[ANON] = s->priority ? 256 * a / (a + f + 1) : 256;
	weight[FILES] = s->priority ? 256 - weight[ANON] : 256;
}

/* Of each list how much in this round: its share, but a batch at least where the zone is small. */
static bool share_out(const struct zone *z, const struct scan *s, unsigned long todo[NR_LRU])
{
	unsigned long weight[2], any = 0;

	weigh(z, s, weight);
	for (int l = 0; l < NR_LRU; l++) {
		unsigned long n = nr_of(z, l), share = n >> s->priority;

		share = max(share, min(n, (unsigned long)SCAN_BATCH));
		todo[l] = share / 256 * weight[kind_of(l)] + share % 256 * weight[kind_of(l)] / 256;
		any |= todo[l];
	}
	return any;
}

static void shrink_list(struct zone *z, enum lru_list l, unsigned n, struct scan *s)
{
	if (l == LRU_INACTIVE_ANON || l == LRU_INACTIVE_FILE)
		shrink_inactive(z, l, n, s);
	else if (inactive_is_low(z, kind_of(l)) || !s->priority)
		age_active(z, l, n, s);
}

/* A round over one zone. It ends early when enough has been freed, or current is to die. */
void shrink_zone(struct zone *z, struct scan *s)
{
	unsigned long todo[NR_LRU];
	bool more;

	lru_drain(z);
	more = share_out(z, s, todo);

	while (more && s->freed < s->want) {
		more = false;
		for (int l = 0; l < NR_LRU; l++) {
			unsigned n = min(todo[l], (unsigned long)SCAN_BATCH);

			if (!n)
				continue;
			todo[l] -= n;
			more |= todo[l] > 0;
			shrink_list(z, l, n, s);
		}
		cond_resched();
		if (!s->background && signal_pending_state(TASK_KILLABLE))
			break;
	}
	trace(reclaim, z - zones, s->priority, s->scanned, s->freed);
}
