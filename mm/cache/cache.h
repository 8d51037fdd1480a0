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
struct backing;

struct address_space {
	struct inode *host;
	spinlock_t tree_lock;          /* the tree to write */
	struct radix_tree pages;       /* by index; readers under RCU. Pages, or values (bit 1 set): what tmpfs has swapped out */
	unsigned long nr_pages;        /* tree_lock */
	unsigned long nr_values;       /* tree_lock */
	const struct mapping_ops *ops;
	/* who maps it: kept by mm/rmap's file scheme */
	struct rwsem map_lock;         /* level "file" of the lock order; sleeping */
	struct rb_root_cached vmas;    /* map_lock: interval tree by page offset */
	struct list_head vma_list;     /* map_lock: rmap.file=list|chain */
	struct list_head nonlinear;    /* map_lock: nonlinear areas */
	u32 nr_writable;               /* map_lock: MAP_SHARED, may-write vmas */
	u32 truncate_count;            /* truncate=count */
	atomic_t nonlinear_writes;     /* a: grows when a nonlinear PTE becomes writable */
	u32 nonlinear_cleaned;         /* what it was when they were last write-protected */
	u32 flags;                     /* MAPPING_* */
	unsigned long wb_err;          /* last write-back error, errseq */
	/* write-back: mm/cache/writeback.h */
	struct backing *backing;       /* f: where dirty pages go; NULL: nowhere (tmpfs, proc) */
	struct list_head dirty_node;   /* flusher->lock: on one of its lists */
	u32 dirtied;                   /* flusher->lock: when, in ms of the clock; 0: on no list */
	pindex_t wb_next;              /* the flusher: where it goes on in a large file */
};
enum { MAPPING_SWAPBACKED = 1 /* tmpfs, shared anonymous */, MAPPING_UNEVICTABLE = 2, MAPPING_LOWMEM = 4,
       MAPPING_DEVICE = 8 /* a disk's own pages */, MAPPING_LOCKED = 16 /* SHM_LOCK: the scanner passes over its pages */ };

enum { TAG_DIRTY, TAG_WRITEBACK }; /* of mapping->pages; pages of MAPPING_SWAPBACKED carry none */

/* Where a stretch of a file lies on its device; unit: a block, 1 << backing->block_bits bytes. */
struct block_run {
	u64 block; /* of the device */
	u32 nr;    /* blocks, at least 1 */
	bool hole; /* there are none */
};

struct writeback;
struct mapping_ops {
	/* Bring page (locked, in the tree, not uptodate) up to date. Unlocks it when done (may be later, from an
	 * interrupt). => 0 if started. NULL: new pages are zeroes. */
	int (*read_page)(struct file *file, struct page *page);
	/* The same for n pages that stand side by side. What could not be read is left not uptodate. NULL: one by one. */
	void (*read_pages)(struct file *file, struct address_space *m, struct page **pages, unsigned n);
	/* n pages in ascending order, each locked, its dirty flag cleared and its mappings write-protected: for each,
	 * start_page_writeback, unlock_page, and finish_page_writeback when it is written (or finished with -errno);
	 * or redirty_page and unlock_page. In a NOFS scope; may sleep, but not for other pages of this file.
	 * => 0 or -errno, which stops this pass (redirtied pages are tried again later) */
	int (*write_pages)(struct address_space *m, struct page **pages, unsigned n, struct writeback *wb);
	/* Make ready for [pos, pos + len), which lies in one page, to be written: => 0 and the page, locked and with a
	 * reference; -errno. Reserves space. inode->lock is held for writing. */
	int (*write_begin)(struct file *file, struct address_space *m, loff_t pos, unsigned len, struct page **page);
	/* `copied` bytes were: marks it dirty, moves the size, unlocks it and drops the reference.
	 * => bytes that count as written (fewer than copied: try again), -errno */
	int (*write_end)(struct file *file, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page);
	/* A page (locked, uptodate, of this file and below its end) is about to be mapped writable: reserve space, so that
	 * its write-out cannot fail for want of it. The mmap lock is held: so not inode->lock. => 0, or -errno: SIGBUS.
	 * The page stays locked. NULL: nothing to do. */
	int (*page_mkwrite)(struct file *file, struct page *page);
	/* Files on a disk: the run that begins at `block` of the file; want: how far the caller is interested. create:
	 * allocates what is a hole (at least the first block). Sleeps; pages of this file may be locked. => 0 or -errno */
	int (*map_blocks)(struct address_space *m, u64 block, u32 want, bool create, struct block_run *run);
	/* A new page is about to enter the tree (may sleep): reserve space for it. => 0 or -ENOSPC. NULL: nothing to do.
	 * Its pair page_removed is called for every page that leaves the tree. */
	int (*page_adding)(struct address_space *m, pindex_t index);
	void (*page_removed)(struct address_space *m, struct page *page); /* truncation took a page (NULL: a value): give space back */
	/* tmpfs: a value stands at index. bring_back: => the page in its place, locked, with a reference; ERR_PTR, -EAGAIN
	 * to look again. value_gone: truncation took it out of the tree; page_removed(m, NULL) follows. Both sleep. */
	struct page *(*bring_back)(struct address_space *m, pindex_t index, void *value);
	void (*value_gone)(struct address_space *m, pindex_t index, void *value);
};

