/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=direct: a page points to its one vma, and only fork makes an object (Andrea Arcangeli's first version, March
 * 2004, which lived for a few days).
 *
 *   mapped by one vma        page.mapping = vma | 3           nothing else is allocated, and a walk looks at one place
 *   perhaps by relatives     page.mapping = anon_vma | 1      since a fork; the list of vmas as in anonvma.c
 *
 * A page is direct when it is made, indirect when fork gives it a second mapping, and direct again when a write fault finds
 * that it is the last one's (reuse). Which of them, and mapcount, change under the page's state lock.
 *
 * What it died of: a page of the upper half of a split area points to the lower one, and nothing leads from an area to its
 * pages but the page tables. So split, merge and mremap must walk these and re-point every page: here they do, and
 * /proc/rmap counts what that costs (repairs). anonvma gives each area its object at the first write instead, and pays 36
 * bytes of low memory for never touching a page again.
 *
 * Why the pointer can be followed: removing a mapping takes the state lock; so while a walk holds it and the page is mapped
 * and direct, the PTE is there, and with it vma and mm. The walk only tries the PTL, which the others took first, and does
 * not wait for a vma that is just changing its range (seq): RMAP_AGAIN. The place of a page in its vma never changes; so its
 * address is right also while a merge has re-pointed it to a vma that has not grown over it yet.
 */
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/seqlock.h"
#include "mm/rmap/anonvma.h"
#include "mm/rmap/statelock.h"

#define MAPPING_DIRECT 2UL
#define MAPPING_BITS (PAGE_MAPPING_ANON | MAPPING_DIRECT)

struct direct_tail {
	struct anon_tail list; /* first: anonvma.c finds it there */
	seqcount_t seq;        /* odd while start, end and pgoff change */
};

static inline struct direct_tail *tail_of(const struct vma *vma) { return rmap_tail_anon(vma); }

/* Mapping words: state lock, or a page that nobody else can see. */
static inline struct address_space *direct_to(const struct vma *vma) { return (void *)((unsigned long)vma | MAPPING_BITS); }
static inline struct address_space *shared_by(const struct anon_vma *av) { return (void *)((unsigned long)av | PAGE_MAPPING_ANON); }
static inline bool is_direct(const struct page *page) { return (unsigned long)page->mapping & MAPPING_DIRECT; }
static inline void *target_of(const struct page *page) { return (void *)((unsigned long)page->mapping & ~MAPPING_BITS); }

/* --- repairs: what areas that change cost here ---------------------------------------------------------------------------- */
enum repair { ON_SPLIT, ON_MERGE, ON_MREMAP, NR_REPAIRS };
struct repairs { u64 times, looked, pages; };
static DEFINE_PER_CPU(struct repairs, repairs[NR_REPAIRS]);

static void count_repair(enum repair why, u64 times, u64 looked, u64 pages)
{
	struct repairs *r;

	preempt_disable();
	r = this_cpu_ptr(&repairs[why]);
	r->times += times;
	r->looked += looked;
	r->pages += pages;
	preempt_enable();
}

struct repoint { const struct vma *from; struct vma *to; u64 looked, pages; };

/* PTL held */
static void repoint_one(pte_t *pte, unsigned long addr, void *arg)
{
	struct repoint *r = arg;
	struct page *page;

	r->looked++;
	if (!pte_present(*pte) || pte_special(*pte))
		return;
	page = pte_page(*pte);
	if (!page_anon(page))
		return;
	state_lock(page);
	if (page->mapping == direct_to(r->from)) {
		page->mapping = direct_to(r->to);
		r->pages++;
	}
	state_unlock(page);
}

/* All pages in [start, end), which both areas know at the same addresses. => mmap lock: write */
static void repoint_pages(const struct vma *from, struct vma *to, unsigned long start, unsigned long end, enum repair why)
{
	struct repoint r = { .from = from, .to = to };

	if (from->has_anon)
		pt_walk(from->mm, start, end, repoint_one, &r);
	count_repair(why, 1, r.looked, r.pages);
}

/* --- areas ------------------------------------------------------------------------------------------------------------------- */
static void direct_vma_init(struct vma *vma)
{
	anonvma_vma_init(vma);
	tail_of(vma)->seq = (seqcount_t){ 0 };
}

static int direct_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages) { return 0; }

static int direct_fork(struct vma *child, struct vma *parent)
{
	int err = parent->has_anon && !tail_of(parent)->list.av ? anonvma_make(parent) : 0;

	return err ? err : anonvma_share(child, parent);
}

/* A split's copy takes over pages where they are; mremap's gets them one by one (direct_move). */
static int direct_clone(struct vma *copy, struct vma *vma)
{
	int err = anonvma_share(copy, vma);

	if (!err && copy->start >= vma->start && copy->end <= vma->end)
		repoint_pages(vma, copy, copy->start, copy->end, ON_SPLIT);
	return err;
}

static int direct_merge(struct vma *into, struct vma *gone)
{
	int err = anonvma_merge(into, gone);

	if (!err)
		repoint_pages(gone, into, gone->start, gone->end, ON_MERGE);
	return err;
}

static void direct_adjust_begin(struct vma *vma)
{
	anonvma_adjust_begin(vma);
	write_seqcount_begin(&tail_of(vma)->seq);
}

static void direct_adjust_end(struct vma *vma)
{
	write_seqcount_end(&tail_of(vma)->seq);
	anonvma_adjust_end(vma);
}

