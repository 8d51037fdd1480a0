/* SPDX-License-Identifier: MIT
 *
 * The page allocator: a CPU's own list of pages first, then the zones in turn, then reclaim.
 *
 * Each CPU keeps a short list of single pages and one of pairs for each zone (struct pcp), filled 32 pages at a time by
 * splitting one block and emptied as many at a time. It has no lock: preemption is off while it is touched, and interrupt handlers pass it
 * by and go to the buddy lists. To empty the list of another CPU, drain_all_pages() puts the address of an empty one
 * that takes nothing (pcp_none) in its place and waits for a grace period; then nobody can be using the old one.
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
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "kernel/sync/mutex.h"
#include "mm/phys/internal.h"

#define PCP_ORDER 5
#define PCP_BATCH (1U << PCP_ORDER)
#define COSTLY_ORDER 3

const struct phys_ops *phys_ops;

static struct pcp pcp_none;     /* empty and full at once; a CPU's first visit gives it a list of its own */
static struct pcp pcp_draining; /* likewise, while drain_all_pages is at work */
static DEFINE_PER_CPU(struct pcp, pcp_store[NR_PCP]);
DEFINE_PER_CPU(struct pcp *, pcp_of[NR_PCP]) = { &pcp_none, &pcp_none, &pcp_none, &pcp_none, &pcp_none, &pcp_none };
static_assert(NR_PCP == 6, "each list starts as pcp_none");
static DEFINE_MUTEX(drain_mutex);

/* --- poison and checks ----------------------------------------------------------------------------------------- */
#ifdef CONFIG_DEBUG
static bool page_poison;
PARAM_BOOL("page_poison", page_poison, "fill free pages with a pattern and check it when they are handed out (debug build)");
#define POISON_WORD 0xa5f5ee5aU

static void poison_page(struct page *page)
{
	u32 *p = kmap(page);

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		p[i] = POISON_WORD;
	kunmap(p);
}

static void check_poison(struct page *page)
{
	u32 *p = kmap(page);

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		if (p[i] != POISON_WORD) {
			pr_err("page %#lx changed after it was freed: word %u is %#x\n", page_to_pfn(page), i, p[i]);
			bad_page(page, "used after free");
		}
	kunmap(p);
}

static void check_free_page(const struct page *page)
{
	const unsigned long wrong = 1UL << PG_locked | 1UL << PG_writeback | 1UL << PG_lru | 1UL << PG_buddy | 1UL << PG_slab |
				    1UL << PG_table | 1UL << PG_reserved | 1UL << PG_swapcache | 1UL << PG_mlocked |
				    1UL << PG_waiters | 1UL << PG_chain;

	if (page->flags & wrong)
		bad_page(page, "freed in use: flags");
	if (atomic_read(&page->refcount))
		bad_page(page, "freed in use: references");
	if (atomic_read(&page->mapcount) != -1)
		bad_page(page, "freed in use: mapped");
}

static void check_new_page(struct page *page)
{
	bool poisoned = page->flags >> PG_poisoned & 1;

	page->flags &= ~(1UL << PG_poisoned);
	if (atomic_read(&page->refcount) || (page->flags & ((1UL << PG_zone_shift) - 1)) || page->mapping)
		bad_page(page, "changed while it was free");
	if (poisoned && !in_irq())
		check_poison(page);
}

/* => what to leave in page->flags beside the zone */
static unsigned long page_freed(struct page *page)
{
	check_free_page(page);
	if (!page_poison || in_irq())
		return 0;
	poison_page(page);
	return 1UL << PG_poisoned;
}
#else
static inline void check_new_page(struct page *page) {}
static inline unsigned long page_freed(struct page *page) { return 0; }
#endif

#ifdef CONFIG_DEBUG
bool fail_this_one(void)
{
	struct task *t = current;

	return t && t->fail_nth && !in_irq() && !--t->fail_nth;
}
#endif