void mapping_init(struct address_space *m, struct inode *host, const struct mapping_ops *ops, u32 flags);
/* => page with a reference, or NULL (values are not pages); not locked */
struct page *find_page(struct address_space *m, pindex_t index);
struct page *find_lock_page(struct address_space *m, pindex_t index); /* locked, mapping checked; NULL if absent */
static inline bool is_value(const void *entry) { return (unsigned long)entry & 2; }
void *find_entry(struct address_space *m, pindex_t index); /* a page with a reference, a value, or NULL */
bool next_entry(struct address_space *m, pindex_t *index, pindex_t last); /* the first from *index to last where a page or a value stands */
struct page *find_or_bring_page(struct address_space *m, pindex_t index); /* locked, with a reference; NULL: neither page nor value; ERR_PTR */
/* => page with a reference, locked; made if absent: then neither uptodate nor zeroed, which is the caller's to do;
 *    ERR_PTR(-ENOMEM, -ENOSPC). Sleeps if gfp does, and for the page lock. */
struct page *find_or_make_page(struct address_space *m, pindex_t index, gfp_t gfp);
unsigned find_pages(struct address_space *m, pindex_t *index, pindex_t end, struct page **pages, unsigned n); /* references; advances */
unsigned find_pages_tag(struct address_space *m, pindex_t *index, pindex_t end, struct page **pages, unsigned n, unsigned tag);
/* => uptodate page with a reference, unlocked; reads it if need be (zeroes it where there is no read_page);
 *    ERR_PTR(-EIO, -ENOMEM, -ENOSPC, ...) */
struct page *read_cache_page(struct address_space *m, struct file *file, pindex_t index);
int add_to_cache(struct address_space *m, struct page *page, pindex_t index); /* page locked; -EEXIST, -ENOMEM */
void remove_from_cache(struct page *page);           /* page locked */
/* For reclaim. page is locked and the caller has one reference. => true: nobody else had one, it was clean and not
 * mapped: out of the tree, refcount 1, the caller's. */
bool cache_remove_clean(struct page *page);
/* For swap. The same for a page of tmpfs, with `others` more references than those two: `value` (bit 1 set, bit 0 not)
 * takes its place. The page stays frozen: refcount 0, the caller's. page_removed is not called: the value keeps the
 * space that the page had reserved. Preemption is off. */
bool cache_page_to_value(struct page *page, void *value, int others);
/* And back: page is locked, of the swap cache, and enters where `value` stands. => 0; -ENOENT: it does not stand there any more */
int cache_value_to_page(struct address_space *m, pindex_t index, void *value, struct page *page);
void mark_page_dirty(struct page *page);             /* under the page lock, or the PTL of a PTE that maps it; no sleep */
void mark_page_accessed(struct page *page);
/* The file's new size is already visible. Unmaps and removes pages from `from` on; zeroes the tail of a partial
 * page if it is cached (see zero_range_cached). Sleeps. inode's lock held by the caller. */
