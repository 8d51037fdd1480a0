/* SPDX-License-Identifier: MIT
 *
 * Kernel threads. Making a task is kernel/sys's work; here it gets its name and its CPU.
 */
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/internal.h"

static struct task *make(int (*fn)(void *), void *arg, int cpu, const char *fmt, va_list args)
{
	char name[TASK_COMM];
	struct task *t;

	vsnprintf(name, sizeof(name), fmt, args);
	t = sched_ops->make_kthread(fn, arg, name);
	if (!IS_ERR(t) && cpu >= 0) { /* it has never run: nobody else looks at these */
		t->sched.allowed = 1u << cpu;
		t->sched.cpu = (u16)cpu; /* its run queue exists, though the CPU may not run yet */
	}
	return t;
}

struct task *kthread_create(int (*fn)(void *), void *arg, int cpu, const char *fmt, ...)
{
	va_list args;
	struct task *t;

	va_start(args, fmt);
	t = make(fn, arg, cpu, fmt, args);
	va_end(args);
	return t;
}

struct task *kthread_run(int (*fn)(void *), void *arg, const char *fmt, ...)
{
	va_list args;
	struct task *t;

	va_start(args, fmt);
	t = make(fn, arg, -1, fmt, args);
	va_end(args);
	if (!IS_ERR(t))
		wake_up_process(t);
	return t;
}
