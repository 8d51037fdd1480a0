/* SPDX-License-Identifier: MIT
 *
 * mm/virt, all that others may use: address spaces, their areas (vmas), faults.
 *
 * Locks of an address space, outermost first:
 *   mmap lock      always taken over a range; today one rw-semaphore that ignores it. Read: the set of vmas is stable,
 *                  faults. Write: changes of vmas in that range.
 *   tree_lock      short spinlock over the vma tree, map_count, total_vm, locked_vm, brk. Readers of the tree hold the
 *                  mmap lock (either way), tree_lock, or RCU + a second look at mm->seq.
 *   pt_lock        spinlock: hanging page-table pages and page directories into the tree
 *   PTL            page->ptl of each page-table page: its 512 entries
 * Page-table pages are freed through RCU, and only under the mmap lock for writing (munmap, exit).
 *
 * Keys: m mmap lock over the area | t tree_lock | w written with both | p pt_lock | f fixed | a atomic
 */
#ifndef MM_VIRT_MM_H
#define MM_VIRT_MM_H

#include "arch/i386/pgtable.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sync/rwsem.h"
#include "kernel/sync/wait.h"
#include "mm/cache/cache.h"
#include "mm/phys/phys.h"
#include <linux/mman.h>

struct vma;
struct regs;

/* vma->flags; the low bits equal PROT_* */
#define VM_READ 0x1u
#define VM_WRITE 0x2u
#define VM_EXEC 0x4u
#define VM_SHARED 0x8u        /* MAP_SHARED, of a file opened for writing or not */
#define VM_MAYREAD 0x10u      /* what mprotect may turn on: VM_READ << 4 ... */
#define VM_MAYWRITE 0x20u
#define VM_MAYEXEC 0x40u
#define VM_GROWSDOWN 0x100u
#define VM_LOCKED 0x200u
#define VM_LOCKONFAULT 0x400u
#define VM_NONLINEAR 0x800u
#define VM_NORESERVE 0x1000u
#define VM_ACCOUNT 0x2000u    /* charged to the commit limit */
#define VM_DONTFORK 0x4000u
#define VM_DONTDUMP 0x8000u
#define VM_WIPEONFORK 0x10000u
#define VM_RAND 0x20000u      /* MADV_RANDOM */
#define VM_SEQ 0x40000u
#define VM_PLACED 0x200000u   /* VM_NONLINEAR, and only what was placed is there: a classic one shows linear pages elsewhere */

struct vma {
	unsigned long start, end;      /* w: [start, end) */
	struct rb_node node;           /* t: mm->vmas, by address, augmented with gap */
	unsigned long hole;            /* t: free bytes right below start (a stack's guard gap is not free) */
	unsigned long gap;             /* t: largest hole of this subtree */
	struct mm *mm;                 /* f */
	pgoff_t pgoff;                 /* w: file offset of start in MMU pages; anonymous: start >> 12 when made */
	u32 flags;                     /* w */
	bool has_anon;                 /* anonymous pages may be in it: set under the PTL, cleared never */
	struct file *file;             /* f: holds a reference; NULL: anonymous. Shared anonymous memory is a tmpfs file */
	const struct vma_ops *ops;     /* f: NULL: plain file or anonymous memory */
	struct rcu_head rcu;           /* freed through RCU */
	/* Behind it: the tails of the reverse-map schemes in force (mm/rmap/rmap.h), sized at boot. */
};

struct vma_ops { /* for special areas: the vDSO */
	struct page *(*fault)(struct vma *vma, unsigned long addr); /* page with reference, or ERR_PTR */
	const char *(*name)(struct vma *vma);
};

