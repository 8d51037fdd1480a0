/* SPDX-License-Identifier: MIT
 *
 * Which swap areas there are, and whose turn it is.
 *
 * Areas stand in order of priority. Slots come from the highest that has any; areas of equal priority take turns, a run of
 * RUN slots each, so that a batch still makes large requests, and both disks are busy. Each CPU keeps its own turn, which
 * ends early when the order changes: an area that comes with a higher priority gets the very next slot.
 *
 * Life: swap_area_on reads the header, makes the slots, publishes the area under its type (swap_areas[]: readers have an
 * entry, which the area cannot outlive) and puts it in order. swap_area_off takes it out of the order, empties it
 * (swapoff.c), waits for the last pin, and frees it.
 *
 * Locks: swapon_mutex (who gets which type) > swap_lock (the order).
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sync/mutex.h"
#include "mm/reclaim/swaparea.h"
#include "mm/reclaim/swapoff.h"
#include "mm/rmap/rmap.h"

#define RUN 64

struct swap_area *swap_areas[SWAP_TYPES];
DEFINE_SPINLOCK(swap_lock);
bool swap_on;
static struct swap_area *order[SWAP_TYPES]; /* swap_lock: active ones by priority, then by age */
static unsigned nr_order;
static u32 order_changes;                   /* swap_lock */
static int lowest = -1;                     /* swapon_mutex: the priority for the next who has no wish: -2, -3 ... as on Linux */
static DEFINE_MUTEX(swapon_mutex);

struct turn { struct swap_area *area; u32 left, order; /* left counts while order_changes is this */ };
static DEFINE_PER_CPU(struct turn, turns);

/* --- giving out -------------------------------------------------------------------------------------------------------- */
/* Those of the priority of order[first]: who comes after `last`? */
static unsigned group_end(unsigned first)
{
	unsigned end = first;

	while (end < nr_order && order[end]->prio == order[first]->prio)
		end++;
	return end;
}

static swap_entry_t alloc_in_group(unsigned first, unsigned end, struct turn *t, pfn_t pfn)
{
	unsigned start = first, n = end - first;
	u32 offset;

	for (unsigned i = first; i < end; i++)
		if (order[i] == t->area)
			start = i + 1;
	for (unsigned k = 0; k < n; k++) {
		struct swap_area *a = order[first + (start - first + k) % n];

		offset = swap_slot_alloc(a, pfn);
		if (offset) {
			*t = (struct turn){ a, RUN - 1, order_changes };
			return swap_entry(a->type, offset);
		}
	}
	return (swap_entry_t){ 0 };
}

static swap_entry_t next_turn(struct turn *t, pfn_t pfn)
{
	swap_entry_t entry = { 0 };

	spin_lock(&swap_lock);
	for (unsigned first = 0, end; !entry.v && first < nr_order; first = end) {
		end = group_end(first);
		entry = alloc_in_group(first, end, t, pfn);
	}
	spin_unlock(&swap_lock);
	return entry;
}

/* Preemption off. An area that has just been taken out of the order may give one more: swapoff begins a grace period later. */
swap_entry_t swap_alloc_entry(pfn_t pfn)
{
	struct turn *t = this_cpu_ptr(&turns);
	u32 offset;

	if (t->left && t->order == READ_ONCE(order_changes)) {
		t->left--;
		offset = swap_slot_alloc(t->area, pfn);
		if (likely(offset))
			return swap_entry(t->area->type, offset);
	}
	t->left = 0;
	return nr_order ? next_turn(t, pfn) : (swap_entry_t){ 0 };
}

/* --- how much -------------------------------------------------------------------------------------------------------------- */
static unsigned long sum(bool free)
{
	unsigned long n = 0;

	rcu_read_lock();
	for (unsigned i = 0; i < SWAP_TYPES; i++) {
		struct swap_area *a = swap_areas[i];

		if (a && READ_ONCE(a->active))
			n += free ? max(atomic_read(&a->nr_free), 0) : a->usable - atomic_read(&a->lost);
	}
	rcu_read_unlock();
	return n;
}
unsigned long swap_free_slots(void) { return swap_on ? sum(true) : 0; }
unsigned long swap_total_slots(void) { return swap_on ? sum(false) : 0; }

void for_each_swap_area(void (*fn)(void *arg, const struct swap_info *info), void *arg)
{
	struct swap_area *areas[SWAP_TYPES];
	unsigned n;

	rcu_read_lock(); /* names and areas stay */
	spin_lock(&swap_lock);
	n = nr_order;
	memcpy(areas, order, n * sizeof(*areas));
	spin_unlock(&swap_lock);
	for (unsigned i = 0; i < n; i++) {
		struct swap_area *a = areas[i];
		struct swap_info info = { a->name, a->usable - atomic_read(&a->lost), area_used(a), a->prio };

		fn(arg, &info);
	}
	rcu_read_unlock();
}

/* --- pins ---------------------------------------------------------------------------------------------------------------------- */
void swap_pin(swap_entry_t entry) { atomic_inc(&swap_area_of(entry)->pins); }
void swap_unpin(swap_entry_t entry)
{
	struct swap_area *a = swap_area_of(entry);

	rcu_read_lock(); /* the area goes a grace period after its last pin */
	if (atomic_dec_and_test(&a->pins) && unlikely(!READ_ONCE(a->active)))
		wake_up_all(&a->wait);
	rcu_read_unlock();
}

