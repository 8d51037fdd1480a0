/* SPDX-License-Identifier: MIT
 *
 * The dentry cache: (directory, name) -> inode, negative answers included.
 *
 * Life: d_alloc gives a reference and hangs the dentry under its parent (whose reference it holds); lookup or create
 * hashes it. The last dput leaves a hashed dentry on the LRU with refcount 0, where lookups find it again; an unhashed
 * one dies. Dying: refcount jumps far below zero, so that nobody takes a reference any more; it leaves hash, LRU and
 * its parent's list; it is freed after a grace period.
 *
 * Lookups run under RCU and take no lock. What they cannot see by themselves is a rename: rename_lock (a seqlock)
 * tells them, and they look again. A dentry's inode is set once, and the inode is freed after a grace period too.
 *
 * Locks: rename_lock > parent's dentry->lock > dentry->lock > bucket lock, lru_lock.
 * The LRU holds only dentries with refcount 0, or ones that were used again since (found and taken off by the scan).
 * An unused negative dentry is cheap to make again: the cache keeps at most max_unused of all unused ones.
 */
#include "kernel/fs/internal.h"

#define DEAD (-0x40000000)
#define NR_BUCKET_LOCKS 64

static struct hlist_head *table;
static unsigned table_mask;
static spinlock_t bucket_locks[NR_BUCKET_LOCKS];
static struct kmem_cache *cache;
static LIST_HEAD(lru);
static DEFINE_SPINLOCK(lru_lock);
static long nr_unused, max_unused; /* lru_lock */
static atomic_t nr_dentry;
DEFINE_SEQLOCK(rename_lock);

static_assert(sizeof(struct dentry) <= 104, "one per cached name, in low memory");

/* Every byte counts with a different weight, and cheaply: most names are short. */
u32 name_hash(const char *s, unsigned len)
{
	u32 h = 0;

	while (len--)
		h = (h ^ (u8)*s++) * 0x01000193;
	return h;
}
static unsigned bucket_of(const struct dentry *parent, u32 hash)
{
	u32 h = hash ^ ((unsigned long)parent >> 5) * 0x9e3779b1u;

	return (h ^ h >> 15) & table_mask;
}
static spinlock_t *bucket_lock(unsigned b) { return &bucket_locks[b % NR_BUCKET_LOCKS]; }

/* --- references ---------------------------------------------------------------------------------------------- */
bool dget_live(struct dentry *d)
{
	int seen = atomic_read(&d->refcount);

	while (seen >= 0) {
		int was = atomic_cmpxchg(&d->refcount, seen, seen + 1);

		if (was == seen)
			return true;
		seen = was;
	}
	return false;
}

static void free_rcu(struct rcu_head *h)
{
	struct dentry *d = container_of(h, struct dentry, rcu);

	if (d->name != d->short_name)
		kfree(d->name);
	kmem_cache_free(cache, d);
}

static void lru_del(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (d->on_lru) {
		d->on_lru = false;
		list_del(&d->lru);
		nr_unused--;
	}
	spin_unlock(&lru_lock);
}

/* d->lock held. */
static void unhash_locked(struct dentry *d)
{
	unsigned b;

	if (!(d->flags & D_HASHED))
		return;
	b = bucket_of(d->parent, d->name_hash);
	spin_lock(bucket_lock(b));
	hlist_del_rcu(&d->hash);
	spin_unlock(bucket_lock(b));
	d->flags &= ~D_HASHED;
}

/* d->lock held (released here), refcount 0. => the parent, whose reference the caller drops; NULL at a root, or if a
 * lookup was faster and d lives on */
static struct dentry *kill(struct dentry *d)
{
	struct dentry *parent = d->parent;

	if (atomic_cmpxchg(&d->refcount, 0, DEAD) != 0) {
		spin_unlock(&d->lock);
		return NULL;
	}
	unhash_locked(d);
	spin_unlock(&d->lock);
	lru_del(d);
	if (parent != d) {
		spin_lock(&parent->lock);
		list_del(&d->sibling);
		spin_unlock(&parent->lock);
	}
	if (d->inode)
		iput(d->inode);
	atomic_dec(&nr_dentry);
	call_rcu(&d->rcu, free_rcu);
	return parent == d ? NULL : parent;
}

