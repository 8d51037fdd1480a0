/* SPDX-License-Identifier: MIT
 *
 * Device interrupts: vectors, handlers, and the way from entry.asm to them.
 *
 * A line gets a vector when its first handler comes and keeps it. Handlers are added at the end of the line's list and
 * never leave, so do_irq() walks it without a lock.
 *
 * Locks: lock (raw, interrupts off): tables below.
 */
#include "arch/i386/apic.h"
#include "arch/i386/clock.h"
#include "arch/i386/ops.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/rawlock.h"
#include "arch/i386/segment.h"
#include "arch/i386/smp.h"
#include "arch/i386/traps.h"
#include "kernel/lib/printk.h"

struct irq_action {
	irq_handler handler;
	void *arg;
	const char *name;
	struct irq_action *next;
};
static struct irq_line { struct irq_action *actions; u32 gsi; bool used; } lines[256]; /* by vector */
static u32 lock;
unsigned long irq_count[MAX_CPUS][256];
DEFINE_PER_CPU(struct regs *, irq_regs);
struct arch_ops arch_ops;

void irq_init(void)
{
	pic_init();
	if (ioapic_present())
		ioapic_init();
	else if (lapic_base)
		pr_warn("no I/O APIC: device interrupts through the 8259s\n");
}

/* => vector, or 0 if there is none left. Lock held. */
static unsigned line_vector(u32 gsi, bool *fresh)
{
	unsigned v = ioapic_present() ? VECTOR_DEVICE : VECTOR_PIC + gsi;

	*fresh = false;
	if (!ioapic_present()) {
		*fresh = gsi < 16 && !lines[v].used;
		return gsi < 16 ? v : 0;
	}
	for (; v < VECTOR_DEVICE_END; v++)
		if (lines[v].used && lines[v].gsi == gsi)
			return v;
	/* Priority classes of 16: neighbours in time should not share one, or they wait for each other. */
	for (unsigned i = 0, tries = VECTOR_DEVICE_END - VECTOR_DEVICE; i < tries; i++) {
		v = VECTOR_DEVICE + (i % 12) * 16 + i / 12;
		if (!lines[v].used && v != VECTOR_SYSCALL) {
			*fresh = true;
			return v;
		}
	}
	return 0;
}

static void append_action(struct irq_line *line, struct irq_action *a)
{
	struct irq_action **p = &line->actions;

	while (*p)
		p = &(*p)->next;
	barrier();
	*p = a;
}

int request_irq(unsigned gsi, irq_handler handler, void *arg, const char *name, bool level)
{
	struct irq_action *a = arch_ops.alloc(sizeof(*a));
	unsigned long flags;
	unsigned v;
	bool fresh;
	int err = 0;

	if (!a)
		return -ENOMEM;
	a->handler = handler;
	a->arg = arg;
	a->name = name;
	if (gsi < 16 && !level)
		gsi = ioapic_isa_gsi(gsi);
	flags = raw_lock_irqsave(&lock);
	v = line_vector(gsi, &fresh);
	if (!v) {
		err = -EINVAL;
	} else {
		lines[v].gsi = gsi;
		lines[v].used = true;
		append_action(&lines[v], a);
		if (fresh && ioapic_present())
			err = ioapic_route(gsi, v, 0, level);
		else if (fresh)
			pic_unmask(gsi);
		if (err) {
			lines[v].actions = NULL;
			lines[v].used = false;
		}
	}
	raw_unlock_irqrestore(&lock, flags);
	if (err)
		arch_ops.free(a);
	return err;
}

static const char *system_vector_name(unsigned v)
{
	switch (v) {
	case VECTOR_TIMER: return "local timer";
	case VECTOR_RESCHEDULE: return "rescheduling";
	case VECTOR_CALL: return "function calls";
	case VECTOR_TLB: return "TLB shoot-downs";
	case VECTOR_ERROR: return "APIC errors";
	case VECTOR_SPURIOUS: return "spurious";
	}
	return NULL;
}

const char *irq_describe(unsigned v, int *gsi, char *buf, size_t size)
{
	size_t n = 0;

	*gsi = -1;
	if (!lines[v].used)
		return system_vector_name(v);
	*gsi = lines[v].gsi;
	for (const struct irq_action *a = lines[v].actions; a; a = a->next) {
		for (const char *p = a == lines[v].actions ? "" : ", "; *p && n + 1 < size; p++)
			buf[n++] = *p;
		for (const char *p = a->name; *p && n + 1 < size; p++)
			buf[n++] = *p;
	}
	buf[n] = 0;
	return buf;
}

static void device_irq(unsigned v)
{
	for (const struct irq_action *a = lines[v].actions; a; a = a->next)
		a->handler(a->arg);
	apic_eoi();
}

static void pic_irq(unsigned v)
{
	unsigned irq = v - VECTOR_PIC;

	if (pic_spurious(irq))
		return;
	for (const struct irq_action *a = lines[v].actions; a; a = a->next)
		a->handler(a->arg);
	pic_eoi(irq);
}

static void dispatch(unsigned v)
{
	switch (v) {
	case VECTOR_TIMER:
		apic_eoi();
		clock_event_irq();
		break;
	case VECTOR_RESCHEDULE:
		apic_eoi();
		if (arch_ops.resched_ipi)
			arch_ops.resched_ipi();
		break;
	case VECTOR_TLB:
		apic_eoi();
		tlb_ipi();
		break;
	case VECTOR_CALL:
		apic_eoi();
		smp_call_ipi();
		break;
	case VECTOR_ERROR:
		apic_write(APIC_ESR, 0);
		pr_err("CPU %u: local APIC error %02x\n", smp_processor_id(), apic_read(APIC_ESR));
		apic_eoi();
		break;
	case VECTOR_SPURIOUS:
		break;
	default:
		if (v >= VECTOR_PIC && v < VECTOR_PIC + 16)
			pic_irq(v);
		else
			device_irq(v);
	}
}

void do_irq(struct regs *regs)
{
	struct regs *outer = this_cpu_read(irq_regs);
	unsigned v = ~regs->orig_eax & 255;

	this_cpu_write(irq_regs, regs);
	this_cpu_add(preempt_count, HARDIRQ_OFFSET);
	if (unlikely(this_cpu_read(rcu_idle)))
		rcu_irq_enter();
	irq_count[smp_processor_id()][v]++;
	dispatch(v);
	this_cpu_add(preempt_count, -HARDIRQ_OFFSET);
	if (unlikely(this_cpu_read(rcu_idle) == 2))
		rcu_irq_exit();
	this_cpu_write(irq_regs, outer);
	if (!regs_user(regs) && (regs->eflags & 0x200) && !this_cpu_read(preempt_count))
		preempt_schedule_irq();
}
