/* SPDX-License-Identifier: MIT
 *
 * The areas (vmas) of an address space, in a red-black tree by address.
 *
 * Life of a vma: vma_alloc or vma_copy; filled in; vma_insert makes it visible, first in the tree, then to the reverse
 * map; vma_remove takes it out of the tree and puts it among the mm's corpses; rmap_vma_unlink ends the walks that
 * could see it; when the mmap lock is dropped, vma_bury gives its file back and frees it after a grace period. The
 * file waits that long since its last reference may want locks that are taken outside the mmap lock.
 *
 * hole and gap: each vma knows the free bytes right below it, and the largest such hole in its subtree; so the
 * highest or lowest hole of a size is found in one way down. The area below a stack, its guard gap, is not free.
 *
 * Locks: the mmap lock for writing around, tree_lock inside; mm->seq is odd while the tree changes.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

static struct kmem_cache *vma_cache;

static struct vma *vma_of(struct rb_node *n) { return rb_entry(n, struct vma, node); }

static inline bool gap_update(struct rb_node *n)
{
	struct vma *v = vma_of(n);
	unsigned long gap = v->hole;
	bool changed;

	if (n->left)
		gap = max(gap, vma_of(n->left)->gap);
	if (n->right)
		gap = max(gap, vma_of(n->right)->gap);
	changed = gap != v->gap;
	v->gap = gap;
	return changed;
}
RB_AUGMENT(static, gap, gap_update)

unsigned long vma_guard_start(const struct vma *v)
{
	if (likely(!(v->flags & VM_GROWSDOWN)))
		return v->start;
	return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

/* prev's end or v's start has changed. => tree_lock */
static void set_hole(struct vma *v, const struct vma *prev)
{
	unsigned long from = prev ? prev->end : 0, to = vma_guard_start(v);

	v->hole = to > from ? to - from : 0;
}
static void fix_hole(struct vma *v, const struct vma *prev)
{
	set_hole(v, prev);
	gap_propagate(&v->node);
}

static void tree_begin(struct mm *mm)
{
	spin_lock(&mm->tree_lock);
	WRITE_ONCE(mm->seq, mm->seq + 1);
	smp_wmb();
}
static void tree_end(struct mm *mm)
{
	smp_wmb();
	WRITE_ONCE(mm->seq, mm->seq + 1);
	spin_unlock(&mm->tree_lock);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */
/* => empty, or NULL; sleeps */
struct vma *vma_alloc(struct mm *mm)
{
	struct vma *v = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!v)
		return NULL;
	memset(v, 0, sizeof(*v));
	v->mm = mm;
	rmap_vma_init(v);
	return v;
}

struct vma *vma_copy(const struct vma *old)
{
	struct vma *v = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!v)
		return NULL;
	*v = *old;
	rmap_vma_init(v);
	if (v->file)
		vma_get_file(v);
	return v;
}

static inline void vma_put_file(struct vma *v)
{
	if (unlikely(v->file->mode & FMODE_ATTACH))
		virt_ops->attached(v->file, -1);
	put_file(v->file);
}

void vma_free(struct vma *v)
{
	if (v->file)
		vma_put_file(v);
	kmem_cache_free(vma_cache, v);
}

static void vma_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(vma_cache, container_of(head, struct vma, rcu));
}

/* => mmap lock not held: the last reference to a file may sleep and lock */
void vma_bury(struct mm *mm, struct vma *corpses)
{
	struct vma *v, *next;

	for (v = corpses; v; v = next) {
		next = (struct vma *)v->rcu.next;
		if (vma_nonlinear(v))
			nonlinear_bury(v);
		if (v->file)
			vma_put_file(v);
		call_rcu(&v->rcu, vma_free_rcu);
	}
}

/* --- the tree -------------------------------------------------------------------------------------------------------- */
static struct rb_node **find_link(struct mm *mm, unsigned long addr, struct rb_node **parent, struct vma **prev,
				  struct vma **next)
{
	struct rb_node **link = &mm->vmas.node;

	*parent = NULL;
	*prev = *next = NULL;
	while (*link) {
		struct vma *v = vma_of(*link);

		*parent = *link;
		if (addr < v->end) {
			*next = v;
			link = &v->node.left;
		} else {
			*prev = v;
			link = &v->node.right;
		}
	}
	return link;
}

/* => mmap lock: write; v overlaps no other area. Its counts are charged to mm. */
void vma_insert_tree(struct mm *mm, struct vma *v)
{
	struct rb_node *parent, **link;
	struct vma *prev, *next;

	tree_begin(mm);
	link = find_link(mm, v->start, &parent, &prev, &next);
	ASSERT(!next || next->start >= v->end);
	set_hole(v, prev);
	rb_link_node(&v->node, parent, link);
	gap_insert(&v->node, &mm->vmas);
	if (next)
		fix_hole(next, v);
	mm->map_count++;
	mm_account(mm, v->flags, vma_pages(v));
	tree_end(mm);
}
void vma_insert(struct mm *mm, struct vma *v)
{
	vma_insert_tree(mm, v);
	rmap_vma_link(v);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);

	tree_begin(mm);
	gap_erase(&v->node, &mm->vmas);
	if (next)
		fix_hole(next, prev);
	if (mm->hint == v)
		mm->hint = NULL;
	mm->map_count--;
	mm_account(mm, v->flags, -(long)vma_pages(v));
	tree_end(mm);
	v->rcu.next = (struct rcu_head *)mm->corpses;
	mm->corpses = v;
}

/* A linked area gets other bounds; it stays at its place among its neighbours. pgoff belongs to the new start.
 * => mmap lock: write; sleeps (walks of the reverse map are kept out) */
