/* SPDX-License-Identifier: MIT
 *
 * tmpfs, files: bytes are page-cache pages (in high memory), holes are absent pages. Names and directories: tmpfs_dir.c.
 *
 * Also here: shmem_file and memfd_create, which are files of a tmpfs that is in no tree.
 *
 * Space: a page counts from entering the page cache to leaving it (page_adding, page_removed), so that writes, faults
 * and fallocate draw on one account; size= limits it, nr_inodes= the names. Lock: tmpfs->lock, a leaf.
 */
#include "kernel/fs/tmpfs.h"
#include "kernel/fs/internal.h"
#include "kernel/lib/vsprintf.h"
#include "mm/reclaim/swap.h"
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/memfd.h>

/* --- space ------------------------------------------------------------------------------------------------------- */
static struct tmpfs *tmpfs_of(const struct super_block *sb) { return sb->private; }

static int page_adding(struct address_space *m, pindex_t index)
{
	struct inode *i = m->host;
	struct tmpfs *t = tmpfs_of(i->sb);
	int err = 0;

	spin_lock(&t->lock);
	if (t->max_pages && t->used >= t->max_pages)
		err = -ENOSPC;
	else
		t->used++;
	spin_unlock(&t->lock);
	if (!err)
		inode_add_blocks(i, PAGE_SIZE / 512);
	return err;
}
static void page_removed(struct address_space *m, struct page *page)
{
	struct tmpfs *t = tmpfs_of(m->host->sb);

	if (page && page_swapcache(page))
		swap_try_free(page);
	spin_lock(&t->lock);
	t->used--;
	spin_unlock(&t->lock);
	inode_add_blocks(m->host, -(long)(PAGE_SIZE / 512));
}

/* --- writing ------------------------------------------------------------------------------------------------------ */
static int write_begin(struct file *f, struct address_space *m, loff_t pos, unsigned len, struct page **page)
{
	*page = find_or_make_page(m, pindex_at(pos), GFP_HIGHUSER);
	return IS_ERR(*page) ? PTR_ERR(*page) : 0;
}

/* What was not written of a new page is zeroes: it was a hole. */
static int write_end(struct file *f, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page)
{
	unsigned off = (unsigned)pos & (PAGE_SIZE - 1);

	if (!page_uptodate(page)) {
		if (off)
			zero_page_range(page, 0, off);
		if (off + copied < PAGE_SIZE)
			zero_page_range(page, off + copied, PAGE_SIZE);
		set_page_uptodate(page);
	}
	if (copied && pos + copied > m->host->size)
		inode_set_size(m->host, pos + copied);
	mark_page_dirty(page);
	unlock_page(page);
	put_page(page);
	return (int)copied;
}
static const struct mapping_ops mapping_ops = {
	.write_begin = write_begin, .write_end = write_end, .page_adding = page_adding, .page_removed = page_removed,
	.bring_back = swap_bring_back, .value_gone = swap_value_gone,
};

/* --- holes ---------------------------------------------------------------------------------------------------------- */
/* Make every page of [off, end) exist. i->lock held. What was made stays if space runs out. */
static int allocate(struct inode *i, loff_t off, loff_t end)
{
	pindex_t last = pindex_at(end - 1);

	for (pindex_t n = pindex_at(off); n.n <= last.n; n.n++) {
		struct page *page = find_or_make_page(i->mapping, n, GFP_HIGHUSER);

		if (IS_ERR(page))
			return PTR_ERR(page);
		if (!page_uptodate(page)) {
			clear_page(page);
			set_page_uptodate(page);
		}
		mark_page_dirty(page);
		unlock_page(page);
		put_page(page);
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static long tmpfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *i = f->inode;
	loff_t end = off + len;
	long err = 0;

	down_write(&i->lock);
	if (i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		err = -EPERM;
	if (i->seals & F_SEAL_GROW && end > i->size && !(mode & FALLOC_FL_KEEP_SIZE))
		err = -EPERM;
	if (!err && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		truncate_range(i->mapping, off, end);
	if (!err && !(mode & FALLOC_FL_PUNCH_HOLE)) {
		err = allocate(i, off, end);
		if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > i->size)
			inode_set_size(i, end);
	}
	if (!err)
		inode_touch(i, ATTR_CTIME | ATTR_MTIME);
	up_write(&i->lock);
	return err;
}

/* The next page that exists (data) or does not (hole), from pos on, below size. */
static loff_t seek_data(struct inode *i, loff_t pos, loff_t size)
{
	pindex_t n = pindex_at(pos);

	if (!next_entry(i->mapping, &n, pindex_at(size - 1)))
		return -ENXIO;
	pos = max(pos, pindex_pos(n));
	return pos < size ? pos : -ENXIO;
}
static loff_t seek_hole(struct inode *i, loff_t pos, loff_t size)
{
	while (pos < size) {
		pindex_t n = pindex_at(pos);

		if (!next_entry(i->mapping, &n, n))
			return pos;
		pos = ((pos >> PAGE_SHIFT) + 1) << PAGE_SHIFT;
	}
	return size;
}
static loff_t tmpfs_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *i = f->inode;
	loff_t size = inode_size(i);

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		if (off < 0 || off >= size)
			return -ENXIO;
		down_read(&i->lock);
		off = whence == SEEK_DATA ? seek_data(i, off, size) : seek_hole(i, off, size);
		up_read(&i->lock);
		if (off < 0)
			return off;
		whence = SEEK_SET;
	}
	return generic_llseek(f, off, whence, size);
}

