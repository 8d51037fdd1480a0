/* SPDX-License-Identifier: MIT
 *
 * Each CPU's own lists of single pages and of pairs for each zone: filled 32 pages at a time by splitting one block,
 * emptied as many at a time.
 *
 * They have no lock: preemption is off while one is touched, and interrupt handlers pass them by and go to the buddy
 * lists. To empty the list of another CPU, drain_all_pages() puts the address of an empty one that takes nothing
 * (pcp_draining) in its place and waits for a grace period; then nobody can be using the old one.
 *
 * Locks: drain_mutex (sleeps) > zone->lock (interrupts off).
 */
#include "kernel/sync/mutex.h"
#include "mm/phys/pcp.h"

#define PCP_ORDER 5
#define PCP_BATCH (1U << PCP_ORDER)

static struct pcp pcp_none;     /* empty and full at once; a CPU's first visit gives it a list of its own */
static struct pcp pcp_draining; /* likewise, while drain_all_pages is at work */
static DEFINE_PER_CPU(struct pcp, pcp_store[NR_PCP]);
DEFINE_PER_CPU(struct pcp *, pcp_of[NR_PCP]) = { &pcp_none, &pcp_none, &pcp_none, &pcp_none, &pcp_none, &pcp_none };
static_assert(NR_PCP == 6, "each list starts as pcp_none");
static DEFINE_MUTEX(drain_mutex);

/* => list i of this CPU, made if it has none yet. Preemption off, not in an interrupt handler. */
struct pcp *own_pcp(unsigned i)
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

/* Bring a batch to an empty list: one block where there is one, so that it costs one split. zone->lock held.
 * spare: what the zone can do without. */
void pcp_fill(struct zone *z, struct pcp *p, unsigned order, unsigned long spare)
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

void free_to_zone(struct page *page, unsigned order)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lock, flags);
	buddy_give(z, page, order);
	spin_unlock_irqrestore(&z->lock, flags);
}

/* The list is full, or there is none, or this is an interrupt handler. Preemption is off. */
void pcp_free_slow(struct page *page, unsigned i)
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
