/* SPDX-License-Identifier: MIT
 *
 * Inodes: making, counting, forgetting; sizes and times; the cache of inodes of file systems on disks.
 *
 * Life: new_inode or iget_cached gives a reference; dentries and files hold one each. The last iput of an inode that
 * nothing can find again (no link, or not hashed: tmpfs, proc, pipes) evicts it: its pages go, the file system gives
 * the storage back, the memory follows after a grace period, since path walks look at inodes under RCU. A hashed
 * inode stays on the LRU, where iget_cached finds it; the shrinker evicts from the cold end.
 *
 * Locks: cache_lock (hash, LRU, the step from 0 references to anything else) is a leaf; evicting runs without it.
 * Size is 64 bits on a 32-bit machine: one writer (inode->lock), readers look at size_seq twice.
 */
#include "kernel/fs/internal.h"
#include "mm/cache/writeback.h"

static struct kmem_cache *cache;
static struct hlist_head *table;
static unsigned table_mask;
static LIST_HEAD(lru);
static DEFINE_SPINLOCK(cache_lock);
static DEFINE_WAIT_QUEUE(freeing_wait); /* iget_cached waits for an inode that is being evicted */
static long nr_unused; /* cache_lock */
static atomic_t nr_inodes;

/* --- size, times ------------------------------------------------------------------------------------------------- */
loff_t inode_size(const struct inode *i)
{
	loff_t size;
	u32 seq;

	do {
		while ((seq = READ_ONCE(i->size_seq)) & 1)
			cpu_relax();
		smp_rmb();
		size = i->size;
		smp_rmb();
	} while (unlikely(seq != READ_ONCE(i->size_seq)));
	return size;
}
void inode_set_size(struct inode *i, loff_t size)
{
	preempt_disable();
	WRITE_ONCE(i->size_seq, i->size_seq + 1);
	smp_wmb();
	i->size = size;
	smp_wmb();
	WRITE_ONCE(i->size_seq, i->size_seq + 1);
	preempt_enable();
	if (i->data.backing)
		mark_inode_dirty(i, INODE_DIRTY_DATA);
}

s64 inode_now(void) { return (s64)ktime_get_real(); }

static noinline s64 cut_stamp(s64 ns, u32 gran)
{
	u32 rem;

	if (ns >= 0) {
		div_u64_rem((u64)ns, gran, &rem);
		return ns - rem;
	}
	div_u64_rem((u64)-ns, gran, &rem);
	return rem ? ns + rem - gran : ns;
}
s64 inode_stamp(const struct inode *i, s64 ns) { return likely(!i->sb->time_gran) ? ns : cut_stamp(ns, i->sb->time_gran); }

void inode_touch(struct inode *i, u32 attrs)
{
	s64 now = inode_stamp(i, inode_now());

	spin_lock(&i->lock_small);
	if (attrs & ATTR_ATIME)
		i->atime = now;
	if (attrs & ATTR_MTIME)
		i->mtime = now;
	if (attrs & ATTR_CTIME)
		i->ctime = now;
	spin_unlock(&i->lock_small);
	if (i->data.backing)
		mark_inode_dirty(i, INODE_DIRTY_TIME);
}
void inode_add_blocks(struct inode *i, long units512)
{
	spin_lock(&i->lock_small);
	i->blocks += units512;
	spin_unlock(&i->lock_small);
	if (i->data.backing)
		mark_inode_dirty(i, INODE_DIRTY_DATA);
}
void set_nlink(struct inode *i, u32 n)
{
	if (!n != !i->nlink)
		atomic_add(n ? -1 : 1, &i->sb->nr_unlinked);
	i->nlink = n;
	mark_inode_dirty(i, INODE_DIRTY_OTHER);
}
void inc_nlink(struct inode *i) { set_nlink(i, i->nlink + 1); }
void drop_nlink(struct inode *i)
{
	if (!WARN_ON_ONCE(!i->nlink))
		set_nlink(i, i->nlink - 1);
}

