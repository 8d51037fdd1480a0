/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of byte-range locks. One owner's ranges never overlap, and neighbours of one type are merged:
 *
 *   had      RRRRRRRRRR        set W:  RRR WWWW RRR      unlock:  RRR ____ RRR
 *   request     ____
 */
#include "kernel/fs/lockrange.h"

struct lock_range *range_conflict(struct list_head *ranges, const struct lock_range *want)
{
	struct lock_range *r;

	list_for_each_entry(r, ranges, node) {
		if (r->kind != want->kind || r->owner == want->owner)
			continue;
		if (r->end < want->start || r->start > want->end)
			continue;
		if (r->type == RANGE_WRITE || want->type == RANGE_WRITE)
			return r;
	}
	return NULL;
}

static struct lock_range *take_spare(struct lock_range *spare[2])
{
	int n = spare[0] ? 0 : 1;
	struct lock_range *r = spare[n];

	spare[n] = NULL;
	return r;
}

/* Same type: `want` grows over it. */
static bool absorb(struct lock_range *want, const struct lock_range *r)
{
	bool apart = (r->end != RANGE_MAX && r->end + 1 < want->start) || (want->end != RANGE_MAX && want->end + 1 < r->start);

	if (apart)
		return false;
	want->start = min(want->start, r->start);
	want->end = max(want->end, r->end);
	return true;
}

/* Another type: cut what overlaps out of r. => false if nothing of r is left */
static bool carve(struct lock_range *r, const struct lock_range *want, struct lock_range *spare[2])
{
	if (r->end < want->start || r->start > want->end)
		return true;
	if (r->start < want->start && r->end > want->end) {
		struct lock_range *right = take_spare(spare);

		right->owner = r->owner;
		right->type = r->type;
		right->kind = r->kind;
		right->start = want->end + 1;
		right->end = r->end;
		list_add(&right->node, &r->node);
		r->end = want->start - 1;
		return true;
	}
	if (r->start < want->start) {
		r->end = want->start - 1;
		return true;
	}
	if (r->end > want->end) {
		r->start = want->end + 1;
		return true;
	}
	return false;
}

void range_set(struct list_head *ranges, const struct lock_range *want, struct lock_range *spare[2], struct list_head *freed)
{
	struct lock_range grown = *want, *r, *next, *new;

	list_for_each_entry_safe(r, next, ranges, node) {
		bool gone;

		if (r->kind != want->kind || r->owner != want->owner)
			continue;
		if (r->type == want->type)
			gone = absorb(&grown, r);
		else
			gone = !carve(r, want, spare);
		if (gone)
			list_move(&r->node, freed);
	}
	if (want->type == RANGE_UNLOCK)
		return;
	new = take_spare(spare);
	new->owner = grown.owner;
	new->type = grown.type;
	new->kind = grown.kind;
	new->start = grown.start;
	new->end = grown.end;
	list_add_tail(&new->node, ranges);
}

int range_from_user(loff_t base, loff_t off, loff_t len, struct lock_range *r)
{
	loff_t start;

	if (off > 0 && base > RANGE_MAX - off)
		return -EOVERFLOW;
	start = base + off;
	if (start < 0)
		return -EINVAL;
	r->start = start;
	r->end = RANGE_MAX;
	if (len > 0) {
		if (len - 1 > RANGE_MAX - start)
			return -EOVERFLOW;
		r->end = start + (len - 1);
	} else if (len < 0) {
		if (start + len < 0)
			return -EINVAL;
		r->start = start + len;
		r->end = start - 1;
	}
	return 0;
}
