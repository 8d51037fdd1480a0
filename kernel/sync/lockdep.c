/* SPDX-License-Identifier: MIT
 *
 * The lock-order validator (debug builds). Nodes are lock classes, edges "was held while the other was taken". A new
 * edge is checked once: if the way back already exists, two tasks can wait for each other, and the kernel stops with both
 * chains. Interrupts: a class taken in handlers (or held together with one that is) must not be taken with interrupts on.
 *
 * A trylock cannot wait, so no edge leads to it; it is held like any other, so edges lead from it.
 *
 * Held locks are kept per task, and per CPU for interrupt handlers. All of this under one bare spinlock with interrupts
 * off. Classes, edges and stacks come from pools in .bss: the validator may not allocate. When a pool runs dry it says
 * so in one line and stops validating.
 */
#ifdef CONFIG_DEBUG
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/lockdep.h"

#define MAX_CLASSES 2048U
#define MAX_EDGES 32768U
#define MAX_DEPTH 48U
#define MAX_STACKS 2048U
#define HASH_SIZE 4096U

enum { IRQ_WRITE = 1, IRQ_READ = 2, ON_WRITE = 4, ON_READ = 8 }; /* in a handler | with interrupts on */
struct class { const char *name; u16 next, out, in; u8 sub, usage; u32 stamp; u16 from; };
struct edge { u16 from, to, next_out, next_in, next_hash; };
struct held { const void *lock; u16 class; u8 flags; };
struct stack { u32 depth; struct stack *next_free; struct held held[MAX_DEPTH]; };

static struct class classes[MAX_CLASSES];      /* 0 is none */
static struct edge edges[MAX_EDGES];
static struct stack stacks[MAX_STACKS], *free_stacks;
static u16 class_hash[HASH_SIZE], edge_hash[HASH_SIZE], queue[MAX_CLASSES];
static u32 nr_classes = 1, nr_edges = 1, nr_stacks, stamp;
static DEFINE_PER_CPU(struct stack, irq_stack);
static DEFINE_PER_CPU(u32, inside);            /* the validator itself is at work on this CPU */
static spinlock_t graph_lock;
bool lockdep_on = true;

static u32 mode;
PARAM_CHOICE("lockdep", mode, "lock-order validator: what it does when it finds something", "panic", "warn", "off");

static void give_up(const char *what)
{
	lockdep_on = false;
	pr_warn("lockdep: out of %s: validation ends here\n", what);
}

/* --- classes --------------------------------------------------------------------------------------------------------- */
static u32 hash_text(const char *s, unsigned sub)
{
	u32 h = 2166136261u + sub;

	while (*s)
		h = (h ^ (u8)*s++) * 16777619u;
	return h % HASH_SIZE;
}

/* graph_lock held. => 0: out of classes */
static u16 class_of(const char *name, unsigned sub)
{
	u32 h = hash_text(name, sub);
	struct class *c;

	for (u16 i = class_hash[h]; i; i = classes[i].next)
		if (classes[i].sub == sub && !strcmp(classes[i].name, name))
			return i;
	if (nr_classes == MAX_CLASSES) {
		give_up("classes");
		return 0;
	}
	c = &classes[nr_classes];
	c->name = name;
	c->sub = (u8)sub;
	c->next = class_hash[h];
	class_hash[h] = (u16)nr_classes;
	return (u16)nr_classes++;
}

static bool enter(unsigned long *flags)
{
	local_irq_save(*flags);
	if (!lockdep_on || mode == 2 || panic_cpu || in_nmi() || this_cpu_read(inside)) {
		local_irq_restore(*flags);
		return false;
	}
	this_cpu_write(inside, 1);
	raw_spin_lock(&graph_lock);
	return true;
}

static void leave(unsigned long flags)
{
	raw_spin_unlock(&graph_lock);
	this_cpu_write(inside, 0);
	local_irq_restore(flags);
}

u32 lockdep_class(const char *name)
{
	unsigned long flags;
	u32 id = 0;

	if (enter(&flags)) {
		id = class_of(name, 0);
		leave(flags);
	}
	return id;
}

/* The class number in the lock's word. Spinlocks keep it beside the lock byte, so the word is changed as a whole. */
static u16 resolve(u32 *word, bool shifted, const char *text, unsigned sub)
{
	u32 v = READ_ONCE(*word), id = shifted ? v >> 8 : v;

	if (!id || id >= nr_classes) {
		id = class_of(text, 0);
		while (!try_cmpxchg(word, &v, shifted ? id << 8 | (v & 0xff) : id))
			;
	}
	return sub && id ? class_of(classes[id].name, sub) : (u16)id;
}

