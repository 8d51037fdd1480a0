/* SPDX-License-Identifier: MIT
 *
 * "Who maps this page?": the one interface to every answer. referenced, unmap and mkclean (uses.c) are written once,
 * on rmap_walk; a scheme is one file with one table (anonvma.c, filetree.c) and one word in schemes.h.
 *
 * The lock order, outermost first; behind each level who takes it.
 *
 *   inode->lock                    write, truncate, directory operations
 *     mmap lock                    mm/virt: faults read, changes of areas write
 *       page lock                  faults on files, truncate_pages, reclaim; callers of rmap_walk hold it
 *         mapping->map_lock        file scheme: link, unlink, adjust write; walk and unmap_file_range read
 *           anon_vma->lock         anonymous scheme: prepare, fork, clone, unlink, adjust write; walk reads
 *             mm->tree_lock        vma tree changes; prepare, to hang an anon_vma in
 *             mm->pt_lock          pt_alloc
 *               PTL                everything that touches a PTE; walk, one at a time
 *                 page-state lock  chain and direct, as rmap.lock= says: add, dup, remove, move. Their walk comes the
 *                                  other way round: it holds this one and only tries the PTL
 *                 zone->lru_lock   (interrupts off)
 *                 mapping->tree_lock
 *                   zone->lock     (interrupts off)
 *
 * What a scheme may rely on
 *   - The caller of walk holds the page lock. The walk locks its object, finds candidates, and hands each to
 *     rmap_visit_one, which takes the PTL, checks that the PTE maps the page, and calls visit. Nothing above needs
 *     m->vma: it may be NULL.
 *   - add, dup, remove and move run under the PTL, do not sleep and cannot fail: what may fail is in prepare.
 *   - A PTE and its reverse mapping appear and disappear under one hold of the PTL.
 *   - A vma is linked before it has PTEs and unlinked before its page tables go.
 *   - Schemes that keep an entry for each mapping get its memory in advance (reserve): before a dup, and before an add of
 *     a page that may be mapped already. The first mapping of a page (rmap_add_new) needs none.
 *
 * struct page has one word for all of this: mapcount, or for chains the only locator or the chain. All ones: not mapped.
 *
 * What the callers in mm/virt promise when areas change, so that no walk ever misses a mapping
 *   - split: the new vma is complete and linked (vma_clone, vma_link) before the old one shrinks (adjust);
 *   - merge: the survivor has taken over (vma_merge) and grown (adjust) before the other is unlinked;
 *   - mremap: the new vma is linked before the first PTE moves, the old one unlinked after the last.
 *   A walk may meet one PTE twice meanwhile, which is harmless; it never meets it not at all.
 */
#ifndef MM_RMAP_RMAP_H
#define MM_RMAP_RMAP_H

#include "mm/cache/cache.h"
#include "mm/virt/mm.h" /* struct vma and struct mm as data; page-table access */

/* One mapping of a page, as visit sees it: the PTL is held, pte is mapped. */
struct rmap_mapping {
	struct mm *mm;
	unsigned long addr;
	pte_t *pte;
	struct vma *vma; /* or NULL */
};
enum rmap_verdict { RMAP_KEEP, RMAP_UNMAPPED /* visit cleared the PTE: drop entry and mapcount */, RMAP_STOP };
enum rmap_result { RMAP_DONE, RMAP_AGAIN /* a lock was busy: not all mappings were seen */ };
enum rmap_reason { RMAP_REFERENCED, RMAP_UNMAP, RMAP_MKCLEAN, RMAP_AUDIT, NR_RMAP_REASONS };
/* => neither sleeps, nor waits for an IPI, nor calls rmap */
typedef enum rmap_verdict (*rmap_visit)(const struct rmap_mapping *m, struct page *page, void *arg);

/* A walk under way: what the finder of a scheme passes to rmap_visit_one. */
struct rmap_walk {
	struct page *page;
	rmap_visit visit;
	void *arg;
	u32 candidates, hits; /* counted by rmap_visit_pte; a finder adds the areas that it passed over by itself */
	u32 skipped;          /* candidates in address spaces that hold no page of this kind at all */
	u32 left;             /* mappings not yet met: a finder stops at 0; with mapcount of its own it knows when */
	bool stop;
};

/* What prepare got hold of, so that what follows under the PTL cannot fail. */
struct rmap_batch {
	void *objects; /* the scheme's own free list */
	u32 count;
};