struct mm {
	struct mmu mmu;                /* first: 32-byte aligned */
	atomic_t users;                /* tasks that live in it; at 0 everything is unmapped */
	atomic_t count;                /* users (as one), lazy kernel threads, /proc readers; at 0 freed */
	struct rwsem mmap_sem;         /* through mmap_*lock only */
	struct rb_root vmas;           /* t */
	struct vma *hint;              /* the vma found last; any reader sets it, whoever unlinks a vma clears it */
	struct vma *corpses;           /* m: unlinked vmas, chained by rcu.next: freed when the lock is dropped */
	u32 seq;                       /* t: odd while the tree changes */
	spinlock_t tree_lock, pt_lock;
	u32 map_count;                 /* t */
	bool threaded;                 /* threads have lived in it: those count in task->rss_new first */
	unsigned long total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* t: MMU pages */
	/* a: MMU pages; under the PTL each changes with its PTE, but see mm_rss_anon */
	atomic_t rss_anon, rss_file, rss_shmem, swap_ents;
	unsigned long hiwater_rss, hiwater_vm;
	u32 nr_ptes, nr_pmds;          /* p: page-table pages, page directories */
	unsigned long start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	unsigned long arg_start, arg_end, env_start, env_end; /* t */
	unsigned long mmap_base;       /* f: top-down search starts here */
	u32 def_flags;                 /* m: mlockall(MCL_FUTURE) */
	struct file *exe_file;         /* t */
	u32 auxv[44];                  /* f after exec: /proc/PID/auxv */
	struct list_head all_node;     /* mm_list_lock: every mm, for the oracle and swapoff */
	struct list_head oom_node;     /* mm/reclaim/oom_reap.c */
	u32 oom_state;                 /* a: OOM_MM_* */
	/* Behind it: the mm tail of the anonymous reverse-map scheme. */
};

enum { OOM_MM_ALIVE, OOM_MM_VICTIM /* its processes are killed for memory */, OOM_MM_GONE /* nothing more to be had of it */ };

/* --- life ------------------------------------------------------------------------------------------------------- */
struct mm *mm_alloc(struct mm *parent);       /* empty, users 1; parent NULL: exec. NULL if out of memory */
int mm_dup(struct mm *to, struct mm *from);   /* fork: vmas and page tables, copy-on-write; from: mmap lock taken inside */
void mmget(struct mm *mm);                    /* users++ */
void mmput(struct mm *mm);                    /* users--; the last one unmaps all; may sleep */
void mmgrab(struct mm *mm);                   /* count++ */
void mmdrop(struct mm *mm);                   /* count-- */
struct mm *get_task_mm(struct task *t);       /* users++ or NULL */
void mm_switch(struct mm *mm);                /* exec: current now lives in mm (whose reference this eats), not in its old one */
void mm_leave(void);                          /* exit: current lives in no mm any more */

/* --- the mmap lock ------------------------------------------------------------------------------------------------
 * These bracket every operation for the oracle (vm_op_begin/end). Nothing may touch user memory while it holds it. */
#define MM_ALL 0UL, ~0UL
void mmap_read_lock(struct mm *mm, unsigned long start, unsigned long end);
void mmap_read_unlock(struct mm *mm, unsigned long start, unsigned long end);
bool mmap_read_trylock(struct mm *mm, unsigned long start, unsigned long end);
void mmap_write_lock(struct mm *mm, unsigned long start, unsigned long end);
int mmap_write_lock_killable(struct mm *mm, unsigned long start, unsigned long end);
void mmap_write_unlock(struct mm *mm, unsigned long start, unsigned long end);
void mmap_write_downgrade(struct mm *mm, unsigned long start, unsigned long end);

