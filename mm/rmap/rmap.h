/* SPDX-License-Identifier: MIT
 *
 * "Who maps this page?": the one interface to every answer. referenced, unmap and mkclean (walk.c) are written once,
 * on rmap_walk; a scheme is one file with one table (anonvma.c, filetree.c) and one line in schemes.c.
 *
 * The lock order, outermost first; behind each level the functions that take it.
 *
 *   inode->lock                    write, truncate, directory operations
 *     mmap lock                    mm/virt: faults read, changes of areas write
 *       page lock                  faults on files, truncate_pages, reclaim; callers of rmap_walk hold it
 *         mapping->map_lock        file scheme: vma_link/unlink write; walk reads
 *           anon root lock         anonymous scheme: prepare, fork, unlink write; walk reads
 *             mm->tree_lock        vma tree changes
 *             mm->pt_lock          pt_alloc
 *               PTL                everything that touches a PTE; walk, one at a time
 *                 chain lock       chain schemes (the other way round their walk only tries the PTL)
 *                 zone->lru_lock   (irqs off)
 *                 mapping->tree_lock
 *                   zone->lock     (irqs off)
 *
 * What a scheme may rely on
 *   - The caller of walk holds the page lock. The walk locks its object, finds candidates, takes the PTL, checks that
 *     the PTE maps the page, and calls visit. Nothing above needs m->vma: it may be NULL.
 *   - add, dup, remove, move run under the PTL, cannot fail and do not sleep: what may fail is in prepare.
 *   - A PTE and its reverse mapping appear and disappear under one hold of the PTL: mapcount changes there as well, in
 *     the callers below, not in the schemes (chain schemes keep the count in the chain: they set .counts).
 */
#ifndef MM_RMAP_RMAP_H
#define MM_RMAP_RMAP_H

#include "mm/cache/cache.h"
#include "mm/virt/mm.h" /* struct vma and struct mm as data; no calls */

/* One mapping of a page, as visit sees it: the PTL is held, pte is mapped. */
struct rmap_mapping {
	struct mm *mm;
	unsigned long addr;
	pte_t *pte;
	struct vma *vma; /* or NULL */
};
enum rmap_verdict { RMAP_KEEP, RMAP_UNMAPPED /* visit cleared the PTE: drop the entry and the mapcount */, RMAP_STOP };
enum rmap_result { RMAP_DONE, RMAP_AGAIN /* somewhere a lock was busy: not all mappings were seen */ };
enum rmap_reason { RMAP_REFERENCED, RMAP_UNMAP, RMAP_MKCLEAN, RMAP_AUDIT, NR_RMAP_REASONS };
/* => neither sleeps, nor waits for an IPI, nor calls rmap */
typedef enum rmap_verdict (*rmap_visit)(const struct rmap_mapping *m, struct page *page, void *arg);

/* What prepare got hold of, so that what follows under the PTL cannot fail. */
struct rmap_batch {
	void *objects; /* the scheme's own free list */
	u32 count;
};

struct rmap_scheme {
	const char *name;  /* as in rmap.anon=name, rmap.file=name */
	const char *about; /* one line for /proc/rmap and the list of allowed values */
	u16 vma_bytes;     /* its tail behind each struct vma */
	u16 mm_bytes;      /* its tail behind each struct mm */
	int (*init)(void); /* boot: caches; -ENOMEM stops the boot */

	/* areas (mmap lock for writing, except prepare) */
	int (*prepare)(struct vma *vma, struct rmap_batch *b, unsigned pages); /* read lock is enough; sleeps; -ENOMEM */
	void (*unprepare)(struct rmap_batch *b);                              /* gives back what was not used */
	int (*vma_fork)(struct vma *child, struct vma *parent);               /* child not yet visible; -ENOMEM */
	int (*vma_clone)(struct vma *copy, struct vma *vma);                  /* split and mremap: copy covers pages of vma; -ENOMEM */
	bool (*can_merge)(const struct vma *a, const struct vma *b);
	void (*vma_merge)(struct vma *into, struct vma *gone);                /* before gone is unlinked */
	void (*vma_link)(struct vma *vma);                                    /* becomes visible to walks */
	void (*vma_unlink)(struct vma *vma);
	/* start, end or pgoff of a linked vma change between the two: walks are kept out */
	void (*adjust_begin)(struct vma *vma);
	void (*adjust_end)(struct vma *vma);

