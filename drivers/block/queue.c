/* SPDX-License-Identifier: MIT
 *
 * A disk's queue: bios wait, merge, become commands, end.
 *
 * The first bio of a command is its head: it carries the chain of those merged behind it, stands in the tree by sector
 * (for merging and for the elevator) and in the list by age. No memory is needed to queue, to merge or to start.
 *
 * Which next: flushes and old ones (older than PATIENCE) first, else the one that follows the last command's end on the
 * disk, going round: a C-SCAN elevator whose unfairness has a limit.
 *
 * A command that failed is given again, BIO_TRIES times in all; one with several bios is taken apart, so that only
 * those fail that really do. FUA is a write followed by a flush.
 *
 * end() is called without locks, from whatever context reported the end. Ended bios go through disk->ended, and one
 * context at a time works the queue (dispatching), so that a chain of failures cannot nest.
 */
#include "drivers/block/internal.h"
#include "kernel/lib/string.h"
#include "kernel/time/clock.h"

#define PATIENCE (200ULL * NSEC_PER_MSEC)
#define node_bio(n) rb_entry(n, struct bio, node)

static sector_t end_sector(const struct bio *head) { return head->sector + (head->all_bytes >> SECTOR_SHIFT); }

/* --- statistics (lock held) --------------------------------------------------------------------------------------------- */
static void stat_move(struct block_device *dev, int n, u64 now)
{
	if (dev->in_flight) {
		dev->busy_ns += now - dev->busy_since;
		dev->weighted_ns += (now - dev->busy_since) * dev->in_flight;
	}
	dev->busy_since = now;
	dev->in_flight += n;
}

void stat_start(struct bio *bio)
{
	struct disk *d = bio->dev->disk;

	bio->start = ktime_get();
	stat_move(&d->whole, 1, bio->start);
	if (bio->dev != &d->whole)
		stat_move(bio->dev, 1, bio->start);
}

static void stat_add(struct block_stat *s, const struct bio *bio, u64 now)
{
	s->ios += !(bio->flags & BIO_MERGED);
	s->sectors += bio->bytes >> SECTOR_SHIFT;
	s->ns += now - bio->start;
}

static void stat_end(struct bio *bio)
{
	struct disk *d = bio->dev->disk;
	u64 now = ktime_get();

	stat_move(&d->whole, -1, now);
	stat_add(&d->whole.stat[bio->op], bio, now);
	if (bio->dev != &d->whole) {
		stat_move(bio->dev, -1, now);
		stat_add(&bio->dev->stat[bio->op], bio, now);
	}
	count_vm_events(bio->op == BIO_READ ? PGPGIN : PGPGOUT, bio->bytes >> 10);
}

static void stat_merge(struct bio *bio)
{
	bio->flags |= BIO_MERGED;
	bio->dev->disk->whole.stat[bio->op].merges++;
	if (bio->dev->part)
		bio->dev->stat[bio->op].merges++;
}

void block_get_stats(struct block_device *dev, struct block_stats *s)
{
	struct disk *d = dev->disk;

	spin_lock_irq(&d->lock);
	stat_move(dev, 0, ktime_get());
	memcpy(s->op, dev->stat, sizeof(s->op));
	s->in_flight = dev->in_flight;
	s->busy_ns = dev->busy_ns;
	s->weighted_ns = dev->weighted_ns;
	spin_unlock_irq(&d->lock);
}

/* --- waiting ---------------------------------------------------------------------------------------------------------------- */
static void tree_insert(struct disk *d, struct bio *bio)
{
	struct rb_root *root = &d->by_sector[bio->op];
	struct rb_node **p = &root->node, *parent = NULL;

	while (*p) {
		parent = *p;
		p = bio->sector < node_bio(parent)->sector ? &parent->left : &parent->right;
	}
	rb_link_node(&bio->node, parent, p);
	rb_insert_color(&bio->node, root);
}

static void unqueue(struct disk *d, struct bio *head)
{
	list_del_init(&head->link);
	if (head->op != BIO_FLUSH)
		rb_erase(&head->node, &d->by_sector[head->op]);
}

/* => the first with sector >= at, or NULL; *before: the last one below that */
static struct bio *tree_find(struct rb_root *root, sector_t at, struct bio **before)
{
	struct rb_node *n = root->node;
	struct bio *found = NULL;

	*before = NULL;
	while (n) {
		struct bio *b = node_bio(n);

		if (b->sector < at) {
			*before = b;
			n = n->right;
		} else {
			found = b;
			n = n->left;
		}
	}
	return found;
}

static bool may_merge(const struct disk *d, const struct bio *a, const struct bio *b)
{
	return !((a->flags ^ b->flags) & ~(BIO_MERGED | BIO_RESERVE)) && !(a->flags & (BIO_NOMERGE | BIO_LOSE | BIO_FUA)) && !a->tries && !b->tries &&
	       a->all_nr + b->all_nr <= d->max_pieces && a->all_bytes + b->all_bytes <= d->max_bytes;
}

static void append(struct bio *head, struct bio *bio)
{
	head->chain_tail->chain = bio;
	head->chain_tail = bio->chain_tail;
	head->all_nr += bio->all_nr;
	head->all_bytes += bio->all_bytes;
}

