/* SPDX-License-Identifier: MIT
 *
 * The slots of a swap area: which are free, and how runs of them are given out.
 *
 * A slot is free while nothing refers to it and no page of the swap cache stands for it. Who allocates gets slots in
 * rising order from the cluster that its CPU holds: so a batch of pages lies in one stretch of disk, its writes merge,
 * and CPUs do not meet at a lock. When the cluster is used up the CPU takes another: an empty one, else the one that was partly
 * freed longest ago. Only when neither is left does it look into clusters that other CPUs hold.
 *
 *           first slot taken                  all taken, CPU lets go
 *   FREE ------------------------> HELD ------------------------------> FULL
 *    ^                              |  ^                                  |
 *    |  last slot freed             |  | CPU takes it                     | a slot is freed
 *    +--------------------------- PART <----------------------------------+
 *
 * Locks: cluster->lock > area->lock. Nothing here allocates or sleeps but init.
 * Cannot: move what is in use. A full area fragments, and then runs are short.
 */
#include "mm/reclaim/swaparea.h"

/* --- one slot ------------------------------------------------------------------------------------------------------------ */
static struct swap_cluster *cluster_of(struct swap_area *a, u32 offset)
{
	ASSERT(offset < a->nr_clusters << CLUSTER_SHIFT);
	return &a->clusters[offset >> CLUSTER_SHIFT];
}

struct swap_slot *swap_slot_lock(struct swap_area *a, u32 offset)
{
	struct swap_cluster *c = cluster_of(a, offset);
	struct swap_slot *slots = kmap(c->map);

	spin_lock(&c->lock);
	return slots + (offset & (CLUSTER - 1));
}

void swap_slot_unlock(struct swap_area *a, u32 offset, struct swap_slot *s)
{
	spin_unlock(&cluster_of(a, offset)->lock);
	kunmap(s);
}

struct swap_slot swap_slot_read(struct swap_area *a, u32 offset)
{
	struct swap_slot *slots = kmap(cluster_of(a, offset)->map), s;

	s.frame = READ_ONCE(slots[offset & (CLUSTER - 1)].frame);
	s.count = READ_ONCE(slots[offset & (CLUSTER - 1)].count);
	kunmap(slots);
	return s;
}

static inline bool slot_free(const struct swap_slot *s) { return !s->frame && !s->count; }

/* A slot of c has become free. => c->lock held */
static void one_freed(struct swap_area *a, struct swap_cluster *c)
{
	c->used--;
	atomic_inc(&a->nr_free);
	if (c->state != CLUSTER_FULL && c->used) /* read without area->lock: only we, with c->lock, could move it from there */
		return;
	spin_lock(&a->lock);
	if (!c->used && c->state != CLUSTER_HELD) {
		if (c->state == CLUSTER_PART)
			list_del(&c->node);
		c->state = CLUSTER_FREE;
		list_add(&c->node, &a->free);
	} else if (c->state == CLUSTER_FULL) {
		c->state = CLUSTER_PART;
		list_add_tail(&c->node, &a->part);
	}
	spin_unlock(&a->lock);
}

void swap_slot_release(struct swap_area *a, u32 offset, struct swap_slot *s)
{
	ASSERT(!slot_has_page(s) && !s->count);
	if (unlikely(s->frame & SLOT_ERROR)) {
		s->frame = SLOT_BAD;
		atomic_inc(&a->lost);
		return;
	}
	one_freed(a, cluster_of(a, offset));
}

/* --- giving out ------------------------------------------------------------------------------------------------------------ */
/* The first free slot from index i on. => index in the cluster, or CLUSTER. c->lock held */
static u32 take_from(struct swap_cluster *c, struct swap_slot *slots, u32 i, pfn_t pfn)
{
	for (; i < CLUSTER && c->used < CLUSTER; i++) {
		if (!slot_free(&slots[i]))
			continue;
		slots[i].frame = pfn.n;
		c->used++;
		return i;
	}
	return CLUSTER;
}

static struct swap_cluster *pick_cluster(struct swap_area *a)
{
	struct swap_cluster *c = NULL;

	spin_lock(&a->lock);
	if (!list_empty(&a->free))
		c = list_first_entry(&a->free, struct swap_cluster, node);
	else if (!list_empty(&a->part))
		c = list_first_entry(&a->part, struct swap_cluster, node);
	if (c) {
		list_del(&c->node);
		c->state = CLUSTER_HELD;
		c->next = 0;
	}
	spin_unlock(&a->lock);
	return c;
}

/* c->lock held. The CPU that held it lets go. */
static void let_go(struct swap_area *a, struct swap_cluster *c)
{
	spin_lock(&a->lock);
	if (c->used == CLUSTER) {
		c->state = CLUSTER_FULL;
	} else {
		c->state = c->used ? CLUSTER_PART : CLUSTER_FREE;
		list_add_tail(&c->node, c->used ? &a->part : &a->free);
	}
	spin_unlock(&a->lock);
}

