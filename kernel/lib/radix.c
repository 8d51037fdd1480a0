/* SPDX-License-Identifier: MIT
 *
 * The radix tree. A node stands for 64 slots of 2^shift indices each; the root is an item (index 0 only), or a node
 * tagged with bit 0, whose shift tells the height. Growing puts a new node on top; deletion frees nodes that become
 * empty and takes levels off while the top holds only slot 0.
 *
 * Readers under RCU see either the old or the new top; nodes are freed after a grace period and keep shift, count and
 * slots until then. A slot never holds half of a pointer.
 *
 * A tag bit of a slot that holds a node means "somewhere below"; the tree's own tags stand for everything.
 * Locks: the owner's, for everything that writes.
 */
#include "kernel/lib/radix.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/string.h"
#include "kernel/sync/atomic.h"

#define MAX_LEVELS 6 /* 32 bits / 6, rounded up */
#define SLOT_MASK (RADIX_SLOTS - 1UL)

const struct radix_ops *radix_ops;
u32 radix_atomic_gfp;

static inline bool is_node(const void *p) { return (unsigned long)p & 1; }
static inline struct radix_node *to_node(const void *p) { return (struct radix_node *)((unsigned long)p & ~1UL); }
static inline void *to_entry(const struct radix_node *n) { return (void *)((unsigned long)n | 1UL); }
/* Largest index below a node. */
static inline unsigned long span(const struct radix_node *n)
{
	return n->shift + RADIX_BITS >= 32 ? ~0UL : (1UL << (n->shift + RADIX_BITS)) - 1;
}
static inline unsigned slot_of(const struct radix_node *n, unsigned long index) { return index >> n->shift & SLOT_MASK; }

/* --- tags ----------------------------------------------------------------------------------------------------------- */
static inline bool tag_test(const struct radix_node *n, unsigned tag, unsigned slot) { return n->tags[tag][slot >> 5] >> (slot & 31) & 1; }
static inline void tag_mark(struct radix_node *n, unsigned tag, unsigned slot) { n->tags[tag][slot >> 5] |= 1U << (slot & 31); }
static inline void tag_unmark(struct radix_node *n, unsigned tag, unsigned slot) { n->tags[tag][slot >> 5] &= ~(1U << (slot & 31)); }
static inline bool tag_any(const struct radix_node *n, unsigned tag) { return n->tags[tag][0] | n->tags[tag][1]; }

/* --- nodes ----------------------------------------------------------------------------------------------------------- */
static void node_free_rcu(struct rcu_head *h) { radix_ops->free(container_of(h, struct radix_node, rcu)); }
static void node_free(struct radix_node *n) { call_rcu(&n->rcu, node_free_rcu); }

static struct radix_node *node_alloc(struct radix_spare *spare, unsigned shift)
{
	struct radix_node *n;

	if (spare && spare->nr) {
		n = spare->nodes;
		spare->nodes = n->parent;
		spare->nr--;
	} else
		n = radix_ops->alloc(radix_atomic_gfp);
	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->shift = (u8)shift;
	return n;
}

int radix_refill(struct radix_spare *s, u32 gfp)
{
	while (s->nr < MAX_LEVELS) {
		struct radix_node *n = radix_ops->alloc(gfp);

		if (!n)
			return -ENOMEM;
		n->parent = s->nodes;
		s->nodes = n;
		s->nr++;
	}
	return 0;
}

void radix_spare_free(struct radix_spare *s)
{
	while (s->nr) {
		struct radix_node *n = s->nodes;

		s->nodes = n->parent;
		s->nr--;
		radix_ops->free(n);
	}
}

/* --- insertion --------------------------------------------------------------------------------------------------------- */
/* Puts nodes on top until index fits. => 0 or -ENOMEM (a taller tree is still the same tree) */
static int grow(struct radix_tree *t, unsigned long index, struct radix_spare *spare)
{
	while (is_node(t->root) ? index > span(to_node(t->root)) : index > 0) {
		struct radix_node *old = is_node(t->root) ? to_node(t->root) : NULL;
		struct radix_node *n = node_alloc(spare, old ? old->shift + RADIX_BITS : 0);

		if (!n)
			return -ENOMEM;
		if (t->root) {
			n->slots[0] = t->root;
			n->count = 1;
			for (unsigned tag = 0; tag < RADIX_TAGS; tag++)
				if (t->root_tags >> tag & 1)
					tag_mark(n, tag, 0);
			if (old)
				old->parent = n;
		} else /* an empty tree: one node of the right height is enough, and it is filled below */
			while (index > span(n))
				n->shift += RADIX_BITS;
		rcu_assign_pointer(t->root, to_entry(n));
	}
	return 0;
}

