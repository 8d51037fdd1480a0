/* SPDX-License-Identifier: MIT
 *
 * vmalloc: kernel memory that is contiguous only in addresses, of pages from anywhere, high ones first; and mappings
 * of device memory. 64 MB of address space between low memory and the kmap slots.
 *
 * Areas stand in a tree by address; each ends in a page that is never mapped. The search for room starts where the last
 * one ended. vfree takes the pages away and frees them, but leaves the area in the tree, dead: CPUs may still hold its
 * translations. Dead areas are swept out together, after one flush on all CPUs, when room runs out or an eighth of
 * the address space is dead.
 *
 * Locks: vmap_mutex (page tables, sweep; sleeps) > areas_lock (the tree; interrupts off, so that vfree works anywhere).
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/string.h"
#include "kernel/sync/mutex.h"
#include "mm/phys/internal.h"

struct vmalloc_area {
	struct rb_node node;       /* areas_lock */
	unsigned long start, size; /* with the guard page */
	unsigned nr_pages;         /* 0: device memory */
	bool dead;                 /* areas_lock */
	const void *caller;
	struct page *pages[];
};

#define DEAD_LIMIT ((VMALLOC_END - VMALLOC_START) / 8)
#define KERNEL_PTE (KERNEL_RW & ~PTE_GLOBAL)

static struct rb_root areas = RB_ROOT;
static DEFINE_SPINLOCK(areas_lock);
static DEFINE_MUTEX(vmap_mutex);
static unsigned long search_from = VMALLOC_START, dead_bytes;

/* --- the tree: areas_lock -------------------------------------------------------------------------------------------- */
static struct vmalloc_area *area_entry(struct rb_node *n) { return n ? rb_entry(n, struct vmalloc_area, node) : NULL; }

/* => first area that ends above addr */
static struct vmalloc_area *first_above(unsigned long addr)
{
	struct rb_node *n = areas.node;
	struct vmalloc_area *found = NULL;

	while (n) {
		struct vmalloc_area *a = area_entry(n);

		if (addr < a->start + a->size) {
			found = a;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

static void insert_area(struct vmalloc_area *area)
{
	struct rb_node **link = &areas.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = area->start < area_entry(parent)->start ? &parent->left : &parent->right;
	}
	rb_link_node(&area->node, parent, link);
	rb_insert_color(&area->node, &areas);
}

/* Lowest address in [from, VMALLOC_END) with room for size; 0: none */
static unsigned long find_room(unsigned long from, unsigned long size)
{
	for (struct vmalloc_area *a = first_above(from); a; a = area_entry(rb_next(&a->node))) {
		if (a->start > from && a->start - from >= size)
			return from;
		from = a->start + a->size;
	}
	return VMALLOC_END - from >= size ? from : 0;
}

static bool place_area(struct vmalloc_area *area)
{
	unsigned long flags, at;

	spin_lock_irqsave(&areas_lock, flags);
	at = find_room(search_from, area->size);
	if (!at)
		at = find_room(VMALLOC_START, area->size);
	if (at) {
		area->start = at;
		search_from = at + area->size;
		insert_area(area);
	}
	spin_unlock_irqrestore(&areas_lock, flags);
	return at;
}

/* --- sweep: vmap_mutex -------------------------------------------------------------------------------------------------- */
static struct vmalloc_area *unlink_dead(unsigned long from)
{
	struct vmalloc_area *a;
	unsigned long flags;

	spin_lock_irqsave(&areas_lock, flags);
	for (a = first_above(from); a && !a->dead; a = area_entry(rb_next(&a->node)))
		;
	if (a) {
		rb_erase(&a->node, &areas);
		dead_bytes -= a->size;
	}
	spin_unlock_irqrestore(&areas_lock, flags);
	return a;
}

/* An area that dies while we flush had its PTEs cleared before the flush or is not in the sweep's first look: so the
 * dead are counted before, and only as many bytes are swept. */
static void sweep(void)
{
	unsigned long from = VMALLOC_START, left = READ_ONCE(dead_bytes);
	struct vmalloc_area *list[16];

	while (left) {
		unsigned n = 0;

		for (; n < ARRAY_SIZE(list) && (list[n] = unlink_dead(from)); n++)
			from = list[n]->start;
		if (!n)
			break;
		flush_tlb_kernel(VMALLOC_START, VMALLOC_END);
		while (n--) {
			left -= min(left, list[n]->size);
			kvfree(list[n]);
		}
	}
}

void vmalloc_sweep(void)
{
	mutex_lock(&vmap_mutex);
	sweep();
	mutex_unlock(&vmap_mutex);
}

/* --- mapping ------------------------------------------------------------------------------------------------------------ */
static pte_t *get_pte(unsigned long addr)
{
	void *table = NULL;
	pte_t *pte = kernel_pte(addr, &table);
	struct page *page;

	if (pte)
		return pte;
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!page)
		return NULL;
	table = page_address(page);
	pte = kernel_pte(addr, &table);
	if (table)
		free_page(page); /* another area's page in the same 2 MB was faster */
	else
		lowmem_account(LOW_VMALLOC, page, 1);
	return pte;
}

static void unmap_area(struct vmalloc_area *area)
{
	for (unsigned long a = area->start; a < area->start + area->size - PAGE_SIZE; a += MMU_PAGE_SIZE) {
		void *table = NULL;
		pte_t *pte = kernel_pte(a, &table);

		if (pte)
			pte_take(pte);
	}
}

static int map_one(unsigned long addr, mmu_pfn_t frame, u64 prot)
{
	pte_t *pte = get_pte(addr);

	if (!pte)
		return -ENOMEM;
	ASSERT(pte_none(*pte));
	pte_set(pte, pte_make(frame, prot | pte_nx));
	return 0;
}

static struct vmalloc_area *make_area(size_t size, unsigned nr_pages, const void *caller)
{
	size_t bytes = sizeof(struct vmalloc_area) + nr_pages * sizeof(struct page *);
	struct vmalloc_area *area;

