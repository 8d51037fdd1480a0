/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables: small integers -> open files, one table per process (or shared by CLONE_FILES).
 *
 * A table starts with 32 descriptors inside struct files and doubles as needed up to RLIMIT_NOFILE; a table that was
 * outgrown is freed after a grace period, since lookups run under RCU. While one task has the table to itself, fdget
 * takes no reference at all: only that task could close the file.
 * Lock: files->lock, a leaf, over the bit maps and changes of the pointers. Files are put without it.
 */
#include "kernel/fs/internal.h"

#define NR_OPEN_MAX (1024U * 1024U)

static struct kmem_cache *cache;

/* --- lookup -------------------------------------------------------------------------------------------------------- */
static struct file *peek(struct files *files, unsigned fd)
{
	struct fdtable *t = rcu_dereference(files->table);

	return fd < t->max ? rcu_dereference(t->fd[fd]) : NULL;
}

static struct file *lookup_ref(struct files *files, unsigned fd, u32 refuse)
{
	struct file *f;

	rcu_read_lock();
	for (;;) {
		f = peek(files, fd);
		if (!f || f->mode & refuse) {
			f = NULL;
			break;
		}
		if (!atomic_inc_not_zero(&f->refcount))
			continue; /* closed this moment: look again */
		if (peek(files, fd) == f)
			break;
		rcu_read_unlock();
		put_file(f);
		rcu_read_lock();
	}
	rcu_read_unlock();
	return f;
}
struct file *fget(unsigned fd) { return lookup_ref(current->files, fd, FMODE_PATH); }
struct file *fget_any(unsigned fd) { return lookup_ref(current->files, fd, 0); }

static inline struct fdref get_light(unsigned fd, u32 refuse)
{
	struct files *files = current->files;
	struct file *f;

	if (likely(atomic_read(&files->count) == 1)) {
		f = fd < files->table->max ? files->table->fd[fd] : NULL;
		if (f && unlikely(f->mode & refuse))
			f = NULL;
		return (struct fdref){ f, 0 };
	}
	f = lookup_ref(files, fd, refuse);
	return (struct fdref){ f, f != NULL };
}
struct fdref fdget(unsigned fd) { return get_light(fd, FMODE_PATH); }
struct fdref fdget_any(unsigned fd) { return get_light(fd, 0); }

/* The position is locked only where somebody else could move it: the file is shared. */
struct fdref fdget_pos(unsigned fd)
{
	struct fdref r = fdget(fd);

	if (r.file && r.file->mode & FMODE_LSEEK && unlikely(r.put || atomic_read(&r.file->refcount) > 1)) {
		mutex_lock(&r.file->pos_lock);
		r.put |= 2;
	}
	return r;
}
void fdput_pos(struct fdref r)
{
	if (unlikely(r.put & 2))
		mutex_unlock(&r.file->pos_lock);
	if (unlikely(r.put & 1))
		put_file(r.file);
}

/* --- growing --------------------------------------------------------------------------------------------------------- */
static void free_table_rcu(struct rcu_head *h) { kvfree(container_of(h, struct fdtable, rcu)); }

static size_t table_bytes(unsigned max) { return sizeof(struct fdtable) + max * sizeof(struct file *) + 2 * (max / 8); }

static struct fdtable *alloc_table(unsigned max)
{
	struct fdtable *t = kvmalloc(table_bytes(max), GFP_KERNEL);

	if (!t)
		return NULL;
	memset(t, 0, table_bytes(max));
	t->max = max;
	t->fd = (struct file **)(t + 1);
	t->open = (unsigned long *)(t->fd + max);
	t->cloexec = t->open + max / BITS_PER_LONG;
	return t;
}

/* words of 32 descriptors: copies of a constant size are the cheap ones */
static void copy_table(struct fdtable *to, const struct fdtable *from, unsigned words)
{
	for (unsigned w = 0; w < words; w++) {
		memcpy(to->fd + w * 32, from->fd + w * 32, 32 * sizeof(*to->fd));
		to->open[w] = from->open[w];
		to->cloexec[w] = from->cloexec[w];
	}
}

/* files->lock held, dropped and taken again. Room for descriptor fd. => 0 or -ENOMEM */
static int grow(struct files *files, unsigned fd)
{
	struct fdtable *t, *old;

	spin_unlock(&files->lock);
	t = alloc_table(roundup_pow_of_two(fd + 1));
	spin_lock(&files->lock);
	if (!t)
		return -ENOMEM;
	old = files->table;
	if (old->max >= t->max) { /* somebody else was faster */
		spin_unlock(&files->lock);
		kvfree(t);
		spin_lock(&files->lock);
		return 0;
	}
	copy_table(t, old, old->max / 32);
	rcu_assign_pointer(files->table, t);
	if (old != &files->embedded)
		call_rcu(&old->rcu, free_table_rcu);
	return 0;
}

