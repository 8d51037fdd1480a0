/* SPDX-License-Identifier: MIT
 *
 * See ext2_shim.h. What is simplified: an inode's pages are a list; whatever is written goes to the disk at once; time
 * stands still.
 */
#include "tools/tests/fuzz/ext2_shim.h"

unsigned char *disk;
size_t disk_size;
long shim_bad_block = -1;
unsigned shim_fail_nth;
bool shim_verbose;
static struct block_device bdev = { .name = "fuzz" };
static struct inode bdev_inode;
static struct fs_type *ext2_fs;
static unsigned kmaps, locks;
static struct inode *all; /* chained through lru.next */

static void __noreturn fail(const char *what)
{
	printf("shim: %s\n", what);
	abort();
}
void shim_check_idle(void)
{
	if (kmaps || locks || preempt_count)
		fail("a lock or a kmap is held");
}
static void may_sleep(void)
{
	if (kmaps || preempt_count)
		fail("sleeps under kmap or a spinlock");
}

/* --- lib, memory ----------------------------------------------------------------------------------------------------- */
u32 preempt_count;
bool unit_irq, unit_irqs_off, lockdep_on;
static struct task the_task;
struct task *current_task = &the_task;
struct page *mem_map, *high_mem_map;
const struct file_ops blkdev_ops, chrdev_ops, fifo_ops;
struct kmem_cache { size_t size; };
struct kmem_cache *kmalloc_caches[NR_KMALLOC];

static bool fails(void)
{
	may_sleep();
	return shim_fail_nth && !--shim_fail_nth;
}
void *__kmalloc(size_t size, gfp_t gfp) { return fails() ? NULL : gfp & __GFP_ZERO ? calloc(1, size) : malloc(size); }
void kfree(const void *p) { free((void *)p); }
char *kstrdup(const char *s, gfp_t gfp)
{
	char *p = __kmalloc(strlen(s) + 1, gfp);

	return p ? memcpy(p, s, strlen(s) + 1) : NULL;
}
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *))
{
	struct kmem_cache *c = malloc(sizeof(*c));

	c->size = size;
	return c;
}
void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp) { return __kmalloc(c->size, gfp); }
void kmem_cache_free(struct kmem_cache *c, void *p) { free(p); }
static void __attribute__((constructor)) make_caches(void)
{
	static const u16 sizes[] = {
#define SIZE(n) n,
		KMALLOC_CLASSES(SIZE)
	};

	for (unsigned i = 0; i < NR_KMALLOC; i++)
		kmalloc_caches[i] = kmem_cache_create("", sizes[i], 0, 0, NULL);
}

int printk(const char *fmt, ...)
{
	va_list ap;

	if (!shim_verbose)
		return 0;
	va_start(ap, fmt);
	vprintf(fmt + 2, ap);
	va_end(ap);
	return 0;
}
ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t n = min(strlen(from), size - 1);

	memcpy(to, from, n);
	to[n] = 0;
	return n;
}
bool printk_allowed(u32 state[2], unsigned burst) { return true; }
void panic(const char *fmt, ...) { fail(fmt); }
void bug_at(const char *file, int line, const char *what)
{
	printf("%s:%d: ", file, line);
	fail(what);
}
void warn_at(const char *file, int line, const char *what) { bug_at(file, line, what); }
void dump_stack(void) {}
void cond_resched(void) { may_sleep(); }
bool capable(int cap) { return true; }
bool in_group(gid_t gid) { return false; }
u32 get_random_u32(void) { return 0x11111111; }
s64 inode_now(void) { return 1000000000LL * NSEC_PER_SEC; }
void seq_printf(struct seq *s, const char *fmt, ...) {}
void seq_puts(struct seq *s, const char *text) {}

/* --- locks: nobody else is there, so one that is held is a deadlock ----------------------------------------------------- */
u32 lockdep_class(const char *name) { return 1; }
bool lockdep_holds(const void *lock) { return true; }
void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub)
{
	if (!raw_spin_trylock(l))
		fail(text);
	preempt_count++;
}
void spin_unlock_debug(spinlock_t *l, const char *text)
{
	raw_spin_unlock(l);
	preempt_count--;
}
void mutex_lock_debug(struct mutex *m, const char *text, unsigned sub)
{
	may_sleep();
	if (m->owner)
		fail(text);
	m->owner = 4;
	locks++;
}
void mutex_unlock_debug(struct mutex *m, const char *text)
{
	m->owner = 0;
	locks--;
}
int rwsem_lock_debug(struct rwsem *s, const char *text, bool write, unsigned state, unsigned sub)
{
	may_sleep();
	if (atomic_read(&s->count)) /* readers do not nest either */
		fail(text);
	atomic_set(&s->count, 1);
	locks++;
	return 0;
}
void rwsem_unlock_debug(struct rwsem *s, const char *text, bool write)
{
	atomic_set(&s->count, 0);
	locks--;
}

