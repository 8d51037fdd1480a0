/* SPDX-License-Identifier: MIT
 *
 * Pipes and FIFOs.
 *
 * The bytes lie in pages (from high memory), the pages in a ring of slots: [tail, head) are in use. A write of up to
 * PIPE_BUF bytes goes into one slot whole, behind what is there if it fits: that makes it atomic. An empty pipe holds
 * no page but one spare one; the ring begins with 4 slots inside struct pipe and grows as it fills, up to 16 (64 KB).
 *
 * Life: pipe() or the first open of a FIFO makes it (inode->pipe), the last close of either end frees it.
 * Locks: inode->lock over inode->pipe and `files` of FIFOs; pipe->lock over the rest, held while bytes are copied:
 * what the user's memory lacks is faulted in with it held (pipe->lock > mmap lock). Sleepers are exclusive: one is
 * woken at a time, and hands on what it leaves.
 */
#include "kernel/fs/internal.h"
#include "kernel/fs/iovpage.h"
#include "kernel/lib/vsprintf.h"
#include <linux/eventpoll.h>
#include <asm/ioctls.h>

#define INLINE_SLOTS 4
#define DEFAULT_SLOTS 16U
unsigned sysctl_pipe_max_size = 1048576; /* bytes: what an unprivileged F_SETPIPE_SZ may ask for */
#define PIPE_BUF_BYTES 4096U

struct slot { struct page *page; u16 off, len; };
static_assert(PAGE_SIZE <= 32768, "a slot counts bytes in 15 bits");
#define PACKET 0x8000U /* in off: O_DIRECT: read whole, never merged */

struct pipe {
	struct mutex lock;
	struct wait_queue rd, wr;
	u32 head, tail;          /* slots filled and emptied so far */
	u32 slots, max_slots;    /* of the ring; that it may grow to; powers of two */
	u32 readers, writers;    /* open ends */
	u32 opened_rd, opened_wr; /* how often: for FIFO opens that wait for the other side */
	u32 files;
	bool polled;             /* somebody polls: tell of every write */
	struct page *spare;
	struct slot *ring;
	struct slot inl[INLINE_SLOTS];
};

static struct kmem_cache *cache;
static struct mount *pipe_mount;

static struct slot *slot_at(const struct pipe *p, u32 n) { return &p->ring[n & (p->slots - 1)]; }
static bool is_empty(const struct pipe *p) { return READ_ONCE(p->head) == READ_ONCE(p->tail); }
static bool is_full(const struct pipe *p) { return READ_ONCE(p->head) - READ_ONCE(p->tail) >= READ_ONCE(p->max_slots); }

/* --- making and freeing ------------------------------------------------------------------------------------------ */
static struct pipe *alloc_pipe(void)
{
	struct pipe *p = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	mutex_init(&p->lock, "pipe");
	wait_queue_init(&p->rd);
	wait_queue_init(&p->wr);
	p->ring = p->inl;
	p->slots = INLINE_SLOTS;
	p->max_slots = DEFAULT_SLOTS;
	return p;
}

void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		put_page(slot_at(p, p->tail)->page);
	if (p->spare)
		put_page(p->spare);
	if (p->ring != p->inl)
		kfree(p->ring);
	kmem_cache_free(cache, p);
}

/* A ring of `slots` (a power of two, enough for what is in it). */
static int resize(struct pipe *p, u32 slots)
{
	u32 used = p->head - p->tail;
	struct slot *ring = kmalloc(slots * sizeof(*ring), GFP_KERNEL);

	if (!ring)
		return -ENOMEM;
	for (u32 n = 0; n < used; n++)
		ring[n] = *slot_at(p, p->tail + n);
	if (p->ring != p->inl)
		kfree(p->ring);
	p->ring = ring;
	WRITE_ONCE(p->slots, slots);
	p->tail = 0;
	p->head = used;
	return 0;
}

static struct page *get_buffer(struct pipe *p)
{
	struct page *page = p->spare;