/* d->lock held (released here), refcount 0, hashed: keep it for the next lookup. => there are too many now */
static bool retain(struct dentry *d)
{
	bool full;

	spin_lock(&lru_lock);
	if (!d->on_lru) {
		d->on_lru = true;
		list_add_tail(&d->lru, &lru);
		nr_unused++;
	} else {
		d->flags |= D_REFERENCED;
	}
	full = nr_unused > max_unused;
	spin_unlock(&lru_lock);
	spin_unlock(&d->lock);
	return full;
}

/* => there are too many unused ones */
static bool put(struct dentry *d)
{
	while (d) {
		if (likely(atomic_add_unless(&d->refcount, -1, 1)))
			return false;
		spin_lock(&d->lock);
		if (!atomic_dec_and_test(&d->refcount)) {
			spin_unlock(&d->lock);
			return false;
		}
		if ((d->flags & (D_HASHED | D_VOLATILE)) == D_HASHED)
			return retain(d);
		d = kill(d);
	}
	return false;
}

/* Take up to nr unused dentries off the cold end and free them. Ones looked at again since get another round. */
static unsigned long prune(unsigned long nr)
{
	unsigned long freed = 0;

	if (!unused_trylock())
		return 0;
	while (nr--) {
		struct dentry *d;

		rcu_read_lock();
		spin_lock(&lru_lock);
		d = list_first_entry_or_null(&lru, struct dentry, lru);
		if (d) {
			list_del(&d->lru);
			d->on_lru = false;
			nr_unused--;
		}
		spin_unlock(&lru_lock);
		if (!d) {
			rcu_read_unlock();
			break;
		}
		spin_lock(&d->lock);
		rcu_read_unlock();
		if (atomic_read(&d->refcount)) {
			spin_unlock(&d->lock);
		} else if (d->flags & D_REFERENCED) {
			d->flags &= ~D_REFERENCED;
			retain(d);
		} else {
			put(kill(d));
			freed++;
		}
	}
	unused_unlock();
	return freed;
}

void dput(struct dentry *d)
{
	if (unlikely(put(d)))
		prune(max_unused / 16 + 1);
}

/* --- making ----------------------------------------------------------------------------------------------------- */
static struct dentry *alloc_one(struct super_block *sb, const char *s, unsigned len)
{
	struct dentry *d = kmem_cache_alloc(cache, GFP_KERNEL);
	char *name;

	if (!d)
		return NULL;
	memset(d, 0, offsetof(struct dentry, short_name));
	name = d->short_name;
	if (len >= DNAME_INLINE) {
		name = kmalloc(len + 1, GFP_KERNEL);
		if (!name) {
			kmem_cache_free(cache, d);
			return NULL;
		}
	}
	memcpy(name, s, len);
	name[len] = '\0';
	d->name = name;
	d->len = len;
	d->sb = sb;
	atomic_set(&d->refcount, 1);
	spin_lock_init(&d->lock, "dentry");
	INIT_LIST_HEAD(&d->children);
	INIT_LIST_HEAD(&d->sibling);
	atomic_inc(&nr_dentry);
	return d;
}

struct dentry *d_alloc(struct dentry *parent, const struct name *n)
{
	struct dentry *d = alloc_one(parent->sb, n->s, n->len);

	if (!d)
		return NULL;
	d->name_hash = n->hash;
	d->parent = dget(parent);
	spin_lock(&parent->lock);
	list_add_tail(&d->sibling, &parent->children);
	spin_unlock(&parent->lock);
	return d;
}

/* In no directory: roots, pipes, shared memory. */
struct dentry *d_make_named(struct inode *i, const char *name)
{
	struct dentry *d = alloc_one(i->sb, name, strlen(name));

	if (!d) {
		iput(i);
		return NULL;
	}
	d->parent = d;
	d->inode = i;
	return d;
}
struct dentry *d_make_root(struct inode *root) { return d_make_named(root, "/"); }