/* --- pages: chained through lru.next; the memory behind a page is its lru.prev ---------------------------------------------- */
static void *memory(const struct page *p) { return p->lru.prev; }
static struct page **list_of(struct address_space *m) { return (struct page **)&m->vma_list.next; }

void mapping_init(struct address_space *m, struct inode *host, const struct mapping_ops *ops, u32 flags)
{
	memset(m, 0, sizeof(*m));
	m->host = host;
	m->ops = ops;
}
void free_page_last(struct page *p)
{
	free(memory(p));
	free(p);
}
struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	struct page *p = fails() ? NULL : calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->lru.prev = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(memory(p), gfp & __GFP_ZERO ? 0 : 0x5a, PAGE_SIZE);
	atomic_set(&p->refcount, 1);
	return p;
}
void put_pages(struct page **p, unsigned n)
{
	while (n--)
		put_page(p[n]);
}
void *kmap(struct page *p)
{
	kmaps++;
	return memory(p);
}
void kunmap(const void *addr) { kmaps--; }
void lock_page(struct page *p)
{
	may_sleep();
	if (test_set_page_locked(p))
		fail("page locked twice");
	locks++;
}
void unlock_page(struct page *p)
{
	clear_page_locked(p);
	locks--;
}
void clear_page(struct page *p) { memset(memory(p), 0, PAGE_SIZE); }
void zero_page_range(struct page *p, unsigned from, unsigned to)
{
	if (from > to || to > PAGE_SIZE)
		fail("zero_page_range");
	memset((char *)memory(p) + from, 0, to - from);
}

static struct page *look(struct address_space *m, pindex_t index)
{
	for (struct page *p = *list_of(m); p; p = (struct page *)p->lru.next)
		if (p->index.n == index.n)
			return p;
	return NULL;
}

struct page *find_or_make_page(struct address_space *m, pindex_t index, gfp_t gfp)
{
	struct page *p = look(m, index);

	if (!p) {
		if (fails())
			return ERR_PTR(-ENOMEM);
		p = calloc(1, sizeof(*p));
		p->lru.prev = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
		memset(p->lru.prev, 0xa5, PAGE_SIZE);
		p->index = index;
		p->mapping = m;
		atomic_set(&p->refcount, 1);
		p->lru.next = (struct list_head *)*list_of(m);
		*list_of(m) = p;
	}
	get_page(p);
	lock_page(p);
	return p;
}

static int device_io(u64 pos, void *buf, unsigned bytes, bool write)
{
	if (pos + bytes > disk_size)
		return -EIO;
	if (!write && shim_bad_block >= 0 && pos / 1024 <= (u64)shim_bad_block && (pos + bytes - 1) / 1024 >= (u64)shim_bad_block)
		return -EIO;
	memcpy(write ? disk + pos : buf, write ? buf : disk + pos, bytes);
	return 0;
}

/* Each block of a file's page from or to where map_blocks says. */
static int file_io(struct address_space *m, struct page *p, bool write)
{
	struct ext2_sb *s = ext2_sb(m->host->sb);
	unsigned size = s->g.block_size;

	for (unsigned off = 0; off < PAGE_SIZE; off += size) {
		u64 n = ((u64)pindex_pos(p->index) | off) / size;
		struct block_run run = { 0, 0, false };
		char *at = (char *)memory(p) + off;
		int err = ext2_map_blocks(m, n, PAGE_SIZE / size, false, &run);

		if (err)
			return err;
		if (!run.nr || run.nr > PAGE_SIZE / size || (!run.hole && run.block + run.nr > s->g.blocks))
			fail("an impossible run");
		if (run.hole && !write)
			memset(at, 0, size);
		err = run.hole ? 0 : device_io(run.block * size, at, size, write);
		if (err)
			return err;
	}
	return 0;
}