/* --- making --------------------------------------------------------------------------------------------------------- */
void inode_init_once(struct inode *i)
{
	memset(i, 0, sizeof(*i));
	atomic_set(&i->refcount, 1);
	spin_lock_init(&i->lock_small, "inode small");
	rwsem_init(&i->lock, "inode");
	INIT_LIST_HEAD(&i->lru);
	INIT_HLIST_NODE(&i->hash);
	INIT_LIST_HEAD(&i->flocks);
}
static struct inode *inode_alloc_plain(void)
{
	struct inode *i = kmem_cache_alloc(cache, GFP_KERNEL);

	if (i)
		inode_init_once(i);
	return i;
}

static struct inode *alloc_inode(struct super_block *sb)
{
	struct inode *i = sb->ops && sb->ops->alloc_inode ? sb->ops->alloc_inode(sb) : inode_alloc_plain();

	if (!i)
		return NULL;
	i->sb = sb;
	i->nlink = 1;
	i->fops = &no_open_ops;
	i->mapping = &i->data;
	mapping_init(&i->data, i, NULL, 0);
	atomic_inc(&nr_inodes);
	spin_lock(&sb->inodes_lock);
	i->ino = ++sb->next_ino;
	sb->nr_inodes++;
	spin_unlock(&sb->inodes_lock);
	return i;
}

struct inode *new_inode(struct super_block *sb, struct inode *dir, mode_t mode)
{
	struct inode *i = alloc_inode(sb);

	if (!i)
		return NULL;
	i->mode = mode;
	i->uid = current->cred ? current_cred()->fsuid : 0;
	i->gid = current->cred ? current_cred()->fsgid : 0;
	if (dir && dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			i->mode |= S_ISGID;
	}
	i->atime = i->mtime = i->ctime = inode_stamp(i, inode_now());
	if (S_ISFIFO(mode))
		i->fops = &fifo_ops;
	else if (S_ISCHR(mode))
		i->fops = &chrdev_ops;
	else if (S_ISBLK(mode))
		i->fops = &blkdev_ops;
	return i;
}

struct inode *iget(struct inode *i)
{
	atomic_inc(&i->refcount);
	return i;
}

/* --- forgetting ------------------------------------------------------------------------------------------------------ */
static void free_rcu(struct rcu_head *h)
{
	struct inode *i = container_of(h, struct inode, rcu);

	if (S_ISLNK(i->mode))
		kfree(i->link);
	if (i->sb->ops && i->sb->ops->free_inode)
		i->sb->ops->free_inode(i);
	else
		kmem_cache_free(cache, i);
}

/* It has a name and goes all the same: what is dirty must be on its way to the disk. */
static void write_last(struct inode *i)
{
	write_and_wait_range(&i->data, 0, MAX_LFS);
	inode_write(i, INODE_DIRTY_ALL);
}

/* No reference, not to be found any more. Sleeps. */
static void evict(struct inode *i)
{
	struct super_block *sb = i->sb;

	if (i->nlink && i->data.backing)
		write_last(i);
	if (i->mapping == &i->data)
		truncate_pages(&i->data, 0);
	if (sb->ops && sb->ops->evict)
		sb->ops->evict(i);
	if (!i->nlink)
		atomic_dec(&sb->nr_unlinked); /* its storage is given back */
	mapping_forget(&i->data);
	mapping_free(&i->data);
	if (S_ISFIFO(i->mode) && i->pipe)
		pipe_free(i->pipe);
	spin_lock(&cache_lock);
	if (i->flags & INODE_HASHED)
		hlist_del_init(&i->hash);
	spin_unlock(&cache_lock);
	wake_up_all(&freeing_wait);
	spin_lock(&sb->inodes_lock);
	sb->nr_inodes--;
	spin_unlock(&sb->inodes_lock);
	atomic_dec(&nr_inodes);
	call_rcu(&i->rcu, free_rcu);
}

