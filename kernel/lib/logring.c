/* SPDX-License-Identifier: MIT
 *
 * The log as a ring of bytes. Positions are counters that only grow; the low bits are the place. A record never wraps:
 * where it does not fit behind the last one, the rest up to the end is skipped (space 0). New records push old ones out.
 */
#include "kernel/lib/logring.h"
#include "kernel/lib/string.h"

#define RING_SIZE (64U << 10)
static char ring[RING_SIZE] __aligned(8);
static u32 head, tail;              /* positions of the oldest record and behind the newest */
static u32 last;                    /* position of the newest record */
u32 ring_first_seq, ring_next_seq;
static u32 hint_pos, hint_seq;      /* where the last reader found what */

/* The record at or after *pos, over a skipped end. */
static struct log_rec *record_at(u32 *pos)
{
	u32 at = *pos % RING_SIZE;

	if (RING_SIZE - at < sizeof(struct log_rec) || !((struct log_rec *)(ring + at))->space) {
		*pos += RING_SIZE - at;
		at = 0;
	}
	return (struct log_rec *)(ring + at);
}

static void drop_oldest(void)
{
	struct log_rec *r = record_at(&head);

	head += r->space;
	ring_first_seq = r->seq + 1;
}

static void make_room(u32 bytes)
{
	while (tail + bytes - head > RING_SIZE && ring_first_seq != ring_next_seq)
		drop_oldest();
	if (ring_first_seq == ring_next_seq)
		head = tail;
}

static u32 record_space(unsigned len) { return ALIGN_UP((u32)sizeof(struct log_rec) + len, 8u); }

void ring_append(u64 time, u8 level, u8 cpu, bool open, const char *text, unsigned len)
{
	u32 space = record_space(len), at = tail % RING_SIZE, pad = RING_SIZE - at < space ? RING_SIZE - at : 0;
	struct log_rec *r;

	make_room(pad + space);
	if (pad >= sizeof(*r))
		((struct log_rec *)(ring + at))->space = 0;
	if (head == tail)
		head += pad;
	tail += pad;
	last = tail;
	r = (struct log_rec *)(ring + tail % RING_SIZE);
	*r = (struct log_rec){ .time = time, .seq = ring_next_seq++, .space = (u16)space, .len = (u16)len,
			       .level = level, .cpu = cpu, .open = open };
	memcpy(r->text, text, len);
	tail += space;
}

bool ring_extend(u8 cpu, bool open, const char *text, unsigned len)
{
	struct log_rec *r = (struct log_rec *)(ring + last % RING_SIZE);
	u32 space;

	if (ring_first_seq == ring_next_seq || !r->open || r->cpu != cpu || r->len + len > 2000)
		return false;
	space = record_space(r->len + len);
	if (last % RING_SIZE + space > RING_SIZE)
		return false;
	if (ring_next_seq - ring_first_seq > 1)
		make_room(space - r->space);
	memcpy(r->text + r->len, text, len);
	r->len += (u16)len;
	r->open = open;
	tail += space - r->space;
	r->space = (u16)space;
	return true;
}

const struct log_rec *ring_find(u32 *seq)
{
	struct log_rec *r;
	u32 pos;

	if ((s32)(*seq - ring_first_seq) < 0)
		*seq = ring_first_seq;
	if ((s32)(*seq - ring_next_seq) >= 0)
		return NULL;
	pos = (s32)(hint_seq - ring_first_seq) >= 0 && (s32)(*seq - hint_seq) >= 0 && hint_pos - head < tail - head ? hint_pos : head;
	while ((r = record_at(&pos))->seq != *seq)
		pos += r->space;
	hint_pos = pos;
	hint_seq = *seq;
	return r;
}

/* --- readers --------------------------------------------------------------------------------------------------------- */
static u32 clear_seq;

ssize_t log_read(u64 *seq, struct log_record *rec, char *text, size_t size)
{
	u32 flags = log_lock(), s = (u32)*seq;
	const struct log_rec *r = ring_find(&s);
	ssize_t n = -EAGAIN;

	if (r) {
		n = (ssize_t)min((size_t)r->len, size);
		memcpy(text, r->text, (size_t)n);
		*rec = (struct log_record){ .seq = r->seq, .time_ns = r->time, .level = r->level, .cpu = r->cpu, .len = r->len };
		*seq = s + 1;
	}
	log_unlock(flags);
	return n;
}

u64 log_first_seq(void) { return READ_ONCE(ring_first_seq); }
u64 log_next_seq(void) { return READ_ONCE(ring_next_seq); }
u64 log_clear_seq(void) { return READ_ONCE(clear_seq); }
void log_clear(void) { WRITE_ONCE(clear_seq, ring_next_seq); }
size_t log_size(void) { return RING_SIZE; }
