/* SPDX-License-Identifier: MIT
 *
 * The page allocator: a CPU's own list of pages first, then the zones in turn, then reclaim.
 *
 * What an allocation meets, in this order:
 *   own list of the highest zone allowed                            a few dozen instructions
 *   each zone down to DMA, as long as it stays above its low mark   (lowmem_reserve on top, see zone.c)
 *   background reclaim is woken; each zone down to its min mark; __GFP_HIGH half of that, __GFP_MEMALLOC all of it
 *   with __GFP_WAIT: reclaim by itself, shrinkers, then the out-of-memory hook
 *
 * Locks: zone->lock, leaf, interrupts off.
 * Cannot: compact memory. An order above 3 fails once memory is in pieces, with a line that says so.
 */
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "mm/phys/pcp.h"

#define COSTLY_ORDER 3

const struct phys_ops *phys_ops;

static inline struct page *prepare_page(struct page *page, enum zone_id zid, gfp_t gfp)
{
	check_new_page(page);
	page->private = 0;
	atomic_set(&page->refcount, 1);
	count_vm_event(PGALLOC_DMA + zid);
	if (gfp & __GFP_ZERO)
		clear_page(page);
	return page;
}

static struct page *prepare_block(struct page *page, unsigned order, gfp_t gfp)
{
	enum zone_id zid = page_zone_id(page);

	prepare_page(page, zid, gfp);
	for (unsigned i = 1; i < 1U << order; i++) {
		check_new_page(page + i);
		if (gfp & __GFP_ZERO)
			clear_page(page + i);
	}
	count_vm_events(PGALLOC_DMA + zid, (1UL << order) - 1);
	return page;
}

/* => a block from this zone that leaves it above `mark` (plus reserve), refcount still 0; or NULL */
static struct page *take_from_zone(struct zone *z, unsigned order, unsigned long mark, enum zone_id highest)
{
	struct page *page = NULL;
	struct pcp *p = NULL;
	unsigned long flags, keep = mark + z->lowmem_reserve[highest];

	if (!zone_watermark_ok(z, order, mark, highest))
		return NULL;
	preempt_disable();
	if (order < PCP_ORDERS && !in_irq()) {
		p = own_pcp(pcp_index(z - zones, order));
		if (p->head) {
			page = pcp_pop(p);
			goto out;
		}
	}
	spin_lock_irqsave(&z->lock, flags);
	page = buddy_take(z, order);
	if (page && p && z->free > keep)
		pcp_fill(z, p, order, z->free - keep);
	spin_unlock_irqrestore(&z->lock, flags);
out:
	preempt_enable();
	return page;
}

static unsigned long gfp_mark(const struct zone *z, gfp_t gfp, unsigned wmark)
{
	unsigned long mark = z->watermark[wmark];

	if (wmark == WMARK_MIN && (gfp & __GFP_HIGH))
		mark -= mark / 2;
	return mark;
}

static struct page *take_from_zones(gfp_t gfp, unsigned order, unsigned wmark)
{
	enum zone_id highest = gfp_zone(gfp);

	for (int i = highest; i >= 0; i--) {
		struct zone *z = &zones[i];
		struct page *page;

		if (!z->present)
			continue;
		page = take_from_zone(z, order, gfp_mark(z, gfp, wmark), highest);
		if (page)
			return page;
	}
	return NULL;
}

/* The reserves, all but a part of the lowest mark: no reserve for lower zones. keep: 0: all; n: 1/n of the mark stays */
static struct page *take_any(gfp_t gfp, unsigned order, unsigned keep)
{
	for (int i = gfp_zone(gfp); i >= 0; i--) {
		unsigned long mark = keep ? zones[i].watermark[WMARK_MIN] / keep : 0;
		struct page *page = zones[i].present ? take_from_zone(&zones[i], order, mark, ZONE_DMA) : NULL;

		if (page)
			return page;
	}
	return NULL;
}

static void wake_reclaim(gfp_t gfp)
{
	if (!phys_ops || !phys_ops->wake_reclaim)
		return;
	for (int i = gfp_zone(gfp); i >= 0; i--)
		if (zones[i].present)
			phys_ops->wake_reclaim(&zones[i]);
}

