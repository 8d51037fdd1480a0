/* SPDX-License-Identifier: MIT
 *
 * drivers/block, all that others may use: disks, partitions, and the requests that go to them.
 *
 * A bio says: move these pieces of pages from or to this place. bio_submit() queues it; bios that touch on the disk are
 * merged into one command; when all its bytes have moved (or could not be), end(bio) is called once, with bio->error.
 *
 *	struct bio *bio = bio_alloc(dev, READ, sector, n);      sleeps; with its reserve it cannot fail for want of memory
 *	bio_add(bio, page, offset, bytes);                      bytes and offset: multiples of 512
 *	bio->end = f;  bio_submit(bio);                         or: err = bio_submit_wait(bio);   then bio_free(bio)
 *
 * end() runs in an interrupt handler or in a thread, without locks: it wakes somebody and no more; it may free the bio.
 * No order among bios: who wants one waits for the first before submitting the second.
 *
 * Lock order: disk->lock (irqs off) > the driver's own lock (ATA: channel). Both are leaves for everybody else: under
 * them nothing sleeps, allocates or calls end(). disks_lock (a mutex) is for the lists of disks and partitions.
 */
#ifndef DRIVERS_BLOCK_BLOCK_H
#define DRIVERS_BLOCK_BLOCK_H

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/wait.h"
#include "mm/phys/phys.h"

#define SECTOR_SHIFT 9
#define SECTOR_SIZE 512U
typedef u64 sector_t;

struct disk;
struct flusher;
struct block_device;
enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH /* no pieces: what was written before is safe from now on */, NR_BIO_OPS };
enum {
	BIO_FUA = 1,        /* a write that is safe when it ends */
	BIO_NOMERGE = 2,    /* by itself: it, or something merged with it, failed before */
	BIO_RESERVE = 4,    /* from the device's reserve */
	BIO_LOSE = 8,       /* injected: the driver shall forget it, as if the device never answered */
	BIO_FUA_FLUSH = 16, /* written; now flushed for FUA */
	BIO_MERGED = 32,    /* it did not cost a command of its own */
};

struct bio_piece { struct page *page; u16 offset, bytes; };
struct bio {
	struct block_device *dev;
	sector_t sector;            /* of dev; from bio_submit on: of the disk */
	u8 op, flags, tries;
	u16 nr, max;                /* pieces used, room */
	u32 bytes;
	int error;
	void (*end)(struct bio *bio);
	void *private;
	/* the layer's own, while it is queued */
	u16 all_nr;                 /* head: pieces of the whole chain */
	u32 all_bytes;
	struct bio *chain, *chain_tail; /* merged behind this one */
	struct rb_node node;        /* head, waiting: by sector */
	struct list_head link;      /* head: disk->waiting; plug; lists of what has ended */
	u64 start;                  /* when it was submitted */
	atomic_t parts;             /* bounced: pieces of work under way, and one */
	struct bio_piece piece[];
};

/* One range of a disk: the whole (part 0), or a partition. Lives for good. */
struct block_stat { u64 ios, merges, sectors, ns; };
struct block_device {
	struct disk *disk;
	sector_t start, sectors;
	dev_t dev;                  /* as MKDEV makes it */
	u32 part;
	char name[16];
	struct list_head node;      /* disk->devices */
	struct block_stat stat[NR_BIO_OPS]; /* disk->lock */
	u32 in_flight;              /* disk->lock */
	u64 busy_ns, busy_since, weighted_ns; /* disk->lock */
	bool read_only;             /* BLKROSET, besides the disk's own */
	atomic_t openers;           /* files and mounts that have it open */
	void *host;                 /* kernel/fs: its inode */
	const void *owner;          /* who has it to himself: a mounted file system, swap; NULL: nobody */
};

/* --- for those who use disks ------------------------------------------------------------------------------------------ */
/* => a bio with room for `max` pieces (at most BIO_MAX). Sleeps. Does not fail: beyond memory there is a reserve, which
 *    comes back as earlier bios end. So nobody may hold a bio that is not submitted while asking for another. */
#define BIO_MAX 32
struct bio *bio_alloc(struct block_device *dev, enum bio_op op, sector_t sector, unsigned max);
void bio_free(struct bio *bio);
bool bio_add(struct bio *bio, struct page *page, unsigned offset, unsigned bytes); /* false: full */
void bio_submit(struct bio *bio);            /* may sleep */
int bio_submit_wait(struct bio *bio);        /* => 0 or -EIO ...; the bio is still the caller's */
int block_flush(struct block_device *dev);
/* What the end of a bio may not do where it is called: fn(bio) in the thread blockd, which neither allocates nor waits for
 * a disk. Any context. Takes bio->link and bio->end. */
void blockd_add(struct bio *bio, void (*fn)(struct bio *bio));
/* All or nothing, page by page as they lie: bytes at sector, one page. => 0 or -errno */
int block_rw_page(struct block_device *dev, enum bio_op op, sector_t sector, struct page *page, unsigned offset, unsigned bytes);

