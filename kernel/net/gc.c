/* SPDX-License-Identifier: MIT
 *
 * Sockets that only hold each other.
 *
 * A socket's descriptor can be sent over that very socket, or round a ring of them, and every descriptor closed: files
 * are left that nobody can reach, each with a reference from a message in another one's queue. When sockets close
 * while others are in flight, this looks for them:
 *
 *   candidates   all references to the socket's file come from messages (inflight); nobody has it open
 *   outside      of those, references that come from messages in queues of candidates are taken off (gc_refs); what has
 *                some left is held by a queue that somebody can read
 *   reached      what lies in the queues of those can be received too, and so on
 *   garbage      the rest: the rights in their queues are taken out of the messages, and closing them frees all
 *
 * Lock: gc_mutex. A file in flight gets another user only through it (rights_land before a receiver has the rights,
 * rights_dup), so a candidate stays one, and nobody takes anything out of its queue. Others may still send to it: what
 * they send was counted in flight before, and is not found, which only makes it look reached until the next time.
 * The work is linear in what is in flight, so it is done once in every nr_flying/16 closes: a close pays for 16 sockets at
 * most, and garbage waits for that many closes. The socket of a listener's queue (not yet accepted) counts as part of its listener.
 */
#include "kernel/net/internal.h"

DEFINE_MUTEX(gc_mutex);
u32 nr_flying;
static u32 closes; /* since the last search; racy */
#define CLOSE_PAYS_FOR 16
LIST_HEAD(all_flying);

struct search {
	struct list_head candidates; /* sockets by `flying`, not (yet) reached */
	struct list_head reached;
	struct list_head *garbage;   /* of struct rights */
};
enum { NO_CANDIDATE = ~0U };

typedef void (*visit_fn)(struct search *g, struct sock *child);

static void visit_rights(struct search *g, struct rights *r, visit_fn visit)
{
	for (u32 i = 0; i < r->count; i++) {
		struct sock *child = file_sock(r->files[i]);

		if (child && child->gc_refs != NO_CANDIDATE)
			visit(g, child);
	}
}

/* visit NULL: take the rights out instead */
static void scan_queue(struct search *g, struct sock *s, visit_fn visit)
{
	struct message *m;

	list_for_each_entry(m, &s->queue, node) {
		if (!m->rights)
			continue;
		if (visit) {
			visit_rights(g, m->rights, visit);
		} else {
			list_add_tail(&m->rights->node, g->garbage);
			m->rights = NULL;
		}
	}
}

static void scan(struct search *g, struct sock *s, visit_fn visit)
{
	struct sock *e;

	spin_lock(&s->lock);
	if (s->state != SOCK_LISTENING) {
		scan_queue(g, s, visit);
	} else {
		list_for_each_entry(e, &s->queue, node) {
			spin_lock_nested(&e->lock, 1);
			scan_queue(g, e, visit);
			spin_unlock(&e->lock);
		}
	}
	spin_unlock(&s->lock);
}

static void take_off(struct search *g, struct sock *child) { child->gc_refs--; }

/* Reached for the first time: to the end of the list that is being walked. */
static void reach(struct search *g, struct sock *child)
{
	child->gc_refs = NO_CANDIDATE;
	list_move_tail(&child->flying, &g->reached);
}

static void pick_candidates(struct search *g)
{
	struct sock *s, *n;

	list_for_each_entry_safe(s, n, &all_flying, flying) {
		s->gc_refs = NO_CANDIDATE;
		if ((u32)atomic_read(&s->file->refcount) == s->inflight) {
			s->gc_refs = s->inflight;
			list_move_tail(&s->flying, &g->candidates);
		}
	}
}

static void find(struct search *g)
{
	struct sock *s, *n;

	pick_candidates(g);
	list_for_each_entry(s, &g->candidates, flying)
		scan(g, s, take_off);
	list_for_each_entry_safe(s, n, &g->candidates, flying)
		if (s->gc_refs)
			reach(g, s);
	list_for_each_entry(s, &g->reached, flying)
		scan(g, s, reach);
	list_for_each_entry(s, &g->candidates, flying)
		scan(g, s, NULL);
}

void gc_find(struct list_head *garbage)
{
	struct search g = { .garbage = garbage };
	struct rights *r;

	if (!READ_ONCE(nr_flying) || ++closes * CLOSE_PAYS_FOR < READ_ONCE(nr_flying))
		return;
	closes = 0;
	INIT_LIST_HEAD(&g.candidates);
	INIT_LIST_HEAD(&g.reached);
	mutex_lock(&gc_mutex);
	find(&g);
	list_splice(&g.candidates, &all_flying);
	list_splice(&g.reached, &all_flying);
	mutex_unlock(&gc_mutex);
	list_for_each_entry(r, garbage, node)
		rights_land(r);
}