/* One round of making room. => 0: there is nothing to be had */
static unsigned long make_room(gfp_t gfp, unsigned order)
{
	struct zone *z = &zones[gfp_zone(gfp)];
	u32 saved = current->flags & PF_MEMALLOC;
	unsigned long freed;

	count_vm_event(ALLOCSTALL_DMA + gfp_zone(gfp));
	current->flags |= PF_MEMALLOC; /* what frees memory may take the reserves, and does not come here again */
	if (phys_ops && phys_ops->reclaim)
		freed = phys_ops->reclaim(z, gfp, order, max(32UL, 1UL << order));
	else
		freed = shrink_slabs(max(32UL, 1UL << order), gfp);
	current->flags = (current->flags & ~PF_MEMALLOC) | saved;
	return freed;
}

/* A task that is to die, or does, leaves soon: it neither kills nor waits for anybody, and has a part of the reserves to get out with. */
static bool dying(void)
{
	return signal_pending_state(TASK_KILLABLE) || current->flags & PF_EXITING || READ_ONCE(current->group->oom_victim);
}

/* Rounds that freed something, and still somebody else was faster, or the blocks are too small. */
static bool keep_trying(gfp_t gfp, unsigned order, unsigned round)
{
	if (order > COSTLY_ORDER || gfp & __GFP_NORETRY)
		return round < 2;
	return round < (order ? 48 : 400);
}

static struct page *alloc_with_reclaim(gfp_t gfp, unsigned order)
{
	struct page *page;

	for (unsigned round = 0;; round++) {
		unsigned long freed = make_room(gfp, order);

		page = take_from_zones(gfp, order, WMARK_MIN);
		if (page)
			return page;
		if (dying())
			return take_any(gfp, order, 4);
		if (freed && keep_trying(gfp, order, round))
			continue;
		if (gfp & __GFP_NORETRY || order > COSTLY_ORDER || !phys_ops || !phys_ops->oom)
			return NULL;
		if (!phys_ops->oom(&zones[gfp_zone(gfp)], gfp, order))
			return NULL;
		round = 0;
	}
}

static void warn_failure(gfp_t gfp, unsigned order)
{
	static u32 state[2];

	if ((gfp & __GFP_NOWARN) || !printk_allowed(state, 3))
		return;
	pr_warn("page allocation failure: order %u, gfp %#x\n", order, gfp);
	dump_stack();
	show_mem();
}

static noinline struct page *alloc_slow(gfp_t gfp, unsigned order)
{
	struct task *task = current; /* NULL early in boot */
	struct page *page;

	if (WARN_ON_ONCE(order > MAX_ORDER))
		return NULL;
	if (task && !in_irq()) {
		gfp &= ~task->gfp_mask;
		if (task->flags & PF_MEMALLOC && !(gfp & __GFP_NOMEMALLOC))
			gfp |= __GFP_MEMALLOC;
	}
	page = take_from_zones(gfp, order, WMARK_LOW);
	if (unlikely(!page)) {
		wake_reclaim(gfp);
		page = take_from_zones(gfp, order, WMARK_MIN);
		if (!page && (gfp & __GFP_MEMALLOC))
			page = take_any(gfp, order, 0);
		else if (!page && (gfp & __GFP_WAIT) && task && !(task->flags & PF_MEMALLOC))
			page = alloc_with_reclaim(gfp, order);
		if (!page) {
			warn_failure(gfp, order);
			return NULL;
		}
	}
	return prepare_block(page, order, gfp);
}

struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	enum zone_id zid = gfp_zone(gfp);
	struct pcp *p;

	if (gfp & __GFP_WAIT)
		might_sleep();
	if (fail_this_one())
		return NULL;
	if (likely(order < PCP_ORDERS)) {
		preempt_disable();
		p = this_cpu_read(pcp_of[pcp_index(zid, order)]);
		if (likely(p->head) && likely(!in_irq())) {
			struct page *page = pcp_pop(p);

			preempt_enable();
			if (order)
				return prepare_block(page, order, gfp);
			return prepare_page(page, zid, gfp);
		}
		preempt_enable();
	}
	return alloc_slow(gfp, order);
}

void *alloc_low(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp & ~__GFP_HIGHMEM, order);

	return page ? page_address(page) : NULL;
}

u32 gfp_scope_begin(gfp_t without)
{
	u32 saved = current->gfp_mask;

	current->gfp_mask |= without;
	return saved;
}

void gfp_scope_end(u32 saved) { current->gfp_mask = saved; }
