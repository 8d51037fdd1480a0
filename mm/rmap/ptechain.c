/* SPDX-License-Identifier: MIT
 *
 * Chains of page-table entries: the data structure (ptechain.h). Knows no lock and no page table.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "mm/rmap/ptechain.h"
#include "mm/rmap/statelock.h"

struct chain_shape chain_shape;
static struct kmem_cache *chain_cache;

static u32 line_choice, width_choice;
PARAM_CHOICE("rmap.chainline", line_choice, "bytes of a chain's nodes: a cache line", "32", "64", "128");
PARAM_CHOICE("rmap.chainpte", width_choice, "bytes of a chain's entries", "4", "8");

/* --- one node --------------------------------------------------------------------------------------------------------------- */
static inline u32 idx_of(const struct pte_chain *c) { return c->next_idx & (chain_shape.line - 1); }
static inline struct pte_chain *next_of(const struct pte_chain *c)
{
	return (struct pte_chain *)(unsigned long)(c->next_idx & ~(chain_shape.line - 1));
}
static inline void link_node(struct pte_chain *c, struct pte_chain *next, u32 idx) { c->next_idx = (u32)(unsigned long)next | idx; }

static inline locator_t get_slot(const struct pte_chain *c, u32 i)
{
	return likely(!chain_shape.wide) ? c->loc[i] : locator_from_phys(((const u64 *)c)[i + 1]);
}

static inline void set_slot(struct pte_chain *c, u32 i, locator_t l)
{
	if (likely(!chain_shape.wide))
		c->loc[i] = l;
	else
		((u64 *)c)[i + 1] = locator_to_phys(l);
}

/* --- memory ------------------------------------------------------------------------------------------------------------------- */
int ptechain_init(void)
{
	if (chain_cache)
		return 0;
	chain_shape.line = 32U << line_choice;
	chain_shape.wide = width_choice == 1;
	chain_shape.slots = (chain_shape.line - sizeof(u32)) / (chain_shape.wide ? 8 : 4);
	chain_cache = kmem_cache_create("pte_chain", chain_shape.line, chain_shape.line, 0, NULL);
	return chain_cache ? 0 : -ENOMEM;
}

int ptechain_reserve(struct rmap_batch *b, unsigned n, gfp_t gfp)
{
	if (!b->objects)
		b->count = 0;
	while (b->count < n) {
		struct pte_chain *c = kmem_cache_alloc(chain_cache, gfp);

		if (!c)
			return -ENOMEM;
		*(void **)c = b->objects;
		b->objects = c;
		b->count++;
	}
	return 0;
}

static struct pte_chain *take_node(struct rmap_batch *b)
{
	struct pte_chain *c = b->objects;

	BUG_ON(!c); /* somebody adds a mapping without having reserved for it */
	b->objects = *(void **)c;
	b->count--;
	return c;
}

static inline void free_node(struct pte_chain *c) { kmem_cache_free(chain_cache, c); }

void ptechain_unreserve(struct rmap_batch *b)
{
	while (b->objects)
		free_node(take_node(b));
}

/* --- adding --------------------------------------------------------------------------------------------------------------------- */
static void make_chain(struct page *page, locator_t a, locator_t b, struct pte_chain *c)
{
	u32 last = chain_shape.slots - 1;

	set_slot(c, last, a);
	set_slot(c, last - 1, b);
	link_node(c, NULL, last - 1);
	page->chain = c;
	set_page_chain(page);
}

void ptechain_add(struct page *page, locator_t l, struct rmap_batch *b)
{
	struct pte_chain *c = page->chain;
	u32 idx;

	if (!page_mapped(page)) {
		page->direct = l;
		return;
	}
	if (!page_chain(page)) {
		make_chain(page, page->direct, l, take_node(b));
		return;
	}
	idx = idx_of(c);
	if (!idx) {
		c = take_node(b);
		idx = chain_shape.slots;
		link_node(c, page->chain, idx - 1);
		page->chain = c;
	} else {
		c->next_idx--;
	}
	set_slot(c, idx - 1, l);
}

/* --- removing ------------------------------------------------------------------------------------------------------------------- */
static void not_mapped(struct page *page)
{
	page->direct = NO_LOCATOR;
	if (page_chain(page))
		clear_page_chain(page);
}

