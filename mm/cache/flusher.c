/* SPDX-License-Identifier: MIT
 *
 * Flushers: one for each disk, so that a slow disk keeps nobody waiting who writes to a fast one.
 *
 * A mapping is on its flusher's list `dirty` from the moment when its first page or its inode becomes dirty, until a
 * pass has found nothing more to do for it, pages under write-back included: so whoever waits for all of them finds all.
 * A pass moves what it has to do to `io`, takes one mapping after the other, writes its pages and then its inode.
 *
 *	nowhere --mapping_dirtied--> dirty --(old enough, or too much)--> io --written--> dirty (still something) or nowhere
 *
 * A mapping is held (its inode cannot go) while it is written; what is on its way out anyway is left to its evictor,
 * which takes it off the list (mapping_forget). The last user of an unlinked file waits for the hold to end (iput), so that the blocks
 * are free when unlink or close returns.
 *
 * The thread starts when somebody is over the limit, and otherwise every dirty_writeback_centisecs for what has been
 * dirty longer than dirty_expire_centisecs; with nothing dirty it sleeps for good. Who sets another interval wakes it.
 *
 * Locks: pass (sleeping) > page locks ...; lock: a leaf, taken under PTL and tree_lock by mark_page_dirty.
 */
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "mm/cache/flusher.h"
#include "mm/cache/internal.h"

#define CHUNK 1024 /* pages of one file before the next one's turn */

LIST_HEAD(flushers);
static DEFINE_MUTEX(flushers_mutex); /* making them */
unsigned sysctl_dirty_expire_centisecs = 3000, sysctl_dirty_writeback_centisecs = 500;

static u32 now(void) { return (u32)(ktime_get() >> 20) | 1; }

/* --- on the list, off the list ------------------------------------------------------------------------------------------- */
void mapping_dirtied(struct address_space *m)
{
	struct flusher *f = m->backing->flusher;
	bool first = false;

	if (likely(READ_ONCE(m->dirtied)))
		return;
	spin_lock(&f->lock);
	if (!m->dirtied) {
		first = list_empty(&f->dirty) && list_empty(&f->io);
		m->dirtied = now();
		list_add_tail(&m->dirty_node, &f->dirty);
	}
	spin_unlock(&f->lock);
	if (first)
		wake_up(&f->wait);
}

void mapping_forget(struct address_space *m)
{
	struct flusher *f;

	if (!m->backing)
		return;
	f = m->backing->flusher;
	spin_lock(&f->lock);
	list_del_init(&m->dirty_node);
	m->dirtied = 0;
	spin_unlock(&f->lock);
}

static bool needs_more(struct address_space *m)
{
	return radix_tagged(&m->pages, TAG_DIRTY) || radix_tagged(&m->pages, TAG_WRITEBACK) || cache_fs_ops->inode_dirty(m);
}

/* m was written, is held, and stands on `dirty`. more: this pass shall come to it again */
static void settle(struct flusher *f, struct address_space *m, bool more)
{
	spin_lock(&f->lock);
	if (more) {
		list_move_tail(&m->dirty_node, &f->io);
	} else if (!needs_more(m)) {
		list_del_init(&m->dirty_node);
		WRITE_ONCE(m->dirtied, 0);
	}
	spin_unlock(&f->lock);
	smp_mb(); /* who made it dirty just before may have seen it on the list */
	if (!READ_ONCE(m->dirtied) && needs_more(m))
		mapping_dirtied(m);
}

static bool wanted(const struct address_space *m, const struct backing *only) { return !only || m->backing == only; }

/* Everything (of one backing) that became dirty more than `older` ticks ago is this pass's. What is not keeps its age. */
static void queue_io(struct flusher *f, struct backing *only, u32 older)
{
	struct address_space *m, *next;
	u32 t = now();

	list_for_each_entry_safe(m, next, &f->dirty, dirty_node) {
		if (older && (s32)(t - m->dirtied) < (s32)older)
			break;
		if (wanted(m, only))
			list_move_tail(&m->dirty_node, &f->io);
	}
}

