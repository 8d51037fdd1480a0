/* SPDX-License-Identifier: MIT
 *
 * Circular doubly linked lists (struct list_head) and hash chains with a one-word head (struct hlist_head).
 *
 * The _rcu forms let readers walk while one writer (under the writers' lock) adds and removes: a new entry is
 * complete before it is linked; a removed entry keeps its forward link until a grace period has passed.
 */
#ifndef KERNEL_LIB_LIST_H
#define KERNEL_LIB_LIST_H

#include "kernel/lib/types.h"

struct list_head { struct list_head *next, *prev; };

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
#define LIST_POISON ((struct list_head *)0x100)

static inline void INIT_LIST_HEAD(struct list_head *h) { WRITE_ONCE(h->next, h); h->prev = h; }
static inline void list_init(struct list_head *h) { INIT_LIST_HEAD(h); }
static inline bool list_empty(const struct list_head *h) { return READ_ONCE(h->next) == h; }
static inline bool list_is_singular(const struct list_head *h) { return !list_empty(h) && h->next == h->prev; }
static inline bool list_is_first(const struct list_head *e, const struct list_head *h) { return e->prev == h; }
static inline bool list_is_last(const struct list_head *e, const struct list_head *h) { return e->next == h; }

static inline void list_link(struct list_head *e, struct list_head *prev, struct list_head *next)
{
	next->prev = e;
	e->next = next;
	e->prev = prev;
	WRITE_ONCE(prev->next, e);
}
static inline void list_add(struct list_head *e, struct list_head *h) { list_link(e, h, h->next); }
static inline void list_add_tail(struct list_head *e, struct list_head *h) { list_link(e, h->prev, h); }

static inline void list_unlink(struct list_head *e)
{
	e->next->prev = e->prev;
	WRITE_ONCE(e->prev->next, e->next);
}
static inline void list_del(struct list_head *e) /* the entry may not be used again before it is added */
{
	list_unlink(e);
#ifdef CONFIG_DEBUG
	e->next = e->prev = LIST_POISON;
#endif
}
static inline void list_del_init(struct list_head *e) { list_unlink(e); INIT_LIST_HEAD(e); }
static inline void list_move(struct list_head *e, struct list_head *h) { list_unlink(e); list_add(e, h); }
static inline void list_move_tail(struct list_head *e, struct list_head *h) { list_unlink(e); list_add_tail(e, h); }
static inline void list_replace(struct list_head *old, struct list_head *new)
{
	new->next = old->next;
	new->next->prev = new;
	new->prev = old->prev;
	WRITE_ONCE(new->prev->next, new);
}
/* All of `from` goes to the front (tail) of h; from is left uninitialised, or empty with _init. */
static inline void list_splice_between(struct list_head *from, struct list_head *prev, struct list_head *next)
{
	struct list_head *first = from->next, *last = from->prev;

	first->prev = prev;
	prev->next = first;
	last->next = next;
	next->prev = last;
}
static inline void list_splice(struct list_head *from, struct list_head *h)
{
	if (!list_empty(from))
		list_splice_between(from, h, h->next);
}
static inline void list_splice_tail(struct list_head *from, struct list_head *h)
{
	if (!list_empty(from))
		list_splice_between(from, h->prev, h);
}
static inline void list_splice_init(struct list_head *from, struct list_head *h) { list_splice(from, h); list_init(from); }
static inline void list_splice_tail_init(struct list_head *from, struct list_head *h) { list_splice_tail(from, h); list_init(from); }
/* Entries from the first up to `e` go to the empty list `to`. */
static inline void list_cut_position(struct list_head *to, struct list_head *h, struct list_head *e)
{
	struct list_head *rest = e->next;

	if (list_empty(h) || e == h) {
		list_init(to);
		return;
	}
	to->next = h->next;
	to->next->prev = to;
	to->prev = e;
	e->next = to;
	h->next = rest;
	rest->prev = h;
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_last_entry(h, type, member) list_entry((h)->prev, type, member)
#define list_first_entry_or_null(h, type, member) ({ struct list_head *_h = (h), *_f = READ_ONCE(_h->next); \
	_f != _h ? list_entry(_f, type, member) : NULL; })
#define list_next_entry(p, member) list_entry((p)->member.next, __typeof__(*(p)), member)
#define list_prev_entry(p, member) list_entry((p)->member.prev, __typeof__(*(p)), member)
#define list_entry_is_head(p, h, member) (&(p)->member == (h))

#define list_for_each(p, h) for (p = (h)->next; p != (h); p = p->next)
#define list_for_each_safe(p, n, h) for (p = (h)->next, n = p->next; p != (h); p = n, n = p->next)
#define list_for_each_entry(p, h, member) \
	for (p = list_first_entry(h, __typeof__(*p), member); &p->member != (h); p = list_next_entry(p, member))