/* --- pages: PTL held ------------------------------------------------------------------------------------------------------------ */
/* From the swap cache: a relative may map it already, or may have left its word behind. */
static void add_swapped(struct page *page, struct vma *vma)
{
	state_lock(page);
	atomic_inc(&page->mapcount);
	if (page_mapcount(page) == 1) {
		page->mapping = direct_to(vma);
	} else {
		ASSERT(tail_of(vma)->list.av); /* two entries of one slot: there was a fork */
		page->mapping = shared_by(tail_of(vma)->list.av);
	}
	state_unlock(page);
}

static void direct_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	bool seen = page_anon(page) || page_swapcache(page);

	if (!page_anon(page))
		page->index = vma_pindex_at(vma, addr);
	if (unlikely(seen)) {
		add_swapped(page, vma);
		return;
	}
	atomic_set(&page->mapcount, 0);
	page->mapping = direct_to(vma);
}

static void direct_dup(struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b)
{
	state_lock(page);
	if (is_direct(page))
		page->mapping = shared_by(tail_of(child)->list.av);
	atomic_inc(&page->mapcount);
	state_unlock(page);
}

static void direct_remove(struct page *page, struct mm *mm, unsigned long addr)
{
	state_lock(page);
	atomic_dec(&page->mapcount);
	state_unlock(page);
}

static bool direct_move(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new)
{
	bool mine;

	state_lock(page);
	mine = page->mapping == direct_to(from);
	if (mine)
		page->mapping = direct_to(to);
	state_unlock(page);
	count_repair(ON_MREMAP, 0, 1, mine);
	return true;
}

/* The last relative that maps it writes to it. */
static bool direct_reuse(struct page *page, struct vma *vma, unsigned long addr)
{
	if (page->mapping == direct_to(vma))
		return true;
	state_lock(page);
	page->mapping = direct_to(vma);
	state_unlock(page);
	return true;
}

/* --- the walk -------------------------------------------------------------------------------------------------------------------- */
/* Where the page's one vma maps it. => false: the vma is changing just now. State lock held */
static bool direct_address(const struct page *page, const struct vma *vma, unsigned long *addr)
{
	u32 seq = raw_seqcount_begin(&tail_of(vma)->seq);
	unsigned long at = pgoff_of(page->index).n - vma->pgoff.n; /* negative where a lower part was cut off */

	*addr = vma->start + (at << MMU_PAGE_SHIFT);
	return !read_seqcount_retry(&tail_of(vma)->seq, seq);
}

static enum rmap_result visit_direct(struct rmap_walk *w, struct vma *vma)
{
	struct rmap_mapping m = { .mm = vma->mm, .vma = vma };
	struct page *table;
	u32 hits = w->hits;

	if (!direct_address(w->page, vma, &m.addr))
		return RMAP_AGAIN;
	m.pte = pte_trylock_at(m.mm, m.addr, &table);
	if (!m.pte)
		return RMAP_AGAIN;
	if (rmap_visit_pte(w, &m, table) == RMAP_UNMAPPED) {
		atomic_dec(&w->page->mapcount);
		put_page(w->page); /* the PTE's; the caller of the walk has one of its own */
	}
	pte_unlock_at(m.pte, table);
	ASSERT(w->hits != hits); /* a page with a mapping that is not there */
	return w->hits != hits ? RMAP_DONE : RMAP_AGAIN;
}

static enum rmap_result direct_walk(struct rmap_walk *w)
{
	enum rmap_result r = RMAP_DONE;
	struct anon_vma *av = NULL;

	state_lock(w->page);
	if (page_mapped(w->page) && is_direct(w->page))
		r = visit_direct(w, target_of(w->page));
	else if (page_mapped(w->page))
		anonvma_hold(av = target_of(w->page)); /* a mapped page has a vma on the list */
	state_unlock(w->page);
	return av ? anonvma_walk_list(w, av) : r;
}

/* --- /proc/rmap --------------------------------------------------------------------------------------------------------------------- */
static size_t direct_describe(char *buf, size_t size)
{
	static const char *const names[] = { "split", "merge", "mremap" };
	size_t n = scnprintf(buf, size, "; lock %s; repairs (times, PTEs looked at, pages re-pointed):", state_lock_name());

	for (int why = 0; why < NR_REPAIRS; why++) {
		struct repairs sum = { 0 };

		for_each_cpu(cpu) {
			const struct repairs *r = &per_cpu(repairs, cpu)[why];

			sum.times += r->times;
			sum.looked += r->looked;
			sum.pages += r->pages;
		}
		n += scnprintf(buf + n, size - n, " %s %llu %llu %llu", names[why], sum.times, sum.looked, sum.pages);
	}
	return n;
}

static void direct_reset(void)
{
	for_each_cpu(cpu)
		memset(per_cpu(repairs, cpu), 0, sizeof(repairs));
}

const struct rmap_scheme rmap_anon_direct = {
	.name = "direct",
	.about = "a page points to its one vma; an anon_vma since a fork (March 2004)",
	.vma_bytes = sizeof(struct direct_tail),
	.counts = true,
	.init = anonvma_init,
	.vma_init = direct_vma_init,
	.prepare = direct_prepare,
	.vma_fork = direct_fork,
	.vma_clone = direct_clone,
	.can_merge = anonvma_can_merge,
	.vma_merge = direct_merge,
	.vma_unlink = anonvma_unlink,
	.adjust_begin = direct_adjust_begin,
	.adjust_end = direct_adjust_end,
	.add = direct_add,
	.dup = direct_dup,
	.remove = direct_remove,
	.move = direct_move,
	.reuse = direct_reuse,
	.walk = direct_walk,
	.describe = direct_describe,
	.reset = direct_reset,
};