/* --- on ------------------------------------------------------------------------------------------------------------------------ */
static int read_header(struct swap_area *a, struct page *page)
{
	sector_t pages = a->dev->sectors >> (PAGE_SHIFT - SECTOR_SHIFT);
	const char *why = "smaller than two pages";
	struct swap_header h;
	int err = -EINVAL;

	if (pages >= 2) {
		err = block_rw_page(a->dev, BIO_READ, 0, page, 0, PAGE_SIZE);
		if (err)
			return err;
		err = swap_header_parse(page_address(page), (u32)min_t(sector_t, pages, ~0U), &h, &why);
	}
	if (err) {
		pr_err("swapon: %s: %s\n", a->name, why);
		return err;
	}
	if (h.last >= SWAP_MAX_SLOTS)
		pr_warn("swapon: %s: only the first %u GB are used\n", a->name, SWAP_MAX_SLOTS >> 18);
	a->nr_slots = min_t(u32, h.last, SWAP_MAX_SLOTS - 1) + 1;
	err = swap_slots_init(a);
	for (u32 i = 0; !err && i < h.nr_bad; i++)
		if (h.bad[i] < a->nr_slots)
			swap_slots_bad(a, h.bad[i]);
	if (!err && !a->usable) {
		pr_err("swapon: %s: all its pages are bad\n", a->name);
		swap_slots_free(a);
		err = -EINVAL;
	}
	return err;
}

static int set_up(struct swap_area *a)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err = page ? read_header(a, page) : -ENOMEM;

	if (page)
		free_page(page);
	if (!err)
		swap_slots_ready(a);
	return err;
}

static void put_in_order(struct swap_area *a)
{
	unsigned i;

	spin_lock(&swap_lock);
	for (i = nr_order; i && order[i - 1]->prio < a->prio; i--)
		order[i] = order[i - 1];
	order[i] = a;
	nr_order++;
	WRITE_ONCE(order_changes, order_changes + 1);
	WRITE_ONCE(a->active, true);
	spin_unlock(&swap_lock);
}

/* => swapon_mutex held */
static int publish(struct swap_area *a)
{
	unsigned type = 0;

	for (unsigned i = 0; i < SWAP_TYPES; i++)
		if (swap_areas[i] && swap_areas[i]->dev == a->dev) /* in order, or just being emptied */
			return -EBUSY;
	while (type < SWAP_TYPES && swap_areas[type])
		type++;
	if (type == SWAP_TYPES)
		return -EPERM;
	a->type = type;
	if (a->prio < 0)
		a->prio = --lowest;
	swap_areas[type] = a;
	swap_on = true;
	put_in_order(a);
	return 0;
}

static void announce(const struct swap_area *a)
{
	pr_info("swap: %s: %lu kB, priority %d, %u kB of memory for its slots\n", a->name, (unsigned long)a->usable << (PAGE_SHIFT - 10),
		a->prio, a->nr_clusters << (PAGE_SHIFT - 10));
}

int swap_area_on(struct block_device *dev, struct file *file, char *name, int prio)
{
	struct swap_area *a = kzalloc(sizeof(*a), GFP_KERNEL);
	int err;

	if (!a)
		return -ENOMEM;
	a->dev = dev;
	a->file = file;
	a->name = name;
	a->prio = prio;
	wait_queue_init(&a->wait);
	err = block_read_only(dev) ? -EROFS : set_up(a);
	if (err)
		goto free;
	mutex_lock(&swapon_mutex);
	err = publish(a);
	mutex_unlock(&swapon_mutex);
	if (!err) {
		announce(a);
		return 0;
	}
	swap_slots_free(a);
free:
	kfree(a);
	return err;
}

/* --- off --------------------------------------------------------------------------------------------------------------------------- */
static struct swap_area *take_out_of_order(struct block_device *dev)
{
	struct swap_area *a = NULL;

	spin_lock(&swap_lock);
	for (unsigned i = 0; i < nr_order; i++) {
		if (a)
			order[i - 1] = order[i];
		else if (order[i]->dev == dev)
			a = order[i];
	}
	if (a) {
		nr_order--;
		WRITE_ONCE(order_changes, order_changes + 1);
		WRITE_ONCE(a->active, false);
	}
	spin_unlock(&swap_lock);
	return a;
}

/* Those that had no wish close up: -2, -3 ... without a gap. => swapon_mutex held */
static void close_gap(int prio)
{
	if (prio >= 0)
		return;
	spin_lock(&swap_lock);
	for (unsigned i = 0; i < SWAP_TYPES; i++)
		if (swap_areas[i] && swap_areas[i]->prio < prio)
			swap_areas[i]->prio++;
	lowest++;
	spin_unlock(&swap_lock);
}

/* Nothing holds an entry of it: no new pin can come. */
static void retire(struct swap_area *a)
{
	wait_event(&a->wait, !atomic_read(&a->pins));
	vm_op_begin(); /* the oracle goes through all slots of all areas */
	mutex_lock(&swapon_mutex);
	WRITE_ONCE(swap_areas[a->type], NULL);
	close_gap(a->prio);
	mutex_unlock(&swapon_mutex);
	synchronize_rcu();
	swap_slots_free(a);
	vm_op_end();
	kfree(a->name);
	kfree(a);
}

int swap_area_off(struct block_device *dev, struct file **file)
{
	struct swap_area *a = take_out_of_order(dev);
	int err;

	if (!a)
		return -EINVAL;
	synchronize_rcu(); /* from here on nobody gets a slot of it */
	err = swap_empty(a);
	if (err) {
		put_in_order(a);
		return err;
	}
	*file = a->file;
	retire(a);
	return 0;
}
