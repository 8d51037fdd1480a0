/* SPDX-License-Identifier: MIT
 *
 * What the files of mm/virt share and nobody else sees.
 */
#ifndef MM_VIRT_INTERNAL_H
#define MM_VIRT_INTERNAL_H

#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sched/sched.h"
#include "mm/rmap/rmap.h"
#include "mm/virt/mm.h"

#define STACK_GUARD_GAP (256 * MMU_PAGE_SIZE)
#define VM_PROT (VM_READ | VM_WRITE | VM_EXEC)

static inline unsigned long page_up(unsigned long n) { return ALIGN_UP(n, MMU_PAGE_SIZE); }
static inline bool page_aligned(unsigned long n) { return !(n & ~MMU_PAGE_MASK); }

/* --- area.c: the tree ------------------------------------------------------------------------------------------- */
struct vma *vma_alloc(struct mm *mm);
struct vma *vma_copy(const struct vma *v);      /* all but tree and tails; takes a file reference */
static inline void vma_get_file(struct vma *v)  /* v->file is set */
{
	get_file(v->file);
	if (unlikely(v->file->mode & FMODE_ATTACH))
		virt_ops->attached(v->file, 1);
}
void vma_free(struct vma *v);                   /* never linked, or unlinked and no reader left: not through RCU */
void vma_insert(struct mm *mm, struct vma *v);  /* tree, counts; then visible to the reverse map */
void vma_insert_tree(struct mm *mm, struct vma *v); /* the first half only */
void vma_remove(struct mm *mm, struct vma *v);  /* out of tree and counts; becomes a corpse; reverse map not touched */
void vma_bury(struct mm *mm, struct vma *corpses);
void vma_set_range(struct vma *v, unsigned long start, unsigned long end, pgoff_t pgoff); /* a linked one */
void vma_set_flags(struct vma *v, u32 flags);
struct vma *find_vma_prev(struct mm *mm, unsigned long addr, struct vma **prev);
struct vma *find_vma_intersection(struct mm *mm, unsigned long start, unsigned long end);
unsigned long vma_guard_start(const struct vma *v); /* start, or where its guard gap begins */
long find_gap(struct mm *mm, unsigned long len);    /* => address or -ENOMEM */
long find_gap_near(struct mm *mm, unsigned long hint, unsigned long len);
void area_init(void);

/* --- split.c ------------------------------------------------------------------------------------------------------ */
int vma_split(struct vma *v, unsigned long addr, struct vma **upper); /* v keeps the lower part; -ENOMEM */
struct vma *vma_merge_new(struct mm *mm, struct vma *prev, unsigned long start, unsigned long end, u32 flags,
			  struct file *file, pgoff_t pgoff, const struct vma_ops *ops); /* grown neighbour, or NULL */
struct vma *vma_merge_around(struct vma *v);    /* => what v has become part of */
/* Make [start, end) of v a vma of its own. => it, or ERR_PTR(-ENOMEM) */
struct vma *vma_isolate(struct vma *v, unsigned long start, unsigned long end);

/* --- commit.c ----------------------------------------------------------------------------------------------------- */
bool vma_flags_account(u32 flags); /* private and writable: every page may become one of memory */
void mm_account(struct mm *mm, u32 flags, long pages);                /* tree_lock */
bool mm_may_expand(struct mm *mm, u32 flags, unsigned long pages);    /* RLIMIT_AS, RLIMIT_DATA */
int mm_may_lock(struct mm *mm, u32 flags, unsigned long pages);       /* RLIMIT_MEMLOCK; 0 or -EAGAIN */
bool may_lock_memory(void);

/* --- pagetable.c ---------------------------------------------------------------------------------------------------- */
void pt_free_range(struct tlb_gather *g, unsigned long start, unsigned long end, unsigned long floor, unsigned long ceiling);
int pt_dir_alloc(struct mm *mm, unsigned long addr); /* the page directory for addr; 0 or -ENOMEM */
void pt_free_dirs(struct mm *mm);       /* page directories; at exit */
void pt_free_chain(struct page *tables); /* through RCU */
/* What a PTE of such an area starts with; never WRITE for private areas. */
static inline u64 vma_pte_bits(u32 flags)
{
	u64 bits = PTE_PRESENT | PTE_USER | PTE_ACCESSED;

	if (unlikely(!(flags & VM_PROT)))
		return PTE_PROTNONE | PTE_ACCESSED;
	if (!(flags & VM_EXEC))
		bits |= pte_nx;
	if ((flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED))
		bits |= PTE_WRITE;
	return bits;
}
/* => the page-table page, or NULL if there is none */
static inline struct page *pt_page_of(pmd_t *pmd)
{
	pmd_t e = pte_read(pmd);

	return e.low & PTE_PRESENT ? pte_page(e) : NULL;
}
static inline pte_t *pte_map(struct page *pt, unsigned long addr) { return (pte_t *)kmap(pt) + PTE_INDEX(addr); }
static inline void pte_unmap(pte_t *pte) { kunmap(pte); }
static inline unsigned long table_end(unsigned long addr, unsigned long end)
{
	unsigned long next = (addr | (PMD_SIZE - 1)) + 1;

	return next - 1 < end - 1 ? next : end;
}