static unsigned fd_limit(void) { return min_t(unsigned long, rlimit(RLIMIT_NOFILE), NR_OPEN_MAX); }

int fd_alloc(unsigned from, int flags)
{
	struct files *files = current->files;
	unsigned limit = fd_limit(), fd;
	struct fdtable *t;
	int err = -EMFILE;

	spin_lock(&files->lock);
	do {
		t = files->table;
		fd = max(from, files->next);
		if (fd < t->max)
			fd = find_next_zero_bit(t->open, t->max, fd);
		if (fd >= limit)
			goto out;
		err = fd >= t->max ? grow(files, fd) : 1;
		if (err < 0)
			goto out;
	} while (!err);
	__set_bit(fd, t->open);
	if (flags & O_CLOEXEC)
		__set_bit(fd, t->cloexec);
	else
		__clear_bit(fd, t->cloexec);
	if (from <= files->next)
		files->next = fd + 1;
	err = fd;
out:
	spin_unlock(&files->lock);
	return err;
}

void fd_install(int fd, struct file *f)
{
	struct files *files = current->files;

	spin_lock(&files->lock);
	rcu_assign_pointer(files->table->fd[fd], f);
	spin_unlock(&files->lock);
}

/* files->lock held. */
static void release_fd(struct files *files, unsigned fd)
{
	__clear_bit(fd, files->table->open);
	__clear_bit(fd, files->table->cloexec);
	if (fd < files->next)
		files->next = fd;
}
void fd_cancel(int fd)
{
	struct files *files = current->files;

	spin_lock(&files->lock);
	release_fd(files, fd);
	spin_unlock(&files->lock);
}

int fd_new(struct file *f, int flags)
{
	int fd = fd_alloc(0, flags);

	if (fd < 0)
		put_file(f);
	else
		fd_install(fd, f);
	return fd;
}

int fd_new_pair(struct file *ends[2], int __user *ufds, int flags)
{
	int fds[2], err;

	fds[0] = fd_alloc(0, flags);
	fds[1] = fds[0] < 0 ? fds[0] : fd_alloc(0, flags);
	err = fds[1] < 0 ? fds[1] : copy_to_user(ufds, fds, sizeof(fds)) ? -EFAULT : 0;
	if (!err) {
		fd_install(fds[0], ends[0]);
		fd_install(fds[1], ends[1]);
		return 0;
	}
	if (fds[1] >= 0)
		fd_cancel(fds[1]);
	if (fds[0] >= 0)
		fd_cancel(fds[0]);
	put_file(ends[0]);
	put_file(ends[1]);
	return err;
}

/* --- closing ------------------------------------------------------------------------------------------------------------ */
/* One descriptor less: also what POSIX locks hang on. */
static void close_file(struct file *f, struct files *owner)
{
	if (!(f->mode & FMODE_PATH)) {
		if (f->ops->flush)
			f->ops->flush(f);
		if (f->inode && !list_empty(&f->inode->flocks))
			locks_remove_posix(f, owner);
	}
	put_file(f);
}

/* files->lock held. => the file, taken out; NULL if there was none */
static struct file *take(struct files *files, unsigned fd)
{
	struct fdtable *t = files->table;
	struct file *f = fd < t->max ? t->fd[fd] : NULL;

	if (f) {
		WRITE_ONCE(t->fd[fd], NULL);
		release_fd(files, fd);
	}
	return f;
}

int fd_close(unsigned fd)
{
	struct files *files = current->files;
	struct file *f;

	spin_lock(&files->lock);
	f = take(files, fd);
	spin_unlock(&files->lock);
	if (!f)
		return -EBADF;
	close_file(f, files);
	return 0;
}
SYSCALL(close, unsigned fd) { return fd_close(fd); }

static void close_span(struct files *files, unsigned first, unsigned last)
{
	for (;; first++) {
		struct file *f;

		spin_lock(&files->lock);
		if (last >= files->table->max)
			last = files->table->max - 1;
		first = first > last ? first : find_next_bit(files->table->open, files->table->max, first);
		f = first <= last ? take(files, first) : NULL;
		spin_unlock(&files->lock);
		if (first > last)
			return;
		if (f)
			close_file(f, files);
		cond_resched();
	}
}

