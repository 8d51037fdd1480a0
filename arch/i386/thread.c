/* SPDX-License-Identifier: MIT
 *
 * Switching between tasks, and what a task's processor state is made from: fork, exec, thread-local storage.
 */
#include "arch/i386/thread.h"
#include "arch/i386/cpu.h"
#include "arch/i386/fpu.h"
#include "arch/i386/offsets.h"
#include "arch/i386/segment.h"
#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/bug.h"
#include <asm/ldt.h>

extern char kthread_entry[], fork_entry[];
struct task *switch_stack(u32 *prev_esp, u32 next_esp, struct task *prev);

static_assert(offsetof(struct arch_thread, esp) == 0, "offsets.inc: TASK_ESP");
static_assert(sizeof(struct regs) == 64, "offsets.inc: R_SIZE");
static_assert(offsetof(struct regs, orig_eax) == 40 && offsetof(struct regs, cs) == 48, "offsets.inc");

static inline u32 read_gs(void) { u32 v; __asm__ volatile("movl %%gs, %0" : "=r"(v)); return v; }

/* A selector that the GDT of the moment refuses becomes 0. */
static inline void load_gs(u32 v)
{
	__asm__ volatile("1:\tmovl %0, %%gs\n\tjmp 3f\n2:\tmovl %1, %%gs\n3:\n" EX_TABLE("1b", "2b") : : "r"(v), "r"(0));
}

static inline void load_tls(const struct arch_thread *t)
{
	u64 *g = this_cpu_ptr(&gdt[GDT_TLS]);

	g[0] = t->tls[0];
	g[1] = t->tls[1];
	g[2] = t->tls[2];
}

static inline bool same_tls(const struct arch_thread *a, const struct arch_thread *b)
{
	return a->tls[0] == b->tls[0] && a->tls[1] == b->tls[1] && a->tls[2] == b->tls[2];
}

/* Kernel threads have no TLS and leave %gs alone: it is reloaded when a program comes that wants another one. */
struct task *switch_to(struct task *prev, struct task *next)
{
	struct arch_thread *p = task_arch(prev), *n = task_arch(next);

	if (unlikely(*(u32 *)task_stack(prev) != STACK_CANARY))
		panic("the kernel stack at %08x ran over", (u32)task_stack(prev));
	p->gs = read_gs();
	fpu_switch(p, n);
	if (!same_tls(p, n)) {
		load_tls(n);
		load_gs(n->gs);
	} else if (p->gs != n->gs) {
		load_gs(n->gs);
	}
	this_cpu_ptr(&cpu_stack)->tss.esp0 = (u32)task_stack(next) + KERNEL_STACK_SIZE;
	this_cpu_write(current_task, next);
	return switch_stack(&p->esp, n->esp, prev);
}

/* --- new tasks ----------------------------------------------------------------------------------------------------------- */
/* What switch_stack pops: edi, esi, ebx, ebp, return address. Then sched_tail gets prev in eax. */
static void initial_frame(struct task *t, const void *entry, u32 ebx, u32 esi)
{
	u32 *sp = (u32 *)task_regs(task_stack(t)) - 5;

	sp[0] = 0;
	sp[1] = esi;
	sp[2] = ebx;
	sp[3] = 0;
	sp[4] = (u32)entry;
	task_arch(t)->esp = (u32)sp;
}

void thread_start_kernel(struct task *t, int (*fn)(void *), void *arg)
{
	struct arch_thread *a = task_arch(t);

	*a = (struct arch_thread){ .fpu_cpu = ~0U };
	*task_regs(task_stack(t)) = (struct regs){ .orig_eax = -1 };
	initial_frame(t, kthread_entry, (u32)fn, (u32)arg);
}

void thread_start_user(struct task *t, const struct regs *regs)
{
	struct regs *r = task_regs(task_stack(t));

	*r = *regs;
	r->eax = 0;
	initial_frame(t, fork_entry, 0, 0);
}

int thread_copy(struct task *child, struct task *parent)
{
	struct arch_thread *c = task_arch(child), *p = task_arch(parent);
	bool live = parent == this_cpu_read_stable(current_task);

	__builtin_memcpy(c->tls, p->tls, sizeof(c->tls));
	c->gs = live ? read_gs() : p->gs;
	c->cr2 = c->trapno = c->error = 0;
	return fpu_copy(c, p, live);
}

