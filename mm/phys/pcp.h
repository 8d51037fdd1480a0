/* SPDX-License-Identifier: MIT
 *
 * The parts of a CPU's own page lists that the fast paths of alloc.c and free.c have in line. See pcp.c.
 */
#ifndef MM_PHYS_PCP_H
#define MM_PHYS_PCP_H

#include "mm/phys/internal.h"

static inline unsigned pcp_index(enum zone_id zid, unsigned order) { return zid + NR_ZONES * order; }
static inline enum zone_id pcp_zone(unsigned i) { return i % NR_ZONES; }
static inline unsigned pcp_order(unsigned i) { return i / NR_ZONES; }

static inline void pcp_push(struct pcp *p, struct page *page)
{
	page->next = p->head;
	p->head = page;
	p->count++;
}

static inline struct page *pcp_pop(struct pcp *p)
{
	struct page *page = p->head;

	p->head = page->next;
	p->count--;
	return page;
}

struct pcp *own_pcp(unsigned i);
void pcp_fill(struct zone *z, struct pcp *p, unsigned order, unsigned long spare);
void pcp_free_slow(struct page *page, unsigned i);
void free_to_zone(struct page *page, unsigned order);

/* Preemption on or off, any context. */
static inline void free_to_list(struct page *page, unsigned i)
{
	struct pcp *p;

	preempt_disable();
	p = this_cpu_read(pcp_of[i]);
	if (likely(p->count < p->high) && likely(!in_irq()))
		pcp_push(p, page);
	else
		pcp_free_slow(page, i);
	preempt_enable();
}

#endif