/* --- areas --------------------------------------------------------------------------------------------------------- */
struct vma *find_vma(struct mm *mm, unsigned long addr);      /* first with addr < end; may start above addr */
struct vma *vma_next(const struct vma *v), *vma_prev(const struct vma *v), *first_vma(struct mm *mm);
#define for_each_vma(mm, v) for (struct vma *v = first_vma(mm); v; v = vma_next(v))
static inline unsigned long vma_pages(const struct vma *v) { return (v->end - v->start) >> MMU_PAGE_SHIFT; }
static inline pgoff_t vma_pgoff_at(const struct vma *v, unsigned long a) { return (pgoff_t){ v->pgoff.n + ((a - v->start) >> MMU_PAGE_SHIFT) }; }
static inline pgoff_t vma_pgoff_last(const struct vma *v) { return (pgoff_t){ v->pgoff.n + vma_pages(v) - 1 }; }
static inline pindex_t vma_pindex_at(const struct vma *v, unsigned long a) { return pindex_of(vma_pgoff_at(v, a)); } /* of the page there */

static inline struct address_space *vma_mapping(const struct vma *v) { return v->file ? v->file->mapping : NULL; }
/* What an address of a file's area shows: linear areas by their offset, nonlinear ones by what was placed there. => false: nothing */
bool vma_file_at(struct vma *v, unsigned long addr, struct address_space **m, pgoff_t *pgoff);
static inline bool vma_is_anon(const struct vma *v) { return !v->ops && !vma_mapping(v); } /* no file behind its pages */

/* Kernel-side mmap, munmap, brk for exec and shm. mmap lock: write, held by the caller, for do_*.
 * => address, or -errno */
long do_mmap(struct file *file, unsigned long addr, unsigned long len, u32 prot, u32 flags, pgoff_t pgoff);
long vm_mmap(struct file *file, unsigned long addr, unsigned long len, u32 prot, u32 flags, pgoff_t pgoff); /* takes the lock */
int do_munmap(struct mm *mm, unsigned long addr, unsigned long len);
int mm_populate(struct mm *mm, unsigned long start, unsigned long len);
int setup_stack_vma(struct mm *mm, unsigned long top);         /* exec: an empty stack area that ends at top */
/* mm of another process or a not yet running one: copy between it and kernel memory. FOLL_WRITE breaks COW.
 * => bytes done. Sleeps. */
size_t mm_access(struct mm *mm, unsigned long addr, void *buf, size_t len, bool write);
/* Fault a page of mm in and take a reference. => page or ERR_PTR(-EFAULT) */
struct page *mm_get_page(struct mm *mm, unsigned long addr, bool write);
/* Anonymous pages of mm; exact while none of its threads faults. A thread counts its own up to RSS_BATCH before it adds them to
 * mm->rss_anon, whose cache line is every CPU's; who asks adds up what its threads have. => any context but interrupts */
unsigned long mm_rss_anon(const struct mm *mm);
unsigned long mm_rss(const struct mm *mm); /* all kinds */

/* --- faults -------------------------------------------------------------------------------------------------------- */
int handle_user_fault(struct regs *regs, unsigned long addr, unsigned code); /* trap_ops.page_fault */
enum { VMF_DONE = 0, VMF_RETRY = 1 /* look again */,
       VMF_DIRTIED = 2 /* done, and a page of a disk file became dirty: balance_dirty once nothing is held */, VMF_OOM = -12, VMF_SEGV = -14, VMF_BUS = -5 };
int mm_bring_back(struct mm *mm, u32 type);                          /* swapoff; no lock held */
int handle_vma_fault(struct vma *vma, unsigned long addr, bool write, bool *major); /* mmap read lock */

/* --- page tables ------------------------------------------------------------------------------------------------------
 * A PTE in a high page-table page is touched through kmap. pte_lock_at: kmap + PTL; preemption off until unlock. */
struct page *pt_page(struct mm *mm, unsigned long addr);       /* the page-table page for addr, or NULL */
int pt_alloc(struct mm *mm, unsigned long addr);               /* make it exist; 0 or -ENOMEM; sleeps */
pte_t *pte_lock_at(struct mm *mm, unsigned long addr, struct page **pt);    /* NULL if there is no table */
pte_t *pte_trylock_at(struct mm *mm, unsigned long addr, struct page **pt); /* NULL if absent or busy: *busy in pt==ERR */
void pte_unlock_at(pte_t *pte, struct page *pt);
/* How many entries of a table are not none: never fewer than are, so that a walk may stop at 0. PTL */
static inline void pt_count(struct page *pt, int n) { pt->inuse += n; }
/* Call fn for each entry that is not none in [start, end), under its PTL, rescheduling between tables. => the areas must
 * stay: mmap lock, or the oracle's exclusion */