void bad_page(const struct page *page, const char *what)
{
	panic("bad page %#lx: %s (flags %#lx, refcount %d, mapcount %d, private %#lx, mapping %p, index %#lx)", page_to_pfn(page),
	      what, page->flags, atomic_read(&page->refcount), page_mapcount(page), page->private, page->mapping, page->index);
}

/* --- a CPU's own list -------------------------------------------------------------------------------------------- */
static inline unsigned pcp_index(enum zone_id zid, unsigned order) { return zid + NR_ZONES * order; }
static inline enum zone_id pcp_zone(unsigned i) { return i % NR_ZONES; }
static inline unsigned pcp_order(unsigned i) { return i / NR_ZONES; }

/* => list i of this CPU, made if it has none yet. Preemption off, not in an interrupt handler. */
static struct pcp *own_pcp(unsigned i)
{
	struct pcp *p = this_cpu_read(pcp_of[i]);

	if (unlikely(p == &pcp_none)) {
		p = this_cpu_ptr(&pcp_store[i]);
		p->head = NULL;
		p->count = 0;
		p->high = zones[pcp_zone(i)].pcp_high >> (pcp_order(i) ? 3 : 0);
		this_cpu_write(pcp_of[i], p);
	}
	return p;
}

static void pcp_push(struct pcp *p, struct page *page)
{
	page->next = p->head;
	p->head = page;
	p->count++;
}

static struct page *pcp_pop(struct pcp *p)
{
	struct page *page = p->head;

	p->head = page->next;
	p->count--;
	return page;
}

/* Bring a batch to an empty list: one block where there is one, so that it costs one split. zone->lock held.
 * spare: what the zone can do without. */
static void pcp_fill(struct zone *z, struct pcp *p, unsigned order, unsigned long spare)
{
	unsigned batch = p->high < 2 * PCP_BATCH ? PCP_ORDER - 2 : PCP_ORDER;
	struct page *page;

	if (spare < 1UL << batch || !p->high)
		return;
	page = buddy_take(z, batch);
	for (int i = (1 << batch) - (1 << order); page && i >= 0; i -= 1 << order)
		pcp_push(p, page + i);
}

/* Give n blocks back. Interrupts may be on; preemption is off. */
static void pcp_spill(unsigned i, struct pcp *p, unsigned n)
{
	struct zone *z = &zones[pcp_zone(i)];
	unsigned long flags;

	spin_lock_irqsave(&z->lock, flags);
	while (n-- && p->head)
		buddy_give(z, pcp_pop(p), pcp_order(i));
	spin_unlock_irqrestore(&z->lock, flags);
}

/* --- allocation ---------------------------------------------------------------------------------------------------- */
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

