/* SPDX-License-Identifier: MIT
 *
 * mm/cache, all that others may use: the pages of a file, and the open file as memory management sees it.
 *
 * A page in the cache: mapping and index say where; the tree holds one reference; both change only under the page
 * lock and mapping->tree_lock. Lookups run under RCU: find, take a reference, look again.
 * Truncation locks each page, removes it from the tree (mapping = NULL), and unmaps it before that, so that whoever
 * locks a page and finds mapping unchanged may map it (DESIGN section 6, truncate=pagelock).
 */
#ifndef MM_CACHE_CACHE_H
#define MM_CACHE_CACHE_H

#include "kernel/lib/radix.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rwsem.h"
#include "mm/phys/phys.h"

struct inode;
struct file;
struct vma;

struct address_space {
	struct inode *host;
	spinlock_t tree_lock;          /* the tree to write */
	struct radix_tree pages;       /* by index; readers under RCU */
	unsigned long nr_pages;        /* tree_lock */
	const struct mapping_ops *ops;
	/* who maps it: kept by mm/rmap's file scheme */
	struct rwsem map_lock;         /* level "file" of the lock order; sleeping */
	struct rb_root_cached vmas;    /* map_lock: interval tree by page offset */
	struct list_head vma_list;     /* map_lock: rmap.file=list|chain */
	struct list_head nonlinear;    /* map_lock: nonlinear areas */
	u32 nr_writable;               /* map_lock: MAP_SHARED, may-write vmas */
	u32 truncate_count;            /* truncate=count */
	u32 flags;                     /* MAPPING_* */
	unsigned long wb_err;          /* last write-back error, errseq */
};
enum { MAPPING_SWAPBACKED = 1 /* tmpfs, shared anonymous */, MAPPING_UNEVICTABLE = 2, MAPPING_LOWMEM = 4 };

enum { TAG_DIRTY, TAG_WRITEBACK }; /* of mapping->pages; pages of MAPPING_SWAPBACKED carry none */

struct mapping_ops {
	/* Bring page (locked, in the tree, not uptodate) up to date. Unlocks it when done (may be later, from an
	 * interrupt). => 0 if started. NULL: new pages are zeroes. */
	int (*read_page)(struct file *file, struct page *page);
	int (*write_page)(struct page *page);                /* locked, dirty: start write-out; unlocks */
	int (*set_dirty)(struct page *page);                 /* NULL: flag only */
	/* Make ready for [from, to) of page to be written; reserves space. May need low memory. => 0 or -errno */
	int (*write_begin)(struct file *file, struct address_space *m, loff_t pos, unsigned len, struct page **page);
	int (*write_end)(struct file *file, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page);
	/* A new page is about to enter the tree (may sleep): reserve space for it. => 0 or -ENOSPC. NULL: nothing to do.
	 * Its pair page_removed is called for every page that leaves the tree. */
	int (*page_adding)(struct address_space *m, pgoff_t index);
	void (*page_removed)(struct address_space *m, struct page *page); /* truncation took a page: give space back */
};

void mapping_init(struct address_space *m, struct inode *host, const struct mapping_ops *ops, u32 flags);
/* => page with a reference, or NULL; not locked */
struct page *find_page(struct address_space *m, pgoff_t index);
struct page *find_lock_page(struct address_space *m, pgoff_t index); /* locked, mapping checked; NULL if absent */
/* => page with a reference, locked; made if absent: then neither uptodate nor zeroed, which is the caller's to do;
 *    ERR_PTR(-ENOMEM, -ENOSPC). Sleeps if gfp does, and for the page lock. */
struct page *find_or_make_page(struct address_space *m, pgoff_t index, gfp_t gfp);
unsigned find_pages(struct address_space *m, pgoff_t *index, pgoff_t end, struct page **pages, unsigned n); /* references; advances */
/* => uptodate page with a reference, unlocked; reads it if need be (zeroes it where there is no read_page);
 *    ERR_PTR(-EIO, -ENOMEM, -ENOSPC, ...) */
struct page *read_cache_page(struct address_space *m, struct file *file, pgoff_t index);
int add_to_cache(struct address_space *m, struct page *page, pgoff_t index); /* page locked; -EEXIST, -ENOMEM */
void remove_from_cache(struct page *page);           /* page locked */
void mark_page_dirty(struct page *page);             /* under the page lock, or the PTL of a PTE that maps it; no sleep */
void mark_page_accessed(struct page *page);
/* The file's new size is already visible. Unmaps and removes pages from `from` on; zeroes the tail of a partial
 * page. Sleeps. inode's lock held by the caller. */
void truncate_pages(struct address_space *m, loff_t from);
void truncate_range(struct address_space *m, loff_t start, loff_t end); /* hole punch: whole pages go, edges are zeroed */
void mapping_free(struct address_space *m);          /* last inode reference gone: no mapping, no user */
/* For meminfo and vmstat, in pages: all files (tmpfs included), tmpfs and shared anonymous, dirty, under write-back. */
unsigned long cache_pages(void), shmem_pages(void), dirty_pages(void), writeback_pages(void);
/* Write-out: dirty -> write-back -> clean. page locked for the first; false: it was not dirty. */
bool clear_page_dirty_for_io(struct page *page);
void start_page_writeback(struct page *page);
void finish_page_writeback(struct page *page, int err); /* any context; err goes to mapping->wb_err */

/* What page cache asks of mm/rmap and mm/virt (to its right): set at boot. */
struct cache_ops {
	void (*unmap_range)(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows); /* map_lock not held */
};
extern const struct cache_ops *cache_ops;

/* --- the open file ------------------------------------------------------------------------------------------------ */
struct file_ops;
struct dentry;
struct mount;
struct cred;
struct file {
	atomic_t refcount;              /* RCU lookups take references: files are freed after a grace period */
	u32 flags;                      /* O_*: O_APPEND and O_NONBLOCK change under lock */
	u32 mode;                       /* FMODE_READ | FMODE_WRITE ... */
	const struct file_ops *ops;
	struct address_space *mapping;  /* NULL: cannot be mapped */
	struct inode *inode;
	struct dentry *dentry;
	struct mount *mount;
	loff_t pos;                     /* pos_lock */
	struct mutex pos_lock;
	spinlock_t lock;
	const struct cred *cred;        /* of the opener */
	void *private;
	struct epoll_item *watch;       /* kernel/fs/epoll.c: who watches it */
	pid_t owner;                    /* F_SETOWN */
	pgoff_t ra_next;                /* read-ahead: where a sequential reader comes next */
	u32 ra_pages;
	struct rcu_head rcu;
};
enum { FMODE_READ = 1, FMODE_WRITE = 2, FMODE_LSEEK = 4, FMODE_EXEC = 8, FMODE_PATH = 16 };
static inline void get_file(struct file *f) { atomic_inc(&f->refcount); }
void put_file(struct file *f); /* kernel/fs; may sleep */

#endif