static void hash_locked(struct dentry *d)
{
	unsigned b = bucket_of(d->parent, d->name_hash);

	d->flags |= D_HASHED;
	spin_lock(bucket_lock(b));
	hlist_add_head_rcu(&d->hash, &table[b]);
	spin_unlock(bucket_lock(b));
}

void d_add(struct dentry *d, struct inode *inode)
{
	spin_lock(&d->lock);
	smp_wmb(); /* the inode is whole before RCU walks see it */
	WRITE_ONCE(d->inode, inode);
	if (!(d->flags & D_HASHED))
		hash_locked(d);
	spin_unlock(&d->lock);
}
void d_instantiate(struct dentry *d, struct inode *inode)
{
	ASSERT(!d->inode);
	smp_wmb();
	WRITE_ONCE(d->inode, inode);
}

void d_pin(struct dentry *d)
{
	spin_lock(&d->lock);
	d->flags |= D_PINNED;
	atomic_inc(&d->refcount);
	spin_unlock(&d->lock);
}

void d_drop(struct dentry *d)
{
	spin_lock(&d->lock);
	unhash_locked(d);
	spin_unlock(&d->lock);
}

void d_unlinked(struct dentry *d)
{
	bool pinned;

	spin_lock(&d->lock);
	unhash_locked(d);
	pinned = d->flags & D_PINNED;
	d->flags &= ~D_PINNED;
	spin_unlock(&d->lock);
	if (pinned)
		dput(d);
}

/* --- looking up --------------------------------------------------------------------------------------------------- */
/* RCU read side. => a dentry that had this parent and name when looked at; no reference. */
struct dentry *d_lookup_rcu(struct dentry *parent, const struct name *n)
{
	struct dentry *d;

	hlist_for_each_entry_rcu(d, &table[bucket_of(parent, n->hash)], hash) {
		if (d->name_hash != n->hash || READ_ONCE(d->parent) != parent || d->len != n->len)
			continue;
		if (!memcmp(READ_ONCE(d->name), n->s, n->len))
			return d;
	}
	return NULL;
}

struct dentry *d_lookup(struct dentry *parent, const struct name *n)
{
	struct dentry *d;
	unsigned seq;

	do {
		seq = read_seqbegin(&rename_lock);
		rcu_read_lock();
		d = d_lookup_rcu(parent, n);
		if (d && !dget_live(d))
			d = NULL;
		rcu_read_unlock();
		if (!read_seqretry(&rename_lock, seq))
			break;
		dput(d);
	} while (1);
	return d;
}

/* --- renaming -------------------------------------------------------------------------------------------------------- */
static void lock_dentries(struct dentry *a, struct dentry *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock, 1);
}

/* a takes b's name and b takes a's: the names travel, inline ones by copying. rename_lock held for writing. */
static void swap_names(struct dentry *a, struct dentry *b)
{
	bool a_long = a->name != a->short_name, b_long = b->name != b->short_name;
	const char *an = a->name, *bn = b->name;
	char t[DNAME_INLINE];

	memcpy(t, a->short_name, sizeof(t));
	memcpy(a->short_name, b->short_name, sizeof(t));
	memcpy(b->short_name, t, sizeof(t));
	a->name = b_long ? bn : a->short_name;
	b->name = a_long ? an : b->short_name;
	swap(a->len, b->len);
	swap(a->name_hash, b->name_hash);
}

/* Change places in the tree. The parents' references change hands with the pointers. */
static void swap_parents(struct dentry *a, struct dentry *b)
{
	struct dentry *pa = a->parent, *pb = b->parent;

	if (pa == pb)
		return;
	spin_lock(&pa->lock);
	list_del(&a->sibling);
	spin_unlock(&pa->lock);
	spin_lock(&pb->lock);
	list_del(&b->sibling);
	list_add_tail(&a->sibling, &pb->children);
	WRITE_ONCE(a->parent, pb);
	spin_unlock(&pb->lock);
	spin_lock(&pa->lock);
	list_add_tail(&b->sibling, &pa->children);
	WRITE_ONCE(b->parent, pa);
	spin_unlock(&pa->lock);
}