	area = bytes > 2 * PAGE_SIZE ? vmalloc(bytes) : kmalloc(bytes, GFP_KERNEL);
	if (!area)
		return NULL;
	area->size = size + PAGE_SIZE;
	area->nr_pages = 0;
	area->dead = false;
	area->caller = caller;
	if (place_area(area))
		return area;
	vmalloc_sweep();
	if (place_area(area))
		return area;
	pr_warn_once("vmalloc: no room for %zu bytes\n", size);
	kvfree(area);
	return NULL;
}

/* The area's pages go, its place in the tree stays until the next sweep. Any context. */
static void kill_area(struct vmalloc_area *area)
{
	unsigned long flags;

	unmap_area(area);
	for (unsigned i = 0; i < area->nr_pages; i++) {
		lowmem_account(LOW_VMALLOC, area->pages[i], -1);
		free_page(area->pages[i]);
	}
	spin_lock_irqsave(&areas_lock, flags);
	area->dead = true;
	dead_bytes += area->size;
	spin_unlock_irqrestore(&areas_lock, flags);
}

static void sweep_if_many(void)
{
	if (READ_ONCE(dead_bytes) < DEAD_LIMIT || !mutex_trylock(&vmap_mutex))
		return;
	sweep();
	mutex_unlock(&vmap_mutex);
}

static int fill_area(struct vmalloc_area *area, gfp_t gfp)
{
	unsigned long end = area->start + area->size - PAGE_SIZE;
	int err = 0;

	for (unsigned long a = area->start; a < end && !err; a += PAGE_SIZE) {
		struct page *page = alloc_page(gfp);

		if (!page)
			return -ENOMEM;
		lowmem_account(LOW_VMALLOC, page, 1);
		area->pages[area->nr_pages++] = page;
		for (unsigned off = 0; off < PAGE_SIZE && !err; off += MMU_PAGE_SIZE)
			err = map_one(a + off, mmu_pfn_at(page_to_phys(page) + off), KERNEL_PTE);
	}
	return err;
}

static void *vmalloc_gfp(size_t size, gfp_t gfp, const void *caller)
{
	struct vmalloc_area *area;
	int err;

	might_sleep();
	size = ALIGN_UP(size, (size_t)PAGE_SIZE);
	if (!size || size >= VMALLOC_END - VMALLOC_START)
		return NULL;
	sweep_if_many();
	area = make_area(size, size >> PAGE_SHIFT, caller);
	if (!area)
		return NULL;
	mutex_lock(&vmap_mutex);
	err = fill_area(area, gfp);
	mutex_unlock(&vmap_mutex);
	if (!err)
		return (void *)area->start;
	kill_area(area);
	return NULL;
}

void *vmalloc(size_t size) { return vmalloc_gfp(size, GFP_HIGHUSER | __GFP_NOWARN, __builtin_return_address(0)); }
void *vzalloc(size_t size) { return vmalloc_gfp(size, GFP_HIGHUSER | __GFP_NOWARN | __GFP_ZERO, __builtin_return_address(0)); }

/* => address of phys itself, which need not start a page; sleeps; NULL: no memory or no room */
void *vmap_phys(phys_t phys, size_t size, u64 prot)
{
	unsigned long off = phys & ~PAGE_MASK, len = ALIGN_UP(size + off, (size_t)PAGE_SIZE);
	struct vmalloc_area *area;
	int err = 0;

	if (!size || len >= VMALLOC_END - VMALLOC_START)
		return NULL;
	area = make_area(len, 0, __builtin_return_address(0));
	if (!area)
		return NULL;
	mutex_lock(&vmap_mutex);
	for (unsigned long a = 0; a < len && !err; a += MMU_PAGE_SIZE)
		err = map_one(area->start + a, mmu_pfn_at(phys - off + a), KERNEL_PTE | prot);
	mutex_unlock(&vmap_mutex);
	if (!err)
		return (void *)(area->start + off);
	kill_area(area);
	return NULL;
}

static struct vmalloc_area *find_area(const void *p)
{
	struct vmalloc_area *area;
	unsigned long flags;

