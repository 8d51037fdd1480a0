/* SPDX-License-Identifier: MIT
 *
 * What a page knows of the PTEs that map it, in one word of struct page:
 *
 *   not mapped      direct = all ones
 *   mapped once     direct = the locator: most pages, all their life, and it costs nothing
 *   more often      PG_chain, chain -> nodes of one cache line, each full but the first
 *
 *        page.chain
 *            |     +------+------+------+------+     +------+------+------+------+
 *            +---> | next | free | loc  | loc  | --> | next | loc  | loc  | loc  | --> 0
 *                  | idx 1|      |      |      |     | idx 0|      |      |      |
 *                  +------+------+------+------+     +------+------+------+------+
 *
 * Free slots are the low ones of the first node; `idx`, its first used slot, lies in the low bits of its next pointer
 * (nodes are aligned to their size). Adding fills the slot below idx, or puts a node in front; removing moves the first
 * used entry into the hole: never a search for a free place, but removing looks for its entry among all (akpm's arrays of
 * 2.5.31; before, a list of pairs wasted half of its memory).
 *
 * All under the state lock (statelock.h), except a page's first mapping. A chain holds two entries at least: with one
 * left it goes back to direct.
 */
#ifndef MM_RMAP_PTECHAIN_H
#define MM_RMAP_PTECHAIN_H

#include "mm/rmap/locator.h"
#include "mm/rmap/rmap.h"

struct pte_chain {
	u32 next_idx;
	locator_t loc[];  /* chainpte=4; for 8, u64s behind a hole of 4 bytes */
};
struct chain_shape { u32 line, slots; bool wide; };
extern struct chain_shape chain_shape;

int ptechain_init(void); /* => 0 or -ENOMEM */
/* Nodes in advance. => 0: b has at least n; -ENOMEM: fewer */
int ptechain_reserve(struct rmap_batch *b, unsigned n, gfp_t gfp);
void ptechain_unreserve(struct rmap_batch *b);

void ptechain_add(struct page *page, locator_t l, struct rmap_batch *b); /* b holds a node if the page is mapped already */
void ptechain_remove(struct page *page, locator_t l);
void ptechain_replace(struct page *page, locator_t from, locator_t to);
unsigned ptechain_count(const struct page *page);
size_t ptechain_describe(char *buf, size_t size);

/* For a walk: where it stands; node NULL: at a direct entry. */
struct chain_pos { struct pte_chain *node; u32 slot; };
bool ptechain_first(struct page *page, struct chain_pos *pos, locator_t *l);
bool ptechain_next(struct page *page, struct chain_pos *pos, locator_t *l);
/* Drop the entry at pos; ptechain_next goes on behind it. No collapse: ptechain_settle when the walk is over. */
void ptechain_drop(struct page *page, struct chain_pos *pos);
void ptechain_settle(struct page *page);

#endif