/* Takes away nodes from n upwards that have nothing below them. */
static void prune(struct radix_tree *t, struct radix_node *n)
{
	while (n && !n->count) {
		struct radix_node *parent = n->parent;

		if (!parent)
			WRITE_ONCE(t->root, NULL);
		else {
			WRITE_ONCE(parent->slots[n->offset], NULL);
			parent->count--;
		}
		node_free(n);
		n = parent;
	}
}

/* Takes levels off while the top holds nothing but slot 0. */
static void shrink(struct radix_tree *t)
{
	while (is_node(t->root)) {
		struct radix_node *n = to_node(t->root);

		if (n->count != 1 || !n->slots[0])
			return;
		if (is_node(n->slots[0]))
			to_node(n->slots[0])->parent = NULL;
		WRITE_ONCE(t->root, n->slots[0]);
		node_free(n);
	}
}

int radix_insert(struct radix_tree *t, unsigned long index, void *item, struct radix_spare *spare)
{
	struct radix_node *n, *child;
	unsigned slot;

	ASSERT(item && !is_node(item));
	if (grow(t, index, spare))
		goto no_memory;
	if (!is_node(t->root)) {
		if (t->root)
			return -EEXIST;
		rcu_assign_pointer(t->root, item);
		return 0;
	}
	for (n = to_node(t->root); n->shift; n = child) {
		slot = slot_of(n, index);
		if (n->slots[slot]) {
			child = to_node(n->slots[slot]);
			continue;
		}
		child = node_alloc(spare, n->shift - RADIX_BITS);
		if (!child) {
			prune(t, n);
			goto no_memory;
		}
		child->parent = n;
		child->offset = (u8)slot;
		rcu_assign_pointer(n->slots[slot], to_entry(child));
		n->count++;
	}
	slot = slot_of(n, index);
	if (n->slots[slot])
		return -EEXIST;
	rcu_assign_pointer(n->slots[slot], item);
	n->count++;
	return 0;

no_memory:
	shrink(t);
	return -ENOMEM;
}

/* --- lookup --------------------------------------------------------------------------------------------------------------- */
/* => the leaf node for index (writers; item may be absent), or NULL */
static struct radix_node *find_leaf(const struct radix_tree *t, unsigned long index)
{
	struct radix_node *n;

	if (!is_node(t->root) || index > span(to_node(t->root)))
		return NULL;
	for (n = to_node(t->root); n->shift;) {
		void *e = n->slots[slot_of(n, index)];

		if (!e)
			return NULL;
		n = to_node(e);
	}
	return n;
}

void *const *radix_leaf(const struct radix_tree *t, unsigned long index, unsigned *n)
{
	void *p = READ_ONCE(t->root);
	unsigned slot = index & SLOT_MASK;

	*n = RADIX_SLOTS - slot;
	if (!is_node(p)) {
		*n = 1;
		return p && !index ? &t->root : NULL;
	}
	if (index > span(to_node(p)))
		return NULL;
	while (to_node(p)->shift) {
		p = READ_ONCE(to_node(p)->slots[slot_of(to_node(p), index)]);
		if (!p)
			return NULL;
	}
	return to_node(p)->slots + slot;
}

void *radix_lookup(const struct radix_tree *t, unsigned long index)
{
	void *e = rcu_dereference(t->root);
	struct radix_node *n;

	if (!is_node(e))
		return index ? NULL : e;
	n = to_node(e);
	if (index > span(n))
		return NULL;
	for (;;) {
		e = rcu_dereference(n->slots[slot_of(n, index)]);
		if (!n->shift || !e)
			return e;
		n = to_node(e);
	}
}

static void tag_clear_up(struct radix_tree *t, struct radix_node *n, unsigned slot, unsigned tag)
{
	for (;; slot = n->offset, n = n->parent) {
		if (!tag_test(n, tag, slot))
			return;
		tag_unmark(n, tag, slot);
		if (tag_any(n, tag))
			return;
		if (!n->parent) {
			t->root_tags &= ~(1U << tag);
			return;
		}
	}
}

void *radix_delete(struct radix_tree *t, unsigned long index)
{
	struct radix_node *n;
	unsigned slot;
	void *item;

	if (!is_node(t->root)) {
		item = index ? NULL : t->root;
		if (item) {
			WRITE_ONCE(t->root, NULL);
			t->root_tags = 0;
		}
		return item;
	}
	n = find_leaf(t, index);
	if (!n)
		return NULL;
	slot = slot_of(n, index);
	item = n->slots[slot];
	if (!item)
		return NULL;
	for (unsigned tag = 0; tag < RADIX_TAGS; tag++)
		tag_clear_up(t, n, slot, tag);
	WRITE_ONCE(n->slots[slot], NULL);
	n->count--;
	if (!n->count)
		prune(t, n);
	shrink(t);
	return item;
}