/* => the next one of this pass, held, and on `dirty` meanwhile; NULL: that was all */
static struct address_space *next_io(struct flusher *f)
{
	struct address_space *m = NULL;

	spin_lock(&f->lock);
	while (!m && !list_empty(&f->io)) {
		m = list_first_entry(&f->io, struct address_space, dirty_node);
		f->holder = current;
		WRITE_ONCE(f->held, m); /* before the hold: who finds m held knows by whom */
		if (cache_fs_ops->hold(m)) {
			list_move_tail(&m->dirty_node, &f->dirty);
			m->dirtied = now();
			break;
		}
		list_del_init(&m->dirty_node);
		m->dirtied = 0;
		m = NULL;
	}
	if (!m)
		WRITE_ONCE(f->held, NULL);
	spin_unlock(&f->lock);
	return m;
}

static void let_go(struct flusher *f, struct address_space *m)
{
	cache_fs_ops->release(m);
	WRITE_ONCE(f->held, NULL);
	smp_mb();
	if (unlikely(waitqueue_active(&f->released)))
		wake_up_all(&f->released);
}

bool flusher_holds(const struct address_space *m)
{
	const struct flusher *f = m->backing->flusher;

	return READ_ONCE(f->held) == m && READ_ONCE(f->holder) != current;
}

void wait_for_flusher(struct address_space *m)
{
	struct flusher *f = m->backing->flusher;

	wait_event(&f->released, READ_ONCE(f->held) != m);
}

/* --- passes -------------------------------------------------------------------------------------------------------------- */
/* At most wb->left pages, going on where the last time ended, and the inode. => it stopped for want of `left` */
static bool write_file(struct address_space *m, struct writeback *wb)
{
	pindex_t start = m->wb_next;
	int err;

	wb->first = start;
	wb->last = PINDEX_MAX;
	write_mapping(m, wb);
	if (wb->left > 0 && start.n && !wb->err) {
		wb->first.n = 0;
		wb->last.n = start.n - 1;
		write_mapping(m, wb);
	}
	m->wb_next.n = wb->left > 0 ? 0 : wb->first.n;
	err = cache_fs_ops->write_inode(m);
	if (err && !wb->err)
		wb->err = err;
	return wb->left <= 0;
}

/* => pages started. older: than so many ticks */
static long flush_some(struct flusher *f, long pages, u32 older)
{
	struct address_space *m;
	long done = 0;

	mutex_lock(&f->pass);
	spin_lock(&f->lock);
	if (list_empty(&f->io) || older)
		queue_io(f, NULL, older);
	spin_unlock(&f->lock);
	while (done < pages && (m = next_io(f)) != NULL) {
		struct writeback wb = { .left = min(pages - done, (long)CHUNK) };
		bool more = write_file(m, &wb);

		done += wb.written;
		settle(f, m, more);
		let_go(f, m);
		cond_resched();
	}
	mutex_unlock(&f->pass);
	return done;
}

/* One round over all that is dirty or under write-back. */
static int sync_round(struct flusher *f, struct backing *only, bool sync, bool wait)
{
	struct address_space *m;
	int err = 0;

	spin_lock(&f->lock);
	queue_io(f, only, 0);
	spin_unlock(&f->lock);
	while ((m = next_io(f)) != NULL) {
		struct writeback wb = { .left = LONG_MAX, .sync = sync };

		if (wanted(m, only)) {
			m->wb_next.n = 0;
			write_file(m, &wb);
			if (wait)
				wait_range(m, 0, LLONG_MAX);
			err = err ? err : wb.err;
		}
		settle(f, m, false);
		let_go(f, m);
		cond_resched();
	}
	return err;
}