/* --- held locks ------------------------------------------------------------------------------------------------------- */
static struct stack *my_stack(void)
{
	struct task *t = current;
	struct stack *s;

	if (in_irq())
		return this_cpu_ptr(&irq_stack);
	if (t->lockdep)
		return t->lockdep;
	s = free_stacks;
	if (s)
		free_stacks = s->next_free;
	else if (nr_stacks < MAX_STACKS)
		s = &stacks[nr_stacks++];
	else
		give_up("stacks");
	if (s)
		s->depth = 0;
	t->lockdep = s;
	return s;
}

void lockdep_task_exit(void *state)
{
	struct stack *s = state;
	unsigned long flags;

	if (s && enter(&flags)) {
		s->next_free = free_stacks;
		free_stacks = s;
		leave(flags);
	}
}

static const char *class_name(u16 id) { return classes[id].name; }

static void print_held(const struct stack *s)
{
	printk(KERN_EMERG "locks held by %s[%d]%s:\n", current->comm, current->pid, in_irq() ? " (interrupt handler)" : "");
	for (u32 i = 0; i < s->depth; i++)
		printk(KERN_EMERG "  %u: %s%s%s\n", i, class_name(s->held[i].class), s->held[i].flags & LOCKDEP_READ ? " (read)" : "",
		       classes[s->held[i].class].sub ? " (nested)" : "");
}

/* Ends the validation; says what was found. */
static void complain(const struct stack *s, const char *what, u16 a, u16 b)
{
	lockdep_on = false;
	printk(KERN_EMERG "lockdep: %s: %s, %s\n", what, class_name(a), class_name(b));
	print_held(s);
	raw_spin_unlock(&graph_lock);
	if (mode == 0)
		panic("lockdep: %s", what);
	dump_stack();
	raw_spin_lock(&graph_lock);
}

/* --- the graph ----------------------------------------------------------------------------------------------------------- */
/* Breadth first from `start`, forwards or backwards, until a class has one of the usage bits or is `goal`. => it, or 0 */
static u16 search(u16 start, bool forwards, u16 goal, u8 usage)
{
	u32 head = 0, tail = 0;

	stamp++;
	classes[start].stamp = stamp;
	classes[start].from = 0;
	queue[tail++] = start;
	while (head < tail) {
		u16 c = queue[head++];

		if (c == goal || classes[c].usage & usage)
			return c;
		for (u16 e = forwards ? classes[c].out : classes[c].in; e; e = forwards ? edges[e].next_out : edges[e].next_in) {
			u16 n = forwards ? edges[e].to : edges[e].from;

			if (classes[n].stamp == stamp)
				continue;
			classes[n].stamp = stamp;
			classes[n].from = c;
			queue[tail++] = n;
		}
	}
	return 0;
}

static void print_chain(u16 end)
{
	printk(KERN_EMERG "seen before, each taken while the one below it was held:\n");
	for (u16 c = end; c; c = classes[c].from)
		printk(KERN_EMERG "  %s%s\n", class_name(c), classes[c].sub ? " (nested)" : "");
}

static u32 edge_slot(u16 from, u16 to) { return (from * 31u + to) % HASH_SIZE; }

static bool edge_known(u16 from, u16 to)
{
	for (u16 e = edge_hash[edge_slot(from, to)]; e; e = edges[e].next_hash)
		if (edges[e].from == from && edges[e].to == to)
			return true;
	return false;
}

static void check_irq_edge(const struct stack *s, u16 from, u16 to)
{
	u16 safe = search(from, false, 0, IRQ_WRITE | IRQ_READ), unsafe;

	if (!safe)
		return;
	unsafe = search(to, true, 0, ON_WRITE);
	if (unsafe)
		complain(s, "the first is taken in interrupt handlers, and the second, taken below it, with interrupts on", safe, unsafe);
}

static void add_edge(const struct stack *s, u16 from, u16 to)
{
	u32 h = edge_slot(from, to);
	struct edge *e;
	u16 back;

	if (edge_known(from, to))
		return;
	back = search(to, true, from, 0);
	if (back) {
		print_chain(back);
		complain(s, "the second is taken while the first is held, but the other way round was seen", from, to);
		return;
	}
	if (nr_edges == MAX_EDGES) {
		give_up("edges");
		return;
	}
	e = &edges[nr_edges];
	*e = (struct edge){ from, to, classes[from].out, classes[to].in, edge_hash[h] };
	classes[from].out = classes[to].in = edge_hash[h] = (u16)nr_edges++;
	check_irq_edge(s, from, to);
}