static int fill(struct address_space *m, struct page *p)
{
	u64 pos = pindex_pos(p->index);

	if (m != &bdev_inode.data)
		return file_io(m, p, false);
	if (pos >= disk_size)
		return -EIO;
	memset(memory(p), 0, PAGE_SIZE);
	return device_io(pos, memory(p), (unsigned)min((u64)PAGE_SIZE, disk_size - pos), false);
}

struct page *read_cache_page(struct address_space *m, struct file *file, pindex_t index)
{
	struct page *p;
	int err = 0;

	may_sleep();
	p = find_or_make_page(m, index, 0);
	if (IS_ERR(p))
		return p;
	if (!page_uptodate(p)) {
		err = fill(m, p);
		if (!err)
			set_page_uptodate(p);
	}
	unlock_page(p);
	if (!err)
		return p;
	put_page(p);
	return ERR_PTR(err);
}

u32 gfp_scope_begin(gfp_t without) { return 0; }
void gfp_scope_end(u32 saved) {}
void mark_page_dirty(struct page *p) { set_page_dirty(p); }
void mark_sectors_dirty(struct page *p, unsigned offset, unsigned bytes)
{
	if (offset % 512 || bytes % 512 || offset + bytes > PAGE_SIZE || !page_uptodate(p))
		fail("mark_sectors_dirty");
	for (unsigned i = offset / 512; i < (offset + bytes) / 512; i++)
		p->private |= 1U << i;
}
void forget_sectors(struct address_space *m, loff_t pos, unsigned bytes)
{
	struct page *p = look(m, pindex_at(pos));

	may_sleep();
	for (unsigned i = (unsigned)pos % PAGE_SIZE / 512; p && bytes; i++, bytes -= 512)
		p->private &= ~(1U << i);
}
int write_and_wait_range(struct address_space *m, loff_t first, loff_t last)
{
	may_sleep();
	for (struct page *p = *list_of(m); p; p = (struct page *)p->lru.next) {
		if (m != &bdev_inode.data && test_clear_page_dirty(p))
			file_io(m, p, true);
		for (unsigned i = 0; m == &bdev_inode.data && i < PAGE_SIZE / 512; i++)
			if (p->private & 1U << i)
				device_io(pindex_pos(p->index) + i * 512, (char *)memory(p) + i * 512, 512, true);
		p->private = 0;
	}
	return 0;
}
/* Pages from `first` on go. */
static void drop(struct address_space *m, pindex_t first)
{
	struct page **at = list_of(m), *p;

	while ((p = *at) != NULL) {
		if (p->index.n < first.n) {
			at = (struct page **)&p->lru.next;
			continue;
		}
		*at = (struct page *)p->lru.next;
		p->mapping = NULL;
		put_page(p);
	}
}
void truncate_pages(struct address_space *m, loff_t from) { drop(m, pindex_end(from)); }
unsigned long invalidate_clean_pages(struct address_space *m, pindex_t first, pindex_t last) { return 0; }
int zero_range_cached(struct address_space *m, loff_t from, loff_t to)
{
	struct page *p = read_cache_page(m, NULL, pindex_at(from));

	if (IS_ERR(p))
		return PTR_ERR(p);
	zero_page_range(p, (unsigned)from % PAGE_SIZE, (unsigned)from % PAGE_SIZE + (unsigned)(to - from));
	mark_page_dirty(p);
	put_page(p);
	return 0;
}

static long rw_piece(struct inode *i, loff_t pos, char *buf, unsigned n, bool write)
{
	struct block_run run;
	struct page *p;
	int err;

	p = read_cache_page(i->mapping, NULL, pindex_at(pos));
	if (IS_ERR(p))
		return PTR_ERR(p);
	if (write) {
		unsigned bits = ext2_sb(i->sb)->g.block_bits;

		lock_page(p);
		for (loff_t b = pos >> bits; b <= (pos + n - 1) >> bits; b++) {
			err = ext2_map_blocks(i->mapping, b, 1, true, &run);
			if (err || run.hole || !run.nr) {
				unlock_page(p);
				put_page(p);
				return err ? err : -EIO;
			}
		}
		memcpy((char *)memory(p) + (unsigned)pos % PAGE_SIZE, buf, n);
		mark_page_dirty(p);
		if (pos + n > i->size)
			inode_set_size(i, pos + n);
		unlock_page(p);
	} else {
		memcpy(buf, (char *)memory(p) + (unsigned)pos % PAGE_SIZE, n);
	}
	put_page(p);
	return n;
}

