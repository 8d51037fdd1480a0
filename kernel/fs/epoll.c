/* SPDX-License-Identifier: MIT
 *
 * epoll: a standing poll. Each watched file keeps an entry on its wait queues, whose call puts the item on the ready
 * list; epoll_wait asks only the items there.
 *
 * Life of an item: epoll_ctl ADD to DEL, or to the last close of the watched file (epoll_file_gone, before the file is
 * released, so that an item's file can always be asked), or to the close of the epoll file.
 * Locks: epoll_mutex (which items exist, file->watch: add, delete, closes) > epoll->lock (harvest, modify) >
 * a file's wait-queue lock > epoll->ready_lock (interrupts off) > epoll->wq.lock.
 * Sets in sets: no circles, MAX_NESTING deep, and a bounded number of ways up from a file (most_ways), for one event goes all of them.
 */
#include "kernel/fs/poll.h"
#include <linux/eventpoll.h>

#define MAX_NESTING 5 /* epoll files, one above the other */
#define PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

struct epoll_hook { /* one wait queue of the watched file */
	struct wait_entry wait;
	struct wait_queue *wq;
	struct epoll_item *item;
	struct epoll_hook *next;
};
struct epoll_item {
	struct rb_node node;         /* epoll->items, by (file, fd) */
	struct list_head ready;      /* ready_lock; empty: not on a list */
	struct epoll *ep;
	struct file *file;           /* no reference: see above */
	int fd;
	u32 events;                  /* ep->lock */
	u64 data;
	struct epoll_item *next_watch; /* file->watch; epoll_mutex */
	struct epoll_hook *hooks, first; /* mostly one */
	bool hook_used;
	u8 height;                   /* epoll_mutex: epoll files below: bounds nesting, and tells nested locks apart for the validator */
};
struct epoll {
	struct mutex lock;
	spinlock_t ready_lock;
	struct list_head ready;
	struct wait_queue wq;        /* sleepers in epoll_wait, and who polls the epoll file */
	struct rb_root items;
	struct file *file;
	u32 seen;                    /* epoll_mutex: by which walk over nested ones, */
	u8 above;                    /* and what it found */
};
static DEFINE_MUTEX(epoll_mutex);
static u32 walk;                     /* epoll_mutex: its number */
static struct kmem_cache *item_cache;
static const struct file_ops epoll_ops;
static void update_heights(struct epoll *ep);

/* --- becoming ready ------------------------------------------------------------------------------------------------ */
/* => true if it was not ready before */
static bool make_ready(struct epoll_item *i)
{
	struct epoll *ep = i->ep;
	unsigned long flags;
	bool was_idle;

	spin_lock_irqsave(&ep->ready_lock, flags);
	was_idle = list_empty(&i->ready);
	if (was_idle)
		list_add_tail(&i->ready, &ep->ready);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	return was_idle;
}

static bool called(struct wait_entry *w, unsigned states, u32 key)
{
	struct epoll_item *i = container_of(w, struct epoll_hook, wait)->item;
	u32 events = READ_ONCE(i->events);

	if (!(events & ~PRIVATE_BITS) || (key && !(key & events)))
		return false;
	make_ready(i);
	smp_mb();
	if (waitqueue_active(&i->ep->wq)) {
		unsigned long flags;

		spin_lock_irqsave_nested(&i->ep->wq.lock, flags, READ_ONCE(i->height));
		wake_up_queue_locked(&i->ep->wq, states, 1, EPOLLIN | EPOLLRDNORM);
		spin_unlock_irqrestore(&i->ep->wq.lock, flags);
	}
	return true;
}

/* --- hooks ------------------------------------------------------------------------------------------------------------ */
struct hook_table { struct poll_table pt; struct epoll_item *item; int err; };

