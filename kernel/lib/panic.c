/* SPDX-License-Identifier: MIT
 *
 * The end: print why, show the stack, stop everybody, leave. The first CPU that panics wins; others halt; a panic inside
 * a panic prints one line and dies.
 */
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsprintf.h"
#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "kernel/sync/atomic.h"

volatile u32 panic_cpu;
struct panic_ops panic_ops;

static void __noreturn halt_forever(void)
{
	for (;;) {
		local_irq_disable();
		cpu_halt();
	}
}

static void __noreturn die(void)
{
	if (panic_ops.die)
		panic_ops.die();
	halt_forever();
}

void dump_stack(void)
{
	if (panic_ops.backtrace)
		panic_ops.backtrace();
}

void panic(const char *fmt, ...)
{
	u32 me = smp_processor_id() + 1, first;
	struct va_format vf = { .fmt = fmt };
	va_list args;

	local_irq_disable();
	first = cmpxchg(&panic_cpu, 0u, me);
	if (first && first != me)
		halt_forever();
	va_start(args, fmt);
	vf.args = &args;
	printk(KERN_EMERG "%spanic: %pV\n", first ? "again: " : "", &vf);
	va_end(args);
	if (first)
		die();
	if (panic_ops.stop)
		panic_ops.stop();
	dump_stack();
	if (panic_ops.details)
		panic_ops.details();
	printk(KERN_EMERG "end of panic on CPU %u\n", me - 1);
	die();
}

void bug_at(const char *file, int line, const char *what)
{
	panic("%s at %s:%d", what, file, line);
}

void warn_at(const char *file, int line, const char *what)
{
	printk(KERN_WARNING "warning: %s at %s:%d, CPU %u\n", what, file, line, smp_processor_id());
	dump_stack();
}