void *radix_replace(struct radix_tree *t, unsigned long index, void *item)
{
	struct radix_node *n = find_leaf(t, index);
	void **slot = n ? &n->slots[slot_of(n, index)] : is_node(t->root) || index ? NULL : &t->root, *old;

	if (!slot || !*slot)
		return NULL;
	old = *slot;
	rcu_assign_pointer(*slot, item);
	return old;
}

/* --- tags, by index ---------------------------------------------------------------------------------------------------------- */
void radix_tag_set(struct radix_tree *t, unsigned long index, unsigned tag)
{
	struct radix_node *n = find_leaf(t, index);
	unsigned slot;

	t->root_tags |= 1U << tag;
	if (!n)
		return;
	for (slot = slot_of(n, index); n && !tag_test(n, tag, slot); slot = n->offset, n = n->parent)
		tag_mark(n, tag, slot);
}

void radix_tag_clear(struct radix_tree *t, unsigned long index, unsigned tag)
{
	struct radix_node *n = find_leaf(t, index);

	if (n)
		tag_clear_up(t, n, slot_of(n, index), tag);
	else if (!is_node(t->root) && !index)
		t->root_tags &= ~(1U << tag);
}

bool radix_tag_get(const struct radix_tree *t, unsigned long index, unsigned tag)
{
	struct radix_node *n = find_leaf(t, index);

	if (n)
		return tag_test(n, tag, slot_of(n, index));
	return !is_node(t->root) && !index && t->root && (t->root_tags >> tag & 1);
}

/* --- walking in order -------------------------------------------------------------------------------------------------------- */
#define NO_TAG RADIX_TAGS
/* First used (and tagged) slot of n at or after `slot`. => RADIX_SLOTS if none */
static unsigned next_slot(const struct radix_node *n, unsigned slot, unsigned tag)
{
	if (tag == NO_TAG) {
		while (slot < RADIX_SLOTS && !READ_ONCE(n->slots[slot]))
			slot++;
		return slot;
	}
	return slot < RADIX_SLOTS ? (unsigned)find_next_bit((const unsigned long *)n->tags[tag], RADIX_SLOTS, slot) : slot;
}

/* The first item at or after *index. => item, *index its place, *leaf its node (NULL: the root itself); or NULL
 * Where a subtree has nothing more, it starts again from the top behind it: once per gap. */
static void *find_from(const struct radix_tree *t, unsigned long *index, unsigned tag, struct radix_node **leaf)
{
	unsigned long i = *index;

	for (;;) {
		void *e = rcu_dereference(t->root);
		struct radix_node *n = to_node(e);

		*leaf = NULL;
		if (!is_node(e))
			return i || (tag != NO_TAG && !radix_tagged(t, tag)) ? NULL : e;
		if (i > span(n))
			return NULL;
		for (;;) {
			unsigned slot = next_slot(n, slot_of(n, i), tag);

			if (slot >= RADIX_SLOTS) {
				i = (i | span(n)) + 1;
				break;
			}
			if (slot != slot_of(n, i))
				i = (i & ~span(n)) | (unsigned long)slot << n->shift;
			e = rcu_dereference(n->slots[slot]);
			if (!e) { /* went away meanwhile */
				i = (i | ((1UL << n->shift) - 1)) + 1;
				break;
			}
			if (!n->shift) {
				*leaf = n;
				*index = i;
				return e;
			}
			n = to_node(e);
		}
		if (!i) /* behind the largest index */
			return NULL;
	}
}

static unsigned gang(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items,
		     unsigned long *indices, unsigned n, unsigned tag)
{
	unsigned found = 0, slot;
	unsigned long i = *index;
	struct radix_node *leaf;

	while (found < n && i <= last) {
		void *e = find_from(t, &i, tag, &leaf);

		if (!e || i > last)
			break;
		for (;;) { /* and what follows in the same node */
			if (indices)
				indices[found] = i;
			items[found++] = e;
			*index = i + 1;
			if (!leaf || found == n)
				break;
			slot = next_slot(leaf, (i & SLOT_MASK) + 1, tag);
			if (slot >= RADIX_SLOTS)
				break;
			i = (i & ~SLOT_MASK) | slot;
			e = rcu_dereference(leaf->slots[slot]);
			if (i > last || !e)
				break;
		}
		i = *index;
		if (!i || !leaf)
			break;
	}
	return found;
}

unsigned radix_gang(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items, unsigned n)
{
	return gang(t, index, last, items, NULL, n, NO_TAG);
}

unsigned radix_gang_tag(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items, unsigned n, unsigned tag)
{
	return gang(t, index, last, items, NULL, n, tag);
}

unsigned radix_gang_indices(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items,
			    unsigned long *indices, unsigned n)
{
	return gang(t, index, last, items, indices, n, NO_TAG);
}

unsigned long radix_next_hole(const struct radix_tree *t, unsigned long from, unsigned long last)
{
	while (from <= last && radix_lookup(t, from)) {
		if (++from == 0)
			return 0;
	}
	return from;
}