void vma_set_range(struct vma *v, unsigned long start, unsigned long end, pgoff_t pgoff)
{
	struct mm *mm = v->mm;
	struct vma *prev = vma_prev(v), *next = vma_next(v);
	unsigned long old = vma_pages(v);

	rmap_adjust_begin(v);
	tree_begin(mm);
	v->start = start;
	v->end = end;
	v->pgoff = pgoff;
	fix_hole(v, prev);
	if (next)
		fix_hole(next, v);
	mm_account(mm, v->flags, (long)vma_pages(v) - (long)old);
	tree_end(mm);
	rmap_adjust_end(v);
}

void vma_set_flags(struct vma *v, u32 flags)
{
	struct mm *mm = v->mm;

	tree_begin(mm);
	mm_account(mm, v->flags, -(long)vma_pages(v));
	v->flags = flags;
	mm_account(mm, v->flags, vma_pages(v));
	tree_end(mm);
}

struct vma *first_vma(struct mm *mm) { return rb_entry_safe(rb_first(&mm->vmas), struct vma, node); }
struct vma *vma_next(const struct vma *v) { return rb_entry_safe(rb_next(&v->node), struct vma, node); }
struct vma *vma_prev(const struct vma *v) { return rb_entry_safe(rb_prev(&v->node), struct vma, node); }

struct vma *find_vma(struct mm *mm, unsigned long addr)
{
	struct vma *v = READ_ONCE(mm->hint), *found = NULL;
	struct rb_node *n = mm->vmas.node;

	if (v && addr - v->start < v->end - v->start)
		return v;
	while (n) {
		v = vma_of(n);
		if (addr < v->end) {
			found = v;
			if (addr >= v->start)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (found)
		WRITE_ONCE(mm->hint, found);
	return found;
}

/* As find_vma; *prev: the one before the place, or NULL. */
struct vma *find_vma_prev(struct mm *mm, unsigned long addr, struct vma **prev)
{
	struct vma *next;
	struct rb_node *parent;

	find_link(mm, addr, &parent, prev, &next);
	return next;
}

struct vma *find_vma_intersection(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *v = find_vma(mm, start);

	return v && v->start < end ? v : NULL;
}

/* --- holes -------------------------------------------------------------------------------------------------------------
 * Both searches go down one path and look into a neighbouring subtree only where its digest promises a hole; those
 * outside [low, high] are cut off by address. Depth: that of the tree. */
static long highest_hole(struct rb_node *n, unsigned long len, unsigned long low, unsigned long high)
{
	while (n && vma_of(n)->gap >= len) {
		struct vma *v = vma_of(n);
		unsigned long to = vma_guard_start(v), from = to > v->hole ? to - v->hole : 0;

		if (v->end <= high - len) {
			long addr = highest_hole(n->right, len, low, high);

			if (!IS_ERR_VALUE(addr))
				return addr;
		}
		to = min(to, high);
		from = max(from, low);
		if (to >= from && to - from >= len)
			return to - len;
		n = v->start >= low + len ? n->left : NULL;
	}
	return -ENOMEM;
}

static long lowest_hole(struct rb_node *n, unsigned long len, unsigned long low, unsigned long high)
{
	while (n && vma_of(n)->gap >= len) {
		struct vma *v = vma_of(n);
		unsigned long to = vma_guard_start(v), from = to > v->hole ? to - v->hole : 0;

		if (v->start >= low + len) {
			long addr = lowest_hole(n->left, len, low, high);

			if (!IS_ERR_VALUE(addr))
				return addr;
		}
		to = min(to, high);
		from = max(from, low);
		if (to >= from && to - from >= len)
			return from;
		n = v->end <= high - len ? n->right : NULL;
	}
	return -ENOMEM;
}

static unsigned long last_end(struct mm *mm)
{
	struct rb_node *n = rb_last(&mm->vmas);

	return n ? vma_of(n)->end : 0;
}

static long gap_top_down(struct mm *mm, unsigned long len, unsigned long low, unsigned long high)
{
	if (high < low || high - low < len)
		return -ENOMEM;
	if (last_end(mm) <= high - len)
		return high - len;
	return highest_hole(mm->vmas.node, len, low, high);
}

static long gap_bottom_up(struct mm *mm, unsigned long len, unsigned long low, unsigned long high)
{
	unsigned long last;
	long addr;

	if (high < low || high - low < len)
		return -ENOMEM;
	addr = lowest_hole(mm->vmas.node, len, low, high);
	if (addr != -ENOMEM)
		return addr;
	last = max(last_end(mm), low);
	return last <= high - len ? (long)last : -ENOMEM;
}

/* Where an area of len bytes fits: as high as possible below mmap_base; if there is no hole, from the bottom up. */
long find_gap(struct mm *mm, unsigned long len)
{
	unsigned long low = max(page_up(sysctl_mmap_min_addr), MMU_PAGE_SIZE);
	long addr;

	if (len > TASK_SIZE)
		return -ENOMEM;
	addr = gap_top_down(mm, len, low, mm->mmap_base);
	if (addr != -ENOMEM)
		return addr;
	return gap_bottom_up(mm, len, page_up(TASK_SIZE / 3), TASK_SIZE);
}

/* The same, but at hint if that is free. */
long find_gap_near(struct mm *mm, unsigned long hint, unsigned long len)
{
	struct vma *v, *prev;

	hint = page_up(hint);
	if (hint && hint >= sysctl_mmap_min_addr && len <= TASK_SIZE && hint <= TASK_SIZE - len) {
		v = find_vma_prev(mm, hint, &prev);
		if (!v || hint + len <= vma_guard_start(v))
			return hint;
	}
	return find_gap(mm, len);
}

void area_init(void)
{
	vma_cache = kmem_cache_create("vm_area_struct", rmap_vma_size, 0, SLAB_PANIC, NULL);
}