static void hook(struct poll_table *pt, struct file *f, struct wait_queue *wq)
{
	struct hook_table *t = container_of(pt, struct hook_table, pt);
	struct epoll_item *i = t->item;
	struct epoll_hook *h = &i->first;

	if (i->hook_used) {
		h = kmalloc(sizeof(*h), GFP_KERNEL);
		if (!h) {
			t->err = -ENOMEM;
			return;
		}
	}
	i->hook_used = true;
	wait_entry_init(&h->wait, called, NULL);
	h->wq = wq;
	h->item = i;
	h->next = i->hooks;
	i->hooks = h;
	if (i->events & EPOLLEXCLUSIVE)
		add_wait_queue_exclusive(wq, &h->wait);
	else
		add_wait_queue(wq, &h->wait);
}

static u32 ask_with(struct epoll_item *i, struct poll_table *pt) { return i->file->ops->poll(i->file, pt) & i->events & ~PRIVATE_BITS; }
/* depth: how many epoll->locks are held above */
static u32 ask(struct epoll_item *i, u32 depth)
{
	struct poll_table pt = { .depth = depth };

	return ask_with(i, &pt);
}

/* epoll_mutex held. The item is in no list or tree afterwards, and freed. */
static void remove_item(struct epoll_item *i)
{
	struct epoll *ep = i->ep;
	struct epoll_item **at = &i->file->watch;
	unsigned long flags;

	while (i->hooks) {
		struct epoll_hook *h = i->hooks;

		i->hooks = h->next;
		remove_wait_queue(h->wq, &h->wait);
		if (h != &i->first)
			kfree(h);
	}
	while (*at != i)
		at = &(*at)->next_watch;
	*at = i->next_watch;
	mutex_lock(&ep->lock);
	spin_lock_irqsave(&ep->ready_lock, flags);
	if (!list_empty(&i->ready))
		list_del_init(&i->ready);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	rb_erase(&i->node, &ep->items);
	mutex_unlock(&ep->lock);
	if (i->height)
		update_heights(ep);
	kmem_cache_free(item_cache, i);
}

/* The last reference to a watched file is gone. */
void epoll_file_gone(struct file *f)
{
	mutex_lock(&epoll_mutex);
	while (f->watch)
		remove_item(f->watch);
	mutex_unlock(&epoll_mutex);
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct rb_node *n;

	mutex_lock(&epoll_mutex);
	while ((n = rb_first(&ep->items)))
		remove_item(container_of(n, struct epoll_item, node));
	mutex_unlock(&epoll_mutex);
	kfree(ep);
}

/* --- the set: epoll_mutex held ---------------------------------------------------------------------------------------------- */
static int compare(const struct epoll_item *i, const struct file *f, int fd)
{
	if (i->file != f)
		return i->file < f ? -1 : 1;
	return i->fd < fd ? -1 : i->fd > fd;
}

static struct epoll_item *find(struct epoll *ep, struct file *f, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct epoll_item *i = container_of(n, struct epoll_item, node);
		int c = compare(i, f, fd);

		if (!c)
			return i;
		n = c < 0 ? n->right : n->left;
	}
	return NULL;
}

static void insert(struct epoll *ep, struct epoll_item *new)
{
	struct rb_node **at = &ep->items.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = compare(container_of(parent, struct epoll_item, node), new->file, new->fd) < 0 ? &parent->right : &parent->left;
	}
	rb_link_node(&new->node, parent, at);
	rb_insert_color(&new->node, &ep->items);
}

/* --- nesting: epoll_mutex held ------------------------------------------------------------------------------------------- */
/* Epoll files from f down, f included, on the longest way. */
static u8 height(const struct file *f)
{
	struct epoll *ep = f->private;
	u8 most = 0;

	if (f->ops != &epoll_ops)
		return 0;
	for (struct rb_node *n = rb_first(&ep->items); n; n = rb_next(n))
		most = max(most, container_of(n, struct epoll_item, node)->height);
	return most + 1;
}

/* ep watches one epoll file more, or less: who stands above, stands higher or lower. Goes on where that is so. */
static void update_heights(struct epoll *ep)
{
	u8 h = ep->file->watch ? height(ep->file) : 0;

	for (struct epoll_item *i = ep->file->watch; i; i = i->next_watch)
		if (i->height != h) {
			WRITE_ONCE(i->height, h);
			update_heights(i->ep);
		}
}