struct rmap_scheme {
	const char *name;  /* as in rmap.anon=name, rmap.file=name */
	const char *about; /* one line for /proc/rmap */
	u16 vma_bytes;     /* its tail behind each struct vma */
	u16 mm_bytes;      /* its tail behind each struct mm */
	bool counts;       /* keeps the number of mappings itself: rmap.h leaves page->mapcount alone */
	bool by_table;     /* hears of each page that moves, but not when its page-table page moves as a whole */
	int (*init)(void); /* boot; an error stops it */
	void (*vma_init)(struct vma *vma); /* a new vma: make the tail empty */

	/* Address spaces, where a scheme wants to hear of them. */
	int (*mm_init)(struct mm *mm, struct mm *parent); /* new and empty; parent NULL: exec. The tail is zero; -ENOMEM */
	void (*mm_exit)(struct mm *mm);                   /* nothing is mapped any more. Sleeps */

	/* Areas: mmap lock for writing, except prepare, for which reading is enough. All may sleep. */
	int (*prepare)(struct vma *vma, struct rmap_batch *b, unsigned pages); /* before anonymous pages are added; -ENOMEM */
	/* Memory for entries: b has at least that many then. => 0, -ENOMEM. Sleeps if gfp does. NULL: no entries are kept */
	int (*reserve)(struct rmap_batch *b, unsigned entries, gfp_t gfp);
	void (*unprepare)(struct rmap_batch *b);
	int (*vma_fork)(struct vma *child, struct vma *parent); /* child is not visible yet; -ENOMEM */
	int (*vma_clone)(struct vma *copy, struct vma *vma);    /* split, mremap: copy will map pages of vma; -ENOMEM */
	bool (*can_merge)(const struct vma *a, const struct vma *b);
	int (*vma_merge)(struct vma *into, struct vma *gone);   /* into will map the pages of gone; -ENOMEM */
	void (*vma_link)(struct vma *vma);                      /* becomes visible to walks */
	void (*vma_unlink)(struct vma *vma);
	void (*vma_leave)(struct vma *vma);    /* files: it becomes nonlinear, and its tail somebody else's. map_lock held for writing */
	void (*adjust_begin)(struct vma *vma); /* start, end or pgoff of a linked vma change between the two: */
	void (*adjust_end)(struct vma *vma);   /* walks are kept out */

	/* Pages: under the PTL. */
	void (*add)(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b);
	void (*dup)(struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b);
	void (*remove)(struct page *page, struct mm *mm, unsigned long addr);
	bool (*move)(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new);
	void (*unmapped)(struct page *page); /* the last mapping has just gone; mapcount says so already */
	bool (*reuse)(struct page *page, struct vma *vma, unsigned long addr); /* exclusive page about to be written */
	bool (*fits)(const struct page *page, const struct vma *vma, unsigned long addr); /* swap-in: may it be mapped there? */
	int (*mapcount)(struct page *page);     /* NULL: page->mapcount says it */
	enum rmap_result (*walk)(struct rmap_walk *w);

	/* Schemes of files: zap_file_range on all areas that show MMU pages [first, last]; takes the object's lock. */
	void (*unmap_range)(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows);

	size_t (*describe)(char *buf, size_t size); /* objects, bytes, counters of its own: for /proc/rmap */
	void (*reset)(void);                        /* of those counters */
};

/* --- what mm/virt calls ------------------------------------------------------------------------------------------- */
/* The schemes in force, fixed at boot: copies, so that a call is one indirect jump. With `make RMAP=anonvma,tree` there is
 * no choice, and the compiler sees through them (tools/rmap-direct.py writes rmap_direct.h). */
#ifdef CONFIG_RMAP_DIRECT
#include "rmap_direct.h"
#else
extern struct rmap_scheme rmap_in_force[2];
#define rmap_file ((const struct rmap_scheme *)&rmap_in_force[0])
#define rmap_anon ((const struct rmap_scheme *)&rmap_in_force[1])
#endif
#define RMAP_OF(page, fn, ...) (page_anon(page) ? fn(rmap_anon, ##__VA_ARGS__) : fn(rmap_file, ##__VA_ARGS__))

extern u16 rmap_file_tail;                 /* where the file scheme's tail lies in struct vma */
extern u16 rmap_vma_size, rmap_mm_size;    /* whole sizes: what the slabs of vmas and mms are made with */
#define rmap_anon_tail ALIGN_UP(sizeof(struct vma), sizeof(long))

static inline void *rmap_tail_anon(const struct vma *vma) { return (char *)vma + rmap_anon_tail; }
static inline void *rmap_tail_file(const struct vma *vma) { return (char *)vma + rmap_file_tail; }

static inline int rmap_mm_init(struct mm *mm, struct mm *parent) { return rmap_anon->mm_init ? rmap_anon->mm_init(mm, parent) : 0; }
static inline void rmap_mm_exit(struct mm *mm)
{
	if (rmap_anon->mm_exit)
		rmap_anon->mm_exit(mm);
}
void rmap_vma_init(struct vma *vma);
/* Before anonymous pages are mapped into vma. b begins with its objects NULL, and ends with rmap_unprepare. Fast when
 * nothing is to be done. => 0 or -ENOMEM */
