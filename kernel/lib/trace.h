/* SPDX-License-Identifier: MIT
 *
 * The trace: typed events in one ring per CPU, read as text from /proc/trace. The list below is the whole of it: a name, the
 * text of its four words, and what they are.
 *
 * Off costs a load, a test and a branch that is not taken. On, an event costs a copy of 64 bytes with interrupts off. Any
 * context may trace, NMIs excepted.
 */
#ifndef KERNEL_LIB_TRACE_H
#define KERNEL_LIB_TRACE_H

#include "kernel/lib/types.h"

#define TRACE_EVENTS(x)                                                                                              \
	x(sched_switch, NULL)                              /* by the scheduler: see struct trace_rec */              \
	x(fault, "addr=%08x ip=%08x code=%x result=%d")    /* code: FAULT_*; result: 0 or -errno */                  \
	x(map, "mm=%08x start=%08x end=%08x flags=%x")     /* an area appears; flags: VM_* */                        \
	x(unmap, "mm=%08x start=%08x end=%08x")            /* a range goes, with its pages */                        \
	x(rmap_walk, "pfn=%x why=%u candidates=%u hits=%u") /* why: enum rmap_reason */                              \
	x(reclaim, "zone=%u priority=%u scanned=%u reclaimed=%u")                                                    \
	x(swap_out, "pfn=%x entry=%08x")      /* a write to a swap area has begun */                    \
	x(swap_in, "pfn=%x entry=%08x")       /* a read from one has begun */                           \
	x(lock_wait, "lock=%08x write=%u us=%u")       /* a sleeping lock was waited for */

#define TRACE_ENUM(name, text) TRACE_##name,
enum trace_kind { TRACE_EVENTS(TRACE_ENUM) NR_TRACE_KINDS };

struct trace_rec {
	u64 time;             /* ns since boot */
	u32 seq;              /* of its CPU; odd places in time show in it */
	s32 pid;
	u16 kind, cpu;
	char comm[16];
	u32 word[4];
	char next_comm[12];   /* sched_switch: to whom; word: next pid, state of the one that leaves */
};
static_assert(sizeof(struct trace_rec) == 64, "a cache line an event");

extern u32 trace_on; /* a bit for each kind */
void trace_write(enum trace_kind kind, u32 a, u32 b, u32 c, u32 d);
void trace_write_switch(s32 next_pid, const char *next_comm, u32 state);
#define trace(kind, a, b, c, d) do {                                                                                 \
	if (unlikely(trace_on & 1U << TRACE_##kind))                                                                 \
		trace_write(TRACE_##kind, (u32)(a), (u32)(b), (u32)(c), (u32)(d));                                   \
} while (0)

static_assert(NR_TRACE_KINDS <= 32, "trace_on has a bit for each");
/* A ring for each CPU, a power of two of records. take: switches off and gives them back; sleeps. The caller keeps both, and readers, apart. */
void trace_set_rings(struct trace_rec *const rings[], u32 records);
void trace_take_rings(struct trace_rec *rings[]);
/* The oldest record of all CPUs that is later than *cursor, in order of time. => false: none. Any context.
 * A cursor starts as { .pos = 0 }. Records that a writer overtook are left out. */
struct trace_cursor { u32 pos[16]; };
bool trace_next(struct trace_cursor *cursor, struct trace_rec *rec);
u32 trace_written(void);           /* events since the last trace_clear */
void trace_clear(void);
void trace_dump(unsigned records); /* a panic's: the last ones, to the log */
/* One record as ftrace prints it. => characters */
int trace_text(const struct trace_rec *rec, char *buf, size_t size);
const char *trace_kind_name(enum trace_kind kind);

#endif