	p->spare = NULL;
	return page ? page : alloc_page(GFP_HIGHUSER);
}
static void put_buffer(struct pipe *p, struct page *page)
{
	if (!p->spare && atomic_read(&page->refcount) == 1)
		p->spare = page;
	else
		put_page(page);
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */
/* Take bytes out while there are any. => bytes, or -EFAULT */
static ssize_t drain(struct pipe *p, struct iov *to)
{
	ssize_t total = 0;

	while (to->count && p->head != p->tail) {
		struct slot *s = slot_at(p, p->tail);
		unsigned off = s->off & ~PACKET;
		size_t n = min_t(size_t, to->count, s->len);
		size_t done = page_to_iov(to, s->page, off, n);
		bool packet = s->off & PACKET;

		total += done;
		if (packet && done == n)
			s->len = 0;
		else
			s->len -= done;
		s->off += done;
		if (!s->len) {
			put_buffer(p, s->page);
			WRITE_ONCE(p->tail, p->tail + 1);
		}
		if (done < n)
			return total ? total : -EFAULT;
		if (packet)
			break;
	}
	return total;
}

static ssize_t pipe_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct pipe *p = f->inode->pipe;
	ssize_t done = 0;

	if (unlikely(!to->count))
		return 0;
	mutex_lock(&p->lock);
	for (;;) {
		if (p->head != p->tail) {
			bool was_full = is_full(p), more;

			done = drain(p, to);
			more = p->head != p->tail;
			mutex_unlock(&p->lock);
			if (was_full || p->polled)
				wake_up_poll(&p->wr, EPOLLOUT | EPOLLWRNORM);
			if (unlikely(more))
				wake_up_poll(&p->rd, EPOLLIN | EPOLLRDNORM); /* for another reader */
			return done;
		}
		if (!p->writers)
			break;
		if (f->flags & O_NONBLOCK) {
			done = -EAGAIN;
			break;
		}
		mutex_unlock(&p->lock);
		done = wait_event_interruptible_exclusive(&p->rd, !is_empty(p) || !READ_ONCE(p->writers));
		if (done) {
			if (!is_empty(p)) /* it was our turn: pass it on */
				wake_up(&p->rd);
			return done;
		}
		mutex_lock(&p->lock);
	}
	mutex_unlock(&p->lock);
	return done;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */
/* Behind the bytes of the last slot, if that holds for a write of n bytes. => bytes, 0: no; -EFAULT */
static ssize_t append(struct pipe *p, struct iov *from, size_t n)
{
	struct slot *s;
	size_t room, part, done;

	if (p->head == p->tail)
		return 0;
	s = slot_at(p, p->head - 1);
	room = PAGE_SIZE - ((s->off & ~PACKET) + s->len);
	if (s->off & PACKET || !room || (n <= PIPE_BUF_BYTES && n > room))
		return 0;
	part = min(n, room);
	done = iov_to_page(s->page, from, s->off + s->len, part);
	s->len += done;
	return done < part && !done ? -EFAULT : (ssize_t)done;
}

/* A new slot with up to a page of bytes. Not full. => bytes, -ENOMEM, -EFAULT */
static ssize_t add_slot(struct pipe *p, struct iov *from, size_t n, bool packet)
{
	struct page *page;
	struct slot *s;
	size_t done;

	if (p->head - p->tail == p->slots) {
		int err = resize(p, p->slots * 2);

		if (err)
			return err;
	}
	page = get_buffer(p);
	if (!page)
		return -ENOMEM;
	n = min_t(size_t, n, PAGE_SIZE);
	done = iov_to_page(page, from, 0, n);
	if (!done || (done < n && n <= PIPE_BUF_BYTES && packet)) {
		put_buffer(p, page);
		return -EFAULT;
	}
	s = slot_at(p, p->head);
	*s = (struct slot){ page, packet ? PACKET : 0, done };
	smp_wmb();
	WRITE_ONCE(p->head, p->head + 1);
	return done;
}

/* Put in what fits. => bytes, or -errno if there is none */
static ssize_t fill(struct pipe *p, struct iov *from, bool packet)
{
	ssize_t total = 0, part = 0;

	if (!packet)
		part = append(p, from, from->count);
	while (part >= 0) {
		total += part;
		if (!from->count || is_full(p))
			return total;
		part = add_slot(p, from, from->count, packet);
	}
	return total ? total : part;
}

static ssize_t broken(void)
{
	send_signal(SIGPIPE, NULL, current);
	return -EPIPE;
}

static ssize_t pipe_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct pipe *p = f->inode->pipe;
	ssize_t total = 0, part;
	bool packet = f->flags & O_DIRECT, was_empty, more;

	if (unlikely(!from->count))
		return 0;
	mutex_lock(&p->lock);
	for (;;) {
		if (unlikely(!p->readers)) {
			mutex_unlock(&p->lock);
			return total ? total : broken();
		}
		was_empty = p->head == p->tail;
		part = fill(p, from, packet);
		more = !is_full(p);
		mutex_unlock(&p->lock);
		if (part > 0) {
			total += part;
			if (was_empty || p->polled)
				wake_up_poll(&p->rd, EPOLLIN | EPOLLRDNORM);
		}
		if (part < 0 || !from->count)
			break;
		if (f->flags & O_NONBLOCK) {
			part = -EAGAIN;
			break;
		}
		part = wait_event_interruptible_exclusive(&p->wr, !is_full(p) || !READ_ONCE(p->readers));
		if (part) {
			more = !is_full(p);
			break;
		}
		mutex_lock(&p->lock);
	}
	if (more && waitqueue_active(&p->wr))
		wake_up_poll(&p->wr, EPOLLOUT | EPOLLWRNORM);
	return total ? total : part;
}

