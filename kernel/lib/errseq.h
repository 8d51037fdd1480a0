/* SPDX-License-Identifier: MIT
 *
 * An error with a sequence number: each reader of a file hears of a failed write-back once, however many they are.
 * Low 12 bits: errno; bit 12: seen by somebody; above: count.
 */
#ifndef KERNEL_LIB_ERRSEQ_H
#define KERNEL_LIB_ERRSEQ_H

#include "kernel/sync/atomic.h"

typedef unsigned long errseq_t;
#define ERRSEQ_SEEN (1UL << 12)
#define ERRSEQ_STEP (1UL << 13)

static inline void errseq_set(errseq_t *e, int err) /* err < 0 */
{
	errseq_t old, new;

	do {
		old = READ_ONCE(*e);
		new = (old & ~(ERRSEQ_STEP - 1)) | (unsigned long)-err;
		if (old & ERRSEQ_SEEN)
			new += ERRSEQ_STEP;
	} while (new != old && cmpxchg(e, old, new) != old);
}
/* For a new reader: what it has already "seen"; an error that nobody saw is still to be reported. */
static inline errseq_t errseq_sample(const errseq_t *e) { errseq_t v = READ_ONCE(*e); return v & ERRSEQ_SEEN ? v : 0; }
/* => -errno if there was an error since *since, else 0; *since moves on */
static inline int errseq_check_and_advance(errseq_t *e, errseq_t *since)
{
	errseq_t v = READ_ONCE(*e);

	if (v == *since)
		return 0;
	if (!(v & ERRSEQ_SEEN))
		cmpxchg(e, v, v | ERRSEQ_SEEN);
	*since = v | ERRSEQ_SEEN;
	return -(int)(v & 0xfff);
}

#endif