/* Epoll files from ep up, ep included, on the longest way. Each is looked at once: there may be more ways than anybody can go. */
static u8 depth_above(struct epoll *ep)
{
	if (ep->seen == walk)
		return ep->above;
	ep->seen = walk;
	ep->above = 1;
	for (struct epoll_item *i = ep->file->watch; i; i = i->next_watch)
		ep->above = max_t(u8, ep->above, depth_above(i->ep) + 1);
	return ep->above;
}

/* Would watching f from ep make a circle, or nest too deep? A call from the bottom goes up to the top on one stack. */
static bool too_deep(struct epoll *ep, struct file *f)
{
	struct epoll *inner = f->private;

	if (f->ops != &epoll_ops)
		return false;
	inner->seen = ++walk;
	inner->above = MAX_NESTING; /* over ep: a circle */
	return depth_above(ep) + height(f) > MAX_NESTING;
}

/* --- ways up: epoll_mutex held ------------------------------------------------------------------------------------------- */
/* From a file up to a set that nobody watches, by the sets in between: so many at most, as on Linux. An event at the file goes all of
 * them, with interrupts off. Sets right above it may be any number. */
static const u16 most_ways[MAX_NESTING] = { 0, 500, 100, 50, 10 };

/* => false: too many. Every step leads to the end of one way at least, so that few are taken. */
static bool count_ways(const struct file *f, unsigned between, u16 *ways)
{
	for (const struct epoll_item *i = f->watch; i; i = i->next_watch) {
		const struct file *above = i->ep->file;

		if (above->watch ? !count_ways(above, between + 1, ways) : between && ++ways[between] > most_ways[between])
			return false;
	}
	return true;
}

/* From f, or from every file below it if it is an epoll file; each of those is looked at once a walk. */
static bool few_ways(struct file *f)
{
	struct epoll *ep = f->private;
	u16 ways[MAX_NESTING] = { 0 };

	if (f->ops != &epoll_ops)
		return count_ways(f, 0, ways);
	if (ep->seen == walk)
		return true;
	ep->seen = walk;
	for (struct rb_node *n = rb_first(&ep->items); n; n = rb_next(n))
		if (!few_ways(container_of(n, struct epoll_item, node)->file))
			return false;
	return true;
}