void truncate_pages(struct address_space *m, loff_t from);
void truncate_range(struct address_space *m, loff_t start, loff_t end); /* hole punch: whole pages go, edges are zeroed */
extern u32 truncate_protocol; /* truncate= */
enum { TRUNCATE_PAGELOCK, TRUNCATE_COUNT, TRUNCATE_RACY };
void truncate_orphan(struct page *page); /* counts it if it is mapped and has no file */
/* Zeroes [from, to) of one page of the file, reading it first if it is not there: before a size that cuts a block, and
 * for the edges of a hole. A hole is left one. => 0 or -errno */
int zero_range_cached(struct address_space *m, loff_t from, loff_t to);
/* Clean pages of [first, last] that nobody uses leave. => how many. Sleeps. */
unsigned long invalidate_clean_pages(struct address_space *m, pindex_t first, pindex_t last);
/* The same, in use or not, mappings included; of a mounted device, only what is not in use. What is dirty stays. */
void invalidate_pages(struct address_space *m, pindex_t first, pindex_t last);
void drop_page_cache(void);                          /* of all files: /proc/sys/vm/drop_caches */
void mapping_free(struct address_space *m);          /* last inode reference gone: no mapping, no user */
/* For meminfo and vmstat, in pages: all files (tmpfs, disks included), tmpfs and shared anonymous, disks; dirty, under write-back. */
unsigned long cache_pages(void), shmem_pages(void), device_pages(void), dirty_pages(void), writeback_pages(void);

/* What page cache asks of the rooms to its right: set at boot. */
struct cache_ops {
	void (*unmap_range)(struct address_space *m, pindex_t first, pindex_t last, bool even_cows); /* map_lock not held */
	int (*mkclean)(struct page *page);           /* page locked: its PTEs become read-only. => how many were dirty */
	void (*clean_nonlinear)(struct address_space *m); /* those of nonlinear areas, of all pages. Locks of pages may be held; sleeps */
};
/* ... and of kernel/fs. */
struct cache_fs_ops {
	loff_t (*size)(const struct address_space *m);
	bool (*inode_dirty)(const struct address_space *m);
	bool (*hold)(struct address_space *m);       /* a reference to its inode; false: that is on its way out. No sleep */
	void (*release)(struct address_space *m);    /* sleeps */
	int (*write_inode)(struct address_space *m); /* into its file system's metadata, if it is dirty; sleeps */
};
extern const struct cache_ops *cache_ops;
extern const struct cache_fs_ops *cache_fs_ops;

/* --- the open file ------------------------------------------------------------------------------------------------ */
struct file_ops;
struct dentry;
struct mount;
struct cred;
struct file {
	atomic_t refcount;              /* RCU lookups take references: files are freed after a grace period */
	u32 flags;                      /* O_*: O_APPEND and O_NONBLOCK change under lock */
	u16 mode;                       /* FMODE_READ | FMODE_WRITE ... */
	u16 ra_pages;                   /* read-ahead: how far the window may grow; 0: as usual */
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
	union {
		pindex_t ra_next;       /* read-ahead: where a sequential reader comes next */
		unsigned long writers;  /* a FIFO: how many writers it had seen when f was opened (kernel/fs/pipe.c) */
	};
	pindex_t ra_start;              /* the window: mm/cache/readahead.c */
	u16 ra_size, ra_async;
	unsigned long wb_err;           /* write-back errors of the mapping that fsync has reported here */
	struct rcu_head rcu;
};
enum { FMODE_READ = 1, FMODE_WRITE = 2, FMODE_LSEEK = 4, FMODE_EXEC = 8, FMODE_PATH = 16,
       FMODE_RANDOM = 32 /* POSIX_FADV_RANDOM */, FMODE_ATTACH = 64 /* System V: virt_ops->attached counts its areas */ };
static inline void get_file(struct file *f) { atomic_inc(&f->refcount); }
void put_file(struct file *f); /* kernel/fs; may sleep */

#endif