static inline int rmap_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages)
{
	return rmap_anon->prepare(vma, b, pages);
}
/* Before a dup, or an add of a page that may be mapped already: s says of which kind. => 0 or -ENOMEM: b has fewer */
static inline int rmap_reserve(const struct rmap_scheme *s, struct rmap_batch *b, unsigned entries, gfp_t gfp)
{
	return unlikely(s->reserve) ? s->reserve(b, entries, gfp) : 0;
}
static inline void rmap_unprepare(struct rmap_batch *b)
{
	if (unlikely(b->objects))
		(rmap_anon->unprepare ?: rmap_file->unprepare)(b);
}
int rmap_vma_fork(struct vma *child, struct vma *parent);
int rmap_vma_clone(struct vma *copy, struct vma *vma);
bool rmap_can_merge(const struct vma *a, const struct vma *b);
int rmap_vma_merge(struct vma *into, struct vma *gone);
void rmap_vma_link(struct vma *vma);
void rmap_vma_unlink(struct vma *vma);
void rmap_adjust_begin(struct vma *vma);
void rmap_adjust_end(struct vma *vma);

/* A fresh anonymous page that nobody else can see yet becomes mapped once: no atomic operation. */
static inline void rmap_add_new(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	if (likely(!rmap_anon->counts))
		atomic_set(&page->mapcount, 0);
	rmap_anon->add(page, vma, addr, b);
}
static inline void rmap_add_to(const struct rmap_scheme *s, struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	if (likely(!s->counts))
		atomic_inc(&page->mapcount);
	if (s->add)
		s->add(page, vma, addr, b);
}
/* One more mapping of a file's page. */
static inline void rmap_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	rmap_add_to(rmap_file, page, vma, addr, b);
}
/* Swap-in: one more mapping of an anonymous page that others may map, or may be about to map from entries of their own.
 * => page lock and PTL held; PG_swapcache still set */
static inline void rmap_add_swapped(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	ASSERT(page_locked(page) && page_swapcache(page));
	rmap_add_to(rmap_anon, page, vma, addr, b);
}
/* Swap-in: may a page of the swap cache be mapped at addr? A scheme that knows a page by its address says no where a
 * relative has it at another: then the fault maps a copy. => page lock held */
static inline bool rmap_fits(const struct page *page, const struct vma *vma, unsigned long addr)
{
	return !rmap_anon->fits || rmap_anon->fits(page, vma, addr);
}
static inline void rmap_dup_to(const struct rmap_scheme *s, struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b)
{
	if (likely(!s->counts))
		atomic_inc(&page->mapcount);
	if (s->dup)
		s->dup(page, child, addr, b);
}
/* fork: child maps it too. */
static inline void rmap_dup(struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b)
{
	RMAP_OF(page, rmap_dup_to, page, child, addr, b);
}
static inline void rmap_remove_from(const struct rmap_scheme *s, struct page *page, struct mm *mm, unsigned long addr)
{
	ASSERT(page_mapped(page));
	if (s->remove)
		s->remove(page, mm, addr);
	if (likely(!s->counts) && atomic_add_negative(-1, &page->mapcount) && s->unmapped)
		s->unmapped(page);
}
/* The PTE is gone already, the PTL still held. */
static inline void rmap_remove(struct page *page, struct mm *mm, unsigned long addr)
{
	RMAP_OF(page, rmap_remove_from, page, mm, addr);
}
/* => false: COPY_FIRST: the caller makes the page exclusive to this mapping (early COW) and tries again */
static inline bool rmap_move(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new)
{
	const struct rmap_scheme *s = page_anon(page) ? rmap_anon : rmap_file;

	return !s->move || s->move(page, from, old, to, new);
}
/* PTEs that map the page. => the PTL of one of them, the page lock, or a reference. `page_mapped` needs none of it. */
static inline int rmap_mapcount_by(const struct rmap_scheme *s, const struct page *page)
{
	return likely(!s->mapcount) ? atomic_read(&page->mapcount) + 1 : s->mapcount((struct page *)page);
}
static inline int page_mapcount(const struct page *page) { return RMAP_OF(page, rmap_mapcount_by, page); }
/* The same for who asks how many share it: nonlinear PTEs count too. They are pins, and so are PTEs of locked areas, which mapcount has
 * counted: of the two, the larger. */
