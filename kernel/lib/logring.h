/* SPDX-License-Identifier: MIT
 *
 * The ring of log records, between printk.c (which fills and prints it) and its readers. All but log_read and the
 * like run under printk.c's log lock.
 */
#ifndef KERNEL_LIB_LOGRING_H
#define KERNEL_LIB_LOGRING_H

#include "kernel/lib/printk.h"

struct log_rec {
	u64 time;
	u32 seq;
	u16 space;      /* bytes with this header; 0: skip to the start of the ring */
	u16 len;        /* bytes of text */
	u8 level, cpu;
	bool open;      /* no newline yet */
	char text[];
};

void ring_append(u64 time, u8 level, u8 cpu, bool open, const char *text, unsigned len);
/* Adds to the last record if that is open and this CPU's. => done? */
bool ring_extend(u8 cpu, bool open, const char *text, unsigned len);
/* The record *seq or the oldest after it. => NULL if there is none yet */
const struct log_rec *ring_find(u32 *seq);
extern u32 ring_first_seq, ring_next_seq;

u32 log_lock(void);                 /* interrupts off; any context. => flags for log_unlock */
void log_unlock(u32 flags);

#endif