	spin_lock_irqsave(&areas_lock, flags);
	area = first_above((unsigned long)p);
	spin_unlock_irqrestore(&areas_lock, flags);
	return area && !area->dead && (unsigned long)p - area->start < area->size - PAGE_SIZE ? area : NULL;
}

void vfree(const void *p)
{
	struct vmalloc_area *area;

	if (!p)
		return;
	area = find_area(p);
	if (WARN_ON(!area || ((unsigned long)p & PAGE_MASK) != area->start))
		return;
	kill_area(area);
}

/* Small requests, and those that may not sleep, from slabs and pages; the others from here. */
void *kvmalloc(size_t size, gfp_t gfp)
{
	if (size <= 2 * PAGE_SIZE || (gfp & (__GFP_WAIT | __GFP_IO | __GFP_FS)) != GFP_KERNEL)
		return kmalloc(size, gfp);
	return vmalloc_gfp(size, gfp | __GFP_HIGHMEM | __GFP_NOWARN, __builtin_return_address(0));
}

void kvfree(const void *p)
{
	if (is_vmalloc(p))
		vfree(p);
	else
		kfree(p);
}

void vmalloc_stat(unsigned long *used, unsigned long *largest_gap)
{
	unsigned long flags, from = VMALLOC_START;

	*used = *largest_gap = 0;
	spin_lock_irqsave(&areas_lock, flags);
	for (struct vmalloc_area *a = first_above(from); a; a = area_entry(rb_next(&a->node))) {
		*largest_gap = max(*largest_gap, a->start - from);
		from = a->start + a->size;
		*used += a->dead ? 0 : a->size - PAGE_SIZE;
	}
	*largest_gap = max(*largest_gap, VMALLOC_END - from);
	spin_unlock_irqrestore(&areas_lock, flags);
}

/* fn runs under a spinlock. */
void for_each_vmalloc_area(void (*fn)(void *arg, unsigned long addr, size_t size, const void *caller), void *arg)
{
	unsigned long flags;

	spin_lock_irqsave(&areas_lock, flags);
	for (struct vmalloc_area *a = first_above(VMALLOC_START); a; a = area_entry(rb_next(&a->node)))
		if (!a->dead)
			fn(arg, a->start, a->size, a->caller);
	spin_unlock_irqrestore(&areas_lock, flags);
}