/* The last reserves: no mark, no reserve for lower zones. */
static struct page *take_any(gfp_t gfp, unsigned order)
{
	for (int i = gfp_zone(gfp); i >= 0; i--) {
		struct page *page = zones[i].present ? take_from_zone(&zones[i], order, 0, ZONE_DMA) : NULL;

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

/* One round of making room. => pages freed, about */
static unsigned long make_room(gfp_t gfp, unsigned order)
{
	struct zone *z = &zones[gfp_zone(gfp)];
	u32 saved = current->flags & PF_MEMALLOC;
	unsigned long freed;

	count_vm_event(ALLOCSTALL);
	current->flags |= PF_MEMALLOC; /* what frees memory may take the reserves, and does not come here again */
	if (phys_ops && phys_ops->reclaim)
		freed = phys_ops->reclaim(z, gfp, order, max(32UL, 1UL << order));
	else
		freed = shrink_slabs(max(32UL, 1UL << order), gfp);
	current->flags = (current->flags & ~PF_MEMALLOC) | saved;
	return freed;
}

static struct page *alloc_with_reclaim(gfp_t gfp, unsigned order)
{
	struct page *page;
	bool drained = false;

	for (unsigned round = 0;; round++) {
		unsigned long freed = make_room(gfp, order);

		page = take_from_zones(gfp, order, WMARK_MIN);
		if (page || (current->flags & PF_OOM_VICTIM))
			break;
		if (freed && round < (order > COSTLY_ORDER ? 2 : 16))
			continue;
		if (!drained) {
			drain_all_pages();
			slab_drain_all();
			drained = true;
			continue;
		}
		if ((gfp & __GFP_NORETRY) || order > COSTLY_ORDER || !phys_ops || !phys_ops->oom)
			break;
		if (!phys_ops->oom(&zones[gfp_zone(gfp)], gfp, order))
			break;
		round = 0;
		drained = false;
	}
	if (!page && (current->flags & PF_OOM_VICTIM))
		page = take_any(gfp, order);
	return page;
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
		if (task->flags & PF_MEMALLOC)
			gfp |= __GFP_MEMALLOC;
	}
	page = take_from_zones(gfp, order, WMARK_LOW);
	if (unlikely(!page)) {
		wake_reclaim(gfp);
		page = take_from_zones(gfp, order, WMARK_MIN);
		if (!page && (gfp & __GFP_MEMALLOC))
			page = take_any(gfp, order);
		else if (!page && (gfp & __GFP_WAIT) && task)
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

/* --- freeing ----------------------------------------------------------------------------------------------------------- */
static void free_to_zone(struct page *page, unsigned order)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lock, flags);
	buddy_give(z, page, order);
	spin_unlock_irqrestore(&z->lock, flags);
}

/* The list is full, or there is none, or this is an interrupt handler. Preemption is off. */
static noinline void free_slow(struct page *page, unsigned i)
{
	struct pcp *p = in_irq() ? &pcp_draining : own_pcp(i);

	if (!p->high) {
		free_to_zone(page, pcp_order(i));
		return;
	}
	if (p->count >= p->high)
		pcp_spill(i, p, min(PCP_BATCH >> pcp_order(i), p->high));
	pcp_push(p, page);
}

static inline void free_to_list(struct page *page, unsigned i)
{
	struct pcp *p;

	preempt_disable();
	p = this_cpu_read(pcp_of[i]);
	if (likely(p->count < p->high) && likely(!in_irq()))
		pcp_push(p, page);
	else
		free_slow(page, i);
	preempt_enable();
}

void free_frozen_page(struct page *page)
{
	enum zone_id zid = page_zone_id(page);

	page->flags = (unsigned long)zid << PG_zone_shift | page_freed(page);
	page->mapping = NULL;
	count_vm_event(PGFREE);
	free_to_list(page, pcp_index(zid, 0));
}

/* Nobody has a reference any more. */
static void free_block(struct page *page, unsigned order)
{
	enum zone_id zid = page_zone_id(page);

	for (unsigned i = 0; i < 1U << order; i++) {
		page[i].flags = (unsigned long)zid << PG_zone_shift | page_freed(page + i);
		page[i].mapping = NULL;
	}
	count_vm_events(PGFREE, 1UL << order);
	if (order < PCP_ORDERS)
		free_to_list(page, pcp_index(zid, order));
	else
		free_to_zone(page, order);
}

/* A lookup without locks may hold the first page for a moment, because it was a file's page before; it finds that out
 * and lets go. Then that frees the first page, and here the others go. */
void free_pages(struct page *page, unsigned order)
{
	if (unlikely(atomic_read(&page->refcount) <= 0))
		bad_page(page, "freed without a reference");
	if (likely(put_page_testzero(page)))
		free_block(page, order);
	else
		while (order--)
			free_block(page + (1UL << order), order);
}

void free_low(void *addr, unsigned order)
{
	if (addr)
		free_pages(virt_to_page(addr), order);
}

void free_page_last(struct page *page)
{
	if (page_lru(page))
		lru_isolate(page);
	free_frozen_page(page);
}

/* Take those of n pages (references already gone) that are on LRU lists off them: one lock a run of a zone. */
static void lru_del_many(struct page **pages, unsigned n)
{
	struct zone *locked = NULL;
	unsigned long flags = 0;

	for (unsigned i = 0; i < n; i++) {
		struct zone *z = page_zone(pages[i]);

		if (!page_lru(pages[i]))
			continue;
		if (z != locked) {
			if (locked)
				spin_unlock_irqrestore(&locked->lru_lock, flags);
			spin_lock_irqsave(&z->lru_lock, flags);
			locked = z;
		}
		if (page_lru(pages[i])) /* the scanner may have had it for a moment */
			lru_del_locked(z, pages[i]);
	}
	if (locked)
		spin_unlock_irqrestore(&locked->lru_lock, flags);
}

void put_pages(struct page **pages, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++)
		if (put_page_testzero(pages[i]))
			pages[left++] = pages[i];
	lru_del_many(pages, left);
	for (unsigned i = 0; i < left; i++)
		free_frozen_page(pages[i]);
}