/* Between these, bios of the current task wait for each other and so merge; sleeping sends them off. They nest. */
struct plug { struct list_head bios; bool outer; };
void plug_begin(struct plug *p);
void plug_end(struct plug *p);
void plug_flush(void);                       /* current's; sched calls it when a task with a plug goes to sleep */

bool block_read_only(const struct block_device *dev);
/* To oneself: mounting and swapping exclude each other. A partition's claim and one of the whole disk do so as well. => false: busy */
bool block_claim(struct block_device *dev, const void *owner);
void block_unclaim(struct block_device *dev, const void *owner);
struct block_device *block_find(dev_t dev);  /* NULL: no such device */
/* In order of their numbers. Sleeps; fn must not register. */
void for_each_block_device(void (*fn)(void *arg, struct block_device *dev), void *arg);
struct block_stats { struct block_stat op[NR_BIO_OPS]; u32 in_flight; u64 busy_ns, weighted_ns; };
void block_get_stats(struct block_device *dev, struct block_stats *s);
void for_each_block_major(void (*fn)(void *arg, unsigned major, const char *name), void *arg);

static inline void block_opened(struct block_device *dev) { atomic_inc(&dev->openers); }
void block_closed(struct block_device *dev); /* sleeps */
void block_forget_cache(struct block_device *dev); /* write out, and forget, what is cached of it; sleeps */

/* What kernel/fs wants to know; set once, before block_init. */
extern void (*block_added)(struct block_device *dev);
extern void (*block_resized)(struct block_device *dev, sector_t sectors); /* sleeps; the cache goes by it from now on */
extern void (*block_forget)(struct block_device *dev);
void block_init(void);                       /* after pci_init; finds disks and reads their partition tables. Sleeps */

/* --- for drivers ------------------------------------------------------------------------------------------------------- */
struct disk_ops {
	/* Start the command of this chain of bios. disk->lock held, interrupts off. => false: no room now (then some
	 * command is under way, whose end will ask again). The end: block_done(). */
	bool (*start)(struct disk *d, struct bio *head);
	void (*commit)(struct disk *d);      /* some were started; may be NULL */
	bool has_timeout;                    /* notices by itself that a device does not answer */
	/* may be NULL; sleep, without locks */
	void (*last_close)(struct disk *d);
	long (*discard)(struct disk *d, u64 from, u64 bytes); /* reads as zeros afterwards */
	long (*ioctl)(struct disk *d, unsigned cmd, unsigned long arg, bool writing); /* -ENOTTY: not one of its own */
};
struct disk {
	const struct disk_ops *ops;
	const char *prefix;          /* "sd", "vd" */
	void *private;
	u32 max_pieces, max_bytes;   /* of one command */
	pfn_t max_pfn;               /* frames from here on are beyond its reach: bounced; 0: reaches all */
	bool read_only, flush;       /* flush: it has a cache to flush */
	u32 block_size;              /* what it calls a sector, in bytes; 512-byte addresses work all the same */
	sector_t sectors;
	char model[41];
	/* the layer's own */
	spinlock_t lock;
	struct rb_root by_sector[2]; /* lock: waiting reads, writes */
	struct list_head waiting;    /* lock: heads in order of arrival */
	struct list_head ended;      /* lock: on their way to end() */
	sector_t position;           /* lock: where the last command ended */
	u32 active;                  /* lock: commands at the device */
	bool dispatching;            /* lock */
	unsigned index;
	struct block_device whole;
	struct flusher *flusher;     /* mm/cache: who writes dirty pages back to it */
	struct list_head devices;    /* disks_lock */
	struct list_head node;       /* disks_lock */
	spinlock_t reserve_lock;     /* irqs off */
	struct bio *reserve;         /* reserve_lock: through bio->chain */
	struct list_head bounce_reserve; /* reserve_lock */
	struct wait_queue reserve_wait;
};
/* d: zeroed and filled in above "the layer's own". Names it, reads its partition table, tells the world. => 0, -ENOMEM */
int disk_register(struct disk *d);
/* Another size. Shrinking to nothing waits for what is under way; bios that come later fail. Sleeps. */
void disk_set_size(struct disk *d, sector_t sectors);
/* What the command of this chain is: a write may have become the flush that FUA asks for. */
static inline enum bio_op bio_command(const struct bio *head) { return head->flags & BIO_FUA_FLUSH ? BIO_FLUSH : head->op; }
/* A command has ended. Any context, no lock held; calls end() of its bios, or tries again. */
void block_done(struct disk *d, struct bio *head, int error);
void block_kick(struct disk *d);             /* start() may have room again. Any context, no lock held */
/* Calls fn for each stretch of at most max bytes, physically contiguous, of the chain, not crossing a multiple of
 * `boundary` (a power of two, 0: none). => how many */
unsigned bio_stretches(struct bio *head, u32 max, u32 boundary, void (*fn)(void *arg, unsigned n, u64 addr, u32 bytes), void *arg);

#endif