/* --- poll, ioctl, sizes ------------------------------------------------------------------------------------------------------------ */
/* f->writers keeps how many writers a FIFO had seen when f was opened: none came since then is not a hang-up. */
static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->inode->pipe;
	u32 events = 0;

	WRITE_ONCE(p->polled, true);
	if (f->mode & FMODE_READ)
		poll_wait(f, &p->rd, pt);
	if (f->mode & FMODE_WRITE)
		poll_wait(f, &p->wr, pt);
	if (f->mode & FMODE_READ) {
		if (!is_empty(p))
			events |= EPOLLIN | EPOLLRDNORM;
		if (!READ_ONCE(p->writers) && f->writers != READ_ONCE(p->opened_wr))
			events |= EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		if (!is_full(p))
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!READ_ONCE(p->readers))
			events |= EPOLLERR;
	}
	return events;
}

static long pipe_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	struct pipe *p = f->inode->pipe;
	int bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (u32 n = p->tail; n != p->head; n++)
		bytes += slot_at(p, n)->len;
	mutex_unlock(&p->lock);
	return put_user(bytes, (int __user *)arg);
}

bool file_is_pipe(const struct file *f) { return f->ops == &pipe_ops; }
long pipe_get_size(struct file *f) { return f->inode->pipe->max_slots * PAGE_SIZE; }

long pipe_set_size(struct file *f, unsigned size)
{
	struct pipe *p = f->inode->pipe;
	u32 slots;
	long err = 0;

	if (size > 1U << 31)
		return -EINVAL;
	slots = roundup_pow_of_two(max(DIV_ROUND_UP(size, PAGE_SIZE), 1UL));
	if (slots * PAGE_SIZE > sysctl_pipe_max_size && slots > p->max_slots && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->lock);
	if (p->head - p->tail > slots)
		err = -EBUSY;
	else if (slots < p->slots && p->slots > INLINE_SLOTS)
		err = resize(p, slots);

	if (!err)
		WRITE_ONCE(p->max_slots, slots);
	mutex_unlock(&p->lock);
	if (!err)
		wake_up_all(&p->wr);
	return err ? err : (long)(slots * PAGE_SIZE);
}

/* --- opening and closing -------------------------------------------------------------------------------------------------------------- */
static void count_ends(struct pipe *p, const struct file *f)
{
	p->files++;
	if (f->mode & FMODE_READ) {
		p->readers++;
		p->opened_rd++;
	}
	if (f->mode & FMODE_WRITE) {
		p->writers++;
		p->opened_wr++;
	}
}