/* First all are started, then all are waited for. */
int flusher_sync(struct flusher *f, struct backing *only, bool wait)
{
	int err, later = 0;

	mutex_lock(&f->pass);
	err = sync_round(f, only, false, false);
	if (wait)
		later = sync_round(f, only, true, true);
	mutex_unlock(&f->pass);
	return err ? err : later;
}

void for_each_flusher(void (*fn)(struct flusher *f, void *arg), void *arg)
{
	struct flusher *f;

	list_for_each_entry_rcu(f, &flushers, node) /* none ever leaves */
		fn(f, arg);
}

static void wake_one(struct flusher *f, void *arg)
{
	if (atomic_read(&f->nr_dirty))
		flusher_kick(f);
}
void wake_flushers(unsigned long pages) { for_each_flusher(wake_one, NULL); }

/* --- the thread -------------------------------------------------------------------------------------------------------------- */
void flusher_kick(struct flusher *f)
{
	WRITE_ONCE(f->kicked, true);
	wake_up(&f->wait);
}

static bool idle(struct flusher *f) { return list_empty(&f->dirty) && list_empty(&f->io); }

/* Kicked, or its interval is another one than `cs`. */
static bool called(const struct flusher *f, unsigned cs)
{
	return READ_ONCE(f->kicked) || READ_ONCE(sysctl_dirty_writeback_centisecs) != cs;
}

static void sleep_a_while(struct flusher *f)
{
	unsigned cs = READ_ONCE(sysctl_dirty_writeback_centisecs);

	if (idle(f) || !cs)
		(void)wait_event_interruptible(&f->wait, called(f, cs) || (cs && !idle(f)));
	else
		(void)wait_event_interruptible_timeout(&f->wait, called(f, cs), (u64)cs * 10 * NSEC_PER_MSEC);
}

static void call_one(struct flusher *f, void *arg) { wake_up(&f->wait); }
void set_writeback_interval(unsigned centisecs)
{
	WRITE_ONCE(sysctl_dirty_writeback_centisecs, centisecs);
	for_each_flusher(call_one, NULL);
}

static int flusher_thread(void *arg)
{
	struct flusher *f = arg;

	for (;;) {
		bool kicked;

		sleep_a_while(f);
		kicked = xchg(&f->kicked, false);
		flush_some(f, LONG_MAX, max(ticks_of_centisecs(sysctl_dirty_expire_centisecs), 1U));
		if (kicked && !over_background())
			flush_some(f, 4 * CHUNK, 0); /* somebody is short of memory */
		while (over_background() && flush_some(f, CHUNK, 0) > 0)
			;
	}
	return 0;
}

/* --- making ------------------------------------------------------------------------------------------------------------------- */
static struct flusher *make(struct disk *d)
{
	struct flusher *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->disk = d;
	spin_lock_init(&f->lock, "flusher");
	spin_lock_init(&f->rate_lock, "flusher rate");
	mutex_init(&f->pass, "flusher pass");
	list_init(&f->dirty);
	list_init(&f->io);
	wait_queue_init(&f->wait);
	wait_queue_init(&f->throttled);
	wait_queue_init(&f->released);
	f->rate_since = ktime_get();
	f->rate = 1024;
	if (IS_ERR(kthread_run(flusher_thread, f, "flush-%s", d->whole.name))) {
		kfree(f);
		return NULL;
	}
	list_add_tail_rcu(&f->node, &flushers);
	return f;
}

/* Made if need be; NULL: no memory. Sleeps */
static struct flusher *flusher_of(struct disk *d)
{
	mutex_lock(&flushers_mutex);
	if (!d->flusher)
		d->flusher = make(d);
	mutex_unlock(&flushers_mutex);
	return d->flusher;
}

int backing_init(struct backing *b, struct block_device *dev, unsigned block_bits)
{
	b->dev = dev;
	b->block_bits = (u8)block_bits;
	b->flusher = flusher_of(dev->disk);
	return b->flusher ? 0 : -ENOMEM;
}
