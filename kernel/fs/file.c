/* SPDX-License-Identifier: MIT
 *
 * Open files: making, the last reference, opening a path.
 *
 * Life: alloc_file gives one reference; descriptors, vmas and calls under way hold others; the last put_file undoes
 * what opening did: locks, epoll, release, the count of writers, the path, credentials. Freed after a grace period:
 * fget looks at files under RCU.
 */
#include "kernel/fs/internal.h"
#include "kernel/lib/errseq.h"

static struct kmem_cache *cache;
static atomic_t nr_files;
static long max_files;

static_assert(sizeof(struct file) <= 100, "one per open file, in low memory");

struct file *alloc_file(const struct file_ops *ops, u32 flags)
{
	struct file *f;

	if (unlikely(atomic_read(&nr_files) >= max_files) && !capable(CAP_SYS_ADMIN))
		return NULL;
	f = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	atomic_set(&f->refcount, 1);
	mutex_init(&f->pos_lock, "file pos");
	spin_lock_init(&f->lock, "file");
	f->ops = ops;
	f->flags = flags;
	f->mode = (flags + 1) & O_ACCMODE; /* O_RDONLY, O_WRONLY, O_RDWR -> FMODE_READ, FMODE_WRITE, both */
	f->cred = current->cred;
	if (f->cred)
		atomic_inc(&((struct cred *)f->cred)->refcount);
	atomic_inc(&nr_files);
	return f;
}

void files_get_stat(long *n, long *max)
{
	*n = atomic_read(&nr_files);
	*max = max_files;
}

static void free_rcu(struct rcu_head *h) { kmem_cache_free(cache, container_of(h, struct file, rcu)); }

static void free_file(struct file *f)
{
	if (f->cred)
		put_cred(f->cred);
	atomic_dec(&nr_files);
	call_rcu(&f->rcu, free_rcu);
}

static void uncount_writer(struct file *f)
{
	if (f->mode & FMODE_COUNTED) {
		inode_drop_write(f->inode);
		mnt_drop_write(f->mount);
	}
	if (f->mode & FMODE_DENY)
		inode_allow_write(f->inode);
}

static noinline void last_put(struct file *f)
{
	struct path p = { f->mount, f->dentry };

	might_sleep();
	if (f->watch)
		epoll_file_gone(f);
	if (f->inode && !list_empty(&f->inode->flocks))
		locks_remove_file(f);
	if (f->ops && f->ops->release && !(f->mode & FMODE_PATH))
		f->ops->release(f);
	uncount_writer(f);
	if (p.dentry)
		path_put(&p);
	free_file(f);
}

