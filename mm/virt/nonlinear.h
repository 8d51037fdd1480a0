/* SPDX-License-Identifier: MIT
 *
 * Nonlinear areas (DESIGN section 6): which file stands behind which slot. The story is at the top of nonlinear.c.
 */
#ifndef MM_VIRT_NONLINEAR_H
#define MM_VIRT_NONLINEAR_H

#include "mm/virt/mm.h"

/* mmap: an area of this kind from the start, empty. Valid with MAP_SHARED_VALIDATE only: other kernels refuse it, so that programs can tell. */
#define MAP_NONLINEAR 0x01000000u

/* One file of one area: 32 bytes of low memory, however many of its pages are placed there. */
struct nonlinear_file {
	struct list_head node;       /* map_lock: mapping->nonlinear */
	struct vma *vma;             /* f */
	struct file *file;           /* f: held; the area's own is held by vma->file */
	struct nonlinear_file *next; /* m: of the same area */
	u32 number;                  /* f: what markers call it; the area's own: 0 */
	bool writable;               /* f: counted in mapping->nr_writable */
};

static inline bool vma_nonlinear(const struct vma *v) { return unlikely(v->flags & VM_NONLINEAR); }

/* --- for mm/rmap: an area comes to its files, gets other bounds, leaves ------------------------------------------------- */
int nonlinear_clone(struct vma *copy, const struct vma *v); /* copy gets the files of v; -ENOMEM: it has none. Not linked yet */
void nonlinear_unclone(struct vma *copy);                   /* undoes that */
void nonlinear_link(struct vma *v);
void nonlinear_unlink(struct vma *v);
void nonlinear_adjusted(struct vma *v);                     /* => whoever walks it by its files knows the new bounds */
/* All nonlinear PTEs that show pages [first, last] of the file go; their slots stay placed. Sleeps */
void nonlinear_unmap_range(struct address_space *m, pindex_t first, pindex_t last);
/* Write-protects what nonlinear PTEs have made writable since the last time. Sleeps; locks of pages may be held */
void nonlinear_clean(struct address_space *m);
#ifdef CONFIG_DEBUG
void nonlinear_audit(struct vma *v, struct page *page, unsigned long addr); /* oracle: will truncation find this PTE? */
#endif

/* --- for mm/virt ------------------------------------------------------------------------------------------------------------ */
extern int sysctl_nonlinear;
int nonlinear_allowed(void);                                /* may current have such areas? 0 or -EPERM, which is logged */
int nonlinear_init(struct vma *v);                          /* mmap: a new area, its file attached; 0 or -errno */
void nonlinear_bury(struct vma *v);                         /* no lock held: the files go */
int nonlinear_convert(struct vma *v);                       /* the classic call: 0 or -errno. mmap lock: write */
struct nonlinear_file *nonlinear_file_of(const struct vma *v, const struct address_space *m); /* mmap lock */
struct nonlinear_file *nonlinear_file_number(const struct vma *v, u32 number);
/* May the pages of file be placed in v, and is it one of its files already? *found: it, or NULL. => 0 or -errno */
int nonlinear_may_place(const struct vma *v, struct file *file, struct nonlinear_file **found);
int nonlinear_add_file(struct vma *v, struct file *file);   /* mmap lock: write */
void nonlinear_zap(struct tlb_gather *g, struct vma *v, unsigned long start, unsigned long end);  /* munmap, exit: nothing stays */
void nonlinear_drop(struct vma *v, unsigned long start, unsigned long end); /* pages go, their slots stay placed */
/* What belongs where the entry e, not present, stands or stood. => false: nothing was placed there. mmap lock */
bool nonlinear_slot_of(struct vma *v, unsigned long addr, pte_t e, struct file **file, pgoff_t *pgoff);
int nonlinear_place_range(struct vma *v, unsigned long addr, unsigned long end, const struct nonlinear_file *f, pgoff_t pgoff, bool read);
int nonlinear_dup(struct vma *child, struct mm *from);      /* fork; -ENOMEM */
void nonlinear_sync_files(struct vma *v, struct file ***files, unsigned *n); /* with references; *files NULL: no memory */

#endif