static bool merge(struct disk *d, struct bio *bio)
{
	struct bio *before, *after = tree_find(&d->by_sector[bio->op], bio->sector, &before);

	if (before && end_sector(before) == bio->sector && may_merge(d, before, bio)) {
		append(before, bio);
		return true;
	}
	if (after && end_sector(bio) == after->sector && may_merge(d, bio, after)) {
		list_replace(&after->link, &bio->link);
		rb_erase(&after->node, &d->by_sector[bio->op]);
		append(bio, after);
		tree_insert(d, bio);
		return true;
	}
	return false;
}

static void make_head(struct bio *bio)
{
	bio->chain = NULL;
	bio->chain_tail = bio;
	bio->all_nr = bio->nr;
	bio->all_bytes = bio->bytes;
}

void queue_bio(struct disk *d, struct bio *bio)
{
	make_head(bio);
	if (bio->op != BIO_FLUSH && merge(d, bio)) {
		stat_merge(bio);
		return;
	}
	list_add_tail(&bio->link, &d->waiting);
	if (bio->op != BIO_FLUSH)
		tree_insert(d, bio);
}

/* --- ending (lock held) -------------------------------------------------------------------------------------------------------- */
static void end_one(struct disk *d, struct bio *bio, int error)
{
	if (bio->flags & BIO_FUA && d->flush && !error && bio->op == BIO_WRITE && !(bio->flags & BIO_FUA_FLUSH)) {
		bio->flags |= BIO_FUA_FLUSH; /* written: now out of the device's cache */
		bio->tries = 0;
		make_head(bio);
		list_add(&bio->link, &d->waiting);
		return;
	}
	stat_end(bio);
	bio->error = error;
	if (error)
		count_vm_event(BLK_ERROR);
	list_add_tail(&bio->link, &d->ended);
}

static void requeue(struct disk *d, struct bio *bio)
{
	make_head(bio);
	bio->flags = (bio->flags | BIO_NOMERGE) & ~BIO_LOSE;
	list_add(&bio->link, &d->waiting);
	if (bio->op != BIO_FLUSH && !(bio->flags & BIO_FUA_FLUSH))
		tree_insert(d, bio);
}

static void end_command(struct disk *d, struct bio *head, int error)
{
	struct bio *next;
	bool alone = !head->chain;

	for (struct bio *b = head; b; b = next) {
		next = b->chain;
		if (!error) {
			end_one(d, b, 0);
			continue;
		}
		if (alone && ++b->tries >= BIO_TRIES) {
			end_one(d, b, error);
			continue;
		}
		count_vm_event(BLK_RETRY);
		requeue(d, b);
	}
}

/* --- starting (lock held) ------------------------------------------------------------------------------------------------------- */
static bool flushes(const struct bio *b) { return bio_command(b) == BIO_FLUSH; }

static struct bio *choose(struct disk *d)
{
	struct bio *oldest, *before, *r, *w;

	if (list_empty(&d->waiting))
		return NULL;
	oldest = list_first_entry(&d->waiting, struct bio, link);
	if (flushes(oldest) || oldest->tries || ktime_get() - oldest->start > PATIENCE)
		return oldest;
	r = tree_find(&d->by_sector[BIO_READ], d->position, &before);
	w = tree_find(&d->by_sector[BIO_WRITE], d->position, &before);
	if (r && w)
		return r->sector <= w->sector ? r : w;
	return r ? r : w ? w : oldest;
}

/* => false: the device has no room */
static bool start(struct disk *d, struct bio *head)
{
	enum inject inject = inject_check(d, head);

	if (unlikely(!d->sectors || end_sector(head) > d->sectors)) { /* it has shrunk meanwhile */
		end_command(d, head, -EIO);
		return true;
	}
	if (inject == INJECT_ERROR || (inject == INJECT_LOSE && !d->ops->has_timeout)) {
		end_command(d, head, -EIO);
		return true;
	}
	if (inject == INJECT_LOSE)
		head->flags |= BIO_LOSE;
	if (flushes(head) && !d->flush) {
		end_command(d, head, 0);
		return true;
	}
	d->active++;
	if (d->ops->start(d, head)) {
		d->position = end_sector(head);
		return true;
	}
	d->active--;
	return false;
}

static void put_back(struct disk *d, struct bio *head)
{
	list_add(&head->link, &d->waiting);
	if (!flushes(head))
		tree_insert(d, head);
}

static void start_all(struct disk *d)
{
	u32 before = d->active;
	struct bio *head;

	while ((head = choose(d)) != NULL) {
		if (flushes(head))
			list_del_init(&head->link);
		else
			unqueue(d, head);
		if (!start(d, head)) {
			put_back(d, head);
			break;
		}
	}
	if (d->active != before && d->ops->commit)
		d->ops->commit(d);
}

/* Starts what can be started and calls end() for what has ended. Lock held with irqs off; leaves it. */
static void work_and_unlock(struct disk *d, unsigned long flags)
{
	LIST_HEAD(ended);
	struct bio *bio, *next;

	start_all(d);
	list_splice_init(&d->ended, &ended);
	spin_unlock_irqrestore(&d->lock, flags);
	list_for_each_entry_safe(bio, next, &ended, link) {
		list_del_init(&bio->link);
		bio->end(bio);
	}
}

void queue_dispatch(struct disk *d)
{
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	work_and_unlock(d, flags);
}
void block_kick(struct disk *d) { queue_dispatch(d); }

void block_done(struct disk *d, struct bio *head, int error)
{
	unsigned long flags;

	spin_lock_irqsave(&d->lock, flags);
	d->active--;
	end_command(d, head, error);
	work_and_unlock(d, flags);
}