/* An unlinked file's storage is free when its last user goes, not some time later because the flusher was at it just then. Who frees
 * memory, or works for others, does not wait: the flusher might wait for it. => cache_lock held, under which holds are taken */
static void lock_past_flusher(struct inode *i)
{
	spin_lock(&cache_lock);
	while (unlikely(flusher_holds(&i->data)) && atomic_read(&i->refcount) == 2 && !(current->flags & (PF_KTHREAD | PF_MEMALLOC))) {
		spin_unlock(&cache_lock);
		wait_for_flusher(&i->data);
		spin_lock(&cache_lock);
	}
}

void iput(struct inode *i)
{
	bool keep;

	if (unlikely(!i->nlink) && i->data.backing) {
		lock_past_flusher(i);
	} else {
		if (atomic_add_unless(&i->refcount, -1, 1))
			return;
		spin_lock(&cache_lock);
	}
	if (!atomic_dec_and_test(&i->refcount)) {
		spin_unlock(&cache_lock);
		return;
	}
	keep = i->flags & INODE_HASHED && i->nlink;
	if (keep) {
		if (!(i->flags & INODE_ON_LRU)) {
			i->flags |= INODE_ON_LRU;
			list_add_tail(&i->lru, &lru);
			nr_unused++;
		}
	} else {
		i->flags |= INODE_FREEING;
	}
	spin_unlock(&cache_lock);
	if (!keep)
		evict(i);
}

/* --- the cache: (sb, ino) -> inode -------------------------------------------------------------------------------------- */
static struct hlist_head *chain(struct super_block *sb, u64 ino)
{
	u32 h = ((u32)ino ^ (u32)(ino >> 32) ^ (unsigned long)sb >> 6) * 0x9e3779b1u;

	return &table[(h ^ h >> 15) & table_mask];
}

/* cache_lock held. */
static struct inode *find_locked(struct super_block *sb, u64 ino)
{
	struct inode *i;

	hlist_for_each_entry(i, chain(sb, ino), hash)
		if (i->ino == ino && i->sb == sb)
			return i;
	return NULL;
}
static bool gone_or_alive(struct super_block *sb, u64 ino)
{
	struct inode *i;
	bool ok;

	spin_lock(&cache_lock);
	i = find_locked(sb, ino);
	ok = !i || !(i->flags & INODE_FREEING);
	spin_unlock(&cache_lock);
	return ok;
}

/* => with a reference, or NULL: make one, fill it in, inode_insert it */
struct inode *iget_cached(struct super_block *sb, u64 ino)
{
	struct inode *i;

	for (;;) {
		spin_lock(&cache_lock);
		i = find_locked(sb, ino);
		if (!i || !(i->flags & INODE_FREEING))
			break;
		spin_unlock(&cache_lock);
		wait_event(&freeing_wait, gone_or_alive(sb, ino));
	}
	if (i) {
		atomic_inc(&i->refcount);
		i->flags &= ~INODE_SPARED;
		if (i->flags & INODE_ON_LRU) {
			i->flags &= ~INODE_ON_LRU;
			list_del(&i->lru);
			nr_unused--;
		}
	}
	spin_unlock(&cache_lock);
	return i;
}

int inode_insert(struct inode *i)
{
	int err = -EEXIST;

	spin_lock(&cache_lock);
	if (!find_locked(i->sb, i->ino)) {
		hlist_add_head(&i->hash, chain(i->sb, i->ino));
		i->flags |= INODE_HASHED;
		err = 0;
	}
	spin_unlock(&cache_lock);
	return err;
}

/* For write-back: an inode in the cache, used or not. */
bool inode_hold(struct inode *i)
{
	bool ok;

	spin_lock(&cache_lock);
	ok = !(i->flags & INODE_FREEING);
	if (ok) {
		atomic_inc(&i->refcount);
		if (i->flags & INODE_ON_LRU) {
			i->flags &= ~INODE_ON_LRU;
			list_del(&i->lru);
			nr_unused--;
		}
	}
	spin_unlock(&cache_lock);
	return ok;
}