/* From the cluster that this CPU holds. => offset, 0: it is used up */
static u32 alloc_held(struct swap_area *a, struct swap_cluster *c, pfn_t pfn)
{
	struct swap_slot *slots = kmap(c->map);
	u32 i;

	spin_lock(&c->lock);
	i = take_from(c, slots, c->next, pfn);
	c->next = i + 1;
	if (i == CLUSTER)
		let_go(a, c);
	spin_unlock(&c->lock);
	kunmap(slots);
	return i == CLUSTER ? 0 : ((c - a->clusters) << CLUSTER_SHIFT) + i;
}

/* Free slots are left in other CPUs' clusters only, or somebody was faster everywhere. */
static noinline u32 alloc_anywhere(struct swap_area *a, pfn_t pfn)
{
	for (u32 n = 0; n < a->nr_clusters && atomic_read(&a->nr_free) > 0; n++) {
		u32 k = (READ_ONCE(a->search) + n) % a->nr_clusters, i;
		struct swap_cluster *c = &a->clusters[k];
		struct swap_slot *slots;

		if (READ_ONCE(c->used) == CLUSTER)
			continue;
		slots = kmap(c->map);
		spin_lock(&c->lock);
		i = take_from(c, slots, 0, pfn);
		if (i != CLUSTER) {
			spin_lock(&a->lock);
			if (c->state == CLUSTER_FREE || (c->state == CLUSTER_PART && c->used == CLUSTER)) {
				list_del(&c->node);
				c->state = c->used == CLUSTER ? CLUSTER_FULL : CLUSTER_PART;
				if (c->state == CLUSTER_PART)
					list_add_tail(&c->node, &a->part);
			}
			spin_unlock(&a->lock);
			WRITE_ONCE(a->search, k);
		}
		spin_unlock(&c->lock);
		kunmap(slots);
		if (i != CLUSTER)
			return (k << CLUSTER_SHIFT) + i;
	}
	return 0;
}

u32 swap_slot_alloc(struct swap_area *a, pfn_t pfn)
{
	struct swap_cluster **held = &a->held[smp_processor_id()];
	u32 offset = 0;

	if (atomic_read(&a->nr_free) <= 0)
		return 0;
	while (!offset) {
		if (!*held)
			*held = pick_cluster(a);
		if (!*held) {
			offset = alloc_anywhere(a, pfn);
			if (!offset)
				return 0;
			break;
		}
		offset = alloc_held(a, *held, pfn);
		if (!offset)
			*held = NULL;
	}
	atomic_dec(&a->nr_free);
	return offset;
}

/* --- making and taking apart ---------------------------------------------------------------------------------------------------- */
static void mark_bad(struct swap_area *a, u32 offset)
{
	struct swap_slot *s = swap_slot_lock(a, offset);

	if (slot_free(s)) {
		s->frame = SLOT_BAD;
		a->clusters[offset >> CLUSTER_SHIFT].used++;
	}
	swap_slot_unlock(a, offset, s);
}

void swap_slots_bad(struct swap_area *a, u32 offset)
{
	struct swap_slot *s = swap_slot_lock(a, offset);
	bool was = s->frame & SLOT_BAD;

	swap_slot_unlock(a, offset, s);
	if (!was) {
		mark_bad(a, offset);
		a->usable--;
	}
}

void swap_slots_free(struct swap_area *a)
{
	for (u32 n = 0; a->clusters && n < a->nr_clusters; n++)
		if (a->clusters[n].map)
			free_page(a->clusters[n].map);
	kvfree(a->clusters);
	a->clusters = NULL;
}

int swap_slots_init(struct swap_area *a)
{
	spin_lock_init(&a->lock, "swap area");
	list_init(&a->free);
	list_init(&a->part);
	a->nr_clusters = (a->nr_slots + CLUSTER - 1) >> CLUSTER_SHIFT;
	a->clusters = kvzalloc(a->nr_clusters * sizeof(*a->clusters), GFP_KERNEL);
	if (!a->clusters)
		return -ENOMEM;
	for (u32 n = 0; n < a->nr_clusters; n++) {
		struct swap_cluster *c = &a->clusters[n];

		spin_lock_init(&c->lock, "swap cluster");
		c->map = alloc_page(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN);
		if (!c->map) {
			swap_slots_free(a);
			return -ENOMEM;
		}
	}
	a->usable = a->nr_slots - 1;
	mark_bad(a, 0);
	for (u32 n = a->nr_slots; n < a->nr_clusters << CLUSTER_SHIFT; n++)
		mark_bad(a, n);
	return 0;
}

void swap_slots_ready(struct swap_area *a)
{
	for (u32 n = 0; n < a->nr_clusters; n++)
		let_go(a, &a->clusters[n]);
	atomic_set(&a->nr_free, a->usable);
	atomic_set(&a->lost, 0);
}