/* The next entry that is not none, from addr on; end if there is none. Four at a time: most tables are mostly empty. */
static __always_inline unsigned long pte_skip_none(pte_t **pte, unsigned long addr, unsigned long end)
{
	const u32 *w = &(*pte)->low;

	if (addr == end || likely(w[0] | w[1]))
		return addr;
	for (; end - addr >= 4 * MMU_PAGE_SIZE; addr += 4 * MMU_PAGE_SIZE, w += 8)
		if (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7])
			break;
	for (; addr != end && !(w[0] | w[1]); addr += MMU_PAGE_SIZE)
		w += 2;
	*pte = (pte_t *)w;
	return addr;
}

bool swapped_page_is_ours(struct page *page, struct vma *v, unsigned long addr); /* fault_swap.c */
/* May an anonymous page be written where vma maps it? Nobody else maps it, nor holds it: a reference more may be that
 * of a process that has just unmapped it, some CPU of which has not flushed yet and would see what we write. PTL */
static inline bool page_is_ours(struct page *page, struct vma *v, unsigned long addr)
{
	if (unlikely(page_swapcache(page)))
		return swapped_page_is_ours(page, v, addr);
	return atomic_read(&page->refcount) == 1 && rmap_reuse(page, v, addr);
}

/* A PTE of v now maps the page: in a locked area that is a pin. PTL */
static inline void pin_if_locked(const struct vma *v, struct page *page)
{
	if (unlikely(v->flags & VM_LOCKED))
		page_pin(page);
}

/* What current has counted by itself goes to its mm. */
static inline void rss_settle(struct task *me)
{
	if (me->rss_new) {
		atomic_add(me->rss_new, &me->mm->rss_anon);
		me->rss_new = 0;
	}
}
#define RSS_BATCH 64
/* One page more. A process without threads counts at once: others see its figure exactly, and nobody wants its line. */
static inline void count_anon(struct mm *mm)
{
	if (unlikely(mm->threaded) && current->mm == mm) {
		if (++current->rss_new == RSS_BATCH)
			rss_settle(current);
	} else {
		atomic_inc(&mm->rss_anon);
	}
}

/* --- unmap.c --------------------------------------------------------------------------------------------------------- */
void zap_range(struct tlb_gather *g, struct vma *v, unsigned long start, unsigned long end);
void exit_mmap(struct mm *mm);
int unmap_areas(struct mm *mm, unsigned long start, unsigned long end);
static inline void gather_flush(struct tlb_gather *g, unsigned long start, unsigned long end)
{
	g->start = min(g->start, start);
	g->end = max(g->end, end);
}

/* --- access.c -------------------------------------------------------------------------------------------------------- */
enum populate { POPULATE_MLOCK, POPULATE_READ, POPULATE_WRITE };
int populate_range(struct mm *mm, unsigned long *start, unsigned long end, enum populate how);
void populate_all(struct mm *mm);

/* --- pageout.c ---------------------------------------------------------------------------------------------------------- */
void page_out_area(struct vma *v, unsigned long start, unsigned long end); /* mmap lock: read; both */
void bring_in_area(struct vma *v, unsigned long start, unsigned long end);

/* --- mlock.c --------------------------------------------------------------------------------------------------------- */
void vma_set_locked(struct vma *v, u32 lock);    /* VM_LOCKED | VM_LOCKONFAULT, with the pins of its pages */

/* First page beyond the file's end. */
static inline pindex_t file_pages(struct file *file) { return pindex_end(virt_ops->file_size(file)); }

/* --- fault.c ----------------------------------------------------------------------------------------------------------- */
struct fault {
	struct mm *mm;
	struct vma *vma;
	unsigned long addr;      /* start of the MMU page */
	bool write, major;
	pmd_t *pmd;
	struct page *pt;         /* the page-table page ... */
	pte_t *pte;              /* ... mapped, when not NULL: preemption is off */
	pte_t entry;             /* what was there when we looked */
	struct page *spare;      /* a page got while nothing was held */
	struct page **wait;      /* not NULL: a locked page, for the caller to wait for without the mmap lock */
	struct rmap_batch batch;
};
void fault_unmap(struct fault *f);               /* give the mapped table back */
int fault_remap(struct fault *f);                /* map it again after that, with the old f->entry in mind; 0 or VMF_OOM */
/* PTL; false: the entry has changed, PTL not held */
static inline bool fault_lock(struct fault *f)
{
	spin_lock(&f->pt->ptl);
	if (likely(pte_same(*f->pte, f->entry)))
		return true;
	spin_unlock(&f->pt->ptl);
	return false;
}
struct page *fault_new_page(struct fault *f, bool zero); /* NULL: table given back, look again or (spare NULL) no memory */
void fault_set_anon(struct fault *f, struct page *page, pte_t entry);
int fault_file(struct fault *f);                 /* fault_file.c */
int fault_file_mkwrite(struct fault *f, struct page *page);
int fault_make_dirty(struct file *file, struct page *page); /* a shared page of a disk, before it may be written. Page lock held; sleeps */
void fault_map_page(struct fault *f, struct page *page, struct address_space *m);
int fault_file_unlocked(struct fault *f);        /* fault_race.c: truncate=racy|count */
int fault_nonlinear(struct fault *f);            /* nonlinear_fault.c */
int fault_nonlinear_mkwrite(struct fault *f, struct page *page);
void fault_make_writable(struct fault *f);       /* fault_anon.c. PTL held; released */
int fault_anon(struct fault *f);                 /* fault_anon.c */
int fault_present(struct fault *f);
int fault_swap(struct fault *f);                 /* fault_swap.c */
int expand_stack(struct vma *v, unsigned long addr); /* stack.c; mmap lock: write */
struct vma *find_extend_vma(struct mm *mm, unsigned long addr); /* mmap lock: read, dropped and retaken if need be */

#endif