static int no_sync(struct file *f, loff_t start, loff_t end, bool data_only) { return 0; }
const struct file_ops tmpfs_file_ops = {
	.read = generic_read, .write = generic_write, .llseek = tmpfs_llseek, .mmap = generic_mmap, .fsync = no_sync,
	.fallocate = tmpfs_fallocate,
};

/* --- swap ------------------------------------------------------------------------------------------------------------ */
/* Files whose trees hold swap entries, or did. inode->lru is free for it: these inodes are not hashed. */
static LIST_HEAD(swapped);
static DEFINE_SPINLOCK(swapped_lock); /* a leaf */

void tmpfs_swapped(struct address_space *m)
{
	spin_lock(&swapped_lock);
	if (list_empty(&m->host->lru))
		list_add_tail(&m->host->lru, &swapped);
	spin_unlock(&swapped_lock);
}

/* swapped_lock held: an inode on the list has its file system. => counted, both */
static bool visit(struct inode *i)
{
	if (!READ_ONCE(i->data.nr_values) || !sb_visit(i->sb))
		return false;
	if (atomic_inc_not_zero(&i->refcount))
		return true;
	sb_visit_end(i->sb);
	return false;
}

static void leave(struct inode *i)
{
	struct super_block *sb = i->sb;

	iput(i);
	sb_visit_end(sb);
}

struct address_space *tmpfs_next_swapped(struct address_space *prev)
{
	struct inode *i, *found = NULL;
	struct list_head *at;

	spin_lock(&swapped_lock);
	for (at = prev ? prev->host->lru.next : swapped.next; at != &swapped && !found; at = at->next) {
		i = list_entry(at, struct inode, lru);
		if (visit(i))
			found = i;
	}
	spin_unlock(&swapped_lock);
	if (prev)
		leave(prev->host);
	return found ? &found->data : NULL;
}

/* --- inodes ---------------------------------------------------------------------------------------------------------- */
static int charge_inode(struct tmpfs *t)
{
	int err = 0;

	spin_lock(&t->lock);
	if (t->max_inodes && t->inodes >= t->max_inodes)
		err = -ENOSPC;
	else
		t->inodes++;
	spin_unlock(&t->lock);
	return err;
}
static void evict(struct inode *i)
{
	struct tmpfs *t = tmpfs_of(i->sb);

	spin_lock(&swapped_lock);
	list_del_init(&i->lru);
	spin_unlock(&swapped_lock);
	spin_lock(&t->lock);
	t->inodes--;
	spin_unlock(&t->lock);
}

/* => ERR_PTR(-ENOSPC, -ENOMEM) */
struct inode *tmpfs_inode(struct super_block *sb, struct inode *dir, mode_t mode, dev_t dev)
{
	struct inode *i;
	int err = charge_inode(tmpfs_of(sb));

	if (err)
		return ERR_PTR(err);
	i = new_inode(sb, dir, mode);
	if (!i) {
		struct tmpfs *t = tmpfs_of(sb);

		spin_lock(&t->lock);
		t->inodes--;
		spin_unlock(&t->lock);
		return ERR_PTR(-ENOMEM);
	}
	i->rdev = dev;
	i->ops = &tmpfs_file_inode_ops;
	if (S_ISREG(mode)) {
		mapping_init(&i->data, i, &mapping_ops, MAPPING_SWAPBACKED);
		i->fops = &tmpfs_file_ops;
	} else if (S_ISDIR(mode)) {
		i->ops = &tmpfs_dir_inode_ops;
		i->fops = &tmpfs_dir_ops;
		i->size = 40; /* the dots */
		set_nlink(i, 2);
	} else if (S_ISLNK(mode)) {
		i->ops = &tmpfs_link_inode_ops;
	}
	return i;
}