long shim_rw(struct inode *i, loff_t pos, void *buf, unsigned n, bool write)
{
	long done = 0, r = 0;

	if (!write && pos + n > i->size)
		n = pos < i->size ? (unsigned)(i->size - pos) : 0;
	while (n && r >= 0) {
		unsigned here = min_t(unsigned, n, PAGE_SIZE - (unsigned)pos % PAGE_SIZE);

		r = rw_piece(i, pos, (char *)buf + done, here, write);
		if (r < 0)
			break;
		done += here;
		pos += here;
		n -= here;
	}
	return done ? done : r;
}

/* The tables want them; nothing here calls them. */
int blocks_read_page(struct file *f, struct page *p) { fail("blocks_read_page"); }
void blocks_read_pages(struct file *f, struct address_space *m, struct page **p, unsigned n) { fail("blocks_read_pages"); }
int blocks_write_pages(struct address_space *m, struct page **p, unsigned n, struct writeback *wb) { fail("blocks_write_pages"); }
int blocks_write_begin(struct file *f, struct address_space *m, loff_t pos, unsigned n, struct page **p) { fail("blocks_write_begin"); }
int block_write_end(struct file *f, struct address_space *m, loff_t pos, unsigned n, unsigned c, struct page *p) { fail("block_write_end"); }
int blocks_page_mkwrite(struct file *f, struct page *p) { fail("blocks_page_mkwrite"); }
ssize_t generic_read(struct file *f, struct iov *v, loff_t *pos) { fail("generic_read"); }
ssize_t generic_write(struct file *f, struct iov *v, loff_t *pos) { fail("generic_write"); }
int generic_mmap(struct file *f, struct vma *v) { fail("generic_mmap"); }

/* --- devices, write-back -------------------------------------------------------------------------------------------------------- */
struct address_space *block_mapping(struct block_device *dev) { return &bdev_inode.data; }
bool block_read_only(const struct block_device *dev) { return false; }
int block_flush(struct block_device *dev) { return 0; }
int backing_init(struct backing *b, struct block_device *dev, unsigned block_bits) { return 0; }
int file_check_error(struct file *f) { return 0; }

int inode_write(struct inode *i, u32 what)
{
	if (!(i->dirty & what))
		return 0;
	i->dirty = 0;
	return i->sb->ops->write_inode(i);
}
void shim_writeback(struct super_block *sb)
{
	for (struct inode *i = all; i; i = (struct inode *)i->lru.next) {
		write_and_wait_range(&i->data, 0, MAX_LFS);
		inode_write(i, INODE_DIRTY_ALL);
	}
	sb->ops->sync(sb, true);
	write_and_wait_range(&bdev_inode.data, 0, MAX_LFS);
}
int flusher_sync(struct flusher *f, struct backing *only, bool wait) { return 0; }

/* --- inodes ---------------------------------------------------------------------------------------------------------------------- */
void mark_inode_dirty(struct inode *i, u32 what) { i->dirty |= what; }
loff_t inode_size(const struct inode *i) { return i->size; }
void inode_set_size(struct inode *i, loff_t size)
{
	i->size = size;
	mark_inode_dirty(i, INODE_DIRTY_DATA);
}
void inode_touch(struct inode *i, u32 attrs) { mark_inode_dirty(i, INODE_DIRTY_TIME); }
void inode_add_blocks(struct inode *i, long n)
{
	i->blocks += n;
	mark_inode_dirty(i, INODE_DIRTY_DATA);
}
void attr_copy(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
}
void set_nlink(struct inode *i, u32 n)
{
	i->nlink = n;
	mark_inode_dirty(i, INODE_DIRTY_OTHER);
}
void inc_nlink(struct inode *i) { set_nlink(i, i->nlink + 1); }
void drop_nlink(struct inode *i)
{
	if (!i->nlink)
		fail("drop_nlink");
	set_nlink(i, i->nlink - 1);
}
void inode_init_once(struct inode *i)
{
	memset(i, 0, sizeof(*i));
	atomic_set(&i->refcount, 1);
}
struct inode *new_inode(struct super_block *sb, struct inode *dir, mode_t mode)
{
	struct inode *i = sb->ops->alloc_inode(sb);