static unsigned long count(void) { return READ_ONCE(nr_unused); }

/* Not what is dirty: that would be I/O; and what has pages not the first time. cache_lock held. */
static bool spare(struct inode *i)
{
	if (i->dirty || i->data.dirtied)
		return true;
	if (!i->data.nr_pages || i->flags & INODE_SPARED)
		return false;
	i->flags |= INODE_SPARED;
	return true;
}

/* => taken out of the LRU, FREEING; NULL: none to be had. *objects: how many were looked at is taken off */
static struct inode *take_unused(unsigned long *objects)
{
	struct inode *i = NULL;

	spin_lock(&cache_lock);
	while (*objects && !list_empty(&lru)) {
		--*objects;
		i = list_first_entry(&lru, struct inode, lru);
		if (!spare(i))
			break;
		list_move_tail(&i->lru, &lru);
		i = NULL;
	}
	if (i) {
		list_del(&i->lru);
		nr_unused--;
		i->flags = (i->flags & ~INODE_ON_LRU) | INODE_FREEING;
	}
	spin_unlock(&cache_lock);
	return i;
}

static unsigned long scan(unsigned long objects, gfp_t gfp)
{
	unsigned long freed = 0;
	struct inode *i;

	if (!(gfp & __GFP_FS) || !unused_trylock())
		return 0;
	while (objects && (i = take_unused(&objects)) != NULL) {
		evict(i);
		freed++;
	}
	unused_unlock();
	return freed;
}
static struct shrinker shrinker = { .name = "inode", .count = count, .scan = scan };

/* Unmounting: evict what this super block has unused. */
void inodes_shrink_sb(struct super_block *sb)
{
	struct inode *i, *next;
	LIST_HEAD(gone);

	spin_lock(&cache_lock);
	list_for_each_entry_safe(i, next, &lru, lru) {
		if (i->sb != sb)
			continue;
		list_move(&i->lru, &gone);
		nr_unused--;
		i->flags = (i->flags & ~INODE_ON_LRU) | INODE_FREEING;
	}
	spin_unlock(&cache_lock);
	list_for_each_entry_safe(i, next, &gone, lru) {
		list_del(&i->lru);
		evict(i);
	}
}

void inodes_get_stat(long *inodes, long *unused)
{
	*inodes = atomic_read(&nr_inodes);
	*unused = READ_ONCE(nr_unused);
}

/* --- open for writing against being executed --------------------------------------------------------------------------- */
int inode_want_write(struct inode *i)
{
	int v = atomic_read(&i->writers);

	while (v >= 0) {
		int was = atomic_cmpxchg(&i->writers, v, v + 1);

		if (was == v)
			return 0;
		v = was;
	}
	return -ETXTBSY;
}
void inode_drop_write(struct inode *i) { atomic_dec(&i->writers); }
int inode_deny_write(struct inode *i)
{
	int v = atomic_read(&i->writers);

	while (v <= 0) {
		int was = atomic_cmpxchg(&i->writers, v, v - 1);

		if (was == v)
			return 0;
		v = was;
	}
	return -ETXTBSY;
}
void inode_allow_write(struct inode *i) { atomic_inc(&i->writers); }

void __init inode_cache_init(void)
{
	unsigned long low = min(totalram_pages, max_low_pfn.n);
	unsigned buckets = clamp(rounddown_pow_of_two(low / 128 | 1), 512UL, 8192UL);

	table = kzalloc(buckets * sizeof(*table), GFP_KERNEL);
	if (!table)
		panic("inode cache: no memory for %u buckets", buckets);
	table_mask = buckets - 1;
	cache = kmem_cache_create("inode", sizeof(struct inode), 8, SLAB_RECLAIMABLE | SLAB_PANIC, NULL);
	register_shrinker(&shrinker);
	cache_fs_ops = &fs_cache_ops;
}