/* --- the file system ---------------------------------------------------------------------------------------------------- */
static int parse_size(struct tmpfs *t, char *v)
{
	char *end;
	u64 n = memparse(v, &end);

	if (*end == '%') {
		n = div_u64((u64)totalram_pages * min(n, (u64)100000), 100);
		end++;
	} else {
		n = (n + PAGE_SIZE - 1) >> PAGE_SHIFT;
	}
	if (*end || end == v)
		return -EINVAL;
	t->max_pages = n;
	return 0;
}

static int parse_number(char *v, u32 base, u32 *out)
{
	unsigned long n;
	int err;

	if (base == 10) {
		char *end;
		u64 big = memparse(v, &end);

		*out = (u32)min(big, (u64)~0U);
		return *end || end == v ? -EINVAL : 0;
	}
	err = kstrtoul(v, base, &n);
	*out = n;
	return err;
}

static int parse_one(struct tmpfs *t, char *key, char *v)
{
	int err;
	u32 n;

	if (!v)
		return -EINVAL;
	if (!strcmp(key, "size"))
		return parse_size(t, v);
	if (!strcmp(key, "nr_blocks")) {
		err = parse_number(v, 10, &n);
		t->max_pages = n;
		return err;
	}
	if (!strcmp(key, "nr_inodes"))
		return parse_number(v, 10, &t->max_inodes);
	if (!strcmp(key, "mode")) {
		err = parse_number(v, 8, &n);
		t->mode = n & 07777;
		return err;
	}
	if (!strcmp(key, "uid"))
		return parse_number(v, 10, &t->uid);
	if (!strcmp(key, "gid"))
		return parse_number(v, 10, &t->gid);
	return -EINVAL;
}