void thread_free(struct task *t) { fpu_drop(task_arch(t), false); }

void thread_exec(struct task *t, struct regs *regs, u32 eip, u32 esp)
{
	struct arch_thread *a = task_arch(t);

	fpu_drop(a, true);
	*regs = (struct regs){ .ds = USER_DS, .es = USER_DS, .cs = USER_CS, .ss = USER_DS, .orig_eax = -1, .eip = eip,
		.esp = esp, .eflags = EFLAGS_IF | 2 };
	this_cpu_inc(preempt_count);
	a->tls[0] = a->tls[1] = a->tls[2] = 0;
	load_gs(0);
	load_tls(a);
	this_cpu_dec(preempt_count);
	task_set_work(t, WORK_FULL_RESTORE);
}

/* --- thread-local storage: set_thread_area(2) ------------------------------------------------------------------------------ */
static bool desc_is_empty(const struct user_desc *d)
{
	return (!d->base_addr && !d->limit && !d->contents && d->read_exec_only && !d->seg_32bit && !d->limit_in_pages &&
		d->seg_not_present && !d->useable) ||
	       (!d->base_addr && !d->limit && !d->contents && !d->read_exec_only && !d->seg_32bit && !d->limit_in_pages &&
		!d->seg_not_present && !d->useable);
}

/* Data segments of ring 3 only: no code, nothing that is not present. */
static u64 desc_pack(const struct user_desc *d)
{
	u32 access = 0xf1 | (d->contents & 1) << 2 | (d->read_exec_only ? 0 : 2);
	u32 flags = (d->limit_in_pages ? 8 : 0) | 4 | (d->useable ? 1 : 0);

	return (u64)(d->limit & 0xffff) | (u64)(d->base_addr & 0xffffff) << 16 | (u64)access << 40 |
	       (u64)(d->limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(d->base_addr >> 24) << 56;
}

static void desc_unpack(u64 v, struct user_desc *d)
{
	u32 access = v >> 40 & 255, flags = v >> 52 & 15;

	d->base_addr = (v >> 16 & 0xffffff) | (u32)(v >> 56) << 24;
	d->limit = (v & 0xffff) | (u32)(v >> 48 & 15) << 16;
	d->seg_32bit = flags >> 2;
	d->contents = access >> 2 & 3;
	d->read_exec_only = !(access & 2);
	d->limit_in_pages = flags >> 3;
	d->seg_not_present = !(access & 0x80);
	d->useable = flags;
}

static int free_tls(const struct arch_thread *a)
{
	for (int i = 0; i < 3; i++)
		if (!a->tls[i])
			return i;
	return -ESRCH;
}

int thread_set_tls(struct task *t, void *user, bool allocate)
{
	struct arch_thread *a = task_arch(t);
	struct user_desc d;
	int i;

	if (copy_from_user(&d, user, sizeof(d)))
		return -EFAULT;
	i = (int)d.entry_number - GDT_TLS;
	if (allocate && d.entry_number == ~0U) {
		i = free_tls(a);
		if (i < 0)
			return i;
		if (put_user(i + GDT_TLS, &((struct user_desc *)user)->entry_number))
			return -EFAULT;
	}
	if (i < 0 || i > 2)
		return -EINVAL;
	if (!desc_is_empty(&d) && (!d.seg_32bit || d.contents > 1 || d.seg_not_present))
		return -EINVAL;
	this_cpu_inc(preempt_count);
	a->tls[i] = desc_is_empty(&d) ? 0 : desc_pack(&d);
	if (t == this_cpu_read_stable(current_task)) {
		load_tls(a);
		load_gs(read_gs()); /* takes the new base where the old selector is kept */
	}
	this_cpu_dec(preempt_count);
	return 0;
}

int thread_get_tls(struct task *t, void *user)
{
	struct user_desc d = { 0 };
	int i;

	if (get_user(i, (int *)user))
		return -EFAULT;
	i -= GDT_TLS;
	if (i < 0 || i > 2)
		return -EINVAL;
	d.entry_number = i + GDT_TLS;
	if (task_arch(t)->tls[i]) {
		desc_unpack(task_arch(t)->tls[i], &d);
	} else {
		d.read_exec_only = 1;
		d.seg_not_present = 1;
	}
	return copy_to_user(user, &d, sizeof(d)) ? -EFAULT : 0;
}