static void pipe_release(struct file *f)
{
	struct inode *i = f->inode;
	struct pipe *p = i->pipe;
	bool last;

	mutex_lock(&p->lock);
	if (f->mode & FMODE_READ)
		p->readers--;
	if (f->mode & FMODE_WRITE)
		p->writers--;
	mutex_unlock(&p->lock);
	wake_up_test(&p->rd, WAKE_NORMAL, 0, EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR);
	wake_up_test(&p->wr, WAKE_NORMAL, 0, EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
	down_write(&i->lock);
	last = !--p->files;
	if (last)
		i->pipe = NULL;
	up_write(&i->lock);
	if (last)
		pipe_free(p);
}

/* Until the other side has been opened once more than the `seen` times that were counted together with our own open:
 * it may have written and gone by the time we look. */
static int wait_for_other_side(const u32 *opened, u32 seen, struct wait_queue *wq)
{
	return wait_event_interruptible(wq, READ_ONCE(*opened) != seen);
}

/*
 * A FIFO: opening for reading waits for a writer, for writing for a reader; both at once never waits. A pipe opened once more, by
 * /proc/self/fd, does not wait either: its other end has been, and may be gone for good.
 */
static int fifo_open(struct inode *i, struct file *f)
{
	u32 mode = f->mode & (FMODE_READ | FMODE_WRITE), seen_rd, seen_wr;
	bool alone, named = i->sb != pipe_mount->sb;
	struct pipe *p;
	int err = 0;

	down_write(&i->lock);
	if (!i->pipe)
		i->pipe = alloc_pipe();
	p = i->pipe;
	if (!p) {
		up_write(&i->lock);
		return -ENOMEM;
	}
	mutex_lock(&p->lock);
	f->writers = !named ? ~0UL : f->flags & O_NONBLOCK && !p->writers ? p->opened_wr : p->opened_wr - 1;
	alone = !named ? false : mode == FMODE_READ ? !p->writers : mode == FMODE_WRITE ? !p->readers : false;
	seen_rd = p->opened_rd;
	seen_wr = p->opened_wr;
	count_ends(p, f);
	mutex_unlock(&p->lock);
	up_write(&i->lock);
	f->ops = &pipe_ops;
	wake_up_all(&p->rd);
	wake_up_all(&p->wr);
	if (alone && mode == FMODE_READ && !(f->flags & O_NONBLOCK))
		err = wait_for_other_side(&p->opened_wr, seen_wr, &p->rd);
	if (alone && mode == FMODE_WRITE)
		err = f->flags & O_NONBLOCK ? -ENXIO : wait_for_other_side(&p->opened_rd, seen_rd, &p->wr);
	if (err)
		pipe_release(f);
	return err;
}

const struct file_ops pipe_ops = {
	.read = pipe_read, .write = pipe_write, .poll = pipe_poll, .ioctl = pipe_ioctl, .release = pipe_release, .no_seek = true,
};
const struct file_ops fifo_ops = { .open = fifo_open, .no_seek = true };

static struct file *open_end(const struct path *at, int flags)
{
	struct file *f = alloc_file(&pipe_ops, flags);

	if (!f)
		return ERR_PTR(-ENFILE);
	f->inode = at->dentry->inode;
	f->dentry = at->dentry;
	f->mount = at->mount;
	f->writers = ~0UL;
	path_get(at);
	count_ends(f->inode->pipe, f);
	return f;
}

/* Both ends. => 0 or -errno; the pipe goes with its inode if no end was opened */
static int make_pipe(struct file *ends[2], int flags)
{
	struct inode *i = new_inode(pipe_mount->sb, NULL, S_IFIFO | 0600);
	struct path at = { pipe_mount, NULL };
	int err = -ENOMEM;

	if (!i)
		return -ENOMEM;
	i->pipe = alloc_pipe();
	if (!i->pipe) {
		iput(i);
		return -ENOMEM;
	}
	at.dentry = d_make_named(i, "");
	if (!at.dentry)
		return -ENOMEM;
	ends[0] = open_end(&at, O_RDONLY | (flags & O_NONBLOCK));
	if (!IS_ERR(ends[0])) {
		ends[1] = open_end(&at, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
		err = IS_ERR(ends[1]) ? PTR_ERR(ends[1]) : 0;
		if (err)
			put_file(ends[0]);
	} else {
		err = PTR_ERR(ends[0]);
	}
	dput(at.dentry);
	return err;
}

SYSCALL(pipe2, int __user *ufds, int flags)
{
	struct file *ends[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = make_pipe(ends, flags);
	return err ? err : fd_new_pair(ends, ufds, flags);
}
SYSCALL(pipe, int __user *fds) { return sys_pipe2(fds, 0); }

static int mount_pipefs(struct super_block *sb, const char *source, const char *options)
{
	return pseudo_fs_fill(sb, 0x50495045, NULL, NULL, NULL);
}
static struct fs_type pipe_type = { .name = "pipefs", .mount = mount_pipefs, .internal = true };

void __init pipe_init(void)
{
	struct super_block *sb;

	cache = kmem_cache_create("pipe", sizeof(struct pipe), 4, SLAB_PANIC, NULL);
	sb = sb_get(&pipe_type, "pipefs", 0, NULL);
	pipe_mount = IS_ERR(sb) ? NULL : mount_internal(sb);
	if (!pipe_mount)
		panic("no memory for the pipes' file system");
}