/* The head's first entry was taken. */
static void shrink_head(struct page *page)
{
	struct pte_chain *head = page->chain, *next = next_of(head);

	if (idx_of(head) < chain_shape.slots - 1) {
		head->next_idx++;
		return;
	}
	if (next)
		page->chain = next;
	else
		not_mapped(page);
	free_node(head);
}

/* One entry left needs no chain. */
void ptechain_settle(struct page *page)
{
	struct pte_chain *c = page->chain;
	u32 last = chain_shape.slots - 1;

	if (!page_chain(page) || next_of(c) || idx_of(c) != last)
		return;
	clear_page_chain(page);
	page->direct = get_slot(c, last);
	free_node(c);
}

void ptechain_drop(struct page *page, struct chain_pos *pos)
{
	struct pte_chain *head = page->chain, *next;
	u32 idx;

	if (!pos->node) {
		not_mapped(page);
		return;
	}
	idx = idx_of(head);
	next = next_of(head);
	if (pos->node != head || pos->slot != idx)
		set_slot(pos->node, pos->slot, get_slot(head, idx));
	if (pos->node == head && idx == chain_shape.slots - 1) { /* it goes */
		pos->node = next;
		pos->slot = ~0U;
	}
	shrink_head(page);
}

static bool chain_find(struct page *page, locator_t l, struct chain_pos *pos)
{
	locator_t at;

	for (bool found = ptechain_first(page, pos, &at); found; found = ptechain_next(page, pos, &at))
		if (at == l)
			return true;
	return false;
}

void ptechain_remove(struct page *page, locator_t l)
{
	struct chain_pos pos;

	if (!chain_find(page, l, &pos))
		panic("chain: frame %lx is not known to be mapped by %08x", page_to_pfn(page).n, l);
	ptechain_drop(page, &pos);
	ptechain_settle(page);
}

void ptechain_replace(struct page *page, locator_t from, locator_t to)
{
	struct chain_pos pos;

	if (!chain_find(page, from, &pos))
		panic("chain: frame %lx is not known to be mapped by %08x", page_to_pfn(page).n, from);
	if (pos.node)
		set_slot(pos.node, pos.slot, to);
	else
		page->direct = to;
}

/* --- looking ---------------------------------------------------------------------------------------------------------------------- */
bool ptechain_first(struct page *page, struct chain_pos *pos, locator_t *l)
{
	*pos = (struct chain_pos){ NULL, 0 };
	if (!page_mapped(page))
		return false;
	if (page_chain(page)) {
		pos->node = page->chain;
		pos->slot = idx_of(pos->node);
		*l = get_slot(pos->node, pos->slot);
	} else {
		*l = page->direct;
	}
	return true;
}

bool ptechain_next(struct page *page, struct chain_pos *pos, locator_t *l)
{
	if (!pos->node)
		return false;
	if (++pos->slot == chain_shape.slots) {
		pos->node = next_of(pos->node);
		pos->slot = 0;
		if (!pos->node)
			return false;
		ASSERT(!idx_of(pos->node)); /* only the first node has free slots */
	}
	*l = get_slot(pos->node, pos->slot);
	return true;
}

unsigned ptechain_count(const struct page *page)
{
	const struct pte_chain *c = page->chain;
	unsigned n;

	if (!page_chain(page))
		return page_mapped(page);
	n = chain_shape.slots - idx_of(c);
	while ((c = next_of(c)))
		n += chain_shape.slots;
	ASSERT(n >= 2);
	return n;
}

/* --- for /proc/rmap ----------------------------------------------------------------------------------------------------------------- */
struct found { struct slab_info slab; bool yes; };

static void find_slab(void *arg, const struct slab_info *info)
{
	struct found *f = arg;

	if (info->name[0] == 'p' && !strcmp(info->name, "pte_chain"))
		*f = (struct found){ *info, true };
}

size_t ptechain_describe(char *buf, size_t size)
{
	struct found f = { .yes = false };

	for_each_slab_cache(find_slab, &f);
	return scnprintf(buf, size, "; %lu nodes of %u bytes, %u entries of %u each, %lu KB; lock %s", f.slab.active, chain_shape.line,
			 chain_shape.slots, chain_shape.wide ? 8 : 4, f.slab.pages * (PAGE_SIZE >> 10), state_lock_name());
}