static int parse_options(struct tmpfs *t, const char *options)
{
	char *copy, *rest, *one;
	int err = 0;

	if (!options || !*options)
		return 0;
	rest = copy = kstrdup(options, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	while (!err && (one = strsep(&rest, ","))) {
		char *v = strchr(one, '=');

		if (!*one)
			continue;
		if (v)
			*v++ = '\0';
		err = parse_one(t, one, v);
	}
	kfree(copy);
	return err;
}

static int remount(struct super_block *sb, u32 flags, const char *options)
{
	struct tmpfs *t = tmpfs_of(sb), want = *t;
	int err = parse_options(&want, options);

	if (err)
		return err;
	spin_lock(&t->lock);
	if ((want.max_pages && want.max_pages < t->used) || (want.max_inodes && want.max_inodes < t->inodes)) {
		err = -EINVAL;
	} else {
		t->max_pages = want.max_pages;
		t->max_inodes = want.max_inodes;
	}
	spin_unlock(&t->lock);
	return err;
}

static int statfs(struct super_block *sb, struct statfs64 *st)
{
	struct tmpfs *t = tmpfs_of(sb);

	simple_statfs(sb, st);
	spin_lock(&t->lock);
	if (t->max_pages) {
		st->f_blocks = t->max_pages;
		st->f_bavail = st->f_bfree = t->max_pages - t->used;
	}
	if (t->max_inodes) {
		st->f_files = t->max_inodes;
		st->f_ffree = t->max_inodes - t->inodes;
	}
	spin_unlock(&t->lock);
	return 0;
}

static void show_options(struct super_block *sb, struct seq *s)
{
	struct tmpfs *t = tmpfs_of(sb);

	if (t->max_pages)
		seq_printf(s, ",size=%lluk", (unsigned long long)t->max_pages << (PAGE_SHIFT - 10));
	if (t->max_inodes)
		seq_printf(s, ",nr_inodes=%u", t->max_inodes);
	if (t->mode != 01777)
		seq_printf(s, ",mode=%03o", t->mode);
}
static void unmount(struct super_block *sb)
{
	WARN_ON_ONCE(tmpfs_of(sb)->used);
	kfree(sb->private);
}
static const struct super_ops super_ops = {
	.evict = evict, .statfs = statfs, .remount = remount, .unmount = unmount, .show_options = show_options,
};

/* No size=: half of memory, as everywhere; inodes: as many as half of low memory would hold, 1 KB each. */
int tmpfs_fill(struct super_block *sb, const char *options)
{
	struct tmpfs *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct inode *root;
	int err;

	if (!t)
		return -ENOMEM;
	spin_lock_init(&t->lock, "tmpfs");
	t->max_pages = totalram_pages / 2;
	t->max_inodes = min(totalram_pages, max_low_pfn.n) / 2 * (PAGE_SIZE / 1024);
	t->mode = 01777;
	t->uid = current->cred ? current_cred()->fsuid : 0;
	t->gid = current->cred ? current_cred()->fsgid : 0;
	sb->private = t;
	sb->ops = &super_ops;
	sb->magic = TMPFS_MAGIC;
	err = parse_options(t, options);
	if (err)
		return err;
	root = tmpfs_inode(sb, NULL, S_IFDIR | t->mode, 0);
	if (IS_ERR(root))
		return PTR_ERR(root);
	root->uid = t->uid;
	root->gid = t->gid;
	sb->root = d_make_root(root);
	return sb->root ? 0 : -ENOMEM;
}

static int mount(struct super_block *sb, const char *source, const char *options) { return tmpfs_fill(sb, options); }
static struct fs_type tmpfs_type = { .name = "tmpfs", .mount = mount };

static int mount_shm(struct super_block *sb, const char *source, const char *options) { return tmpfs_fill(sb, "size=0,nr_inodes=0"); }
static struct fs_type shm_type = { .name = "shmem", .mount = mount_shm, .internal = true };
static struct mount *shm_mount;

/* --- shared memory without a name ------------------------------------------------------------------------------------------ */
struct file *shmem_file(const char *name, loff_t size, u32 vm_flags)
{
	struct inode *i;
	struct path p = { shm_mount, NULL };
	struct file *f;

	if (size < 0 || size > shm_mount->sb->max_size)
		return ERR_PTR(-EINVAL);
	i = tmpfs_inode(shm_mount->sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(i))
		return ERR_CAST(i);
	set_nlink(i, 0);
	i->size = size;
	p.dentry = d_make_named(i, name);
	if (!p.dentry)
		return ERR_PTR(-ENOMEM);
	f = path_open(&p, O_RDWR | O_LARGEFILE);
	dput(p.dentry);
	return f;
}

SYSCALL(memfd_create, const char __user *uname, u32 flags)
{
	char name[256] = "memfd:";
	struct file *f;
	long len;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	len = strncpy_from_user(name + 6, uname, sizeof(name) - 6);
	if (len < 0)
		return len;
	if (len == sizeof(name) - 6)
		return -EINVAL;
	f = shmem_file(name, 0, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	f->inode->seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	return fd_new(f, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
static long add_seals(struct file *f, u32 seals)
{
	struct inode *i = f->inode;
	long err = 0;

	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~ALL_SEALS)
		return -EINVAL;
	down_write(&i->lock);
	if (i->seals & F_SEAL_SEAL)
		err = -EPERM;
	else if (seals & F_SEAL_WRITE && !(i->seals & F_SEAL_WRITE) && i->data.nr_writable)
		err = -EBUSY;
	else
		i->seals |= seals;
	up_write(&i->lock);
	return err;
}

long memfd_fcntl(struct file *f, unsigned cmd, unsigned long arg)
{
	if (f->ops != &tmpfs_file_ops)
		return -EINVAL;
	return cmd == F_ADD_SEALS ? add_seals(f, arg) : (long)f->inode->seals;
}

/* All programs of a machine of 64 MB lie here: more than the usual half. */
static int mount_root(struct super_block *sb, const char *source, const char *options) { return tmpfs_fill(sb, "mode=755,size=80%"); }
static struct fs_type root_type = { .name = "tmpfs", .mount = mount_root };

void __init tmpfs_init(void)
{
	struct super_block *sb = sb_get(&root_type, "tmpfs", 0, NULL);

	if (IS_ERR(sb))
		panic("no memory for the root file system");
	mount_init_root(sb);
	register_fs(&tmpfs_type);
	sb = sb_get(&shm_type, "shmem", 0, NULL);
	shm_mount = IS_ERR(sb) ? NULL : mount_internal(sb);
	if (!shm_mount)
		panic("no memory for shared memory's file system");
}