#define CLOSE_RANGE_UNSHARE 2U
#define CLOSE_RANGE_CLOEXEC 4U
SYSCALL(close_range, unsigned first, unsigned last, unsigned flags)
{
	struct files *files;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || last < first)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		int err = files_unshare();

		if (err)
			return err;
	}
	files = current->files;
	if (!(flags & CLOSE_RANGE_CLOEXEC)) {
		close_span(files, first, last);
		return 0;
	}
	spin_lock(&files->lock);
	last = min(last, files->table->max - 1);
	if (first <= last)
		for (unsigned fd = first; (fd = find_next_bit(files->table->open, last + 1, fd)) <= last; fd++)
			__set_bit(fd, files->table->cloexec);
	spin_unlock(&files->lock);
	return 0;
}

/* --- dup ------------------------------------------------------------------------------------------------------------------- */
SYSCALL(dup, unsigned old)
{
	struct file *f = fget_any(old);

	return f ? fd_new(f, 0) : -EBADF;
}

static int dup_to(unsigned old, unsigned new, int flags)
{
	struct files *files = current->files;
	struct file *f, *was = NULL;
	int err = 0;

	if (new >= fd_limit())
		return -EBADF;
	f = fget_any(old);
	if (!f)
		return -EBADF;
	spin_lock(&files->lock);
	while (!err && new >= files->table->max)
		err = grow(files, new);
	if (!err && !files->table->fd[new] && test_bit(new, files->table->open))
		err = -EBUSY; /* an open() is about to install it */
	if (!err) {
		was = files->table->fd[new];
		__set_bit(new, files->table->open);
		if (flags & O_CLOEXEC)
			__set_bit(new, files->table->cloexec);
		else
			__clear_bit(new, files->table->cloexec);
		rcu_assign_pointer(files->table->fd[new], f);
	}
	spin_unlock(&files->lock);
	if (err)
		put_file(f);
	if (was)
		close_file(was, files);
	return err ? err : (int)new;
}

SYSCALL(dup3, unsigned old, unsigned new, int flags)
{
	if (flags & ~O_CLOEXEC || old == new)
		return -EINVAL;
	return dup_to(old, new, flags);
}
SYSCALL(dup2, unsigned old, unsigned new)
{
	struct fdref r;

	if (old != new)
		return dup_to(old, new, 0);
	r = fdget_any(old);
	fdput(r);
	return r.file ? (long)new : -EBADF;
}

int fd_get_cloexec(unsigned fd)
{
	struct files *files = current->files;
	int on = -EBADF;

	spin_lock(&files->lock);
	if (fd < files->table->max && files->table->fd[fd])
		on = test_bit(fd, files->table->cloexec);
	spin_unlock(&files->lock);
	return on;
}
int fd_set_cloexec(unsigned fd, bool on)
{
	struct files *files = current->files;
	int err = -EBADF;

	spin_lock(&files->lock);
	if (fd < files->table->max && files->table->fd[fd]) {
		if (on)
			__set_bit(fd, files->table->cloexec);
		else
			__clear_bit(fd, files->table->cloexec);
		err = 0;
	}
	spin_unlock(&files->lock);
	return err;
}

/* --- life of a table ---------------------------------------------------------------------------------------------------------- */
/* All but the 32 pointers, which the caller sets. */
static struct files *alloc_files(void)
{
	struct files *files = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!files)
		return NULL;
	memset(files, 0, offsetof(struct files, fds));
	atomic_set(&files->count, 1);
	spin_lock_init(&files->lock, "files");
	files->embedded = (struct fdtable){ .max = NR_OPEN_INLINE, .fd = files->fds, .open = files->open_bits, .cloexec = files->cloexec_bits };
	files->table = &files->embedded;
	return files;
}

/* Everything but what other threads are just opening, which has no file yet. old->lock held inside. */
/* old->lock held, perhaps dropped and taken again. => words of bit map to copy; new->table has room for them; 0: no memory */
static unsigned make_room(struct files *new, struct files *old)
{
	for (;;) {
		unsigned words = old->table->max / 32;

		while (words > 1 && !old->table->open[words - 1]) /* no larger than what is open */
			words--;
		if (likely(new->table->max >= words * 32))
			return words;
		spin_unlock(&old->lock);
		if (new->table != &new->embedded)
			kvfree(new->table);
		new->table = alloc_table(roundup_pow_of_two(words * 32));
		spin_lock(&old->lock);
		if (!new->table)
			return 0;
	}
}

/* A reference for each file; what has no file yet is not open here. => the lowest of those, or the end */
static unsigned take_references(struct fdtable *t, unsigned words)
{
	unsigned lowest = words * 32;

	for (unsigned w = 0; w < words; w++)
		for (unsigned long bits = t->open[w]; bits; bits &= bits - 1) {
			unsigned fd = w * 32 + __ffs(bits);

			if (likely(t->fd[fd])) {
				get_file(t->fd[fd]);
			} else {
				__clear_bit(fd, t->open);
				__clear_bit(fd, t->cloexec);
				lowest = min(lowest, fd);
			}
		}
	return lowest;
}

