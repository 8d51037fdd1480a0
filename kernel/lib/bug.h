/* SPDX-License-Identifier: MIT
 *
 * When the kernel finds itself wrong. ASSERT: debug builds only. BUG_ON, WARN_ON_ONCE: always.
 */
#ifndef KERNEL_LIB_BUG_H
#define KERNEL_LIB_BUG_H

#include "kernel/lib/types.h"

/* Print, dump the stack, stop all CPUs, leave the emulator. Any context. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
void bug_at(const char *file, int line, const char *what) __noreturn __cold;
void warn_at(const char *file, int line, const char *what) __cold;
extern volatile u32 panic_cpu; /* 1 + CPU that panics; 0 while all is well */

/* What panic asks of the rooms that know: set by arch at boot; NULL until then.
 * backtrace: print the stack of this context. stop: halt the other CPUs. details: whatever else is of use (kernel/proc/crash.c).
 * die: exit the emulator or halt; no return. */
struct panic_ops { void (*backtrace)(void); void (*stop)(void); void (*details)(void); void (*die)(void); };
extern struct panic_ops panic_ops;

#define BUG() bug_at(__FILE__, __LINE__, "BUG")
#define BUG_ON(x) do { if (unlikely(x)) bug_at(__FILE__, __LINE__, #x); } while (0)
#define WARN_ON(x) ({ bool _w = !!(x); if (unlikely(_w)) warn_at(__FILE__, __LINE__, #x); unlikely(_w); })
#define WARN_ON_ONCE(x) ({ static bool _warned; bool _w = !!(x); \
	if (unlikely(_w) && !_warned) { _warned = true; warn_at(__FILE__, __LINE__, #x); } unlikely(_w); })

#ifdef CONFIG_DEBUG
#define ASSERT(x) do { if (unlikely(!(x))) bug_at(__FILE__, __LINE__, "ASSERT(" #x ")"); } while (0)
#else
#define ASSERT(x) do { (void)sizeof(x); } while (0)
#endif
/* Stops in Bochs's debugger (tools/run --emulator bochs --debugger); any other machine goes on. Any context. */
#define magic_break() __asm__ volatile("xchg %bx, %bx")
#define unreachable() __builtin_unreachable()

#endif