void put_file(struct file *f)
{
	if (atomic_dec_and_test(&f->refcount))
		last_put(f);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
/* Nothing but a name: O_PATH. */
static const struct file_ops path_ops = { .no_seek = true };
static int no_open(struct inode *i, struct file *f) { return -ENXIO; }
const struct file_ops no_open_ops = { .open = no_open }; /* sockets, and what nobody drives */

static int count_writer(struct file *f)
{
	struct inode *i = f->inode;
	int err;

	if (!(f->mode & FMODE_WRITE) || (!S_ISREG(i->mode) && !S_ISDIR(i->mode)))
		return 0;
	err = inode_want_write(i);
	if (err)
		return err;
	err = mnt_want_write(f->mount);
	if (err) {
		inode_drop_write(i);
		return err;
	}
	f->mode |= FMODE_COUNTED;
	return 0;
}

static int do_open(struct file *f)
{
	struct inode *i = f->inode;
	int err;

	if (f->flags & O_PATH) {
		f->mode = FMODE_PATH;
		f->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
		f->ops = &path_ops;
		return 0;
	}
	f->mapping = i->mapping;
	if (S_ISREG(i->mode) && !(f->flags & O_LARGEFILE) && inode_size(i) > MAX_NON_LFS)
		return -EOVERFLOW;
	err = count_writer(f);
	if (!err && f->ops->open)
		err = f->ops->open(i, f); /* may put other operations in place: devices */
	if (err)
		return err;
	if (!f->ops->no_seek)
		f->mode |= FMODE_LSEEK;
	if (f->mapping)
		f->wb_err = errseq_sample(&f->mapping->wb_err);
	if (unlikely(f->flags & O_DIRECT && !(f->mapping && f->mapping->ops) && !S_ISFIFO(i->mode))) {
		if (f->ops->release) /* it was open already */
			f->ops->release(f);
		return -EINVAL;
	}
	return 0;
}

/* p must be allowed already (may_open). Takes its own references. */
struct file *path_open(const struct path *p, int flags)
{
	struct file *f = alloc_file(p->dentry->inode->fops, flags & ~O_CLOEXEC);
	int err;

	if (!f)
		return ERR_PTR(-ENFILE);
	f->inode = p->dentry->inode;
	f->dentry = p->dentry;
	f->mount = p->mount;
	path_get(p);
	err = do_open(f);
	f->flags &= ~O_NOCTTY; /* meant for open() alone */
	if (!err)
		return f;
	uncount_writer(f);
	path_put(p);
	free_file(f);
	return ERR_PTR(err);
}

/* --- for the kernel ------------------------------------------------------------------------------------------------ */
struct file *kern_open(const char *name, int flags, mode_t mode)
{
	struct open_how_k how = { .flags = flags | O_LARGEFILE, .mode = mode };

	return file_open_at(AT_FDCWD, name, &how);
}

ssize_t kern_read(struct file *f, void *buf, size_t n, loff_t pos)
{
	struct iov v;

	iov_init_kernel(&v, buf, n);
	return f->ops->read ? f->ops->read(f, &v, &pos) : -EINVAL;
}
ssize_t kern_write(struct file *f, const void *buf, size_t n, loff_t pos)
{
	struct iov v;

	iov_init_kernel(&v, (void *)buf, n);
	return f->ops->write ? f->ops->write(f, &v, &pos) : -EINVAL;
}

/* A program: regular, executable, on a mount that allows it; nobody writes to it from now on. */
static struct file *open_program(const struct path *p)
{
	struct inode *i = p->dentry->inode;
	struct file *f;
	int err;

	if (!S_ISREG(i->mode) || p->mount->flags & MS_NOEXEC)
		return ERR_PTR(-EACCES);
	err = inode_permission(i, MAY_EXEC);
	if (err)
		return ERR_PTR(err);
	err = inode_deny_write(i);
	if (err)
		return ERR_PTR(err);
	f = path_open(p, O_RDONLY | O_LARGEFILE);
	if (IS_ERR(f))
		inode_allow_write(i);
	else
		f->mode |= FMODE_EXEC | FMODE_DENY;
	return f;
}

static struct file *open_exec_name(int dfd, const char *name, u32 flags)
{
	struct path p;
	struct file *f;
	int err = path_at(dfd, name, flags, &p);

	if (err)
		return ERR_PTR(err);
	f = S_ISLNK(p.dentry->inode->mode) ? ERR_PTR(-ELOOP) : open_program(&p);
	path_put(&p);
	return f;
}
struct file *open_exec(const char *name) { return open_exec_name(AT_FDCWD, name, LOOKUP_FOLLOW); }

struct file *open_exec_at(int dfd, const char __user *user, int flags)
{
	struct filename n;
	struct file *f;
	int err;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return ERR_PTR(-EINVAL);
	err = getname(&n, user, flags & AT_EMPTY_PATH);
	f = err ? ERR_PTR(err) :
		  open_exec_name(dfd, n.s, (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0) | (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW));
	putname(&n);
	return f;
}

/* As many files as a tenth of memory would hold, their inodes and names included (about 1 KB each). */
void __init files_init(void)
{
	cache = kmem_cache_create("filp", sizeof(struct file), 4, SLAB_PANIC, NULL);
	max_files = max_t(long, 8192, min(totalram_pages, max_low_pfn.n) * (PAGE_SIZE / 1024) / 10);
}