static struct files *copy_files(struct files *old)
{
	struct files *new = alloc_files();
	unsigned words;

	if (!new)
		return NULL;
	spin_lock(&old->lock);
	words = make_room(new, old);
	if (words) {
		copy_table(new->table, old->table, words);
		new->next = min(old->next, take_references(new->table, words));
	}
	spin_unlock(&old->lock);
	if (words)
		return new;
	kmem_cache_free(cache, new);
	return NULL;
}

static void free_files_rcu(struct rcu_head *h) { kmem_cache_free(cache, container_of(h, struct files, rcu)); }

static void put_files(struct files *files)
{
	if (!atomic_dec_and_test(&files->count))
		return;
	for (unsigned w = 0; w < files->table->max / 32; w++) {
		for (unsigned long bits = files->table->open[w]; bits; bits &= bits - 1) {
			struct file *f = files->table->fd[w * 32 + __ffs(bits)];

			if (f)
				close_file(f, files);
		}
		cond_resched();
	}
	if (files->table != &files->embedded)
		call_rcu(&files->table->rcu, free_table_rcu);
	call_rcu(&files->rcu, free_files_rcu); /* /proc may look at it */
}

int files_dup(struct task *child, struct task *parent, bool share)
{
	struct files *files = parent->files;

	if (!files) { /* kernel threads */
		child->files = NULL;
		return 0;
	}
	if (share)
		atomic_inc(&files->count);
	else
		files = copy_files(files);
	child->files = files;
	return files ? 0 : -ENOMEM;
}

static void replace_files(struct task *t, struct files *new)
{
	struct files *old;

	spin_lock(&t->alloc_lock);
	old = t->files;
	t->files = new;
	spin_unlock(&t->alloc_lock);
	if (old)
		put_files(old);
}
void files_exit(struct task *t) { replace_files(t, NULL); }

int files_unshare(void)
{
	struct files *new;

	if (atomic_read(&current->files->count) == 1)
		return 0;
	new = copy_files(current->files);
	if (!new)
		return -ENOMEM;
	replace_files(current, new);
	return 0;
}

/* exec: the table is not shared any more. */
void files_close_on_exec(void)
{
	struct files *files = current->files;
	unsigned fd = 0;

	for (;; fd++) {
		struct file *f;

		spin_lock(&files->lock);
		fd = find_next_bit(files->table->cloexec, files->table->max, fd);
		f = fd < files->table->max ? take(files, fd) : NULL;
		spin_unlock(&files->lock);
		if (!f)
			return;
		close_file(f, files);
	}
}

/* --- for /proc ------------------------------------------------------------------------------------------------------------------- */
static struct files *files_of(struct task *t)
{
	struct files *files;

	spin_lock(&t->alloc_lock);
	files = t->files;
	if (files)
		atomic_inc(&files->count);
	spin_unlock(&t->alloc_lock);
	return files;
}

struct file *files_get(struct task *t, unsigned fd, bool *cloexec)
{
	struct files *files = files_of(t);
	struct file *f = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	if (fd < files->table->max && files->table->fd[fd]) {
		f = files->table->fd[fd];
		get_file(f);
		if (cloexec)
			*cloexec = test_bit(fd, files->table->cloexec);
	}
	spin_unlock(&files->lock);
	put_files(files);
	return f;
}

struct file *files_next(struct task *t, unsigned *fd)
{
	struct files *files = files_of(t);
	struct file *f = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	while (!f && (*fd = find_next_bit(files->table->open, files->table->max, *fd)) < files->table->max) {
		f = files->table->fd[*fd];
		if (f)
			get_file(f);
		else
			++*fd;
	}
	spin_unlock(&files->lock);
	put_files(files);
	return f;
}

struct files *files_new(void)
{
	struct files *files = alloc_files();

	if (files)
		memset(files->fds, 0, sizeof(files->fds));
	return files;
}
void __init fdtable_init(void) { cache = kmem_cache_create("files", sizeof(struct files), 4, SLAB_PANIC, NULL); }

/* --- what a table costs, for /proc ------------------------------------------------------------------------------------- */
unsigned files_table_size(struct task *t)
{
	struct files *files;
	unsigned n = 0;

	rcu_read_lock();
	spin_lock(&t->alloc_lock);
	files = t->files;
	if (files)
		n = rcu_dereference(files->table)->max;
	spin_unlock(&t->alloc_lock);
	rcu_read_unlock();
	return n;
}

unsigned long files_table_bytes(struct task *t)
{
	unsigned n = files_table_size(t);

	return n ? sizeof(struct files) + (n > NR_OPEN_INLINE ? table_bytes(n) : 0) : 0;
}