static inline int page_uses(const struct page *page)
{
	int n = page_mapcount(page);

	return unlikely(page_mlocked(page)) ? max(n, atomic_read(&page->pincount)) : n;
}
/* An anonymous page that one PTE maps, whose PTL is held: a scheme that counts by itself has a chain if it were more. */
static inline bool rmap_mapped_once(const struct page *page)
{
	return likely(!rmap_anon->mapcount) ? atomic_read(&page->mapcount) == 0 : !page_chain(page);
}
/* Write fault on an anonymous page: may it be written where it is? Only this PTE maps it and no swap slot refers to
 * it (the caller knows); then the page becomes vma's own. => PTL held */
static inline bool rmap_reuse(struct page *page, struct vma *vma, unsigned long addr)
{
	if (!rmap_mapped_once(page))
		return false;
	return !rmap_anon->reuse || rmap_anon->reuse(page, vma, addr);
}

/* Many adds, dups or removes one after the other under one PTL: a scheme with locks in pages may keep them (statelock.h).
 * Only worth a call where a scheme wants to hear of each page at all. */
void rmap_run_begin(void);
void rmap_run_end(void);
/* Page tables lie below this frame's struct page (chains name them by few bits; else there is no limit). */
extern struct page *rmap_table_limit;

/* --- what reclaim and write-back call: page lock held; all may sleep ------------------------------------------------ */
enum rmap_result rmap_walk(struct page *page, enum rmap_reason why, rmap_visit visit, void *arg);
int rmap_referenced(struct page *page, u32 *vm_flags); /* => young PTEs found, made old; the union of vma flags */
/* Every mapping; PG_swapcache pages leave their swap entry behind. CPUs that may remember it are added to *cpus, which the caller flushes
 * before the page (or any of many) is written, freed or unlocked. own: references of the caller; an anonymous page that somebody else
 * holds, too, keeps its last mapping (RMAP_AGAIN). */
enum rmap_result rmap_unmap(struct page *page, int own, u32 *cpus);
int rmap_mkclean(struct page *page);                   /* write-protects all; => how many were dirty */

/* mm/cache's cache_ops.unmap_range: every mapping of pages [first, last] of a file goes. Sleeps. */
void rmap_unmap_file_range(struct address_space *m, pindex_t first, pindex_t last, bool even_cows);

/* --- for schemes ------------------------------------------------------------------------------------------------------ */
/* The one step that all share: does vma (or the mm) map w->page at addr? If so, visit it. => false: stop looking */
bool rmap_visit_one(struct rmap_walk *w, struct mm *mm, struct vma *vma, unsigned long addr);
/* Its inner half: m->pte in `table` is mapped, its PTL held. => RMAP_UNMAPPED: the PTE is gone, and the caller must drop
 * the entry (rmap_remove) and the PTE's reference */
enum rmap_verdict rmap_visit_pte(struct rmap_walk *w, const struct rmap_mapping *m, struct page *table);
static inline bool rmap_walk_goes_on(const struct rmap_walk *w) { return !w->stop && w->left; }
/* Where vma would map the page; false if it lies outside. */
static inline bool rmap_vma_address(const struct vma *vma, const struct page *page, unsigned long *addr)
{
	unsigned long at = pgoff_of(page->index).n - vma->pgoff.n; /* wraps if below */

	PAGE_IS_ONE_MMU_PAGE("an area maps a page at one address");
	*addr = vma->start + (at << MMU_PAGE_SHIFT);
	return at < vma_pages(vma);
}

void rmap_init(void);                       /* reads rmap.anon=, rmap.file=, rmap.lock=; before the first vma */
size_t rmap_report(char *buf, size_t size); /* /proc/rmap; => length */
void rmap_reset_counters(void);
long rmap_audit(unsigned long start, unsigned long len); /* current's pages there, one walk each; => how many, or -errno */

/* --- the oracle (debug builds): compares every PTE with every count and every walk; panics on a difference ----------- */
#ifdef CONFIG_DEBUG
void vm_op_begin(void);     /* brackets whatever changes mappings; nests; may sleep; above the mmap lock */
bool vm_op_trybegin(void);  /* past an oracle that waits; => false: it is at work */
void vm_op_begin_inside(void); /* somebody in an operation may be waiting for a lock that we hold */
void vm_op_end(void);
bool rmap_oracle_works(void); /* nobody can reclaim */
long rmap_oracle(u32 every); /* walks every k-th mapped page; => pages checked, or -ENOMEM. Waits until no task is in an operation */
#else
static inline void vm_op_begin(void) {}
static inline bool vm_op_trybegin(void) { return true; }
static inline void vm_op_begin_inside(void) {}
static inline void vm_op_end(void) {}
static inline bool rmap_oracle_works(void) { return false; }
#endif

#endif
