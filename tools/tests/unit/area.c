/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/rbtree.c mm/virt/area.c mm/virt/split.c
 *
 * The tree of areas: lookup, hole search, splitting and merging, against a model that knows each page's owner.
 */
#include "tools/tests/unit/unit.h"
#include "mm/virt/internal.h"

/* --- what stands in for the other rooms --------------------------------------------------------------------------------- */
u16 rmap_vma_size = sizeof(struct vma), rmap_mm_size = sizeof(struct mm), rmap_file_tail;
struct rmap_scheme rmap_in_force[2];
int sysctl_max_map_count = 65530;
unsigned long sysctl_mmap_min_addr = 65536;
static int links, clone_error;
static bool adjusting;

void rmap_vma_init(struct vma *v) {}
void nonlinear_bury(struct vma *v) {}
void rmap_vma_link(struct vma *v) { CHECK(!adjusting); links++; }
void rmap_vma_unlink(struct vma *v) { CHECK(!adjusting); links--; }
int rmap_vma_clone(struct vma *copy, struct vma *v) { return clone_error; }
bool rmap_can_merge(const struct vma *a, const struct vma *b) { return true; }
int rmap_vma_merge(struct vma *into, struct vma *gone) { return 0; }
void rmap_adjust_begin(struct vma *v) { CHECK(!adjusting); adjusting = true; }
void rmap_adjust_end(struct vma *v) { CHECK(adjusting); adjusting = false; }
void mm_account(struct mm *mm, u32 flags, long pages) { mm->total_vm += pages; }
const struct virt_ops *virt_ops; /* asked for files of attached segments only */
void put_file(struct file *f) { atomic_dec(&f->refcount); }
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *)) { func(head); }

void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub) { CHECK(raw_spin_trylock(l)); }
void spin_unlock_debug(spinlock_t *l, const char *text) { raw_spin_unlock(l); }
void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }

/* --- the model: one byte per page of a small space ------------------------------------------------------------------------ */
#define BASE 0x10000000UL
#define PAGES 512
static u8 model[PAGES]; /* 0: free, else prot + 1 */
static struct mm mm;
static bool once;

static unsigned long at(unsigned page) { return BASE + page * MMU_PAGE_SIZE; }

static void reset(void)
{
	memset(&mm, 0, sizeof(mm));
	memset(model, 0, sizeof(model));
	mm.mmap_base = at(PAGES);
	sysctl_mmap_min_addr = BASE;
	links = 0;
	if (!once)
		area_init();
	once = true;
}

static void clear(void)
{
	struct vma *v;

	while ((v = first_vma(&mm))) {
		rmap_vma_unlink(v);
		vma_remove(&mm, v);
	}
	vma_bury(&mm, mm.corpses);
	mm.corpses = NULL;
	CHECK(links == 0 && mm.map_count == 0 && mm.total_vm == 0);
}

static void add(unsigned from, unsigned to, u32 flags)
{
	struct vma *prev, *v;

	find_vma_prev(&mm, at(from), &prev);
	for (unsigned i = from; i < to; i++)
		model[i] = flags + 1;
	if (vma_merge_new(&mm, prev, at(from), at(to), flags, NULL, pgoff_at(at(from)), NULL))
		return;
	v = vma_alloc(&mm);
	REQUIRE(v);
	v->start = at(from);
	v->end = at(to);
	v->flags = flags;
	v->pgoff = pgoff_at(v->start);
	vma_insert(&mm, v);
}

static unsigned long subtree_gap(struct rb_node *n)
{
	struct vma *v = rb_entry_safe(n, struct vma, node);
	unsigned long gap;

	if (!n)
		return 0;
	gap = max(v->hole, max(subtree_gap(n->left), subtree_gap(n->right)));
	CHECK(gap == v->gap);
	return gap;
}