	/* pages (PTL) */
	void (*add)(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b); /* new mapping */
	void (*dup)(struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b); /* fork */
	void (*remove)(struct page *page, struct vma *vma, unsigned long addr);
	bool (*move)(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new);
	                                                                      /* false: COPY_FIRST */
	enum rmap_result (*walk)(struct page *page, rmap_visit visit, void *arg, struct rmap_counter *c);
	bool counts;       /* keeps the number of mappings itself; page->mapcount is not maintained */
};

/* Per scheme and reason; per-CPU would cost more low memory than it is worth: relaxed atomics. */
struct rmap_counter { u64 walks, candidates, hits, again; u32 histogram[24]; /* log2 of candidates a walk */ };

/* --- what mm/virt calls: thin inlines over the two schemes in force (rmap_anon, rmap_file) ------------------------ */
extern const struct rmap_scheme *rmap_anon, *rmap_file;
extern u16 rmap_anon_tail, rmap_file_tail, rmap_vma_size, rmap_mm_size; /* offsets and total sizes, set at boot */

int rmap_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages);
void rmap_unprepare(struct rmap_batch *b);
void rmap_add_anon_new(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b); /* fresh page, not shared yet */
void rmap_add_anon(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b);     /* e.g. swap-in */
void rmap_add_file(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b);
void rmap_dup(struct page *page, struct vma *child, unsigned long addr, struct rmap_batch *b);
void rmap_remove(struct page *page, struct vma *vma, unsigned long addr); /* PTE is already cleared */
bool rmap_move(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new);

int rmap_vma_fork(struct vma *child, struct vma *parent);
int rmap_vma_clone(struct vma *copy, struct vma *vma);
bool rmap_can_merge(const struct vma *a, const struct vma *b);
void rmap_vma_merge(struct vma *into, struct vma *gone);
void rmap_vma_link(struct vma *vma);
void rmap_vma_unlink(struct vma *vma);
void rmap_adjust_begin(struct vma *vma);
void rmap_adjust_end(struct vma *vma);
bool rmap_reuse_anon(struct page *page, struct vma *vma, unsigned long addr); /* write fault on an anonymous page that
	only this PTE maps: may it be written in place? takes it over for vma if so. page lock held */

/* --- what reclaim and write-back call: page lock held --------------------------------------------------------------- */
enum rmap_result rmap_walk(struct page *page, enum rmap_reason why, rmap_visit visit, void *arg);
int rmap_referenced(struct page *page, u32 *vm_flags); /* young PTEs found and made old */
enum rmap_result rmap_unmap(struct page *page);        /* all mappings; anonymous pages need their swap entry first */
int rmap_mkclean(struct page *page);                   /* write-protects; how many were dirty; repeats until DONE */

/* mm/cache's cache_ops.unmap_range: every mapping of these file pages goes (truncate). */
void rmap_unmap_file_range(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows);

/* Visit the vmas of one mm-and-address each that may map pages [first, last] of a file: for truncate. */
typedef void (*rmap_vma_visit)(struct vma *vma, unsigned long start, unsigned long end, void *arg);
void rmap_for_each_file_vma(struct address_space *m, pgoff_t first, pgoff_t last, rmap_vma_visit visit, void *arg);

void rmap_init(void); /* reads rmap.anon=, rmap.file=, rmap.lock= */
size_t rmap_report(char *buf, size_t size); /* /proc/rmap */
void rmap_reset_counters(void);

/* --- the oracle (debug builds): compares every PTE with every count and every walk; panics on a difference ---------- */
#ifdef CONFIG_DEBUG
void vm_op_begin(void); /* brackets every operation that changes mappings; may sleep */
void vm_op_end(void);
int rmap_oracle(u32 every); /* => pages checked; sleeps until no task is inside an operation */
#else
static inline void vm_op_begin(void) {}
static inline void vm_op_end(void) {}
#endif

#endif