	if (!i)
		return NULL;
	i->sb = sb;
	i->nlink = 1;
	i->mode = mode;
	i->mapping = &i->data;
	i->atime = i->mtime = i->ctime = inode_now();
	mapping_init(&i->data, i, NULL, 0);
	i->lru.next = (struct list_head *)all;
	all = i;
	sb->nr_inodes++;
	return i;
}
struct inode *iget(struct inode *i)
{
	atomic_inc(&i->refcount);
	return i;
}
static void evict(struct inode *i)
{
	struct inode **at = &all;

	if (i->nlink && i->flags & INODE_HASHED) {
		write_and_wait_range(&i->data, 0, MAX_LFS);
		inode_write(i, INODE_DIRTY_ALL);
	}
	drop(&i->data, pindex_at(0));
	i->sb->ops->evict(i);
	if (*list_of(&i->data))
		fail("pages are left");
	while (*at != i)
		at = (struct inode **)&(*at)->lru.next;
	*at = (struct inode *)i->lru.next;
	i->sb->nr_inodes--;
	if (S_ISLNK(i->mode))
		kfree(i->link);
	i->sb->ops->free_inode(i);
}
void iput(struct inode *i)
{
	if (atomic_dec_and_test(&i->refcount) && !(i->flags & INODE_HASHED && i->nlink))
		evict(i);
}
static struct inode *cached(u64 ino)
{
	for (struct inode *i = all; i; i = (struct inode *)i->lru.next)
		if (i->flags & INODE_HASHED && i->ino == ino)
			return i;
	return NULL;
}
struct inode *iget_cached(struct super_block *sb, u64 ino)
{
	struct inode *i = cached(ino);

	return i ? iget(i) : NULL;
}
int inode_insert(struct inode *i)
{
	if (cached(i->ino))
		return -EEXIST;
	i->flags |= INODE_HASHED;
	return 0;
}
void shim_forget(struct super_block *sb)
{
	struct inode *i, *next;

	for (i = all; i; i = next) {
		next = (struct inode *)i->lru.next;
		if (!atomic_read(&i->refcount)) {
			evict(i);
			next = all;
		}
	}
}

/* --- dentries: the target keeps them -------------------------------------------------------------------------------------------- */
void d_add(struct dentry *d, struct inode *i) { d->inode = i; }
void d_instantiate(struct dentry *d, struct inode *i)
{
	if (d->inode)
		fail("d_instantiate");
	d->inode = i;
}
struct dentry *d_make_root(struct inode *root)
{
	struct dentry *d = __kmalloc(sizeof(*d), __GFP_ZERO);

	if (!d) {
		iput(root);
		return NULL;
	}
	d->parent = d;
	d->inode = root;
	return d;
}
void dput(struct dentry *d) { atomic_dec(&d->refcount); }

/* --- mounting ----------------------------------------------------------------------------------------------------------------------- */
void register_fs(struct fs_type *t) { ext2_fs = t; }

static void detach(struct super_block *sb)
{
	if (sb->root) {
		iput(sb->root->inode);
		free(sb->root);
	}
	shim_forget(sb);
	if (sb->nr_inodes || all)
		fail("inodes are left");
	if (sb->ops)
		sb->ops->unmount(sb);
	for (struct page *p = *list_of(&bdev_inode.data); p; p = (struct page *)p->lru.next)
		if (atomic_read(&p->refcount) != 1)
			fail("a page of the device is pinned");
	drop(&bdev_inode.data, pindex_at(0));
	free(sb);
	shim_check_idle();
}

struct super_block *shim_mount(u32 flags, const char *options)
{
	struct super_block *sb = calloc(1, sizeof(*sb));

	if (!ext2_fs)
		ext2_init();
	mapping_init(&bdev_inode.data, &bdev_inode, NULL, 0);
	bdev.sectors = disk_size / 512;
	sb->flags = flags;
	sb->bdev = &bdev;
	sb->max_size = CACHE_FILE_MAX;
	if (!ext2_fs->mount(sb, "fuzz", options))
		return sb;
	detach(sb);
	return NULL;
}

void shim_unmount(struct super_block *sb)
{
	shim_forget(sb);
	shim_writeback(sb);
	detach(sb);
}