static int add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *e)
{
	struct hook_table t = { .pt = { .queue = hook, .events = ~0U } };
	struct epoll_item *i;
	u32 now;

	if (too_deep(ep, f))
		return -ELOOP;
	i = kmem_cache_alloc(item_cache, GFP_KERNEL);
	if (!i)
		return -ENOMEM;
	*i = (struct epoll_item){ .ep = ep, .file = f, .fd = fd, .events = e->events | EPOLLERR | EPOLLHUP, .data = e->data,
				   .height = height(f) };
	INIT_LIST_HEAD(&i->ready);
	mutex_lock(&ep->lock);
	insert(ep, i);
	mutex_unlock(&ep->lock);
	if (i->height)
		update_heights(ep);
	i->next_watch = f->watch;
	f->watch = i;
	if (unlikely(i->height || ep->file->watch)) {
		walk++;
		if (!few_ways(f)) {
			remove_item(i);
			return -EINVAL;
		}
	}
	t.item = i;
	now = ask_with(i, &t.pt);
	if (t.err) {
		remove_item(i);
		return t.err;
	}
	if (now && make_ready(i))
		wake_up_poll(&ep->wq, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static int modify(struct epoll *ep, struct epoll_item *i, const struct epoll_event *e)
{
	bool now;

	if (i->events & EPOLLEXCLUSIVE || e->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	mutex_lock(&ep->lock);
	WRITE_ONCE(i->events, e->events | EPOLLERR | EPOLLHUP);
	i->data = e->data;
	smp_mb(); /* a call that still saw the old events came before the question below */
	now = ask(i, 1) && make_ready(i);
	mutex_unlock(&ep->lock);
	if (now)
		wake_up_poll(&ep->wq, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static long control(struct epoll *ep, struct file *f, int op, int fd, const struct epoll_event *e)
{
	struct epoll_item *i;
	long err;

	mutex_lock(&epoll_mutex);
	i = find(ep, f, fd);
	switch (op) {
	case EPOLL_CTL_ADD:
		err = i ? -EEXIST : add(ep, f, fd, e);
		break;
	case EPOLL_CTL_MOD:
		err = i ? modify(ep, i, e) : -ENOENT;
		break;
	case EPOLL_CTL_DEL:
		err = i ? 0 : -ENOENT;
		if (i)
			remove_item(i);
		break;
	default:
		err = -EINVAL;
	}
	mutex_unlock(&epoll_mutex);
	return err;
}

#define EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
SYSCALL(epoll_ctl, int epfd, int op, int fd, const struct epoll_event __user *ue)
{
	struct epoll_event e = { .events = 0 };
	struct fdref er, r;
	long err = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_from_user(&e, ue, sizeof(e)))
		return -EFAULT;
	er = fdget(epfd);
	if (!er.file)
		return -EBADF;
	r = fdget(fd);
	if (!r.file)
		goto out;
	err = -EPERM;
	if (!r.file->ops->poll)
		goto out2;
	err = -EINVAL;
	if (er.file->ops != &epoll_ops || er.file == r.file)
		goto out2;
	if (e.events & EPOLLEXCLUSIVE && (op == EPOLL_CTL_MOD || r.file->ops == &epoll_ops || e.events & ~EXCLUSIVE_OK))
		goto out2;
	err = control(er.file->private, r.file, op, fd, &e);
out2:
	fdput(r);
out:
	fdput(er);
	return err;
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------- */
static bool anything_ready(struct epoll *ep) { return !list_empty(&ep->ready); }

/* ep->lock held. => false: the user's memory is not there */
static bool report(struct epoll_item *i, u32 events, struct epoll_event __user *u)
{
	struct epoll_event e = { .events = events, .data = i->data };

	if (copy_to_user(u, &e, sizeof(e)))
		return false;
	if (i->events & EPOLLONESHOT)
		WRITE_ONCE(i->events, i->events & PRIVATE_BITS);
	else if (!(i->events & EPOLLET))
		make_ready(i); /* level-triggered: asked again next time */
	return true;
}

/* Ask what is ready, at most once each. => events reported, -EFAULT */
static int harvest(struct epoll *ep, struct epoll_event __user *events, int max)
{
	LIST_HEAD(todo);
	unsigned long flags;
	int n = 0, err = 0;

	mutex_lock(&ep->lock);
	spin_lock_irqsave(&ep->ready_lock, flags);
	list_splice_init(&ep->ready, &todo);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	while (!list_empty(&todo) && n < max) {
		struct epoll_item *i = list_first_entry(&todo, struct epoll_item, ready);
		u32 now;

		spin_lock_irqsave(&ep->ready_lock, flags);
		list_del_init(&i->ready); /* from here on a call makes it ready again */
		spin_unlock_irqrestore(&ep->ready_lock, flags);
		now = ask(i, 1);
		if (!now)
			continue;
		if (!report(i, now, &events[n])) {
			make_ready(i);
			err = -EFAULT;
			break;
		}
		n++;
	}
	spin_lock_irqsave(&ep->ready_lock, flags);
	list_splice(&todo, &ep->ready);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	mutex_unlock(&ep->lock);
	if (anything_ready(ep))
		wake_up_poll(&ep->wq, EPOLLIN | EPOLLRDNORM); /* for another sleeper */
	return n ? n : err;
}

/* => 0: look again; -EINTR; 1: time is up */
static int sleep(struct epoll *ep, u64 until)
{
	DEFINE_WAIT(w);
	u64 now = until == ~0ULL ? 0 : ktime_get();
	int r = 0;

	if (now >= until)
		return 1;
	prepare_to_wait_exclusive(&ep->wq, &w, TASK_INTERRUPTIBLE);
	if (!anything_ready(ep)) {
		if (signal_pending())
			r = -EINTR;
		else
			schedule_timeout(until == ~0ULL ? MAX_TIMEOUT : until - now);
	}
	finish_wait(&ep->wq, &w);
	return r && anything_ready(ep) ? 0 : r; /* a wake-up just now was for us alone */
}

static long wait_for(int epfd, struct epoll_event __user *events, int max, u64 until)
{
	struct fdref r;
	long n = -EINVAL;

	if (max <= 0 || max > (int)(0x7fffffff / sizeof(*events)))
		return -EINVAL;
	if (!access_ok(events, max * sizeof(*events)))
		return -EFAULT;
	r = fdget(epfd);
	if (!r.file)
		return -EBADF;
	if (r.file->ops == &epoll_ops) {
		bool over = false;

		for (;;) {
			int stop;

			n = anything_ready(r.file->private) ? harvest(r.file->private, events, max) : 0;
			if (n || over)
				break;
			stop = sleep(r.file->private, until);
			if (stop < 0) {
				n = stop;
				break;
			}
			over = stop; /* one last look */
		}
	}
	fdput(r);
	return n;
}

SYSCALL(epoll_wait, int epfd, struct epoll_event __user *events, int max, int ms)
{
	return wait_for(epfd, events, max, ms_deadline(ms));
}
SYSCALL(epoll_pwait, int epfd, struct epoll_event __user *events, int max, int ms, const void __user *mask, size_t size)
{
	long n = set_user_sigmask(mask, size);

	if (n)
		return n;
	n = wait_for(epfd, events, max, ms_deadline(ms));
	if (n != -EINTR)
		restore_sigmask();
	return n;
}

SYSCALL(epoll_pwait2, int epfd, struct epoll_event __user *events, int max, const void __user *ts, const void __user *mask, size_t size)
{
	u64 until;
	long n = poll_masked_begin(ts, true, mask, size, &until);

	if (n)
		return n;
	n = wait_for(epfd, events, max, until);
	if (n != -EINTR)
		restore_sigmask();
	return n;
}

/* --- the file ------------------------------------------------------------------------------------------------------------------------ */
/* Ready as long as one of the items on the list really is; the others leave it. */
static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->private;
	struct epoll_item *i, *next;
	unsigned long flags;
	LIST_HEAD(todo);
	u32 events = 0, depth = pt ? pt->depth : 0;

	poll_wait(f, &ep->wq, pt);
	if (!anything_ready(ep))
		return 0;
	mutex_lock_nested(&ep->lock, depth);
	spin_lock_irqsave(&ep->ready_lock, flags);
	list_splice_init(&ep->ready, &todo);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	list_for_each_entry_safe(i, next, &todo, ready) {
		if (ask(i, depth + 1)) {
			events = EPOLLIN | EPOLLRDNORM;
			break;
		}
		spin_lock_irqsave(&ep->ready_lock, flags);
		list_del_init(&i->ready);
		spin_unlock_irqrestore(&ep->ready_lock, flags);
		if (ask(i, depth + 1)) /* came between the question and the list */
			make_ready(i);
	}
	spin_lock_irqsave(&ep->ready_lock, flags);
	list_splice(&todo, &ep->ready);
	spin_unlock_irqrestore(&ep->ready_lock, flags);
	mutex_unlock(&ep->lock);
	return events;
}

static const struct file_ops epoll_ops = { .poll = epoll_poll, .release = epoll_release, .no_seek = true };

SYSCALL(epoll_create1, int flags)
{
	struct epoll *ep;
	struct file *f;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->lock, "epoll");
	spin_lock_init(&ep->ready_lock, "epoll ready");
	wait_queue_init(&ep->wq);
	INIT_LIST_HEAD(&ep->ready);
	f = anon_file("[eventpoll]", &epoll_ops, ep, O_RDWR);
	if (IS_ERR(f)) {
		kfree(ep);
		return PTR_ERR(f);
	}
	ep->file = f;
	return fd_new(f, flags & EPOLL_CLOEXEC ? O_CLOEXEC : 0);
}
SYSCALL(epoll_create, int size) { return size <= 0 ? -EINVAL : sys_epoll_create1(0); }

void __init epoll_init(void) { item_cache = kmem_cache_create("epoll_item", sizeof(struct epoll_item), 4, SLAB_PANIC, NULL); }