/* Neither dentry can die meanwhile: the caller holds references and the directories' locks. */
static void exchange(struct dentry *a, struct dentry *b, bool keep_b)
{
	write_seqlock(&rename_lock);
	lock_dentries(a, b);
	unhash_locked(a);
	unhash_locked(b);
	spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	swap_parents(a, b);
	lock_dentries(a, b);
	swap_names(a, b);
	hash_locked(a);
	if (keep_b)
		hash_locked(b);
	spin_unlock(&b->lock);
	spin_unlock(&a->lock);
	write_sequnlock(&rename_lock);
}

/* target ends up unhashed under d's old name and parent. */
void d_move(struct dentry *d, struct dentry *target) { exchange(d, target, false); }
void d_exchange(struct dentry *a, struct dentry *b) { exchange(a, b, true); }

bool d_ancestor(struct dentry *a, struct dentry *d)
{
	bool found = false;

	rcu_read_lock();
	for (;; d = d->parent) {
		found = d == a;
		if (found || d->parent == d)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* Cached names below a directory that is going away are of no use to anybody. */
void d_shrink_children(struct dentry *dir)
{
	struct dentry *d, *found;

	do {
		found = NULL;
		spin_lock(&dir->lock);
		list_for_each_entry(d, &dir->children, sibling)
			if (!atomic_read(&d->refcount) && dget_live(d)) {
				found = d;
				break;
			}
		spin_unlock(&dir->lock);
		if (found) {
			d_drop(found);
			dput(found);
		}
	} while (found);
}

/* --- taking a tree down (unmount) --------------------------------------------------------------------------------------- */
/* Nobody can look anything up any more: the super block has no mount. Leaves first, without recursion. */
void d_kill_tree(struct dentry *root)
{
	struct dentry *d = root;

	while (d) {
		struct dentry *child, *parent;

		spin_lock(&d->lock);
		child = list_first_entry_or_null(&d->children, struct dentry, sibling);
		if (child) {
			spin_unlock(&d->lock);
			d = child;
			continue;
		}
		parent = d->parent;
		if (d == root) {
			spin_unlock(&d->lock);
			break;
		}
		if (d->flags & D_PINNED) {
			d->flags &= ~D_PINNED;
			atomic_dec(&d->refcount);
		}
		WARN_ON_ONCE(atomic_read(&d->refcount) != 0);
		atomic_set(&d->refcount, 0);
		kill(d);
		atomic_dec(&parent->refcount);
		d = parent;
	}
	d_drop(root);
	dput(root);
}

/* --- shrinker, boot --------------------------------------------------------------------------------------------------------- */
static unsigned long count(void) { return READ_ONCE(nr_unused); }
static unsigned long scan(unsigned long objects, gfp_t gfp) { return gfp & __GFP_FS ? prune(objects) : 0; }
static struct shrinker shrinker = { .name = "dentry", .count = count, .scan = scan };

void dcache_get_stat(struct dcache_stat *st)
{
	st->nr_dentry = atomic_read(&nr_dentry);
	st->nr_unused = READ_ONCE(nr_unused);
}

/* One bucket for each 256 KB of low memory, between 1024 and 16384 (4 to 64 KB of low memory). */
void __init dcache_init(void)
{
	unsigned long low = min(totalram_pages, max_low_pfn.n);
	unsigned buckets = clamp(rounddown_pow_of_two(low / 64 | 1), 1024UL, 16384UL);

	table = kzalloc(buckets * sizeof(*table), GFP_KERNEL);
	if (!table)
		panic("dentry cache: no memory for %u buckets", buckets);
	table_mask = buckets - 1;
	max_unused = low / 8 + 256;
	for (unsigned i = 0; i < NR_BUCKET_LOCKS; i++)
		spin_lock_init(&bucket_locks[i], "dcache bucket");
	cache = kmem_cache_create("dentry", sizeof(struct dentry), 4, SLAB_RECLAIMABLE | SLAB_PANIC, NULL);
	register_shrinker(&shrinker);
}