static void check_usage(const struct stack *s, u16 id, u32 flags, bool irqs_were_on)
{
	struct class *c = &classes[id];
	u8 now = in_irq() ? (flags & LOCKDEP_READ ? IRQ_READ : IRQ_WRITE) : irqs_were_on ? (flags & LOCKDEP_READ ? ON_READ : ON_WRITE) : 0;
	u16 other;

	if (flags & LOCKDEP_SLEEPS || (c->usage & now) == now)
		return;
	c->usage |= now;
	if ((c->usage & (IRQ_READ | IRQ_WRITE) && c->usage & ON_WRITE) || (c->usage & IRQ_WRITE && c->usage & ON_READ))
		complain(s, "taken in interrupt handlers, and elsewhere with interrupts on", id, id);
	else if (now & (IRQ_READ | IRQ_WRITE) && (other = search(id, true, 0, ON_WRITE)) && other != id)
		complain(s, "the first is taken in interrupt handlers, and the second, taken below it, with interrupts on", id, other);
	else if (now & ON_WRITE && (other = search(id, false, 0, IRQ_READ | IRQ_WRITE)) && other != id)
		complain(s, "the first is taken in interrupt handlers, and the second, taken below it, with interrupts on", other, id);
}

static void check_same(const struct stack *s, const void *lock, u16 id, u32 flags)
{
	for (u32 i = 0; i < s->depth; i++) {
		if (s->held[i].lock == lock)
			complain(s, "this very lock is held already", id, id);
		else if (s->held[i].class == id && !(flags & LOCKDEP_TRY))
			complain(s, "another lock of the same class is held (use _nested where an order exists)", id, id);
	}
}

static void check_edges(const struct stack *s, u16 id)
{
	for (u32 i = s->depth; i-- > 0 && lockdep_on;) {
		if (s->held[i].class != id)
			add_edge(s, s->held[i].class, id);
		if (!(s->held[i].flags & LOCKDEP_TRY)) /* what lies below has its edge to this one */
			break;
	}
}

void lockdep_acquire(u32 *class, const void *lock, const char *text, u32 flags, unsigned sub)
{
	unsigned long irq;
	struct stack *s;
	u16 id;

	if (!enter(&irq))
		return;
	s = my_stack();
	id = s ? resolve(class, (const void *)class == lock, text, sub) : 0;
	if (!id)
		goto out;
	check_same(s, lock, id, flags);
	if (lockdep_on)
		check_usage(s, id, flags, irq & EFLAGS_IF);
	if (lockdep_on && !(flags & LOCKDEP_TRY))
		check_edges(s, id);
	if (s->depth == MAX_DEPTH)
		complain(s, "too many locks held at once", id, id);
	else
		s->held[s->depth++] = (struct held){ lock, id, (u8)flags };
out:
	leave(irq);
}

void lockdep_release(const void *lock, const char *text)
{
	unsigned long irq;
	struct stack *s;

	if (!enter(&irq))
		return;
	s = my_stack();
	for (u32 i = s ? s->depth : 0; i-- > 0;)
		if (s->held[i].lock == lock) {
			memmove(&s->held[i], &s->held[i + 1], (s->depth - i - 1) * sizeof(s->held[0]));
			s->depth--;
			goto out;
		}
	if (s) {
		u16 id = class_of(text, 0);

		complain(s, "released, but not held here", id, id);
	}
out:
	leave(irq);
}

bool lockdep_holds(const void *lock)
{
	unsigned long irq;
	bool found = false;
	struct stack *s;

	if (!enter(&irq))
		return true;
	s = my_stack();
	for (u32 i = 0; s && i < s->depth; i++)
		found |= s->held[i].lock == lock;
	leave(irq);
	return found;
}

void lockdep_show_held(void)
{
	const struct stack *s = current->lockdep;

	if (s && s->depth)
		print_held(s);
}

void lockdep_assert_none(const char *where)
{
	struct stack *s = current->lockdep;

	if (!lockdep_on || !s || !s->depth || panic_cpu)
		return;
	print_held(s);
	panic("locks are still held at %s", where);
}

/* Boot runs with preemption off and may sleep in name only: nothing can make it wait. */
void might_sleep_at(const char *file, int line)
{
	if (likely(preemptible()) || panic_cpu || current == &boot_task)
		return;
	if (current->lockdep)
		print_held(current->lockdep);
	panic("might sleep in atomic context at %s:%d (count %x, interrupts %s)", file, line, preempt_value(), irqs_disabled() ? "off" : "on");
}
#endif