static void audit(void)
{
	unsigned areas = 0, pages = 0;
	unsigned long last = 0;

	for_each_vma(&mm, v) {
		CHECK(v->start < v->end && v->start >= last);
		CHECK(v->hole == v->start - last);
		CHECK(v->pgoff.n == v->start >> MMU_PAGE_SHIFT);
		for (unsigned long a = v->start; a < v->end; a += MMU_PAGE_SIZE, pages++)
			CHECK(model[(a - BASE) >> MMU_PAGE_SHIFT] == v->flags + 1);
		last = v->end;
		areas++;
	}
	for (unsigned i = 0; i < PAGES; i++)
		pages -= !!model[i];
	CHECK(pages == 0 && areas == mm.map_count && links == areas && !(mm.seq & 1));
	subtree_gap(mm.vmas.node);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------ */
TEST(lookup_finds_the_area_or_the_next)
{
	reset();
	add(10, 20, VM_READ);
	add(30, 40, VM_READ);
	CHECK(find_vma(&mm, at(5))->start == at(10));
	CHECK(find_vma(&mm, at(10))->start == at(10));
	CHECK(find_vma(&mm, at(20) - 1)->start == at(10));
	CHECK(find_vma(&mm, at(20))->start == at(30));
	CHECK(!find_vma(&mm, at(40)));
	CHECK(find_vma_intersection(&mm, at(20), at(31)) && !find_vma_intersection(&mm, at(20), at(30)));
	clear();
}

TEST(neighbours_with_equal_flags_are_one_area)
{
	reset();
	add(10, 20, VM_READ);
	add(30, 40, VM_READ);
	add(20, 25, VM_READ);
	CHECK(mm.map_count == 2);
	add(25, 30, VM_READ);
	CHECK(mm.map_count == 1);
	add(40, 50, VM_READ | VM_WRITE);
	CHECK(mm.map_count == 2);
	add(5, 10, VM_READ);
	CHECK(mm.map_count == 2);
	audit();
	clear();
}

TEST(split_fails_without_a_trace)
{
	struct vma *v, *upper;

	reset();
	add(10, 20, VM_READ);
	v = first_vma(&mm);
	clone_error = -ENOMEM;
	CHECK(vma_split(v, at(15), &upper) == -ENOMEM);
	clone_error = 0;
	unit_fail_nth(1);
	CHECK(vma_split(v, at(15), &upper) == -ENOMEM);
	unit_fail_nth(0);
	sysctl_max_map_count = 1;
	CHECK(vma_split(v, at(15), &upper) == -ENOMEM);
	sysctl_max_map_count = 65530;
	audit();
	CHECK(!vma_split(v, at(15), &upper) && upper->start == at(15) && v->end == at(15));
	audit();
	CHECK(vma_merge_around(v) == v && mm.map_count == 1);
	audit();
	clear();
}

TEST(a_stack_keeps_its_guard_gap)
{
	reset();
	mm.mmap_base = at(PAGES) + STACK_GUARD_GAP;
	add(400, 401, VM_READ | VM_GROWSDOWN);
	CHECK(find_gap(&mm, MMU_PAGE_SIZE) == mm.mmap_base - MMU_PAGE_SIZE);
	CHECK(find_gap_near(&mm, at(398), MMU_PAGE_SIZE) == mm.mmap_base - MMU_PAGE_SIZE);
	CHECK(find_gap_near(&mm, at(400) - STACK_GUARD_GAP - MMU_PAGE_SIZE, MMU_PAGE_SIZE) ==
	      at(400) - STACK_GUARD_GAP - MMU_PAGE_SIZE);
	clear();
}

static long model_top_down(unsigned pages)
{
	for (int i = PAGES - pages; i >= 0; i--) {
		unsigned n = 0;

		while (n < pages && !model[i + n])
			n++;
		if (n == pages)
			return at(i);
	}
	return -ENOMEM;
}

/* Takes [from, to) away as munmap does. */
static void take(unsigned from, unsigned to)
{
	struct vma *v = find_vma_intersection(&mm, at(from), at(to)), *next;

	for (; v && v->start < at(to); v = next) {
		v = vma_isolate(v, max(v->start, at(from)), min(v->end, at(to)));
		next = vma_next(v);
		rmap_vma_unlink(v);
		vma_remove(&mm, v);
	}
	memset(model + from, 0, to - from);
	vma_bury(&mm, mm.corpses);
	mm.corpses = NULL;
}

static void protect(unsigned from, unsigned to, u32 flags)
{
	struct vma *v = find_vma_intersection(&mm, at(from), at(to));

	for (; v && v->start < at(to); v = vma_next(v)) {
		v = vma_isolate(v, max(v->start, at(from)), min(v->end, at(to)));
		vma_set_flags(v, flags);
		v = vma_merge_around(v);
	}
	for (unsigned i = from; i < to; i++)
		if (model[i])
			model[i] = flags + 1;
}

TEST(random_changes_match_the_model)
{
	reset();
	for (unsigned round = 0; round < 3000; round++) {
		unsigned from = unit_random() % (PAGES - 1), to = from + 1 + unit_random() % min(40u, PAGES - from);
		unsigned pages = 1 + unit_random() % 30;
		u32 flags = unit_random() % 3 + 1;
		long want, got;

		switch (unit_random() % 4) {
		case 0:
		case 1:
			take(from, to);
			add(from, to, flags);
			break;
		case 2:
			take(from, to);
			break;
		default:
			protect(from, to, flags);
		}
		audit();
		want = model_top_down(pages);
		got = find_gap(&mm, pages * MMU_PAGE_SIZE);
		if (want != -ENOMEM)
			CHECK(got == want);
		else
			CHECK(got == (long)page_up(TASK_SIZE / 3)); /* from the bottom up, above the model's space */
	}
	clear();
	CHECK(unit_allocs() <= 1); /* the cache itself */
}