void free_page_list(struct list_head *list)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru)
		free_frozen_page(page);
	list_init(list);
}

/* --- emptying all lists ------------------------------------------------------------------------------------------------- */
/* A CPU that has no list yet has no pages in it either. */
static struct pcp *detach_list(unsigned cpu, unsigned i)
{
	struct pcp **slot = &per_cpu(pcp_of, cpu)[i], *p = READ_ONCE(*slot);

	if (p == &pcp_none)
		return NULL;
	WRITE_ONCE(*slot, &pcp_draining);
	return p;
}

static void empty_and_attach(unsigned cpu, unsigned i, struct pcp *p)
{
	preempt_disable();
	pcp_spill(i, p, ~0U);
	preempt_enable();
	WRITE_ONCE(per_cpu(pcp_of, cpu)[i], p);
}

void drain_all_pages(void)
{
	struct pcp *old[NR_PCP][MAX_CPUS];

	mutex_lock(&drain_mutex);
	for (unsigned i = 0; i < NR_PCP; i++)
		for_each_online_cpu(cpu)
			old[i][cpu] = detach_list(cpu, i);
	synchronize_rcu();
	for (unsigned i = 0; i < NR_PCP; i++)
		for_each_online_cpu(cpu)
			if (old[i][cpu])
				empty_and_attach(cpu, i, old[i][cpu]);
	mutex_unlock(&drain_mutex);
}

#define K(pages) ((pages) << (PAGE_SHIFT - 10))
static void show_zone(struct zone *z)
{
	unsigned long nr[MAX_ORDER + 1];

	pr_info("%s: free %lu kB (min %lu low %lu high %lu, reserve %lu), managed %lu kB, anon %lu+%lu kB, file %lu+%lu kB\n", z->name,
		K(zone_free_pages(z)), K(z->watermark[WMARK_MIN]), K(z->watermark[WMARK_LOW]), K(z->watermark[WMARK_HIGH]),
		K(z->lowmem_reserve[ZONE_HIGHMEM]), K(z->managed), K(z->nr_lru[LRU_ACTIVE_ANON]), K(z->nr_lru[LRU_INACTIVE_ANON]),
		K(z->nr_lru[LRU_ACTIVE_FILE]), K(z->nr_lru[LRU_INACTIVE_FILE]));
	zone_free_blocks(z, nr);
	pr_info("%s: blocks", z->name);
	for (int o = 0; o <= MAX_ORDER; o++)
		pr_cont(" %lu*%lukB", nr[o], K(1UL << o));
	pr_cont("\n");
}

static void show_consumer(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub)
{
	if (pages >= 16 && !sub)
		pr_info("low memory: %s %lu kB\n", name, K(pages));
}

void show_mem(void)
{
	for (int i = 0; i < NR_ZONES; i++)
		if (zones[i].present)
			show_zone(&zones[i]);
	lowmem_report(show_consumer, NULL);
}