void pt_walk(struct mm *mm, unsigned long start, unsigned long end, void (*fn)(pte_t *pte, unsigned long addr, void *arg), void *arg);
/* truncate: unmap the file's pages in [start, end) of an area of any mm, and with even_cows private copies too.
 * => without the mmap lock: the caller holds mapping->map_lock for reading, so area and page tables stay */
void zap_file_range(struct vma *vma, unsigned long start, unsigned long end, bool even_cows);

/* The pages of [start, end) of an area go. => mmap lock: read */
void zap_vma(struct vma *vma, unsigned long start, unsigned long end);

/* Gathered unmapping: pages are freed only after every CPU has flushed. Where that means interrupting other CPUs, what has
 * been gathered moves to a page of pointers, so that they are interrupted once for 1,152 pages and not nine times. */
#define GATHER_PAGES 128
#define GATHER_MANY (PAGE_SIZE / sizeof(struct page *))
struct tlb_gather {
	struct mm *mm;
	unsigned long start, end;      /* what must be flushed; start >= end: nothing */
	bool whole_mm;                 /* exit: nobody runs in it, one flush at most */
	bool pinned;                   /* in a locked area: each PTE of a page is a pin */
	unsigned nr, nr_many;
	struct page *tables;           /* page-table pages on their way out, chained by rcu.next */
	struct page **many;            /* NULL: not needed so far */
	struct page *pages[GATHER_PAGES];
};
void tlb_gather_start(struct tlb_gather *g, struct mm *mm, bool whole_mm);
void tlb_gather_page(struct tlb_gather *g, struct page *page); /* flushes by itself when full: no lock that an IPI needs */
void tlb_gather_full(struct tlb_gather *g); /* makes room */
void tlb_gather_finish(struct tlb_gather *g);

/* --- accounting -------------------------------------------------------------------------------------------------------- */
extern int sysctl_overcommit_memory, sysctl_overcommit_ratio, sysctl_max_map_count;
extern unsigned long sysctl_mmap_min_addr;
unsigned long vm_commit_limit(void), vm_committed(void);
int vm_charge(unsigned long pages);    /* commit charge; 0 or -ENOMEM */
void vm_uncharge(unsigned long pages);
extern struct list_head mm_list;
extern spinlock_t mm_list_lock;

/* What mm/virt asks of the rooms to its right; set at boot (boot/main.c). */
struct virt_ops {
	struct file *(*fget)(unsigned fd);                           /* reference, or NULL */
	int (*mmap_file)(struct file *f, struct vma *vma);           /* f->ops->mmap; -ENODEV without one */
	struct file *(*shmem_file)(const char *name, loff_t size, u32 vm_flags);
	loff_t (*file_size)(struct file *f);                         /* bytes: beyond the last page lies SIGBUS */
	int (*fsync)(struct file *f, loff_t start, loff_t end);      /* msync(MS_SYNC); inclusive */
	int (*punch_hole)(struct file *f, loff_t start, loff_t len); /* MADV_REMOVE; takes inode->lock */
	bool (*noexec)(struct file *f);                              /* from a mount without exec */
	bool (*capable)(int cap);
	void (*attached)(struct file *f, int step);                  /* FMODE_ATTACH: an area of it comes (1) or goes (-1); see kernel/ipc */
};
extern const struct virt_ops *virt_ops;
void mm_virt_init(void);
void oom_mm_gone(struct mm *mm);       /* mm/reclaim: the memory of a victim is free */
bool pt_in_low_memory(void);               /* highpte=off, or no high memory */

#endif