#define list_for_each_entry_reverse(p, h, member) \
	for (p = list_last_entry(h, __typeof__(*p), member); &p->member != (h); p = list_prev_entry(p, member))
#define list_for_each_entry_safe(p, n, h, member) \
	for (p = list_first_entry(h, __typeof__(*p), member), n = list_next_entry(p, member); &p->member != (h); \
	     p = n, n = list_next_entry(n, member))
#define list_for_each_entry_safe_reverse(p, n, h, member) \
	for (p = list_last_entry(h, __typeof__(*p), member), n = list_prev_entry(p, member); &p->member != (h); \
	     p = n, n = list_prev_entry(n, member))
#define list_for_each_entry_continue(p, h, member) \
	for (p = list_next_entry(p, member); &p->member != (h); p = list_next_entry(p, member))

/* --- readers without a lock -------------------------------------------------------------------------------------- */
static inline void list_link_rcu(struct list_head *e, struct list_head *prev, struct list_head *next)
{
	e->next = next;
	e->prev = prev;
	barrier(); /* x86 keeps stores in order */
	WRITE_ONCE(prev->next, e);
	next->prev = e;
}
static inline void list_add_rcu(struct list_head *e, struct list_head *h) { list_link_rcu(e, h, h->next); }
static inline void list_add_tail_rcu(struct list_head *e, struct list_head *h) { list_link_rcu(e, h->prev, h); }
static inline void list_del_rcu(struct list_head *e)
{
	list_unlink(e);
	e->prev = LIST_POISON;
}
static inline void list_replace_rcu(struct list_head *old, struct list_head *new)
{
	new->next = old->next;
	new->prev = old->prev;
	barrier();
	WRITE_ONCE(new->prev->next, new);
	new->next->prev = new;
	old->prev = LIST_POISON;
}
#define list_entry_rcu(p, type, member) container_of(READ_ONCE(p), type, member)
#define list_next_rcu(e) READ_ONCE((e)->next)
#define list_for_each_entry_rcu(p, h, member) \
	for (p = list_entry_rcu((h)->next, __typeof__(*p), member); &p->member != (h); \
	     p = list_entry_rcu(p->member.next, __typeof__(*p), member))
#define list_first_or_null_rcu(h, type, member) ({ struct list_head *_h = (h), *_f = READ_ONCE(_h->next); \
	_f != _h ? list_entry(_f, type, member) : NULL; })

/* --- hash chains --------------------------------------------------------------------------------------------------- */
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
#define HLIST_HEAD_INIT { NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(h) ((h)->first = NULL)
static inline void INIT_HLIST_NODE(struct hlist_node *n) { n->next = NULL; n->pprev = NULL; }
static inline bool hlist_unhashed(const struct hlist_node *n) { return !n->pprev; }
static inline bool hlist_empty(const struct hlist_head *h) { return !READ_ONCE(h->first); }
static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	struct hlist_node *first = h->first;

	n->next = first;
	n->pprev = &h->first;
	barrier();
	WRITE_ONCE(h->first, n);
	if (first)
		first->pprev = &n->next;
}
static inline void hlist_unlink(struct hlist_node *n)
{
	WRITE_ONCE(*n->pprev, n->next);
	if (n->next)
		n->next->pprev = n->pprev;
}
static inline void hlist_del(struct hlist_node *n) { hlist_unlink(n); n->pprev = (void *)LIST_POISON; }
static inline void hlist_del_init(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	hlist_unlink(n);
	INIT_HLIST_NODE(n);
}
static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	hlist_unlink(n);
	n->pprev = NULL;
}
#define hlist_add_head_rcu hlist_add_head
#define hlist_del_rcu hlist_del
#define hlist_entry(p, type, member) container_of(p, type, member)
#define hlist_entry_safe(p, type, member) ({ struct hlist_node *_p = (p); _p ? hlist_entry(_p, type, member) : NULL; })
#define hlist_for_each_entry(p, h, member) \
	for (p = hlist_entry_safe((h)->first, __typeof__(*p), member); p; \
	     p = hlist_entry_safe(p->member.next, __typeof__(*p), member))
#define hlist_for_each_entry_safe(p, n, h, member) \
	for (p = hlist_entry_safe((h)->first, __typeof__(*p), member); p && ({ n = p->member.next; 1; }); \
	     p = hlist_entry_safe(n, __typeof__(*p), member))
#define hlist_for_each_entry_rcu(p, h, member) \
	for (p = hlist_entry_safe(READ_ONCE((h)->first), __typeof__(*p), member); p; \
	     p = hlist_entry_safe(READ_ONCE(p->member.next), __typeof__(*p), member))

#endif
